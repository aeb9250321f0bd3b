//! Fairlane's contracts on Ethereum, as Rust sees them: deployment, registration of validators, evidence, and
//! what nodes read.
//!
//! The contracts themselves and their rules are in `slashing-contracts/src`; [`contracts`] has their types,
//! with creation code embedded, so that nobody needs a Solidity compiler. Everything else is a thin layer
//! that speaks `fairlane-types` on one side and the contracts on the other: it keeps no state, runs no tasks, and
//! repeats nothing but a transaction whose fees were too low. Other retries and waiting for finality are for who uses
//! it; [`Endpoints`] says which of several endpoints to use.
//!
//! Amounts are in the token's smallest unit, times are blocks or epochs of Ethereum.

pub mod checkpoint;
pub mod contracts;
mod creating;
pub mod deploy;
pub mod deployment;
pub mod dev;
pub mod endpoint;
pub mod endpoints;
pub mod epoch;
pub mod error;
pub mod escrow;
pub mod events;
pub mod evidence;
pub mod keys;
pub mod params;
pub mod registration;
pub mod rollups;
mod sending;
pub mod settlement;
pub mod state;
pub mod transactions;
pub mod wallet;

pub use alloy_primitives::{Address, B256, U256};
pub use alloy_provider::DynProvider;
pub use alloy_rpc_types_eth::TransactionReceipt;
pub use alloy_signer_local::PrivateKeySigner;
pub use deployment::{Contracts, Deployment};
pub use endpoints::{Endpoints, Pause, UnfitEndpoint};
pub use epoch::{Epoch, EpochClock};
pub use error::CallError;
pub use keys::CheckpointKey;
pub use params::DeployParams;
pub use state::L1State;
