//! Hashing for tables whose keys are transaction ids.
//!
//! Ids are SHA-256 hashes, so mixing sixteen of their bytes is enough; but clients can grind ids, so the mix is
//! keyed per table. The key comes from the standard library's random state and only places entries inside a table:
//! no result depends on it.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Builds [`IdHasher`]s that share one key.
#[derive(Clone, Debug)]
pub(crate) struct IdHash {
    key: u64,
}

impl Default for IdHash {
    fn default() -> Self {
        Self { key: RandomState::new().build_hasher().finish() }
    }
}

impl BuildHasher for IdHash {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher { state: self.key }
    }
}

/// Hashes one 32-byte id.
pub(crate) struct IdHasher {
    state: u64,
}

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.state
    }

    fn write(&mut self, bytes: &[u8]) {
        let half = |at: usize| {
            let chunk = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>());
            chunk.map_or(0, |chunk| u64::from_le_bytes(*chunk))
        };
        let left = u128::from(half(0) ^ self.state);
        let right = u128::from(half(8) ^ self.state.rotate_left(32) | 1);
        let product = left.wrapping_mul(right);
        self.state = (product >> 64) as u64 ^ product as u64;
    }

    /// The length that precedes an array's bytes: all keys have the same.
    fn write_usize(&mut self, _: usize) {}
}
