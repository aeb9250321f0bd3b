//! The tree of accounts: 16,384 leaves, four children to a node, seven levels. Empty parts are not stored.

use crate::field::Field;
use crate::poseidon::{self, Purpose};
use std::collections::BTreeMap;

/// Children of a node.
pub(crate) const ARITY: usize = 4;
/// Levels of nodes above the leaves.
pub(crate) const DEPTH: usize = 7;

/// Accounts that there are.
pub(crate) const ACCOUNTS: u32 = (ARITY as u32).pow(DEPTH as u32);

/// A leaf's siblings on each level, from the leaf up, in the order of their places.
pub(crate) type Path = [[Field; ARITY - 1]; DEPTH];

/// A tree with all leaves, most of them alike.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    /// What stands on each level where nothing was set, from the leaves up to the root.
    empty: [Field; DEPTH + 1],
    /// What was set, on each level, from the leaves up to the root.
    levels: [BTreeMap<u32, Field>; DEPTH + 1],
}

impl Tree {
    /// A tree with the same leaf everywhere.
    pub(crate) fn new(leaf: Field) -> Self {
        let mut empty = [leaf; DEPTH + 1];
        for level in 0..DEPTH {
            empty[level + 1] = node(&[empty[level]; ARITY]);
        }
        Self { empty, levels: Default::default() }
    }

    pub(crate) fn root(&self) -> Field {
        self.at(DEPTH, 0)
    }

    pub(crate) fn set(&mut self, place: u32, leaf: Field) {
        let mut place = place % ACCOUNTS;
        self.levels[0].insert(place, leaf);
        for level in 0..DEPTH {
            place /= ARITY as u32;
            let children = std::array::from_fn(|child| self.at(level, place * ARITY as u32 + child as u32));
            self.levels[level + 1].insert(place, node(&children));
        }
    }

    pub(crate) fn path(&self, place: u32) -> Path {
        let mut place = place % ACCOUNTS;
        std::array::from_fn(|level| {
            let (first, own) = (place - place % ARITY as u32, place % ARITY as u32);
            place /= ARITY as u32;
            std::array::from_fn(|sibling| {
                let sibling = sibling as u32;
                self.at(level, first + sibling + u32::from(sibling >= own))
            })
        })
    }

    fn at(&self, level: usize, place: u32) -> Field {
        self.levels[level].get(&place).copied().unwrap_or(self.empty[level])
    }
}

fn node(children: &[Field; ARITY]) -> Field {
    poseidon::hash(Purpose::Node, children)
}
