//! The actor: one loop that routes, and the state that its functions share.

use crate::evidence::Reports;
use crate::guard::{Guard, GuardFileError};
use crate::in_force::InForce;
use crate::l1::Anchors;
use crate::lane_service::ahead::Ahead;
use crate::lane_service::alarm::Alarm;
use crate::lane_service::clock::Clock;
use crate::lane_service::config::LaneServiceConfig;
use crate::lane_service::cuts::{Held, Pursuit, Waiter};
use crate::lane_service::evidence::WaitingEvidence;
use crate::lane_service::feed::LaneFeed;
use crate::lane_service::fetcher::Fetcher;
use crate::lane_service::handle::LaneHandle;
use crate::lane_service::ingress::Ingress;
use crate::lane_service::intake::Intake;
use crate::lane_service::messages::{Arrived, Outcome, Request, Submission};
use crate::lane_service::own_lane::OwnLane;
use crate::lane_service::recent::RecentSegments;
use crate::lane_service::recovery::Answered;
use crate::lane_service::rhythm::Rhythm;
use crate::lane_service::seal::Pace;
use crate::lane_service::segments::Persist;
use crate::lane_service::status::{LaneServiceStatus, LaneStatus};
use crate::lane_service::submissions::Submissions;
use crate::metrics::{CutMetrics, LaneMetrics};
use crate::network::{NetworkHandle, ReceivedSegment};
use crate::store::{Store, StoreError};
use fairlane_lanes::{CutBase, LaneView};
use fairlane_types::{
    Evidence, Genesis, LaneId, LaneSeq, NetworkId, ProtocolParams, SegmentError, SegmentRef, SigningKey,
    Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What the lane service needs from the node.
pub struct LaneServiceParts {
    /// The network's beginning: parameters and rollups.
    pub genesis: Genesis,
    /// The decided state to start from.
    pub base: CutBase,
    /// The time of its block.
    pub chain_time: Timestamp,
    /// The consensus key; without one, no lane is written. With one, a lane is written while its validator is in the
    /// set.
    pub key: Option<SigningKey>,
    /// The anchors of the network's blocks.
    pub anchors: Anchors,
    /// A segment that the own lane is known to go up to, though neither the store nor a peer may hold it.
    pub known: Option<SegmentRef>,
    /// What keeps how far anything may have been signed, if anything does.
    pub guard: Option<Guard>,
    /// Where segments are kept.
    pub store: Store,
    /// The network that carries segments.
    pub network: NetworkHandle,
    /// What it receives.
    pub received: mpsc::Receiver<ReceivedSegment>,
    /// The latest segments, shared with what answers fetches of peers.
    pub recent: RecentSegments,
    /// Verified evidence from before the start that no block carries yet.
    pub evidence: Vec<Evidence>,
    /// Where new evidence is reported.
    pub reports: Reports,
    /// Where to count.
    pub metrics: LaneMetrics,
    /// Where to count cuts.
    pub cut_metrics: CutMetrics,
    /// Ends the service.
    pub shutdown: CancellationToken,
}

/// Why the lane service ends by itself. None of these goes away by going on: the node should stop.
#[derive(Debug, thiserror::Error)]
pub enum LaneServiceError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The guard failed.
    #[error(transparent)]
    Guard(#[from] GuardFileError),
    /// Too few validators said what they hold of this node's lane.
    #[error(
        "validators with power {answered} of {quorum} answered within {waited:?} what they hold of this node's lane: \
         nothing is signed before. Check the connections to the other validators and start again. If most of the \
         validators of this node's last block have left since, first let it catch up without its consensus key: move the \
         key file away, run the node until it is at the newest height, stop it, and bring the key back"
    )]
    StartupCheck {
        /// The power that answered, this node's own included.
        answered: u64,
        /// The quorum.
        quorum: u64,
        /// For how long it was waited.
        waited: Duration,
    },
    /// Two segments of this node's own lane exclude each other.
    #[error(
        "this node's lane is forked: segment {} exists with digests {} and {}. Another node runs with the same \
         consensus key: stop it", .0[0].seq, .0[0].digest, .0[1].digest
    )]
    Fork(Box<[SegmentRef; 2]>),
    /// The thread that keeps its times cannot be started.
    #[error("no thread can be started for the times of the lane service: {0}. Raise the limit of threads")]
    Alarm(std::io::Error),
    /// What the writer drafted is no valid segment.
    #[error("a segment of this node's own lane cannot be closed: {0}")]
    Seal(#[from] SegmentError),
}

/// Starts the service on the current runtime. The task ends when it is told to, or with an error that should end the
/// node.
pub fn start(
    config: LaneServiceConfig,
    parts: LaneServiceParts,
) -> (LaneHandle, JoinHandle<Result<(), LaneServiceError>>) {
    let network_id = parts.genesis.network();
    let params = parts.genesis.params.clone();
    let (requests, request_queue) = mpsc::channel(256);
    let (submissions, submission_queue) = mpsc::channel(256);
    let (arrived, arrived_queue) = mpsc::channel(64);
    let (outcomes, outcome_queue) = mpsc::channel(256);
    let (status, status_watch) = watch::channel(LaneServiceStatus::default());
    let (told, told_watch) = watch::channel(None);
    let (lanes, lanes_watch) = watch::channel(Arc::new(lanes_of(&parts.base)));
    let intake = Intake {
        network: parts.network.clone(),
        network_id,
        params: params.clone(),
        recent: parts.recent.clone(),
        lanes: lanes_watch,
        metrics: parts.metrics.clone(),
    };
    let feed = LaneFeed::new(requests.clone());
    let handle = LaneHandle {
        requests,
        feed: feed.clone(),
        submissions,
        status: status_watch,
        told: told_watch,
        ingress: Arc::new(Ingress { params: params.clone() }),
        chain_time: Arc::new(AtomicU64::new(parts.chain_time.as_nanos())),
        store: parts.store.clone(),
        network: network_id,
        validator: parts.key.as_ref().map(SigningKey::validator),
        anchors: parts.anchors,
        in_force: Arc::new(watch::Sender::new(InForce::from(&parts.base))),
        metrics: parts.metrics.clone(),
    };
    tokio::spawn(intake.run(parts.received, arrived));
    let now = Instant::now();
    let mut actor = Actor {
        view: LaneView::new(&parts.base, params.clone()),
        base: parts.base,
        own: OwnLane::Outside,
        pace: Pace::new(now),
        rhythm: Rhythm::default(),
        submissions: Submissions::new(config.backlog),
        evidence: WaitingEvidence::default(),
        reports: parts.reports,
        fetcher: Fetcher::default(),
        ahead: Ahead::default(),
        pursuit: Pursuit::default(),
        persist: Persist::default(),
        waiters: Vec::new(),
        answers: Vec::new(),
        tips: BTreeMap::new(),
        clock: Clock::default(),
        last_block: now,
        dirty: false,
        looked: now,
        urgent: false,
        ticks: 0,
        config,
        key: parts.key,
        known: parts.known,
        guard: parts.guard,
        told,
        feed,
        network_id,
        params,
        store: parts.store,
        network: parts.network,
        recent: parts.recent,
        metrics: parts.metrics,
        cut_metrics: parts.cut_metrics,
        outcomes,
        status,
        lanes,
    };
    for piece in parts.evidence {
        actor.on_evidence(piece);
    }
    let queues = Queues { requests: request_queue, submissions: submission_queue, arrived: arrived_queue };
    let task = tokio::spawn(actor.run(queues, outcome_queue, parts.shutdown));
    (handle, task)
}

fn lanes_of(base: &CutBase) -> BTreeSet<LaneId> {
    base.validators.members().iter().map(|member| member.lane()).collect()
}

struct Queues {
    requests: mpsc::Receiver<Request>,
    submissions: mpsc::Receiver<Submission>,
    arrived: mpsc::Receiver<Arrived>,
}

pub(super) struct Actor {
    pub(super) view: LaneView,
    pub(super) base: CutBase,
    pub(super) own: OwnLane,
    pub(super) pace: Pace,
    pub(super) rhythm: Rhythm,
    pub(super) submissions: Submissions,
    pub(super) evidence: WaitingEvidence,
    pub(super) reports: Reports,
    pub(super) fetcher: Fetcher,
    pub(super) ahead: Ahead,
    pub(super) pursuit: Pursuit,
    pub(super) persist: Persist,
    pub(super) waiters: Vec<Waiter>,
    pub(super) answers: Vec<Held>,
    /// The newest ready segment of each lane.
    pub(super) tips: BTreeMap<LaneId, LaneSeq>,
    pub(super) clock: Clock,
    /// When the last block was committed.
    pub(super) last_block: Instant,
    /// Whether something changed that waiting questions depend on.
    pub(super) dirty: bool,
    /// When they were looked at last.
    pub(super) looked: Instant,
    /// Whether requests for segments are to be sent at once, before the next tick.
    pub(super) urgent: bool,
    ticks: u64,
    pub(super) config: LaneServiceConfig,
    pub(super) key: Option<SigningKey>,
    pub(super) known: Option<SegmentRef>,
    pub(super) guard: Option<Guard>,
    pub(super) told: watch::Sender<Answered>,
    pub(super) feed: LaneFeed,
    pub(super) network_id: NetworkId,
    pub(super) params: ProtocolParams,
    pub(super) store: Store,
    pub(super) network: NetworkHandle,
    pub(super) recent: RecentSegments,
    pub(super) metrics: LaneMetrics,
    pub(super) cut_metrics: CutMetrics,
    pub(super) outcomes: mpsc::Sender<Outcome>,
    status: watch::Sender<LaneServiceStatus>,
    lanes: watch::Sender<Arc<BTreeSet<LaneId>>>,
}

impl Actor {
    /// How often the fetcher is looked at.
    const TICK: Duration = Duration::from_millis(15);
    /// After how many ticks the status is told.
    const STATUS_TICKS: u64 = 7;
    /// After how many ticks the view is asked what is missing.
    const REFRESH_TICKS: u64 = 20;
    /// How many segments are taken in at a time.
    const BATCH: usize = 32;

    async fn run(
        mut self,
        mut queues: Queues,
        mut outcomes: mpsc::Receiver<Outcome>,
        shutdown: CancellationToken,
    ) -> Result<(), LaneServiceError> {
        let alarm = Alarm::start().map_err(LaneServiceError::Alarm)?;
        self.enter_lane();
        let mut tick = tokio::time::interval(Self::TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let wake = self.settle();
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                Some(outcome) = outcomes.recv() => self.on_outcome(outcome)?,
                Some(request) = queues.requests.recv() => self.on_request(request),
                Some(arrived) = queues.arrived.recv(), if self.persist.has_room() => {
                    self.take_in(arrived.segment);
                    self.drain(&mut queues.arrived);
                }
                Some(submission) = queues.submissions.recv() => self.on_submission(submission),
                _ = tick.tick() => self.on_tick(),
                () = alarm.until(wake) => {}
            }
        }
    }

    /// Does what follows from the last input, and says when to look again without one.
    fn settle(&mut self) -> Option<Instant> {
        // Whatever woke this up: another input may come before the timer does.
        if self.dirty || self.cut_deadline().is_some_and(|deadline| deadline <= Instant::now()) {
            self.look_again();
        }
        if std::mem::take(&mut self.urgent) {
            self.send_fetches();
        }
        self.seal_if_due();
        self.persist_next();
        self.seal_deadline().into_iter().chain(self.cut_deadline()).min()
    }

    fn drain(&mut self, arrived: &mut mpsc::Receiver<Arrived>) {
        for _ in 0..Self::BATCH {
            let Ok(next) = arrived.try_recv() else { return };
            self.take_in(next.segment);
        }
    }

    fn on_outcome(&mut self, outcome: Outcome) -> Result<(), LaneServiceError> {
        match outcome {
            Outcome::Sealed(segment) => self.on_sealed(segment?),
            Outcome::Fetched { order, segments } => self.on_fetched(&order, segments),
            Outcome::Recovered(recovered) => self.on_recovered(recovered?),
            Outcome::Persisted(count, result) => {
                result?;
                self.persist.done(count);
                self.release_answers();
            }
        }
        Ok(())
    }

    fn on_tick(&mut self) {
        self.ticks += 1;
        if self.ticks.is_multiple_of(Self::REFRESH_TICKS) {
            self.refresh_wants();
            let now = self.clock.now();
            self.submissions.expire(now);
        }
        if self.ticks.is_multiple_of(Self::STATUS_TICKS) {
            self.tell_status();
        }
        self.send_fetches();
    }

    /// Moves to another decided state.
    pub(super) fn set_base(&mut self, base: CutBase) {
        let set_changes = base.validators != self.base.validators;
        let before = std::mem::replace(&mut self.base, base);
        if set_changes {
            let lanes = lanes_of(&self.base);
            lanes_of(&before).difference(&lanes).for_each(|lane| self.metrics.forget(lane));
            self.tips.retain(|lane, _| lanes.contains(lane));
            self.ahead.retain(|lane| lanes.contains(lane));
            self.evidence.retain(|offender| self.base.validators.get(offender).is_some());
            self.lanes.send_replace(Arc::new(lanes));
            self.enter_lane();
        }
    }

    pub(super) fn tell_status(&mut self) {
        let lanes = self.base.validators.members().iter().map(|member| {
            let (lane, decided) = (member.lane(), self.base.head(member.lane()).seq);
            let head = self.tips.get(&lane).copied().unwrap_or_default().max(decided);
            let frozen = self.base.equivocators.contains(&lane);
            self.metrics.observe(&lane, head.get(), decided.get(), frozen);
            LaneStatus { lane, head, decided, frozen }
        });
        let status = LaneServiceStatus {
            lanes: lanes.collect(),
            writing: matches!(self.own, OwnLane::Writing(..)),
            pending_transactions: self.submissions.len(),
            pending_bytes: self.submissions.bytes() as u64,
        };
        let (backlog, limit) = self.submissions.backlog(Instant::now());
        for (gauge, value) in [
            (&self.metrics.pending_transactions, status.pending_transactions as u64),
            (&self.metrics.pending_bytes, status.pending_bytes),
            (&self.metrics.backlog_bytes, backlog),
            (&self.metrics.backlog_limit_bytes, limit),
        ] {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
        self.status.send_if_modified(|last| {
            let changed = *last != status;
            *last = status;
            changed
        });
    }
}
