//! Checkpoints: BLS keys and signatures on BLS12-381, what a quorum's sum is worth, and how it is collected.
//!
//! It is the Rust half of the contract `SequencerLightClient`: both accept the same (`docs/protocol.md`, "Checkpoints"), which
//! `tests/vectors.rs` holds against signatures that a third implementation made. It stands apart from `fairlane-verify`,
//! because the curve's arithmetic is a C library, which is nothing for a prover's guest or a browser.
//!
//! Invariants: pure functions and state machines, no clock and no I/O; total on hostile input; every refusal is typed. A
//! [`PublicKey`] is a point of the subgroup and not neutral, whoever made it. Keys of a set have proven possession when they
//! were registered on Ethereum: without that, sums of signatures prove nothing.
//!
//! Not its job: reading keys from Ethereum (`fairlane-l1`), gossip, and knowing which blocks are final.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

pub mod collect;
pub mod keys;
pub mod schedule;
pub mod set;
pub mod verify;

pub use collect::{Collector, Effect, Refusal};
pub use keys::{InvalidPoint, PublicKey, SecretKey, SecretKeyError, sum_signatures};
pub use schedule::is_due;
pub use set::{CheckpointSet, CheckpointSetError};
pub use verify::{CheckpointError, verify_certificate, verify_conflict, verify_signed};

#[cfg(test)]
mod testing;
