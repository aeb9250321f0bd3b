//! The rollups that a network orders for, and their changes, as a block carries them.

use crate::codec::{Decode, DecodeError, Encode, Reader, Writer};
use crate::crypto::{Domain, Hash32};
use crate::ids::{GroupId, RollupId};
use crate::transaction::{Leg, Transaction};
use std::collections::{BTreeMap, BTreeSet};

/// The most rollups that genesis can register, and the most that the registry on Ethereum can.
pub const MAX_ROLLUPS: usize = 65_536;

/// What is ordered for a rollup, and with what. Fixed for ever when it is registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RollupRules {
    /// The ordering group whose transactions are compared with its own.
    pub group: GroupId,
    /// How many bytes the payload of every leg has; 0: any number. A circuit with slots of one size need not read others.
    pub leg_bytes: u32,
}

impl RollupRules {
    /// Any payload, in an ordering group.
    pub const fn new(group: GroupId) -> Self {
        Self { group, leg_bytes: 0 }
    }

    /// Whether such a leg is ordered for the rollup.
    pub fn admit(&self, leg: &Leg) -> bool {
        self.leg_bytes == 0 || leg.payload.len() == self.leg_bytes as usize
    }
}

/// A rollup as genesis, a block and the registry on Ethereum name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollupSpec {
    /// Its id.
    pub id: RollupId,
    /// What is ordered for it.
    pub rules: RollupRules,
}

impl RollupSpec {
    /// Bytes of the encoding.
    pub const BYTES: usize = 8 + 4 + 4;

    /// A rollup that takes any payload, in an ordering group.
    pub const fn new(id: RollupId, group: GroupId) -> Self {
        Self { id, rules: RollupRules::new(group) }
    }
}

impl Encode for RollupSpec {
    fn encode(&self, out: &mut Writer) {
        self.id.encode(out);
        self.rules.group.encode(out);
        out.u32(self.rules.leg_bytes);
    }
}

impl Decode for RollupSpec {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        let id = Decode::decode(input)?;
        let rules = RollupRules { group: Decode::decode(input)?, leg_bytes: input.take_u32()? };
        Ok(Self { id, rules })
    }
}

/// The rollups that are ordered for.
pub type RollupTable = BTreeMap<RollupId, RollupRules>;

/// The ordering group of each leg of a transaction; `None` for a leg that is not ordered: nothing is ordered for its
/// rollup, or it breaks the rollup's rules.
pub fn groups_of<'a>(
    transaction: &'a Transaction,
    rollups: &'a RollupTable,
) -> impl Iterator<Item = Option<GroupId>> + 'a {
    transaction.legs().iter().map(|leg| {
        let rules = rollups.get(&leg.rollup)?;
        rules.admit(leg).then_some(rules.group)
    })
}

/// Which rollups a block registers, and which it closes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RollupChanges {
    opened: Vec<RollupSpec>,
    closed: Vec<RollupId>,
}

impl RollupChanges {
    /// These changes. A rollup that is registered and closed at once does not change.
    pub fn new(opened: &RollupTable, closed: &BTreeSet<RollupId>) -> Self {
        let stays_open = opened.iter().filter(|(id, _)| !closed.contains(*id));
        Self {
            opened: stays_open.map(|(&id, &rules)| RollupSpec { id, rules }).collect(),
            closed: closed.iter().filter(|id| !opened.contains_key(*id)).copied().collect(),
        }
    }

    fn from_sorted(opened: Vec<RollupSpec>, closed: Vec<RollupId>) -> Result<Self, DecodeError> {
        let invalid = |why| Err(DecodeError::Invalid { what: "rollup changes", why });
        let ascends = |ids: &[RollupId]| ids.iter().zip(ids.iter().skip(1)).all(|(a, b)| a < b);
        let ids: Vec<RollupId> = opened.iter().map(|rollup| rollup.id).collect();
        if ids.len() > MAX_ROLLUPS || closed.len() > MAX_ROLLUPS {
            return invalid("there are more than 65536");
        }
        if !ascends(&ids) || !ascends(&closed) {
            return invalid("they must be sorted by id, each once");
        }
        if closed.iter().any(|id| ids.binary_search(id).is_ok()) {
            return invalid("a rollup is registered and closed at once");
        }
        Ok(Self { opened, closed })
    }

    /// The rollups that are registered, sorted by id.
    pub fn opened(&self) -> &[RollupSpec] {
        &self.opened
    }

    /// The rollups that are closed, sorted by id.
    pub fn closed(&self) -> &[RollupId] {
        &self.closed
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.opened.is_empty() && self.closed.is_empty()
    }

    /// The hash that headers carry.
    pub fn root(&self) -> Hash32 {
        Domain::ROLLUPS.hash(&[&self.to_bytes()])
    }
}

impl Encode for RollupChanges {
    fn encode(&self, out: &mut Writer) {
        out.list(&self.opened);
        out.list(&self.closed);
    }
}

impl Decode for RollupChanges {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        let opened = input.list("registered rollups", MAX_ROLLUPS, RollupSpec::BYTES)?;
        let closed = input.list("closed rollups", MAX_ROLLUPS, 8)?;
        Self::from_sorted(opened, closed)
    }
}

#[cfg(test)]
#[path = "rollups_tests.rs"]
mod tests;
