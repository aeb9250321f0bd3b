//! Lanes and cuts: what a validator writes into its lane, what it holds of the others', which cut it proposes and
//! which cuts it accepts. `docs/protocol.md`, "Lanes" and "Cuts", is the rule that this crate implements.
//!
//! - [`LaneWriter`] turns what a validator receives into drafts of its own segments, under flow control.
//! - [`LaneView`] holds the segments of all lanes as far as they are not decided, tells which of them are *ready*
//!   (held with their whole causal past), finds equivocation, builds cuts and judges them.
//!
//! Invariants: everything here is a function of its inputs (no clock, no randomness, no I/O; time arrives as an
//! argument); memory is bounded by the protocol's parameters and the number of lanes, whatever peers send; two
//! views that hold the same segments and the same base judge the rules of a cut alike (timeliness alone is local).
//!
//! Not its job: signatures (a [`fairlane_types::Segment`] is valid, and evidence is `fairlane-verify`'s), the order
//! of transactions (`fairlane-ordering`), durability and fetching (the node).
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod base;
mod build;
mod builder;
mod decide;
mod effect;
mod equivocation;
mod frame;
mod judge;
mod lane;
mod ready;
mod refusal;
mod view;
mod writer;

pub use base::{CutBase, CutContent, LaneContent};
pub use build::DEFAULT_TAIL_BYTES;
pub use effect::{DropReason, LaneEffect, ReadySegment};
pub use refusal::{CutRefusal, Judgement, RefusalKind};
pub use view::{LaneView, MAX_WANTED};
pub use writer::{LaneWriter, SealMismatch, SubmitRefusal};
