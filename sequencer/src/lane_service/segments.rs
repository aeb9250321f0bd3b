//! The actor's dealings with segments: taking them in, following what the view says, fetching, and persisting.

use crate::lane_service::actor::Actor;
use crate::lane_service::fetcher::{Fetcher, Order};
use crate::lane_service::intake;
use crate::lane_service::messages::Outcome;
use crate::lane_service::recent::peek;
use crate::metrics::ReasonLabel;
use crate::network::{FetchWant, NetworkHandle, Offence};
use crate::store::Store;
use bytes::Bytes;
use fairlane_lanes::{CutBase, DropReason, LaneEffect};
use fairlane_types::{LaneId, LaneSeq, NetworkId, ProtocolParams, Segment, SegmentRef};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Accepted segments on their way to the store. They are queued there in order.
#[derive(Debug, Default)]
pub(super) struct Persist {
    waiting: Vec<Arc<Segment>>,
    busy: bool,
    /// How many were ever accepted.
    accepted: u64,
    /// How many of these are queued in the store.
    queued: u64,
}

impl Persist {
    /// The most segments that wait; then no more are taken from peers.
    const MAX_WAITING: usize = 512;

    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < Self::MAX_WAITING
    }

    /// Marks the present: [`Self::is_past`] says whether everything accepted before is queued.
    pub(super) fn mark(&self) -> u64 {
        self.accepted
    }

    pub(super) fn is_past(&self, mark: u64) -> bool {
        self.queued >= mark
    }

    pub(super) fn add(&mut self, segment: Arc<Segment>) {
        self.accepted += 1;
        self.waiting.push(segment);
    }

    /// The next batch, unless one is on its way.
    pub(super) fn next(&mut self) -> Option<Vec<Arc<Segment>>> {
        if self.busy || self.waiting.is_empty() {
            return None;
        }
        self.busy = true;
        Some(std::mem::take(&mut self.waiting))
    }

    pub(super) fn done(&mut self, count: usize) {
        self.busy = false;
        self.queued += count as u64;
    }
}

/// How far beyond what is held a lane's missing segment must lie to be fetched as the end of a range.
const LONG_GAP: u64 = 8;

impl Actor {
    /// Takes in a verified segment of whatever lane.
    pub(super) fn take_in(&mut self, segment: Arc<Segment>) {
        let reference = segment.reference();
        self.fetcher.arrived(&reference.digest);
        if self.view.contains(&reference.digest) {
            return;
        }
        self.notice_own(&segment);
        let now = self.clock.now();
        let effects = self.view.insert(segment.clone(), now);
        if self.view.contains(&reference.digest) {
            let delay = Duration::from_nanos(now.since(segment.header().timestamp));
            self.metrics.delay_seconds.observe(delay.as_secs_f64());
            self.rhythm.observe(delay);
            self.recent.insert(&segment);
            self.persist.add(segment);
            self.dirty = true;
        }
        self.follow(effects);
    }

    /// Takes in a segment that is on disk already.
    pub(super) fn take_in_stored(&mut self, segment: Arc<Segment>) {
        let now = self.clock.now();
        self.fetcher.arrived(&segment.digest());
        self.recent.insert(&segment);
        let effects = self.view.insert(segment, now);
        self.dirty = true;
        self.follow(effects);
    }

    /// Does what the view says.
    pub(super) fn follow(&mut self, effects: Vec<LaneEffect>) {
        let now = self.clock.now();
        for effect in effects {
            match effect {
                LaneEffect::Ready(ready) => {
                    let tip = self.tips.entry(ready.reference.lane).or_default();
                    *tip = (*tip).max(ready.reference.seq);
                    self.feed.tell(|| self.view.get(&ready.reference.digest).cloned());
                    self.observe(ready, now);
                    self.dirty = true;
                }
                LaneEffect::Fetch { wanted, holder } => {
                    let range_after = self.range_to(&wanted);
                    self.fetcher.want(wanted, holder, range_after, Fetcher::PATIENCE, Instant::now());
                }
                LaneEffect::Evidence(evidence) => {
                    tracing::warn!(offender = %evidence.offender(), slot = ?evidence.slot(), "a lane equivocated");
                    if self.evidence.add(evidence.clone()) {
                        self.reports.report(evidence);
                    }
                    self.dirty = true;
                }
                LaneEffect::Dropped { why, reference } => {
                    if why == DropReason::BeyondWindow {
                        self.ahead.shown(reference, Instant::now());
                    }
                    let reason = ReasonLabel { reason: name_of(why) };
                    self.metrics.segments_refused.get_or_create(&reason).inc();
                }
            }
        }
    }

    /// Fetches what a cut needs.
    pub(super) fn need(&mut self, missing: &[SegmentRef], patience: Duration) {
        self.view.require(missing);
        let now = Instant::now();
        for reference in missing {
            let range_after = self.range_to(reference);
            self.fetcher.want(*reference, None, range_after, patience, now);
        }
        self.urgent |= patience.is_zero();
    }

    /// How far this node holds a lane: the newest ready segment, or the decided head.
    fn held(&self, lane: LaneId) -> LaneSeq {
        held_up_to(&self.tips, &self.base, lane)
    }

    /// Where the range begins that ends with a missing segment; `None` when it is asked for by its name.
    fn range_to(&self, missing: &SegmentRef) -> Option<LaneSeq> {
        let held = self.held(missing.lane);
        let gap = missing.seq.get().saturating_sub(held.get());
        (gap > LONG_GAP).then_some(held)
    }

    /// Gives the view what was read ahead, as far as it may have it now.
    pub(super) fn feed(&mut self) {
        let base = &self.base;
        for segment in self.ahead.due(|lane| base.head(lane).seq) {
            self.take_in(segment);
        }
    }

    /// Compares the fetcher's list with the view's.
    pub(super) fn refresh_wants(&mut self) {
        let wanted = self.view.wanted();
        self.fetcher.retain(|reference| wanted.contains(reference));
        let now = Instant::now();
        for reference in wanted {
            let range_after = self.range_to(&reference);
            self.fetcher.want(reference, None, range_after, Fetcher::PATIENCE, now);
        }
    }

    /// Sends the requests that are due.
    pub(super) fn send_fetches(&mut self) {
        let (peers, now) = (self.network.peers(), Instant::now());
        let (tips, base) = (&self.tips, &self.base);
        let mut orders = self.ahead.plan(|lane| held_up_to(tips, base, lane), &peers, now);
        if !self.fetcher.is_idle() {
            orders.extend(self.fetcher.plan(&peers, now));
        }
        for order in orders {
            let errand = Errand {
                network: self.network.clone(),
                store: self.store.clone(),
                network_id: self.network_id,
                params: self.params.clone(),
            };
            let outcomes = self.outcomes.clone();
            tokio::spawn(async move {
                let segments = errand.run(&order).await;
                // The actor may have ended.
                let _ = outcomes.send(Outcome::Fetched { order, segments }).await;
            });
        }
    }

    pub(super) fn on_fetched(&mut self, order: &Order, segments: Vec<Arc<Segment>>) {
        self.urgent = true;
        if order.source.is_some() {
            self.cut_metrics.fetched.inc_by(segments.len() as u64);
        }
        if let (true, FetchWant::Range { last, .. }) = (order.about.is_empty(), &order.want) {
            self.ahead.fetched(last.lane, self.held(last.lane), segments, Instant::now());
            self.feed();
            return;
        }
        let reached = match &order.want {
            FetchWant::Range { last, .. } => {
                segments.last().map(|s| s.header().seq).filter(|seq| *seq < last.seq)
            }
            _ => None,
        };
        for segment in as_taken_in(&order.want, segments) {
            match order.source {
                Some(_) => self.take_in(segment),
                None => self.take_in_stored(segment),
            }
        }
        self.fetcher.done(order, reached, Instant::now());
    }

    /// Hands the next batch of accepted segments to the store, which may make it wait.
    pub(super) fn persist_next(&mut self) {
        let Some(batch) = self.persist.next() else { return };
        let (store, outcomes) = (self.store.clone(), self.outcomes.clone());
        tokio::spawn(async move {
            let count = batch.len();
            let result = store.put_segments(batch).await;
            // The actor may have ended.
            let _ = outcomes.send(Outcome::Persisted(count, result)).await;
        });
    }
}

/// An answer in the order in which the view takes it in. One that reaches its goal goes in newest first: of a lane that
/// equivocated the view takes only what a cut needs, and each segment that it takes makes it need the parent.
pub(super) fn as_taken_in(want: &FetchWant, mut segments: Vec<Arc<Segment>>) -> Vec<Arc<Segment>> {
    if let FetchWant::Range { last, .. } = want
        && segments.last().is_some_and(|segment| segment.reference() == *last)
    {
        segments.reverse();
    }
    segments
}

fn held_up_to(tips: &BTreeMap<LaneId, LaneSeq>, base: &CutBase, lane: LaneId) -> LaneSeq {
    tips.get(&lane).copied().unwrap_or_default().max(base.head(lane).seq)
}

fn name_of(why: DropReason) -> &'static str {
    match why {
        DropReason::UnknownLane => "unknown_lane",
        DropReason::Frozen => "frozen",
        DropReason::Decided => "decided",
        DropReason::BeyondWindow => "beyond_window",
        DropReason::LaneFull => "lane_full",
        DropReason::Equivocation => "equivocation",
        DropReason::Evicted => "evicted",
    }
}

/// What carrying out one order takes.
struct Errand {
    network: NetworkHandle,
    store: Store,
    network_id: NetworkId,
    params: ProtocolParams,
}

impl Errand {
    /// The most bytes of a range that are read from the store at a time.
    const STORE_BYTES: usize = 4 << 20;

    /// Fetches and verifies. What was not asked for is the peer's fault, and worth nothing.
    async fn run(&self, order: &Order) -> Vec<Arc<Segment>> {
        let found = match order.source {
            None => self.read_store(order.want.clone()).await,
            Some(peer) => self.network.fetch(peer, order.want.clone()).await.unwrap_or_default(),
        };
        let asked = match &order.want {
            FetchWant::Names(names) => are_named(&found, names),
            FetchWant::Range { last, after } => are_chain(&found, last, *after),
            FetchWant::Head(_) => true,
        };
        if !asked {
            self.blame(order, Offence::Unasked);
            return Vec::new();
        }
        let mut segments = Vec::with_capacity(found.len());
        for bytes in found {
            match intake::decode(bytes, self.network_id, self.params.clone()).await {
                Ok(segment) => segments.push(segment),
                Err(error) => {
                    self.blame(order, intake::offence_of(&error));
                    break;
                }
            }
        }
        segments
    }

    fn blame(&self, order: &Order, offence: Offence) {
        match order.source {
            Some(peer) => self.network.report(peer, offence),
            None => tracing::error!(offence = offence.name(), "a stored segment is damaged"),
        }
    }

    async fn read_store(&self, want: FetchWant) -> Vec<Bytes> {
        let store = self.store.clone();
        let read = tokio::task::spawn_blocking(move || match want {
            FetchWant::Names(names) => {
                names.iter().filter_map(|name| store.segment(name).transpose()).collect()
            }
            FetchWant::Range { last, after } => store.lane_range(&last, after, Self::STORE_BYTES),
            FetchWant::Head(lane) => store.newest_segment(&lane).map(|found| found.into_iter().collect()),
        });
        match read.await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::error!(%error, "segments cannot be read from the store");
                Vec::new()
            }
            // The runtime is shutting down.
            Err(_) => Vec::new(),
        }
    }
}

fn are_named(found: &[Bytes], names: &[SegmentRef]) -> bool {
    found.iter().all(|bytes| peek(bytes).is_some_and(|header| names.contains(&header.reference())))
}

/// Whether segments go up from the place after `after` without a gap, each the parent of the next, towards `last`.
pub(super) fn are_chain(found: &[Bytes], last: &SegmentRef, after: LaneSeq) -> bool {
    let mut previous: Option<SegmentRef> = None;
    for bytes in found {
        let Some(header) = peek(bytes) else { return false };
        let reference = header.reference();
        let continues = match previous {
            Some(previous) => header.parent == previous.digest && reference.seq == previous.seq.next(),
            None => reference.seq == after.next(),
        };
        if !continues || reference.lane != last.lane || reference.seq > last.seq {
            return false;
        }
        if reference.seq == last.seq && reference != *last {
            return false;
        }
        previous = Some(reference);
    }
    true
}
