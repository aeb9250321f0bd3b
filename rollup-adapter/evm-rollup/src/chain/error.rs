//! Why the chain does not go on.

use super::ledger::LedgerError;
use crate::engine::{ClientError, Mismatch, RpcError};
use alloy_primitives::B256;
use fairlane_types::BatchIndex;

/// Why a block was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The store.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A block is not there that must be.
    #[error("the block of batch {index} is not in the store: it is damaged")]
    Missing {
        /// The batch.
        index: BatchIndex,
    },
    /// A client cannot do what is needed.
    #[error("{client} does not have `{method}`: it is no client for this rollup")]
    Lacks {
        /// The client.
        client: String,
        /// The method.
        method: &'static str,
    },
    /// A client has another block zero.
    #[error(
        "{client} begins with block {found}, and the rollup with {expected}: start it with the rollup's genesis file"
    )]
    OtherGenesis {
        /// The client.
        client: String,
        /// Its block zero.
        found: B256,
        /// The rollup's.
        expected: B256,
    },
    /// A client has not executed the block before.
    #[error("{client} cannot execute the block of batch {index} yet")]
    Behind {
        /// The client.
        client: String,
        /// The batch.
        index: BatchIndex,
    },
    /// A client built another block than the rules give.
    #[error("{client} built another block of batch {index} than the rules give: {source}")]
    Built {
        /// The client.
        client: String,
        /// The batch.
        index: BatchIndex,
        /// What differs.
        source: Mismatch,
    },
    /// A client found a block wrong that another one built.
    #[error(
        "{client} finds the block of batch {index} wrong ({why}): the clients disagree about the EVM, so stop, keep \
         all data, and compare them"
    )]
    Invalid {
        /// The client.
        client: String,
        /// The batch.
        index: BatchIndex,
        /// What it finds wrong.
        why: String,
    },
}

impl ChainError {
    /// Whether trying again gives the same.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Client(ClientError { source, .. }) => matches!(source, RpcError::Url),
            Self::Behind { .. } => false,
            _ => true,
        }
    }
}
