//! A local network's Ethereum: a development node with the contracts, on which each validator has stake.

mod chain;
mod double_signer;
pub mod set_demo;
mod sets;
pub mod slash_demo;

pub use chain::L1Chain;
pub(crate) use double_signer::{Offence, commit};
