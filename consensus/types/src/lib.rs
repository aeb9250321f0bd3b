//! The domain types of Fairlane: identifiers, transactions, segments, cuts, headers, batches, certificates and
//! evidence, each with exactly one canonical encoding.
//!
//! Everything that is hashed or signed in the protocol is hashed or signed here and nowhere else, so that a second
//! implementation (a client, a circuit, a contract) has one place to compare with. `docs/protocol.md` gives the
//! same encodings byte by byte, and `vectors/` pins them.
//!
//! Invariants: a value of a type in this crate is well formed (constructors and decoders check); decoding is total
//! on hostile input and allocates no more than the input's length; encoding a decoded value gives the same bytes.
//!
//! Not its job: judging values against a chain's state (`fairlane-lanes`, `fairlane-chain`), or anything with I/O.
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
pub mod block;
pub mod certificate;
pub mod checkpoint;
pub mod codec;
pub mod crypto;
pub mod cut;
pub mod evidence;
pub mod genesis;
pub mod heads;
pub mod ids;
pub mod merkle;
pub mod params;
pub mod receipt;
pub mod rollups;
pub mod segment;
#[cfg(feature = "testing")]
#[allow(clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "for tests")]
pub mod testing;
pub mod transaction;
pub mod validator;
pub mod vote;

pub use batch::{Batch, BatchHeader, BatchItem, ItemKind};
pub use block::{BlockHeader, L1Anchor, Proposal};
pub use certificate::{CommitCertificate, CommitSignature};
pub use checkpoint::{
    Checkpoint, CheckpointCertificate, CheckpointConflict, CheckpointPublicKey, CheckpointSignature,
    SignedCheckpoint, Signers,
};
pub use codec::{Decode, DecodeError, Encode, Reader, Writer};
pub use crypto::{Domain, Hash32, Signature, SigningKey};
pub use cut::{Cut, SegmentRef};
pub use evidence::Evidence;
pub use genesis::Genesis;
pub use heads::{HeadLeaf, HeadPath, HeadProof, HeadsTree};
pub use ids::{
    BatchIndex, BlockId, GroupId, Height, Incarnation, LaneId, LaneSeq, NetworkId, RollupHead, RollupId,
    Round, SegmentDigest, Timestamp, TxId, ValidatorId, VotingPower,
};
pub use params::ProtocolParams;
pub use receipt::Receipt;
pub use rollups::{RollupChanges, RollupRules, RollupSpec, RollupTable};
pub use segment::{Event, Segment, SegmentDraft, SegmentError, SegmentHeader};
pub use transaction::{Leg, Transaction, TransactionError};
pub use validator::{Quorums, Validator, ValidatorSet, ValidatorSetError};
pub use vote::{SignedProposal, SignedVote, VoteKind};

#[cfg(test)]
mod decoding_tests;
