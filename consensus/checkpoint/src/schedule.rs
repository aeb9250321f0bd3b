//! Which blocks get a checkpoint (`docs/protocol.md`, "Checkpoints").
//!
//! The rule looks at nothing but the checkpoint itself. So all validators sign for the same heights without agreeing on
//! anything, and whoever receives a signature sees at once whether there should be one.

use fairlane_types::checkpoint::Checkpoint;

/// Every so many blocks one gets a checkpoint.
pub const INTERVAL: u64 = 16;

/// Whether the block of a checkpoint gets one: one block in [`INTERVAL`] does, and the last block that a set decides.
#[must_use]
pub fn is_due(checkpoint: &Checkpoint) -> bool {
    let is_last_of_its_set = checkpoint.validators_hash != checkpoint.next_validators_hash;
    checkpoint.height.get().is_multiple_of(INTERVAL) || is_last_of_its_set
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::checkpoint;
    use fairlane_types::Hash32;

    #[test]
    fn one_in_so_many_is_due_and_the_last_of_a_set() {
        let due: Vec<u64> = (1..=40).filter(|height| is_due(&checkpoint(*height, 1))).collect();
        assert_eq!(due, [16, 32]);
        let last = Checkpoint { next_validators_hash: Hash32::from_bytes([9; 32]), ..checkpoint(17, 1) };
        assert!(is_due(&last));
    }
}
