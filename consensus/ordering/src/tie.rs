//! The tie-break between equal keys.

use fairlane_types::crypto::sha256;
use fairlane_types::{Hash32, TxId};

/// How transactions with equal keys are ranked.
#[derive(Clone, Copy, Debug)]
pub enum TieBreak<'a> {
    /// By SHA-256(salt, id). The salt is the parent block's hash, so that nobody can choose an id that wins.
    Salted(&'a Hash32),
    /// By id, which is what the test vectors use.
    ById,
}

impl TieBreak<'_> {
    /// What to sort by where keys are equal.
    pub(crate) fn rank(&self, id: &TxId) -> [u8; 32] {
        match self {
            Self::Salted(salt) => *sha256(&[salt.as_bytes(), id.as_bytes()]).as_bytes(),
            Self::ById => *id.as_bytes(),
        }
    }
}
