//! Validators that lie, within what a signature lets anybody say.
//!
//! A villain runs the honest code and bends what leaves it: its lane (variants, order of receipt, time, what it
//! acknowledges), whom it shows what, its votes, and its proposals. All it signs is really signed, and what it shows
//! is well formed: garbage is refused by decoders, which have tests of their own.

mod votes;

use crate::disk::Write;
use crate::node::Node;
use crate::observe::Observed;
use crate::setup::MS;
use crate::wire::{Message, Part};
use arc_malachitebft_core_types::SignedProposal;
use bytes::Bytes;
use fairlane_agreement::{Address, BlockHeight, BlockValue, ProposalMessage, malachite_round};
use fairlane_chain::{BlockInput, prepare};
use fairlane_types::{
    Cut, Event, Hash32, L1Anchor, LaneSeq, Leg, Proposal, RollupId, Round, Segment, SegmentDigest,
    SegmentDraft, Timestamp, Transaction, ValidatorSet,
};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::Arc;

/// In which order a villain says that it received things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// As it did.
    Honest,
    /// The other way round.
    Reversed,
    /// In random order.
    Random,
    /// Its own transactions first.
    OwnFirst,
    /// It acknowledges nobody.
    Deaf,
}

/// What a villain does.
#[derive(Clone, Debug)]
pub struct Vices {
    /// From when on it writes two variants of its lane, in nanoseconds of virtual time.
    pub equivocates_from: Option<u64>,
    /// The order that it reports.
    pub report: Report,
    /// By how much its segments lie about time, in nanoseconds.
    pub time_lie: i64,
    /// In per cent: segments that it keeps from a validator, and requests that it does not answer.
    pub withholds: u8,
    /// In per cent: votes that it contradicts.
    pub double_votes: u8,
    /// In per cent: turns in which its proposal is false, or missing.
    pub false_proposals: u8,
}

/// A lying validator's memory.
pub(crate) struct Villain {
    vices: Vices,
    random: ChaCha8Rng,
    /// The ends of the two variants of its lane; equal as long as there is one.
    tips: [SegmentDigest; 2],
}

impl Villain {
    pub(crate) fn new(vices: Vices, random: ChaCha8Rng) -> Self {
        Self { vices, random, tips: [SegmentDigest::ZERO; 2] }
    }

    fn percent(&mut self, chance: u8) -> bool {
        self.random.gen_range(0..100u8) < chance
    }

    pub(crate) fn withholds_answer(&mut self) -> bool {
        self.percent(self.vices.withholds)
    }

    /// Bends the order of events. Times stay where they were: a segment's ages must not increase.
    fn bend(&mut self, draft: &mut SegmentDraft) {
        let ages: Vec<u64> = draft.events.iter().map(Event::age).collect();
        match self.vices.report {
            Report::Honest => {}
            Report::Reversed => {
                draft.events.reverse();
                draft.transactions.reverse();
            }
            Report::Random => {
                shuffle(&mut draft.events, &mut self.random);
                shuffle(&mut draft.transactions, &mut self.random);
            }
            Report::OwnFirst => draft.events.sort_by_key(|event| matches!(event, Event::Peer { .. })),
            Report::Deaf => draft.events.retain(|event| matches!(event, Event::Own { .. })),
        }
        for (event, at) in draft.events.iter_mut().zip(ages) {
            match event {
                Event::Own { age, .. } | Event::Peer { age, .. } => *age = at,
            }
        }
        let time = draft.timestamp.as_nanos().saturating_add_signed(self.vices.time_lie);
        draft.timestamp = Timestamp::from_nanos(time);
    }
}

fn shuffle<T>(items: &mut [T], random: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, random.gen_range(0..=last as u64) as usize);
    }
}

impl Node {
    /// Shows the own segment to the others: as it is, or as a villain has it. Gives what was shown.
    pub(crate) fn show(&mut self, segment: &Arc<Segment>) -> Arc<Segment> {
        let Some(mut villain) = self.villain.take() else {
            self.shell.broadcast(Message::Segments(vec![segment.clone()]));
            return segment.clone();
        };
        let shown = self.variants(segment, &mut villain);
        for to in (0..self.setup.count()).filter(|to| *to != self.me) {
            let chance = villain.vices.withholds;
            if !villain.percent(chance) {
                self.shell.send(to, Message::Segments(vec![shown[to % 2].clone()]));
            }
        }
        self.villain = Some(villain);
        let [first, _] = shown;
        first
    }

    /// What a villain makes of an honest segment.
    fn variants(&mut self, segment: &Arc<Segment>, villain: &mut Villain) -> [Arc<Segment>; 2] {
        let header = segment.header();
        if header.seq == LaneSeq::ZERO.next() {
            villain.tips = [SegmentDigest::ZERO; 2];
        }
        let mut draft = SegmentDraft {
            lane: header.lane,
            seq: header.seq,
            parent: villain.tips[0],
            timestamp: header.timestamp,
            events: segment.events().to_vec(),
            transactions: segment.transactions().to_vec(),
        };
        villain.bend(&mut draft);
        let mut rival = draft.clone();
        rival.parent = villain.tips[1];
        let first = self.sign(draft);
        let equivocates = villain.vices.equivocates_from.is_some_and(|from| self.shell.now >= from);
        let second = if equivocates {
            rival.events.push(Event::Own { count: 1, age: 0 });
            rival.transactions.push(self.rival_transaction(header.seq));
            self.sign(rival)
        } else {
            first.clone()
        };
        villain.tips = [first.digest(), second.digest()];
        [first, second]
    }

    fn rival_transaction(&self, seq: LaneSeq) -> Transaction {
        let mut salt = [0xee; 16];
        salt[..8].copy_from_slice(&seq.get().to_be_bytes());
        let leg = Leg { rollup: RollupId::new(1), payload: Bytes::from_static(b"rival") };
        let expires = self.chain.time().saturating_add(500 * MS);
        Transaction::new(vec![leg], expires, salt).expect("one short leg makes a transaction")
    }

    fn sign(&mut self, draft: SegmentDraft) -> Arc<Segment> {
        let key = &self.setup.keys[self.me];
        let segment = draft.seal(self.setup.network, &self.setup.params, key);
        let segment = Arc::new(segment.expect("a bent draft keeps the limits of the one it was made from"));
        self.shell.write(Write::Segment(segment.clone()));
        segment
    }

    /// A villain's turn to propose. Says whether it made use of it.
    pub(crate) fn propose_falsely(&mut self, round: Round, input: &BlockInput) -> bool {
        let Some(mut villain) = self.villain.take() else { return false };
        let chance = villain.vices.false_proposals;
        let lies = villain.percent(chance);
        if lies {
            match villain.random.gen_range(0..6u8) {
                0 => {}
                1 => self.propose_misordered(round, input, &mut villain),
                2 => self.propose_without(round, input, &mut villain, false),
                3 => self.propose_without(round, input, &mut villain, true),
                4 => self.propose_anchored(round, input, &mut villain),
                _ => self.propose_twice(round, input, &mut villain),
            }
        }
        self.villain = Some(villain);
        lies
    }

    /// The right cut under a header that does not follow from it.
    fn propose_misordered(&mut self, round: Round, input: &BlockInput, villain: &mut Villain) {
        let Ok(prepared) = prepare(&self.chain, input.clone()) else { return };
        let mut proposal = prepared.proposal;
        match villain.random.gen_range(0..4u8) {
            0 => proposal.header.heads_root = proposal.header.state_root,
            1 => proposal.header.state_root = proposal.header.heads_root,
            2 => proposal.header.time = proposal.header.time.saturating_add(1),
            _ => proposal.header.ordered_count = proposal.header.ordered_count.wrapping_add(1),
        }
        self.put_forward(round, Arc::new(proposal));
    }

    /// The right cut under an anchor that nobody saw, or not yet, with a set that Ethereum has not fixed, or not yet.
    fn propose_anchored(&mut self, round: Round, input: &BlockInput, villain: &mut Villain) {
        let last = self.base.l1_anchor;
        let epoch = self.setup.epoch_after(&last);
        let number = last.number + 1;
        let mut anchor = L1Anchor { number, hash: Hash32::from_bytes([0xee; 32]) };
        let others =
            self.base.validators.members().iter().filter(|it| it.id != self.setup.validator(self.me));
        let mut next = ValidatorSet::new(others.copied().collect()).ok();
        match (villain.random.gen_range(0..4u8), epoch) {
            (0, Some(epoch)) => (anchor, next) = (epoch.anchor, Some(epoch.set.clone())),
            (1, Some(epoch)) => anchor = epoch.anchor,
            (2, Some(epoch)) => (anchor, next) = (epoch.anchor, None),
            _ => {}
        }
        let next_validators = next.filter(|next| *next != self.base.validators);
        let input = BlockInput { l1_anchor: anchor, next_validators, ..input.clone() };
        if let Ok(prepared) = prepare(&self.chain, input) {
            self.put_forward(round, Arc::new(prepared.proposal));
        }
    }

    /// A cut that leaves out a lane's newest segments; with `closed` also whatever builds on them.
    fn propose_without(&mut self, round: Round, input: &BlockInput, villain: &mut Villain, closed: bool) {
        if let Some(proposal) = self.leaving_out(input, villain, closed) {
            self.put_forward(round, proposal);
        }
    }

    fn leaving_out(&self, input: &BlockInput, villain: &mut Villain, closed: bool) -> Option<Arc<Proposal>> {
        let victim = villain.random.gen_range(0..input.content.lanes.len() as u64) as usize;
        let mut content = input.content.clone();
        content.lanes.get_mut(victim)?.segments.clear();
        loop {
            let heads: BTreeMap<_, _> = content
                .lanes
                .iter()
                .map(|lane| {
                    (lane.lane, lane.segments.last().map_or(self.base.head(lane.lane), |at| at.reference()))
                })
                .collect();
            let reaches = |event: &Event| match event {
                Event::Peer { segment, .. } => {
                    heads.get(&segment.lane).is_none_or(|head| segment.seq <= head.seq)
                }
                Event::Own { .. } => true,
            };
            let mut lowered = false;
            for lane in content.lanes.iter_mut().filter(|_| closed) {
                let kept =
                    lane.segments.iter().take_while(|segment| segment.events().iter().all(reaches)).count();
                lowered |= kept < lane.segments.len();
                lane.segments.truncate(kept);
            }
            if !lowered {
                let cut = Cut::new(heads.into_values().collect()).ok()?;
                let input = BlockInput { cut, content, ..input.clone() };
                return prepare(&self.chain, input).ok().map(|prepared| Arc::new(prepared.proposal));
            }
        }
    }

    /// One proposal to some, another to the rest.
    fn propose_twice(&mut self, round: Round, input: &BlockInput, villain: &mut Villain) {
        let honest = prepare(&self.chain, input.clone()).ok().map(|prepared| Arc::new(prepared.proposal));
        let other = self.leaving_out(input, villain, true);
        let (Some(one), Some(other)) = (honest, other) else { return };
        self.shell.tell(Observed::Proposed(one.id()));
        self.shell.tell(Observed::Proposed(other.id()));
        let me = self.me;
        for to in (0..self.setup.count()).filter(|to| *to != me) {
            let shown = if to % 2 == 0 { &one } else { &other };
            self.send_proposal(to, round, shown);
        }
    }

    fn send_proposal(&mut self, to: usize, round: Round, proposal: &Arc<Proposal>) {
        let height = proposal.header.height;
        let proposer = self.setup.validator(self.me);
        let part = Part { height, round, valid_round: None, proposer, proposal: proposal.clone() };
        let message = ProposalMessage {
            height: BlockHeight(height),
            round: malachite_round(Some(round)),
            value: BlockValue(proposal.id()),
            pol_round: malachite_round(None),
            proposer: Address(proposer),
        };
        let signature = self.setup.sign(self.me, message.sign_bytes(&self.setup.network));
        self.shell.send(to, Message::Part(part));
        self.shell.send(to, Message::Proposal(SignedProposal::new(message, signature)));
    }
}
