//! Why an item of a batch is no transaction of the block.

use alloy_primitives::U256;

/// The reason. None depends on anything but the batch, the parent block and the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Skip {
    /// It is no transaction.
    #[error("it is no transaction")]
    Malformed,
    /// It is a transaction in other bytes than its own encoding.
    #[error("it is not encoded canonically")]
    NotCanonical,
    /// It is of a kind that the rollup does not take.
    #[error("transactions of type {0} are not taken, only of types 0, 1 and 2")]
    Kind(u8),
    /// It names no chain.
    #[error("it names no chain: others could repeat it elsewhere")]
    Unprotected,
    /// It is for another chain.
    #[error("it is for chain {0}")]
    OtherChain(u64),
    /// Nobody signed it, or with a signature that has a twin.
    #[error("its signature is not valid")]
    Signature,
    /// The code that makes a contract is too long.
    #[error("its initialisation code has {0} bytes")]
    InitCode(usize),
    /// It may use less gas than it needs in any case.
    #[error("it needs at least {least} gas, and allows {limit}")]
    IntrinsicGas {
        /// What it needs.
        least: u64,
        /// What it allows.
        limit: u64,
    },
    /// It may use more gas than is left in the block.
    #[error("it allows {limit} gas, and {left} are left in the block")]
    BlockGas {
        /// What it allows.
        limit: u64,
        /// What is left, if all before use what they allow.
        left: u64,
    },
    /// It pays less than the base fee.
    #[error("it pays at most {most} wei for gas, and the base fee is {base_fee}")]
    Fee {
        /// What it pays.
        most: u128,
        /// The base fee.
        base_fee: u64,
    },
    /// It gives more to the fee recipient than it pays at most.
    #[error("its priority fee is above its highest fee")]
    PriorityFee,
    /// It is not the sender's next one.
    #[error("its nonce is {found}, and {expected} is next")]
    Nonce {
        /// The next one.
        expected: u64,
        /// Its own.
        found: u64,
    },
    /// The sender has used all nonces.
    #[error("its sender has no nonces left")]
    NoNonces,
    /// The sender may not be able to pay it.
    #[error("it may cost {cost} wei, and its sender has {funds}")]
    Funds {
        /// What it costs at most.
        cost: U256,
        /// What the sender has left at least.
        funds: U256,
    },
    /// The sender is a contract (EIP-3607).
    #[error("its sender is a contract")]
    Contract,
    /// The block has as many transactions as the rules allow.
    #[error("the block is full")]
    Full,
    /// The block's transactions would be too large together.
    #[error("the block has no room for its bytes")]
    TooLarge,
    /// The client that builds blocks refused it, against all rules that are known here.
    #[error("the client that builds blocks refused it")]
    Refused,
}

impl Skip {
    /// For metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NotCanonical => "not_canonical",
            Self::Kind(_) => "kind",
            Self::Unprotected => "unprotected",
            Self::OtherChain(_) => "other_chain",
            Self::Signature => "signature",
            Self::InitCode(_) => "init_code",
            Self::IntrinsicGas { .. } => "intrinsic_gas",
            Self::BlockGas { .. } => "block_gas",
            Self::Fee { .. } => "fee",
            Self::PriorityFee => "priority_fee",
            Self::Nonce { .. } => "nonce",
            Self::NoNonces => "no_nonces",
            Self::Funds { .. } => "funds",
            Self::Contract => "contract",
            Self::Full => "full",
            Self::TooLarge => "too_large",
            Self::Refused => "refused",
        }
    }
}
