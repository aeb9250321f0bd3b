//! What a proof says, and the one public input that stands for it.
//!
//! The settlement contract puts the same bytes together from its own storage and the transaction, so that a proof can only
//! be used where all of it is true.

use crate::field::{self, Field};
use crate::keys::Context;
use crate::state::Deposit;
use fairlane_types::RollupHead;
use sha2::{Digest, Sha256};

/// What the bytes begin with.
pub(crate) const DOMAIN: &[u8; 15] = b"FAIRLANE-ZKR-v1";
/// Bits of the hash that the public input has: as many as fit the field.
pub(crate) const INPUT_BITS: usize = 253;

/// A place in the rollup's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Behind a whole batch.
    Head(RollupHead),
    /// Inside a batch that is too large for one proof: the commitment to how far it was read.
    Inside(Field),
}

impl Position {
    /// Whether this is inside a batch.
    pub fn is_inside(&self) -> bool {
        matches!(self, Self::Inside(_))
    }

    /// The head, or the commitment's encoding.
    pub fn to_bytes(&self) -> [u8; 32] {
        match self {
            Self::Head(head) => *head.as_bytes(),
            Self::Inside(commitment) => field::to_bytes(commitment),
        }
    }
}

/// That deposits, and what a batch says between two places, lead from one state to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Network and rollup.
    pub context: Context,
    /// How many items of the batch were begun before.
    pub first: u32,
    /// Which of the items that begin here are withdrawals that took place: bit i is item `first + i`.
    pub withdrawals: u64,
    /// Root of the accounts before.
    pub old_root: Field,
    /// Root of the accounts after.
    pub new_root: Field,
    /// Where this begins.
    pub old_position: Position,
    /// Where this ends.
    pub new_position: Position,
    /// Deposits that are taken in before anything else, as many as the circuit has room for. Zeros stand for none.
    pub deposits: Vec<Deposit>,
}

impl Statement {
    /// Flags: the places that are inside a batch.
    pub(crate) fn flags(&self) -> u8 {
        u8::from(self.old_position.is_inside()) | u8::from(self.new_position.is_inside()) << 1
    }

    /// All of it, as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = DOMAIN.to_vec();
        bytes.push(self.flags());
        bytes.extend(self.context.network.as_bytes());
        bytes.extend(self.context.rollup.get().to_be_bytes());
        bytes.extend(self.first.to_be_bytes());
        bytes.extend(self.withdrawals.to_be_bytes());
        bytes.extend(field::to_bytes(&self.old_root));
        bytes.extend(field::to_bytes(&self.new_root));
        bytes.extend(self.old_position.to_bytes());
        bytes.extend(self.new_position.to_bytes());
        for deposit in &self.deposits {
            bytes.extend(deposit.account.to_be_bytes());
            bytes.extend(field::to_bytes(&deposit.key.x));
            bytes.extend(field::to_bytes(&deposit.key.y));
            bytes.extend(deposit.amount.to_be_bytes());
        }
        bytes
    }

    /// The first 253 bits of the bytes' SHA-256.
    pub fn public_input(&self) -> Field {
        let mut hash: [u8; 32] = Sha256::digest(self.to_bytes()).into();
        let mut carry = 0;
        for byte in &mut hash {
            (*byte, carry) = (*byte >> 3 | carry, *byte << 5);
        }
        field::from_number(&hash)
    }
}
