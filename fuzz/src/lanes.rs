//! A view of four lanes, one of them an attacker's: forks, gaps, and references to whatever it likes.
//!
//! Whatever the attacker writes, memory stays within the windows, nobody else is accused, what is told as ready is
//! told once, and a cut that the view builds is one that it accepts, with all its content at hand.

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use fairlane_lanes::{CutBase, Judgement, LaneEffect, LaneView};
use fairlane_types::{
    Cut, Event, Evidence, Height, Incarnation, L1Anchor, LaneSeq, Leg, NetworkId, ProtocolParams, RollupId,
    RollupRules, Round, Segment, SegmentDigest, SegmentDraft, SegmentRef, SigningKey, Timestamp, Transaction,
    Validator, ValidatorSet, VotingPower,
};
use fairlane_verify::verify_evidence;
use std::collections::BTreeSet;
use std::sync::Arc;

const LANES: usize = 4;
const ATTACKER: usize = 0;
const MAX_STEPS: usize = 48;
const MILLISECOND: u64 = 1_000_000;
const NETWORK: NetworkId = NetworkId::from_bytes([9; 32]);

/// Plays what an input describes.
pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let mut world = World::new();
    for _ in 0..MAX_STEPS {
        // An input that ends early has fewer steps.
        if input.is_empty() || world.step(&mut input).is_err() {
            return;
        }
    }
}

struct World {
    keys: Vec<SigningKey>,
    params: ProtocolParams,
    base: CutBase,
    view: LaneView,
    /// Everything that was ever written.
    written: Vec<Arc<Segment>>,
    /// The honest lanes' ends.
    ends: Vec<SegmentRef>,
    ready: BTreeSet<SegmentDigest>,
    now: u64,
}

impl World {
    fn new() -> Self {
        let mut keys: Vec<SigningKey> =
            (1..=LANES as u8).map(|seed| SigningKey::from_seed(&[seed; 32])).collect();
        keys.sort_by_key(SigningKey::validator);
        let member = |key: &SigningKey| Validator {
            id: key.validator(),
            power: VotingPower::new(1),
            incarnation: Incarnation::ZERO,
        };
        let validators = ValidatorSet::new(keys.iter().map(member).collect()).expect("usable keys");
        let ends: Vec<SegmentRef> =
            validators.members().iter().map(|member| SegmentRef::empty(member.lane())).collect();
        let params = ProtocolParams { lane_window_segments: 8, ..ProtocolParams::default() };
        let base = CutBase {
            height: Height::ZERO,
            cut: Cut::new(ends.clone()).expect("distinct lanes"),
            retired: Vec::new(),
            l1_anchor: L1Anchor::default(),
            equivocators: BTreeSet::new(),
            validators,
            rollups: Arc::new([(RollupId::new(1), RollupRules::default())].into()),
        };
        let view = LaneView::new(&base, params.clone());
        Self { keys, params, base, view, written: Vec::new(), ends, ready: BTreeSet::new(), now: 1_000 }
    }

    fn step(&mut self, input: &mut Unstructured) -> Result<()> {
        self.now += input.int_in_range(0..=50u64)?;
        match input.int_in_range(0..=5u8)? {
            0 | 1 => self.attack(input)?,
            2 | 3 => self.write_honestly(input)?,
            4 if !self.written.is_empty() => {
                let again = input.choose(&self.written)?.clone();
                self.insert(again);
            }
            _ => self.decide(),
        }
        let windows = u64::from(self.params.lane_window_bytes).saturating_mul(2 * LANES as u64);
        assert!(self.view.held_bytes() <= windows);
        // Waiting ones, those aside, and the decided ones that are kept for a while.
        assert!(self.view.held_segments() <= LANES * 4 * self.params.lane_window_segments as usize);
        Ok(())
    }

    fn time(&self) -> Timestamp {
        Timestamp::from_nanos(self.now * MILLISECOND)
    }

    /// Any place, any parent, any references, any time.
    fn attack(&mut self, input: &mut Unstructured) -> Result<()> {
        let lane = self.ends[ATTACKER].lane;
        let own: Vec<SegmentRef> =
            self.written.iter().map(|segment| segment.reference()).filter(|at| at.lane == lane).collect();
        let parent = if own.is_empty() || input.ratio(1, 8)? {
            SegmentRef { lane, seq: LaneSeq::new(input.int_in_range(0..=12)?), digest: digest(input)? }
        } else {
            *input.choose(&own)?
        };
        let mut references = Vec::new();
        for _ in 0..input.int_in_range(0..=3)? {
            let lane = self.ends[input.int_in_range(0..=LANES - 1)?].lane;
            let invented =
                SegmentRef { lane, seq: LaneSeq::new(input.int_in_range(0..=12)?), digest: digest(input)? };
            let known: Vec<SegmentRef> = self.written.iter().map(|segment| segment.reference()).collect();
            let take_known = !known.is_empty() && input.ratio(3, 4)?;
            references.push(if take_known { *input.choose(&known)? } else { invented });
        }
        let time = Timestamp::from_nanos(input.int_in_range(0..=100_000u64)? * MILLISECOND);
        let transactions = input.int_in_range(0..=2)?;
        self.write(ATTACKER, parent, &references, time, transactions, input.arbitrary()?);
        Ok(())
    }

    /// The next segment of another lane, which references what the view holds.
    fn write_honestly(&mut self, input: &mut Unstructured) -> Result<()> {
        let at = input.int_in_range(1..=LANES - 1)?;
        let window = u64::from(self.params.lane_window_segments);
        if self.ends[at].seq > self.base.head(self.ends[at].lane).seq.saturating_add(window - 1) {
            return Ok(());
        }
        let own = self.ends[at].lane;
        let held: Vec<SegmentRef> = self
            .written
            .iter()
            .map(|segment| segment.reference())
            .filter(|found| found.lane != own && self.ready.contains(&found.digest))
            .collect();
        let mut references = Vec::new();
        if !held.is_empty() {
            for _ in 0..input.int_in_range(0..=2)? {
                references.push(*input.choose(&held)?);
            }
        }
        let transactions = input.int_in_range(0..=2)?;
        if let Some(written) = self.write(at, self.ends[at], &references, self.time(), transactions, 0) {
            self.ends[at] = written;
        }
        Ok(())
    }

    /// Writes a segment and inserts it, if it is one that any receiver would take apart.
    fn write(
        &mut self,
        at: usize,
        parent: SegmentRef,
        references: &[SegmentRef],
        timestamp: Timestamp,
        transactions: u8,
        salt: u8,
    ) -> Option<SegmentRef> {
        let expires = Timestamp::from_nanos(u64::MAX / 2);
        let mut events: Vec<Event> =
            references.iter().map(|segment| Event::Peer { segment: *segment, age: 0 }).collect();
        if transactions > 0 {
            events.push(Event::Own { count: transactions.into(), age: 0 });
        }
        let transaction = |number: u8| {
            let leg = Leg { rollup: RollupId::new(1), payload: Bytes::from_static(b"payload") };
            Transaction::new(vec![leg], expires, [number.wrapping_add(salt); 16]).expect("well-formed")
        };
        let draft = SegmentDraft {
            lane: parent.lane,
            seq: parent.seq.next(),
            parent: parent.digest,
            timestamp,
            events,
            transactions: (0..transactions).map(transaction).collect(),
        };
        let segment = Arc::new(draft.seal(NETWORK, &self.params, &self.keys[at]).ok()?);
        let reference = segment.reference();
        self.written.push(segment.clone());
        self.insert(segment);
        Some(reference)
    }

    fn insert(&mut self, segment: Arc<Segment>) {
        let effects = self.view.insert(segment, self.time());
        self.take(effects);
    }

    fn take(&mut self, effects: Vec<LaneEffect>) {
        for effect in effects {
            match effect {
                LaneEffect::Ready(ready) => {
                    assert!(self.ready.insert(ready.reference.digest), "a segment is told as ready twice");
                }
                LaneEffect::Evidence(evidence) => {
                    verify_evidence(&evidence, &NETWORK).expect("evidence of a view proves something");
                    let Evidence::LaneEquivocation(pair) = evidence else {
                        panic!("lanes see segments only")
                    };
                    assert_eq!(pair[0].header.lane, self.ends[ATTACKER].lane, "an honest lane is accused");
                }
                LaneEffect::Fetch { .. } | LaneEffect::Dropped { .. } => {}
            }
        }
    }

    /// Builds a cut and decides it, as if all had agreed.
    fn decide(&mut self) {
        let Some(cut) = self.view.build_cut(&self.base, &[]) else { return };
        let judgement = Judgement { now: self.time(), round: Round::new(0), fresh: true };
        self.view.check_cut(&self.base, &cut, &[], judgement).expect("a view accepts its own cut");
        let content = self.view.content(&self.base, &cut).expect("and holds what it adds");
        for (lane, head) in content.lanes.iter().zip(cut.heads()) {
            let before = self.base.head(lane.lane);
            assert_eq!(lane.segments.len() as u64, head.seq.get() - before.seq.get());
            assert!(lane.segments.last().is_none_or(|last| last.reference() == *head));
        }
        let after = CutBase { height: self.base.height.next(), cut, ..self.base.clone() };
        let effects = self.view.decided(&after, self.time());
        self.base = after;
        self.take(effects);
    }
}

fn digest(input: &mut Unstructured) -> Result<SegmentDigest> {
    Ok(SegmentDigest::from_bytes([input.int_in_range(0..=7)?; 32]))
}
