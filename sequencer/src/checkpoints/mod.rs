//! Checkpoints in the node: what validators sign for Ethereum about finalized blocks (docs/protocol.md, "Checkpoints").
//!
//! A block that gets a checkpoint is signed with the checkpoint key once it is finalized, away from consensus, which never
//! waits for it. Signatures travel by gossip; every node that looks at Ethereum, where the validators' keys are, collects
//! them, keeps the certificates and serves them. Two checkpoints of one height by one validator go to the pool of evidence.
//!
//! [`CheckpointBook`] is what is on disk, the core judges and counts, [`run`] is the loop around it.
//!
//! Invariants: of one height at most one checkpoint is ever signed, and it is on disk before its signature leaves; nothing
//! below is signed after; what is served was verified; memory is bounded by members times open heights.
//!
//! Not its job: relaying to Ethereum (`crate::relayer`), submitting evidence (`crate::l1`).

mod book;
mod core;
mod service;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use book::{CheckpointBook, SigningVerdict};
pub use core::Signer;
pub use service::{CheckpointParts, KeySource, run};
