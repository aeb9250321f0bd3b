//! Why the adapter does not go on.

use crate::driver::DriverError;
use crate::inbox::InboxError;
use fairlane_l1::{Address, B256, CallError, UnfitEndpoint};
use fairlane_prover::DeskError;
use fairlane_rollup_adapter::{AckError, BuildError, SubscribeError};
use fairlane_types::BatchIndex;

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    /// Ethereum.
    #[error(transparent)]
    Call(#[from] CallError),
    /// An endpoint.
    #[error(transparent)]
    Endpoint(#[from] UnfitEndpoint),
    /// The rollup's driver.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The store of batches.
    #[error(transparent)]
    Inbox(#[from] InboxError),
    /// The store of jobs.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// The subscription cannot begin.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The subscription has ended for good.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
    /// A batch cannot be acknowledged.
    #[error(transparent)]
    Ack(#[from] AckError),
    /// The settlement contract has another result than the rules give.
    #[error(
        "Ethereum has settled batch {index} with another result than this adapter's: stop, keep the data folder, and \
         compare both"
    )]
    Diverged {
        /// The batch.
        index: BatchIndex,
    },
    /// Ethereum has gone back behind what counted as settled for good.
    #[error(
        "Ethereum has taken back batch {settled}, which had enough confirmations: waiting for it to come back"
    )]
    TakenBack {
        /// The batch.
        settled: BatchIndex,
    },
    /// The rollup is not the configured owner's.
    #[error(
        "in the RollupRegistry the rollup is not {owner}'s: have it registered from that account, or correct \
         ethereum.owner"
    )]
    NotTheOwner {
        /// Who should own it.
        owner: Address,
    },
    /// The rollup's owner has other proofs in mind.
    #[error(
        "the RollupRegistry names verification keys for this rollup, and {own} is not among them: use the keys that \
         it names, or have the rollup's owner name this one (fairlane rollup configure --verification-key)"
    )]
    OtherKeys {
        /// SHA-256 of the key in the settlement contract's record.
        own: B256,
    },
    /// A deposit of the contract's is none.
    #[error("the contract has a deposit for batch {index} that no contract takes")]
    Deposit {
        /// The batch.
        index: BatchIndex,
    },
    /// The light client was shown a contradiction.
    #[error("the light client was shown checkpoints that contradict each other, and has stopped for ever")]
    Halted,
    /// A proof that was checked has another length than proofs have.
    #[error("the store of jobs is damaged: a proof has {0} bytes")]
    Proof(usize),
}

impl AdapterError {
    /// Whether trying again gives the same.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Call(error) => {
                matches!(error, CallError::Unsigned { .. } | CallError::NoContract { .. })
            }
            Self::Driver(error) => !matches!(error, DriverError::Failed(_)),
            Self::Endpoint(_)
            | Self::TakenBack { .. }
            | Self::OtherKeys { .. }
            | Self::NotTheOwner { .. } => false,
            _ => true,
        }
    }

    /// For metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Call(_) | Self::Endpoint(_) => "ethereum",
            Self::Driver(_) => "driver",
            Self::Inbox(_) | Self::Desk(_) | Self::Proof(_) => "store",
            Self::Build(_) | Self::Subscribe(_) | Self::Ack(_) => "subscription",
            Self::Diverged { .. } | Self::Deposit { .. } => "diverged",
            Self::TakenBack { .. } => "taken_back",
            Self::Halted => "halted",
            Self::OtherKeys { .. } | Self::NotTheOwner { .. } => "registry",
        }
    }
}
