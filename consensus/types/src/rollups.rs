//! Changes of the registered rollups, as a block carries them.

use crate::codec::{Decode, DecodeError, Encode, Reader, Writer};
use crate::crypto::{Domain, Hash32};
use crate::genesis::{MAX_ROLLUPS, RollupSpec};
use crate::ids::{GroupId, RollupId};
use std::collections::{BTreeMap, BTreeSet};

/// Which rollups a block registers, and which it closes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RollupChanges {
    opened: Vec<RollupSpec>,
    closed: Vec<RollupId>,
}

impl RollupChanges {
    /// These changes. A rollup that is registered and closed at once does not change.
    pub fn new(opened: &BTreeMap<RollupId, GroupId>, closed: &BTreeSet<RollupId>) -> Self {
        let stays_open = opened.iter().filter(|(id, _)| !closed.contains(*id));
        Self {
            opened: stays_open.map(|(&id, &group)| RollupSpec { id, group }).collect(),
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
