//! The rollup that runs the EVM: how a batch becomes a block, and the clients that execute it.
//!
//! - [`Genesis`] and [`Rules`] are what everybody who follows the rollup has to agree on.
//! - [`derive`] is pure: batch, parent block and the senders' accounts there give the block's transactions, and what
//!   became of each item of the batch.
//! - [`engine`] speaks to execution clients: the Engine API, and what is read besides.
//! - [`Chain`] drives them. One builds each block, all others execute it again; it keeps what was executed, durably, so
//!   that a client that lost it gets it again.
//!
//! Invariants: whatever the bytes of a batch, there is a block, and everybody derives the same one; a block counts once
//! all clients have executed it and agree on its hash, and so on the state after it; blocks are never taken back.
//!
//! Not its job: where batches come from and what is final on Ethereum (the adapter's). `docs/rollups/evm.md` is the manual.
#![forbid(unsafe_code)]

mod chain;
pub mod derive;
pub mod engine;
mod genesis;
mod rules;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use chain::{Chain, ChainError, Executed, Ledger, LedgerError, Tip};
pub use genesis::{Genesis, GenesisAccount, GenesisError};
pub use rules::{Rules, RulesError};

pub use alloy_primitives::{Address, B256, Bytes, U256};
