//! Hashing for the two tables that every placed entry goes through. Both are looked up and never iterated.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Hashes eight bytes of a key with a seed of this process's own: ids are SHA-256, so eight of their bytes are
/// uniform, and without the seed somebody could grind ids that meet in one bucket. No result depends on it.
#[derive(Clone, Copy)]
pub(crate) struct FastHash {
    seed: u64,
}

impl Default for FastHash {
    fn default() -> Self {
        Self { seed: RandomState::new().hash_one(0u64) }
    }
}

impl BuildHasher for FastHash {
    type Hasher = FastHasher;
    fn build_hasher(&self) -> FastHasher {
        FastHasher { state: self.seed }
    }
}

/// See [`FastHash`].
pub(crate) struct FastHasher {
    state: u64,
}

impl Hasher for FastHasher {
    fn finish(&self) -> u64 {
        self.state
    }

    fn write(&mut self, bytes: &[u8]) {
        self.write_u64(bytes.first_chunk::<8>().map_or(0, |chunk| u64::from_le_bytes(*chunk)));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        // A folded multiplication: every bit of the value and of the seed reaches both ends of the result.
        let product = u128::from(self.state ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        self.state = (product as u64) ^ ((product >> 64) as u64);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
}
