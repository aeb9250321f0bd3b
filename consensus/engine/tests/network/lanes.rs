//! Lanes that are exchanged within the process: real views and writers, with a shared archive for a network.

use async_trait::async_trait;
use fairlane_engine::{CutVerdict, LaneService, NextCut, Told};
use fairlane_lanes::{CutBase, CutContent, Judgement, LaneEffect, LaneView, LaneWriter, RefusalKind};
use fairlane_types::{
    Cut, Height, Incarnation, L1Anchor, LaneId, NetworkId, Proposal, ProtocolParams, Round, Segment,
    SegmentDigest, SegmentRef, SigningKey, Timestamp, Transaction, ValidatorSet,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;

const SEGMENT_INTERVAL: Duration = Duration::from_millis(10);
const HEARTBEAT: Duration = Duration::from_millis(100);

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970");
    Timestamp::from_nanos(since.as_nanos() as u64)
}

/// Every segment that anybody wrote, and the way by which new ones spread.
pub(crate) struct Exchange {
    archive: Mutex<BTreeMap<SegmentDigest, Arc<Segment>>>,
    feed: broadcast::Sender<Arc<Segment>>,
    /// The set that the next proposal hands over to, where it is another one than the present.
    next: Mutex<Option<ValidatorSet>>,
}

impl Exchange {
    pub(crate) fn new() -> Arc<Self> {
        let (feed, _) = broadcast::channel(8192);
        Arc::new(Self { archive: Mutex::default(), feed, next: Mutex::default() })
    }

    /// From now on proposals hand over to this set, as when an epoch begins on Ethereum.
    pub(crate) fn hand_over(&self, set: ValidatorSet) {
        *self.next.lock().expect("no panics") = Some(set);
    }

    /// Anchors the next proposal, with the set that it carries.
    fn step(&self, next: NextCut, base: &CutBase) -> NextCut {
        let set = self.next.lock().expect("no panics").clone().filter(|set| *set != base.validators);
        let number = base.l1_anchor.number + u64::from(set.is_some());
        NextCut { l1_anchor: L1Anchor { number, ..base.l1_anchor }, next_validators: set, ..next }
    }

    fn publish(&self, segment: &Arc<Segment>) {
        self.archive.lock().expect("no panics").insert(segment.digest(), segment.clone());
        let _ = self.feed.send(segment.clone());
    }

    fn get(&self, digest: &SegmentDigest) -> Option<Arc<Segment>> {
        self.archive.lock().expect("no panics").get(digest).cloned()
    }

    /// The segments of a lane, in order.
    fn lane(&self, lane: LaneId) -> Vec<Arc<Segment>> {
        let archive = self.archive.lock().expect("no panics");
        let mut segments: Vec<_> = archive.values().filter(|at| at.header().lane == lane).cloned().collect();
        segments.sort_by_key(|segment| segment.header().seq);
        segments
    }
}

struct Inner {
    view: LaneView,
    writer: LaneWriter,
    base: CutBase,
    decided_at: Instant,
    sealed_at: Instant,
    /// From which height on this node writes: it must know its own decided head first.
    writes_from: Height,
}

impl Inner {
    /// Whether the node writes its lane: it knows where, and its validator is in the set.
    fn writes(&self) -> bool {
        let lane = self.writer.last().lane;
        let member = self.base.validators.get(&lane.validator);
        self.base.height >= self.writes_from && member.is_some_and(|member| member.lane() == lane)
    }
}

/// One node's lanes.
pub(crate) struct TestLanes {
    key: SigningKey,
    network: NetworkId,
    params: ProtocolParams,
    idle: Duration,
    told: Option<Told>,
    exchange: Arc<Exchange>,
    inner: Mutex<Inner>,
    changed: Notify,
    misleads: AtomicBool,
}

impl TestLanes {
    /// Lanes at a base. The node writes from `writes_from` on, continuing what the archive has of its lane. `told` is
    /// what the other validators say of it.
    #[expect(clippy::too_many_arguments, reason = "each is a different thing")]
    pub(crate) fn new(
        key: SigningKey,
        network: NetworkId,
        params: ProtocolParams,
        base: CutBase,
        idle: Duration,
        writes_from: Height,
        told: Option<Told>,
        exchange: Arc<Exchange>,
    ) -> Arc<Self> {
        let lane = LaneId { validator: key.validator(), incarnation: Incarnation::ZERO };
        let own = exchange.lane(lane);
        let last = own.last().map_or(SegmentRef::empty(lane), |segment| segment.reference());
        let inner = Inner {
            view: LaneView::new(&base, params.clone()),
            writer: LaneWriter::new(lane, last, params.clone()),
            base,
            decided_at: Instant::now(),
            sealed_at: Instant::now(),
            writes_from,
        };
        let (inner, misleads) = (Mutex::new(inner), AtomicBool::new(false));
        let changed = Notify::new();
        let lanes = Self { key, network, params, idle, told, exchange, inner, changed, misleads };
        let lanes = Arc::new(lanes);
        lanes.catch_up(&mut lanes.inner());
        lanes
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no panics")
    }

    /// Exchanges and writes segments until it is aborted.
    pub(crate) fn spawn(self: &Arc<Self>) -> JoinHandle<()> {
        let (lanes, mut feed) = (self.clone(), self.exchange.feed.subscribe());
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(SEGMENT_INTERVAL);
            loop {
                tokio::select! {
                    _ = ticks.tick() => lanes.write(),
                    segment = feed.recv() => match segment {
                        Ok(segment) => lanes.take_in(&mut lanes.inner(), segment),
                        Err(broadcast::error::RecvError::Lagged(_)) => lanes.catch_up(&mut lanes.inner()),
                        Err(broadcast::error::RecvError::Closed) => return,
                    },
                }
                lanes.changed.notify_waiters();
            }
        })
    }

    pub(crate) fn submit(&self, transaction: Transaction) {
        self.inner().writer.submit(transaction, now()).expect("the lane has room");
    }

    /// From now on proposes cuts by which no lane advances, which everybody finds wrong.
    pub(crate) fn mislead(&self) {
        self.misleads.store(true, Ordering::Relaxed);
    }

    /// Inserts a segment and whatever it makes wanted.
    fn take_in(&self, inner: &mut Inner, segment: Arc<Segment>) {
        let mut waiting = vec![segment];
        while let Some(segment) = waiting.pop() {
            let effects = inner.view.insert(segment, now());
            waiting.extend(self.absorb(inner, effects));
        }
    }

    /// Follows effects; gives the segments that are asked for and known.
    fn absorb(&self, inner: &mut Inner, effects: Vec<LaneEffect>) -> Vec<Arc<Segment>> {
        let mut found = Vec::new();
        for effect in effects {
            match effect {
                LaneEffect::Ready(ready) if inner.writes() => {
                    inner.writer.observe(ready, now());
                }
                LaneEffect::Fetch { wanted, .. } => found.extend(self.exchange.get(&wanted.digest)),
                _ => {}
            }
        }
        found
    }

    /// Takes in all that the archive has above the base.
    fn catch_up(&self, inner: &mut Inner) {
        for member in inner.base.validators.clone().members() {
            let head = inner.base.head(member.lane()).seq;
            for segment in self.exchange.lane(member.lane()) {
                if segment.header().seq > head && segment.header().seq.get() <= head.get() + 500 {
                    self.take_in(inner, segment);
                }
            }
        }
    }

    /// Writes the next segment, if there is something to say or the heartbeat is due.
    fn write(&self) {
        let mut inner = self.inner();
        let due = inner.writer.has_content() || inner.sealed_at.elapsed() >= HEARTBEAT;
        if !due || !inner.writes() {
            return;
        }
        let own_decided = inner.base.head(inner.writer.last().lane);
        let Some(draft) = inner.writer.seal(now(), &own_decided) else { return };
        let segment = draft.seal(self.network, &self.params, &self.key).expect("our own draft is valid");
        inner.writer.sealed(&segment).expect("it is the draft");
        inner.sealed_at = Instant::now();
        let segment = Arc::new(segment);
        self.take_in(&mut inner, segment.clone());
        drop(inner);
        self.exchange.publish(&segment);
    }

    /// Asks the archive for missing segments.
    fn require(&self, inner: &mut Inner, missing: &[SegmentRef]) {
        inner.view.require(missing);
        for wanted in missing {
            if let Some(segment) = self.exchange.get(&wanted.digest) {
                self.take_in(inner, segment);
            }
        }
    }

    fn try_next_cut(&self, base: &CutBase) -> Option<NextCut> {
        let inner = self.inner();
        if self.misleads.load(Ordering::Relaxed) {
            let content = inner.view.content(base, &base.cut).ok()?;
            return Some(NextCut::staying(base, base.cut.clone(), content, Vec::new()));
        }
        let cut = inner.view.build_cut(base, &[])?;
        if !inner.view.has_payload(base, &cut) && inner.decided_at.elapsed() < self.idle {
            return None;
        }
        let content = inner.view.content(base, &cut).ok()?;
        Some(self.exchange.step(NextCut::staying(base, cut, content, Vec::new()), base))
    }

    fn try_judge(
        &self,
        base: &CutBase,
        proposal: &Proposal,
        round: Round,
        fresh: bool,
    ) -> Option<Result<CutContent, CutVerdict>> {
        let mut inner = self.inner();
        let judgement = Judgement { now: now(), round, fresh };
        let Err(refusal) = inner.view.check_cut(base, &proposal.cut, &proposal.evidence, judgement) else {
            return inner.view.content(base, &proposal.cut).ok().map(Ok);
        };
        match refusal.kind() {
            RefusalKind::Invalid => Some(Err(CutVerdict::Invalid(refusal.to_string()))),
            RefusalKind::Untimely => Some(Err(CutVerdict::Untimely(refusal.to_string()))),
            RefusalKind::Missing(missing) => {
                self.require(&mut inner, &missing);
                None
            }
        }
    }

    fn try_fetch(&self, base: &CutBase, cut: &Cut) -> Option<CutContent> {
        let mut inner = self.inner();
        match inner.view.content(base, cut) {
            Ok(content) => Some(content),
            Err(missing) => {
                self.require(&mut inner, &missing);
                inner.view.content(base, cut).ok()
            }
        }
    }

    async fn until<T>(&self, mut attempt: impl FnMut() -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            if let Some(value) = attempt() {
                return value;
            }
            let _ = tokio::time::timeout(SEGMENT_INTERVAL, changed).await;
        }
    }
}

#[async_trait]
impl LaneService for TestLanes {
    async fn next_cut(&self, base: CutBase, not_before: Instant) -> NextCut {
        tokio::time::sleep_until(not_before.into()).await;
        self.until(|| self.try_next_cut(&base)).await
    }

    async fn cut_is_due(&self, base: CutBase, not_before: Instant) {
        self.next_cut(base, not_before).await;
    }

    async fn judge(
        &self,
        base: CutBase,
        proposal: Arc<Proposal>,
        round: Round,
        fresh: bool,
    ) -> Result<CutContent, CutVerdict> {
        self.until(|| self.try_judge(&base, &proposal, round, fresh)).await
    }

    async fn fetch(&self, base: CutBase, cut: Cut) -> CutContent {
        self.until(|| self.try_fetch(&base, &cut)).await
    }

    async fn told(&self) -> Option<Told> {
        self.told
    }

    async fn decided(&self, base_after: CutBase) {
        let mut inner = self.inner();
        let wrote = inner.writes();
        inner.base = base_after.clone();
        inner.decided_at = Instant::now();
        let effects = inner.view.decided(&base_after, now());
        if !wrote && inner.writes() {
            self.begin_writing(&mut inner);
        }
        for segment in self.absorb(&mut inner, effects) {
            self.take_in(&mut inner, segment);
        }
        self.changed.notify_waiters();
    }
}

impl TestLanes {
    /// Continues the lane after a restart: references the decided heads, and recalls what is not decided yet.
    fn begin_writing(&self, inner: &mut Inner) {
        for ready in inner.view.decided_heads() {
            inner.writer.observe(ready, now());
        }
        let lane = inner.writer.last().lane;
        let head = inner.base.head(lane).seq;
        for segment in self.exchange.lane(lane) {
            if segment.header().seq > head {
                inner.writer.recall(&segment);
            }
        }
        self.catch_up(inner);
    }
}
