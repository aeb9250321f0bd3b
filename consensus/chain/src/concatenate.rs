//! Lane concatenation instead of the fair order: for benches only.
//!
//! Each lane's own transactions stand in lane order, one lane after another, and are ordered in the block that
//! decides them. It shows what fairness costs, and gives nobody any fairness. A build with this feature takes only
//! networks whose names say so, and the binary `fairlane` does not compile with it.

use fairlane_ordering::{
    Component, Emitted, LaneAppend, Ordered, OrderedTx, OrderingParams, PowersError, quorums_of,
};
use fairlane_types::{Decode, DecodeError, Encode, Hash32, Reader, Timestamp, TxId, VotingPower, Writer};
use std::collections::HashSet;

/// The rule that this build orders by.
pub const ORDERING: &str = "concatenate";

/// Whether a reference places what it refers to in the lane that refers.
pub(crate) const REFERENCES_PLACE: bool = false;

/// The rule's state: what chain time follows from.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    lanes: Vec<(VotingPower, Timestamp)>,
    quorum: u64,
    expiry_bound: u64,
    clock: Timestamp,
}

impl Rule {
    pub(crate) fn new(powers: &[VotingPower], params: OrderingParams) -> Result<Self, PowersError> {
        Ok(Self {
            lanes: powers.iter().map(|power| (*power, Timestamp::ZERO)).collect(),
            quorum: quorums_of(powers)?.quorum,
            expiry_bound: params.expiry_bound,
            clock: Timestamp::ZERO,
        })
    }

    pub(crate) fn step(&mut self, appends: &[LaneAppend], emitted: &dyn Emitted, _salt: &Hash32) -> Ordered {
        self.advance_clock(appends);
        let latest = self.clock.saturating_add(self.expiry_bound);
        let mut seen = HashSet::new();
        let mut components = Vec::new();
        for placed in appends.iter().flat_map(|append| &append.runs) {
            for tx in placed.run.txs() {
                let in_time = self.clock < tx.expires_at && tx.expires_at <= latest;
                if in_time && !emitted.contains(&tx.id) && seen.insert(tx.id) {
                    let time = placed.time;
                    let ordered = OrderedTx { id: tx.id, key: time, lo: time, hi: time };
                    components.push(Component { txs: vec![ordered] });
                }
            }
        }
        Ordered { clock: self.clock, omega: self.clock, components, ..Ordered::default() }
    }

    /// See [`fairlane_ordering::Engine::change_powers`].
    pub(crate) fn change_powers(
        &mut self,
        powers: &[VotingPower],
        from_old: &[Option<usize>],
    ) -> Result<(), PowersError> {
        self.quorum = quorums_of(powers)?.quorum;
        let time = |old: &Option<usize>| old.and_then(|at| self.lanes.get(at)).map(|(_, time)| *time);
        self.lanes = powers
            .iter()
            .zip(from_old)
            .map(|(power, old)| (*power, time(old).unwrap_or(Timestamp::ZERO)))
            .collect();
        Ok(())
    }

    /// The largest time that lanes of a quorum have reached.
    fn advance_clock(&mut self, appends: &[LaneAppend]) {
        for append in appends {
            let lane = self.lanes.get_mut(append.lane);
            if let (Some((_, head)), Some(time)) = (lane, append.head_time) {
                *head = time.max(*head);
            }
        }
        let mut heads = self.lanes.clone();
        heads.sort_by_key(|(_, head)| std::cmp::Reverse(*head));
        let mut power = 0u64;
        for (of_lane, head) in heads {
            power = power.saturating_add(of_lane.get());
            if power >= self.quorum {
                self.clock = self.clock.max(head);
                return;
            }
        }
    }

    /// Nothing waits.
    pub(crate) fn live_ids(&self) -> impl Iterator<Item = TxId> + '_ {
        std::iter::empty()
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut bytes = Writer::new();
        self.clock.encode(&mut bytes);
        bytes.u64(self.quorum);
        bytes.u64(self.expiry_bound);
        for (power, head) in &self.lanes {
            power.encode(&mut bytes);
            head.encode(&mut bytes);
        }
        out.extend_from_slice(bytes.as_slice());
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes.to_vec());
        let (clock, quorum, expiry_bound) =
            (Decode::decode(&mut input)?, input.take_u64()?, input.take_u64()?);
        let mut lanes = Vec::new();
        while input.remaining() > 0 {
            lanes.push((Decode::decode(&mut input)?, Decode::decode(&mut input)?));
        }
        Ok(Self { lanes, quorum, expiry_bound, clock })
    }
}
