//! Whole networks of views and writers under delay, loss, reordering, silence and equivocation. Every cut that an
//! honest node builds must be valid for every other one, and for the naive oracle; honest transactions must all be
//! decided and known to all honest lanes; and a seed must repeat its run.

use crate::common::{World, after, at, fresh, rules, transaction};
use crate::oracle::Archive;
use fairlane_lanes::{CutBase, CutRefusal, LaneEffect, LaneView, LaneWriter, RefusalKind};
use fairlane_types::testing::Random;
use fairlane_types::{
    Cut, Event, Evidence, Hash32, LaneId, Segment, SegmentDigest, SegmentDraft, SegmentRef, TxId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const SEGMENT_INTERVAL: u64 = 20;
const HEARTBEAT: u64 = 100;
const HEIGHT: u64 = 40;
const LOAD: u64 = 1_500;
const DRAIN: u64 = 1_000;

/// What goes wrong, besides delay and reordering. Times are in milliseconds.
#[derive(Clone, Copy, Default)]
struct Faults {
    /// Per cent of messages that are lost.
    loss: u64,
    /// When node 0 begins to show two variants of its lane.
    equivocates: Option<u64>,
    /// Before this, no block carries evidence.
    evidence_from: u64,
    /// When node 1 falls silent for ever.
    silent: Option<u64>,
}

struct Node {
    view: LaneView,
    writer: LaneWriter,
    pool: Vec<Evidence>,
    last_seal: u64,
}

#[derive(Clone)]
enum Message {
    Segment(Arc<Segment>),
    Evidence(Evidence),
}

struct Network {
    world: World,
    faults: Faults,
    random: Random,
    nodes: Vec<Node>,
    /// In flight, by time of arrival and order of sending.
    flight: BTreeMap<(u64, u64), (usize, Message)>,
    sent: u64,
    archive: Archive,
    /// The tip of node 0's other variant.
    rival: SegmentRef,
    base: CutBase,
    submitted: BTreeSet<TxId>,
    roots: Vec<Hash32>,
    /// Heights decided while clients submitted.
    busy_heights: u64,
    untimely: usize,
    context: String,
}

impl Network {
    fn new(validators: u8, seed: u64, faults: Faults) -> Self {
        let world = World::new(validators);
        let node = |lane: usize| Node {
            view: world.view(),
            writer: LaneWriter::new(
                world.lane(lane),
                SegmentRef::empty(world.lane(lane)),
                world.params.clone(),
            ),
            pool: Vec::new(),
            last_seal: 0,
        };
        Self {
            nodes: (0..usize::from(validators)).map(node).collect(),
            rival: SegmentRef::empty(world.lane(0)),
            base: world.base(),
            world,
            faults,
            random: Random(seed),
            flight: BTreeMap::new(),
            sent: 0,
            archive: Archive::default(),
            submitted: BTreeSet::new(),
            roots: Vec::new(),
            busy_heights: 0,
            untimely: 0,
            context: format!("n = {validators}, seed {seed}"),
        }
    }

    fn run(mut self) -> Self {
        for now in 0..LOAD + DRAIN {
            while self.flight.first_key_value().is_some_and(|((due, _), _)| *due <= now) {
                let (_, (to, message)) = self.flight.pop_first().expect("it is not empty");
                self.receive(to, message, now);
            }
            for lane in 0..self.nodes.len() {
                if self.is_silent(lane, now) {
                    continue;
                }
                self.submit(lane, now);
                self.seal(lane, now);
                if (now + 3 * lane as u64).is_multiple_of(SEGMENT_INTERVAL) {
                    let wanted = self.nodes[lane].view.wanted();
                    wanted.iter().for_each(|reference| self.fetch(lane, reference, now));
                }
            }
            if now.is_multiple_of(HEIGHT) {
                self.height(now);
            }
        }
        self
    }

    fn is_silent(&self, lane: usize, now: u64) -> bool {
        lane == 1 && self.faults.silent.is_some_and(|from| now >= from)
    }

    fn is_honest(&self, lane: usize) -> bool {
        !(lane == 0 && self.faults.equivocates.is_some() || lane == 1 && self.faults.silent.is_some())
    }

    fn honest(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|lane| self.is_honest(*lane)).collect()
    }

    fn submit(&mut self, lane: usize, now: u64) {
        if now < LOAD && self.random.percent(15) {
            let transaction = transaction(1 + now % 3, &[lane as u8], now, self.random.below(300) as usize);
            if self.is_honest(lane) {
                self.submitted.insert(transaction.id());
            }
            self.nodes[lane].writer.submit(transaction, at(now)).expect("the queue is not full");
        }
    }

    fn seal(&mut self, lane: usize, now: u64) {
        let node = &mut self.nodes[lane];
        let waited = now - node.last_seal;
        if waited < SEGMENT_INTERVAL || (!node.writer.has_content() && waited < HEARTBEAT) {
            return;
        }
        let decided = self.base.head(self.world.lane(lane));
        let Some(draft) = node.writer.seal(at(now), &decided) else { return };
        node.last_seal = now;
        let segment = Arc::new(self.sign(lane, draft.clone()));
        self.nodes[lane].writer.sealed(&segment).expect("it is the draft");
        let equivocates = lane == 0 && self.faults.equivocates.is_some_and(|from| now >= from);
        let half = self.nodes.len().div_ceil(2);
        let rival = if equivocates { self.write_rival(draft, now) } else { segment.clone() };
        self.rival = rival.reference();
        self.receive(lane, Message::Segment(segment.clone()), now);
        for to in (0..self.nodes.len()).filter(|to| *to != lane) {
            let seen = if to < half { &segment } else { &rival };
            self.send(to, Message::Segment(seen.clone()), now, self.faults.loss);
        }
    }

    fn sign(&mut self, lane: usize, draft: SegmentDraft) -> Segment {
        let segment = draft.seal(self.world.network, &self.world.params, &self.world.keys[lane]);
        let segment = segment.expect("a draft is valid");
        self.archive.keep(&Arc::new(segment.clone()));
        segment
    }

    /// The same events and one transaction more, on the other variant's chain.
    fn write_rival(&mut self, mut draft: SegmentDraft, now: u64) -> Arc<Segment> {
        draft.parent = self.rival.digest;
        draft.transactions.push(transaction(1, b"rival", now, 20));
        draft.events.push(Event::Own { count: 1, age: 0 });
        let segment = Arc::new(self.sign(0, draft));
        self.archive.keep(&segment);
        segment
    }

    fn send(&mut self, to: usize, message: Message, now: u64, loss: u64) {
        if !self.random.percent(loss) {
            let spread = if self.random.percent(5) { 60 } else { 12 };
            let due = now + 1 + self.random.below(spread);
            self.sent += 1;
            self.flight.insert((due, self.sent), (to, message));
        }
    }

    /// A segment comes from any honest node that holds it.
    fn fetch(&mut self, to: usize, reference: &SegmentRef, now: u64) {
        let digest = reference.digest;
        let held = |lane: &usize| self.nodes[*lane].view.contains(&digest);
        if self.honest().iter().any(held) {
            let segment = self.archive.get(&digest).clone();
            self.send(to, Message::Segment(segment), now, self.faults.loss);
        }
    }

    fn receive(&mut self, to: usize, message: Message, now: u64) {
        let node = &mut self.nodes[to];
        let effects = match message {
            Message::Segment(segment) => node.view.insert(segment, at(now)),
            Message::Evidence(evidence) => {
                if !node.pool.contains(&evidence) {
                    node.pool.push(evidence.clone());
                }
                node.view.accuse(&evidence, at(now))
            }
        };
        self.apply(to, effects, now);
    }

    fn apply(&mut self, lane: usize, effects: Vec<LaneEffect>, now: u64) {
        for effect in effects {
            match effect {
                LaneEffect::Ready(ready) => self.nodes[lane].writer.observe(ready, at(now)),
                LaneEffect::Fetch { wanted, .. } => self.fetch(lane, &wanted, now),
                LaneEffect::Evidence(evidence) => {
                    self.nodes[lane].pool.push(evidence.clone());
                    for to in (0..self.nodes.len()).filter(|to| *to != lane) {
                        self.send(to, Message::Evidence(evidence.clone()), now, 0);
                    }
                }
                LaneEffect::Dropped { .. } => {}
            }
        }
    }

    fn height(&mut self, now: u64) {
        let honest = self.honest();
        let proposer = honest[(now / HEIGHT) as usize % honest.len()];
        let mut evidence = self.nodes[proposer].pool.clone();
        evidence.retain(|evidence| !self.base.equivocators.contains(&accused(evidence)));
        evidence.dedup_by_key(|evidence| accused(evidence));
        if now < self.faults.evidence_from {
            evidence.clear();
        }
        let Some(cut) = self.nodes[proposer].view.build_cut(&self.base, &evidence) else { return };
        let context = format!("{}, time {now}, proposer {proposer}", self.context);
        self.archive.assert_valid(&self.base, &cut, &evidence, &context);
        for judge in &honest {
            self.judge(*judge, &cut, &evidence, now, &context);
        }
        let base = after(&self.base, &cut, &evidence);
        for lane in 0..self.nodes.len() {
            if !self.is_honest(lane) {
                self.hold(lane, &cut, now);
            }
            let content = self.nodes[lane].view.content(&self.base, &cut).expect("all segments are held");
            assert_eq!(content.lanes.len(), self.nodes.len());
            let effects = self.nodes[lane].view.decided(&base, at(now));
            self.apply(lane, effects, now);
        }
        self.base = base;
        self.roots.push(cut.root());
        self.busy_heights += u64::from(now < LOAD);
    }

    fn judge(&mut self, judge: usize, cut: &Cut, evidence: &[Evidence], now: u64, context: &str) {
        self.hold(judge, cut, now);
        let view = &self.nodes[judge].view;
        let verdict = view.check_cut(&self.base, cut, evidence, rules());
        assert_eq!(verdict, Ok(()), "{context}, judge {judge}");
        match view.check_cut(&self.base, cut, evidence, fresh(at(now), 0)) {
            Ok(()) => {}
            Err(refusal) if refusal.kind() == RefusalKind::Untimely => self.untimely += 1,
            Err(refusal) => panic!("{context}, judge {judge}: {refusal}"),
        }
    }

    /// Fetches what a view misses of a cut.
    fn hold(&mut self, lane: usize, cut: &Cut, now: u64) {
        while let Err(missing) = self.nodes[lane].view.content(&self.base, cut) {
            assert!(!missing.is_empty(), "{}: not chained", self.context);
            self.nodes[lane].view.require(&missing);
            for reference in missing {
                let segment = self.archive.get(&reference.digest).clone();
                self.receive(lane, Message::Segment(segment), now);
            }
        }
    }

    /// So many of the heights at which a cut was asked for, while clients submitted, had one.
    fn assert_busy(&self, least_percent: u64) {
        let percent = self.busy_heights * 100 / (LOAD / HEIGHT);
        assert!(percent >= least_percent, "{}: a cut at {percent} % of the heights", self.context);
    }

    /// Every transaction of an honest lane is decided, and every honest lane references whatever was decided and
    /// carries transactions.
    fn assert_all_known(&self) {
        let chains: BTreeMap<LaneId, Vec<Arc<Segment>>> =
            self.base.cut.heads().iter().map(|head| (head.lane, self.archive.chain(*head))).collect();
        let decided: BTreeSet<TxId> =
            chains.values().flatten().flat_map(|at| at.transactions()).map(|tx| tx.id()).collect();
        let lost = self.submitted.difference(&decided).count();
        assert_eq!(lost, 0, "{}: of {} transactions", self.context, self.submitted.len());
        for lane in self.honest().into_iter().map(|lane| self.world.lane(lane)) {
            let covered = covered(&chains, lane);
            for (other, chain) in chains.iter().filter(|(other, _)| **other != lane) {
                let last = chain.iter().rfind(|segment| !segment.transactions().is_empty());
                let reached = covered.get(other).copied().unwrap_or_default();
                assert!(
                    last.is_none_or(|last| last.header().seq.get() <= reached),
                    "{}: lane {lane} references {other} up to {reached}",
                    self.context
                );
            }
        }
    }
}

fn accused(evidence: &Evidence) -> LaneId {
    match evidence {
        Evidence::LaneEquivocation(pair) => pair[0].header.lane,
        _ => panic!("only lanes equivocate here"),
    }
}

/// How far a lane's decided segments reference the decided chains of the others.
fn covered(chains: &BTreeMap<LaneId, Vec<Arc<Segment>>>, lane: LaneId) -> BTreeMap<LaneId, u64> {
    let places: BTreeMap<SegmentDigest, u64> =
        chains.values().flatten().map(|segment| (segment.digest(), segment.header().seq.get())).collect();
    let mut covered: BTreeMap<LaneId, u64> = BTreeMap::new();
    for event in chains[&lane].iter().flat_map(|segment| segment.events()) {
        if let Event::Peer { segment, .. } = event
            && let Some(place) = places.get(&segment.digest)
        {
            let reached = covered.entry(segment.lane).or_default();
            *reached = (*reached).max(*place);
        }
    }
    covered
}

fn run(validators: u8, seed: u64, faults: Faults) -> Network {
    let network = Network::new(validators, seed, faults).run();
    network.assert_all_known();
    network
}

#[test]
fn a_healthy_network_decides_everything_in_time() {
    for (validators, seed) in [(4, 1), (7, 2), (10, 3)] {
        let network = run(validators, seed, Faults::default());
        assert_eq!(network.untimely, 0, "{}", network.context);
        network.assert_busy(97);
    }
}

#[test]
fn lost_messages_are_made_up_for() {
    for seed in 10..14 {
        let network = run(4 + 3 * (seed % 2) as u8, seed, Faults { loss: 20, ..Faults::default() });
        network.assert_busy(85);
    }
}

#[test]
fn equivocation_stalls_nobody() {
    for seed in 20..28 {
        let validators = if seed % 2 == 0 { 4 } else { 7 };
        let faults = Faults { equivocates: Some(300), loss: 5, ..Faults::default() };
        let network = run(validators, seed, faults);
        assert!(network.base.equivocators.contains(&network.world.lane(0)), "{}", network.context);
        network.assert_busy(90);
    }
}

#[test]
fn evidence_that_comes_late_heals_the_network() {
    for seed in 30..38 {
        let validators = if seed % 2 == 0 { 4 } else { 7 };
        let faults = Faults { equivocates: Some(300), evidence_from: 900, ..Faults::default() };
        let network = run(validators, seed, faults);
        assert!(network.base.equivocators.contains(&network.world.lane(0)), "{}", network.context);
        network.assert_busy(75);
    }
}

#[test]
fn a_silent_validator_stops_nobody() {
    for (validators, seed) in [(4, 40), (7, 41)] {
        let network = run(validators, seed, Faults { silent: Some(400), ..Faults::default() });
        network.assert_busy(95);
    }
}

#[test]
fn at_seven_one_equivocates_while_another_is_silent() {
    for seed in 50..53 {
        let faults = Faults { equivocates: Some(300), silent: Some(500), loss: 10, evidence_from: 700 };
        let network = run(7, seed, faults);
        network.assert_busy(60);
    }
}

#[test]
fn a_seed_repeats_its_run() {
    let faults = Faults { equivocates: Some(300), loss: 10, ..Faults::default() };
    let [one, other] = [0, 1].map(|_| run(7, 60, faults));
    assert_eq!(one.roots, other.roots);
    assert_eq!(one.sent, other.sent);
}

#[test]
fn a_refusal_says_what_it_means() {
    let refusal = CutRefusal::TooFewLanes { advanced: 2, quorum: 3 };
    assert_eq!(refusal.kind(), RefusalKind::Invalid);
    assert_eq!(refusal.to_string(), "lanes with power 2 advanced, a quorum is 3");
}
