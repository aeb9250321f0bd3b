//! A local network's Ethereum: a development node with the contracts, on which each validator has stake.

mod chain;
pub(crate) mod demo;
mod double_signer;
mod gate;
pub mod name_settlement;
pub mod outage_demo;
pub(crate) mod proven;
pub mod relay_demo;
pub(crate) mod relaying;
pub mod rollup_demo;
pub mod set_demo;
mod sets;
pub mod slash_demo;
pub(crate) mod staking;
pub mod transfers;
pub mod zk_demo;

pub use chain::L1Chain;
pub(crate) use double_signer::{Offence, commit};
