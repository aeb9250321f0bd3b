//! Closing segments: when, and what must happen before anybody sees one.
//!
//! A segment is closed every interval, in time with consensus, when there is something to say, at once when it is full,
//! and as a heartbeat when there is nothing. Only one is on its way at a time, so where the disk or the processor is slow the pace adapts:
//! segments come less often and carry more.

use crate::lane_service::LaneServiceError;
use crate::lane_service::actor::Actor;
use crate::lane_service::intake::{INLINE_BYTES, on_blocking_thread};
use crate::lane_service::messages::{Outcome, ReceiptEntry, Replies, SubmitReply};
use crate::lane_service::own_lane::OwnLane;
use crate::lane_service::recent::RecentSegments;
use crate::lane_service::submissions::Waiting;
use crate::network::NetworkHandle;
use crate::store::Store;
use fairlane_lanes::ReadySegment;
use fairlane_types::merkle::Tree;
use fairlane_types::segment::transaction_leaves;
use fairlane_types::{NetworkId, ProtocolParams, Segment, SegmentDraft, SigningKey, Timestamp};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// When segments of the own lane are closed.
#[derive(Debug)]
pub(super) struct Pace {
    /// When the last one was begun.
    pub(super) last: Instant,
    /// Whether one is on its way.
    pub(super) sealing: bool,
    /// Not before this: the lane's window was used up.
    pub(super) not_before: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { last: now, sealing: false, not_before: now }
    }
}

/// How long to wait when the lane's window is used up.
const BLOCKED_PAUSE: Duration = Duration::from_millis(10);

impl Actor {
    pub(super) fn observe(&mut self, ready: ReadySegment, now: Timestamp) {
        if let Some(writer) = self.own.writer() {
            writer.observe(ready, now);
        }
    }

    /// When the next segment is due; `None` while one is on its way, without a writer, or before this node is as far as
    /// the validators were when they were asked. A node with an old disk does not know until then whether it has left the
    /// set, and nobody keeps what a lane says after it has: so nobody could have told where it ends.
    pub(super) fn seal_deadline(&mut self) -> Option<Instant> {
        let pending = self.submissions.bytes();
        let behind = self.told.borrow().flatten().is_some_and(|told| told.decided > self.base.height);
        let writer = self.own.writer()?;
        if self.pace.sealing || behind {
            return None;
        }
        let full = writer.is_full() || pending >= self.config.seal_bytes;
        let due = if full {
            self.pace.last
        } else if writer.has_content() {
            self.rhythm.due(self.pace.last, self.config.interval_for(self.base.validators.len()))
        } else {
            self.pace.last + self.config.heartbeat
        };
        let silent_until = self.pursuit.silent_until().unwrap_or(due);
        Some(due.max(self.pace.not_before).max(silent_until))
    }

    /// Begins a segment when it is due.
    pub(super) fn seal_if_due(&mut self) {
        let now = Instant::now();
        if self.seal_deadline().is_none_or(|due| due > now) {
            return;
        }
        let time = self.clock.now();
        let (Some(key), Some(lane)) = (self.key.clone(), self.own.lane()) else { return };
        let decided = self.base.head(lane);
        let Some(draft) = self.own.writer().and_then(|writer| writer.seal(time, &decided)) else {
            self.pace.not_before = now + BLOCKED_PAUSE;
            return;
        };
        self.pace.last = now;
        self.pace.sealing = true;
        let sealer = Sealer {
            key,
            network_id: self.network_id,
            params: self.params.clone(),
            store: self.store.clone(),
            network: self.network.clone(),
            recent: self.recent.clone(),
        };
        let clients = self.submissions.take(draft.transactions.len());
        let outcomes = self.outcomes.clone();
        tokio::spawn(async move {
            let result = sealer.run(draft, clients).await;
            // The actor may have ended.
            let _ = outcomes.send(Outcome::Sealed(result)).await;
        });
    }

    /// The segment is durable and pushed: the lane goes on after it.
    pub(super) fn on_sealed(&mut self, segment: Arc<Segment>) {
        self.pace.sealing = false;
        let taken = self.pace.last.elapsed();
        self.rhythm.sealed(taken);
        self.metrics.seal_seconds.observe(taken.as_secs_f64());
        self.metrics.sealed.inc();
        self.metrics.sealed_transactions.inc_by(segment.transactions().len() as u64);
        if let OwnLane::Recovering(lane, known) = self.own {
            self.recover(lane, known);
            return;
        }
        let known = self.own.writer().is_some_and(|writer| writer.sealed(&segment).is_ok());
        if known {
            self.take_in_stored(segment);
        }
    }
}

/// What closing one segment takes.
struct Sealer {
    key: SigningKey,
    network_id: NetworkId,
    params: ProtocolParams,
    store: Store,
    network: NetworkHandle,
    recent: RecentSegments,
}

impl Sealer {
    /// Signs, makes durable, and only then pushes and gives receipts.
    async fn run(self, draft: SegmentDraft, clients: Vec<Waiting>) -> Result<Arc<Segment>, LaneServiceError> {
        let (key, network_id, params) = (self.key, self.network_id, self.params);
        let bytes: usize = draft.transactions.iter().map(|transaction| transaction.envelope().len()).sum();
        let sign = move || draft.seal(network_id, &params, &key).map(Arc::new);
        let segment = if bytes <= INLINE_BYTES { sign()? } else { on_blocking_thread(sign).await? };
        self.store.put_own_segment(segment.clone()).await?;
        self.recent.insert(&segment);
        self.network.push(&segment);
        if !clients.is_empty() {
            let receipted = segment.clone();
            tokio::task::spawn_blocking(move || give_receipts(&receipted, clients));
        }
        Ok(segment)
    }
}

/// How many clients are looked through for one that has receipts in the segment already.
const GROUPS_SEARCHED: usize = 16;

/// Sends each client its receipts. A client without room for them loses them.
fn give_receipts(segment: &Segment, clients: Vec<Waiting>) {
    let tree = Tree::new(transaction_leaves(segment.transactions()));
    let mut groups: Vec<(Replies, Vec<ReceiptEntry>)> = Vec::new();
    for (index, client) in clients.into_iter().enumerate() {
        let entry = ReceiptEntry {
            tag: client.tag,
            id: client.transaction.id(),
            index: u32::try_from(index).unwrap_or(u32::MAX),
            path: tree.path(index).unwrap_or_default(),
        };
        let mut latest = groups.iter_mut().rev().take(GROUPS_SEARCHED);
        match latest.find(|(replies, _)| replies.same_channel(&client.replies)) {
            Some((_, entries)) => entries.push(entry),
            None => groups.push((client.replies, vec![entry])),
        }
    }
    for (replies, entries) in groups {
        let header = segment.header().clone();
        let receipts = SubmitReply::Receipts { header, signature: *segment.signature(), entries };
        if let Err(error) = replies.try_send(receipts) {
            tracing::debug!(%error, "a client does not take its receipts");
        }
    }
}
