//! The ordering groups of one element: a small sorted set, kept inline because there is one for each transaction.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use fairlane_types::GroupId;
use std::fmt;

/// How many ordering groups one element may belong to: as many as a bundle may have legs.
pub const MAX_GROUPS: usize = 8;

/// A sorted set of at most [`MAX_GROUPS`] ordering groups.
#[derive(Clone, Copy)]
pub struct Groups {
    len: u8,
    ids: [GroupId; MAX_GROUPS],
}

/// More than [`MAX_GROUPS`] distinct groups were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an element belongs to at most {MAX_GROUPS} ordering groups")]
pub struct TooManyGroups;

impl Groups {
    /// The set of `ids`, which may come in any order and repeat.
    pub fn new(ids: impl IntoIterator<Item = GroupId>) -> Result<Self, TooManyGroups> {
        let mut groups = Self::none();
        for id in ids {
            groups.insert(id)?;
        }
        Ok(groups)
    }

    /// The empty set.
    pub const fn none() -> Self {
        Self { len: 0, ids: [GroupId::ZERO; MAX_GROUPS] }
    }

    /// The set of one group.
    pub const fn one(id: GroupId) -> Self {
        Self { len: 1, ids: [id; MAX_GROUPS] }
    }

    fn insert(&mut self, id: GroupId) -> Result<(), TooManyGroups> {
        let Err(at) = self.as_slice().binary_search(&id) else { return Ok(()) };
        let len = usize::from(self.len);
        let slot = self.ids.get_mut(len).ok_or(TooManyGroups)?;
        *slot = id;
        self.len = self.len.saturating_add(1);
        if let Some(tail) = self.ids.get_mut(at..=len) {
            tail.rotate_right(1);
        }
        Ok(())
    }

    /// The groups, ascending.
    pub fn as_slice(&self) -> &[GroupId] {
        self.ids.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// Whether there is none: such an element is never ordered.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl PartialEq for Groups {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Groups {}

impl fmt::Debug for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.as_slice()).finish()
    }
}
