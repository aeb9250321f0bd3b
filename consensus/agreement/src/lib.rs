//! Fairlane in Malachite's terms: what consensus agrees on, who proposes, what is signed, and what is an offence.
//!
//! Malachite's consensus core is generic; here is what it is given: heights, values, votes and proposals
//! ([`FairlaneContext`]), whose turn it is ([`ProposerSet`], [`Activity`]), the one way in which signatures are
//! verified ([`StrictVerifier`]), the part that carries a proposed value ([`ProposalPart`]), certificates in both
//! forms, evidence ([`Watch`], [`reported`]), what a lost or an old log of votes means ([`Memory`]), and the timeouts
//! ([`ConsensusTimeouts`]). Nodes and the simulation drive the core with the same ones.
//!
//! Invariants: all of it is a function of its arguments. Nothing that a peer sends makes a panic.
//!
//! Not its job: carrying out what the core demands, wire codecs, and holding votes back until they are safe to sign
//! (`fairlane-engine`).
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(
    any(test, feature = "testing"),
    allow(clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

mod activity;
mod certificate;
mod context;
mod doubt;
mod evidence;
mod message;
mod part;
mod proposers;
mod signing;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod timeouts;

pub use activity::Activity;
pub use certificate::{decided_certificate, extended_certificate};
pub use context::{
    Address, BlockHeight, BlockValue, FairlaneContext, domain_round, malachite_round, vote_type,
};
pub use doubt::{Memory, Told};
pub use evidence::{Watch, reported};
pub use message::{ProposalMessage, Vote};
pub use part::{MAX_PAYLOAD_BYTES, PartPlace, ProposalPart};
pub use proposers::{Member, ProposerSet};
pub use signing::{Ed25519, SignatureCheck, Strict, StrictVerifier};
pub use timeouts::ConsensusTimeouts;
