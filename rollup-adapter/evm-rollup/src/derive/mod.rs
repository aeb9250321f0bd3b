//! How a batch becomes a block. Pure, total and the same everywhere: no bytes of a batch stop it, and whoever has the batch,
//! the block before and the rules gets the same block.
//!
//! Items are gone through in the batch's order. Each is a transaction that the EVM takes at its place, or is skipped with
//! a reason. What decides is the state after the parent block and what was included before from the same sender, so nothing
//! has to be executed to know: an account without code pays and counts its nonce by its own transactions alone. What
//! it is paid within the block counts in the next one.
//!
//! The timestamp is the header's time in seconds, or one more than the parent's: the Engine API wants it to grow with each
//! block, so the rollup's clock runs ahead while there is more than one batch a second.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod block;
mod candidate;
mod gas;
mod skip;

pub use block::{Account, Attributes, Outcome, Parent, Plan, derive};
pub use candidate::Candidates;
pub use skip::Skip;

#[cfg(test)]
mod tests;
