//! Light verification: what a rollup, a command line, a prover's guest or a browser needs to check everything that
//! a Fairlane node says, from a validator set alone.
//!
//! Parse, don't validate: each check makes a value that only the check can make. A [`VerifiedHeader`] was certified
//! by a quorum of a trusted set, a [`VerifiedHead`] stands in such a header's heads tree, a [`VerifiedBatch`] has
//! exactly the content that such a head commits to. Whoever takes one of them needs no second look.
//!
//! Invariants: pure functions of their arguments, no clock and no I/O; total on hostile input; every refusal is a
//! typed error that names the field and both values. Signatures are judged by the strict rule of
//! `fairlane_types::crypto` only.
//!
//! Not its job: fetching what is missing (the errors say what that is), or judging a cut or an order: that takes the
//! segments, and the quorum has done it (`docs/protocol.md`, "Batches and heads").
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

pub mod batch;
pub mod bundle;
pub mod certificate;
pub mod chain;
pub mod evidence;
pub mod header;
pub mod heads;
pub mod receipt;
pub mod sets;
pub mod verifier;

pub use batch::{BatchError, RangeError, VerifiedBatch, WireBatch, verify_batch, verify_range};
pub use bundle::{BundleError, BundleProof, ItemError, ItemProof, VerifiedBundle, VerifiedItem};
pub use certificate::{CertificateError, power_behind, verify_certificate};
pub use chain::{BatchChain, ChainError};
pub use evidence::{EvidenceError, verify_evidence};
pub use header::{LinkError, VerifiedHeader, check_link};
pub use heads::{HeadProofError, Standing, VerifiedHead, verify_head_proof};
pub use receipt::{BrokenReceiptError, MemberReceiptError, broken_receipt, verify_member_receipt};
pub use sets::{AdvanceError, FollowError, HeaderError, TrustedSets};
pub use verifier::Verifier;

#[cfg(test)]
mod fixture;
