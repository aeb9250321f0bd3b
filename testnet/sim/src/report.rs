//! What came of a run.

use crate::invariants::Violation;
use fairlane_types::Hash32;
use std::collections::BTreeMap;

/// How often things happened, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    pub(crate) fn add(&mut self, name: &'static str, count: u64) {
        if count > 0 {
            *self.0.entry(name).or_default() += count;
        }
    }

    /// Adds another run's.
    pub fn merge(&mut self, other: &Self) {
        for (name, count) in &other.0 {
            self.add(name, *count);
        }
    }

    /// By name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(name, count)| (*name, *count))
    }
}

impl Report {
    /// A run that ended in a panic.
    pub(crate) fn panicked(seed: u64, what: String) -> Self {
        Self {
            seed,
            events: 0,
            hash: Hash32::ZERO,
            virtual_time: 0,
            blocks: 0,
            ordered: 0,
            counts: Counts::default(),
            violation: Some(Violation::new("nothing panics", 0, what)),
        }
    }
}

/// What came of one seed.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How many events there were.
    pub events: u64,
    /// The hash of all of them, in order.
    pub hash: Hash32,
    /// How long the run was, in nanoseconds of virtual time.
    pub virtual_time: u64,
    /// How many blocks were decided.
    pub blocks: u64,
    /// How many transactions were ordered.
    pub ordered: u64,
    /// Faults, and other things worth counting.
    pub counts: Counts,
    /// What was violated, if anything was.
    pub violation: Option<Violation>,
}
