//! What can go wrong between here and a contract, with what to do about it.

use crate::contracts::{
    BundleEscrow, EvidenceVerifier, KeyVerifier, RollupRegistry, SequencerLightClient, SlashingManager,
    StakeManager, ZkRollupSettlement,
};
use alloy_primitives::{Address, B256, Bytes};
use alloy_sol_types::SolInterface as _;
use alloy_transport::{RpcError, TransportError};
use std::fmt;

/// A contract's own reason to refuse.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The StakeManager's.
    Stake(StakeManager::StakeManagerErrors),
    /// The SlashingManager's.
    Slashing(SlashingManager::SlashingManagerErrors),
    /// The EvidenceVerifier's: the evidence proves nothing.
    Evidence(EvidenceVerifier::EvidenceVerifierErrors),
    /// The KeyVerifier's: a proof of possession does not hold.
    Keys(KeyVerifier::KeyVerifierErrors),
    /// The RollupRegistry's.
    Rollups(RollupRegistry::RollupRegistryErrors),
    /// The SequencerLightClient's.
    LightClient(SequencerLightClient::SequencerLightClientErrors),
    /// The settlement contract's of a proven rollup.
    Settlement(ZkRollupSettlement::ZkRollupSettlementErrors),
    /// The escrow's for bundles.
    Escrow(BundleEscrow::BundleEscrowErrors),
    /// Another contract's, the token's for instance.
    Other(Bytes),
}

impl Refusal {
    /// Reads what a call reverted with.
    pub fn decode(data: &Bytes) -> Self {
        StakeManager::StakeManagerErrors::abi_decode(data)
            .map(Self::Stake)
            .or_else(|_| SlashingManager::SlashingManagerErrors::abi_decode(data).map(Self::Slashing))
            .or_else(|_| EvidenceVerifier::EvidenceVerifierErrors::abi_decode(data).map(Self::Evidence))
            .or_else(|_| KeyVerifier::KeyVerifierErrors::abi_decode(data).map(Self::Keys))
            .or_else(|_| RollupRegistry::RollupRegistryErrors::abi_decode(data).map(Self::Rollups))
            .or_else(|_| {
                SequencerLightClient::SequencerLightClientErrors::abi_decode(data).map(Self::LightClient)
            })
            .or_else(|_| ZkRollupSettlement::ZkRollupSettlementErrors::abi_decode(data).map(Self::Settlement))
            .or_else(|_| BundleEscrow::BundleEscrowErrors::abi_decode(data).map(Self::Escrow))
            .unwrap_or_else(|_| Self::Other(data.clone()))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Named like `KeyTaken(KeyTaken { .. })`: the inner part is the error with its arguments.
        let text = match self {
            Self::Stake(error) => format!("{error:?}"),
            Self::Slashing(error) => format!("{error:?}"),
            Self::Evidence(error) => format!("{error:?}"),
            Self::Keys(error) => format!("{error:?}"),
            Self::Rollups(error) => format!("{error:?}"),
            Self::LightClient(error) => format!("{error:?}"),
            Self::Settlement(error) => format!("{error:?}"),
            Self::Escrow(error) => format!("{error:?}"),
            Self::Other(data) => return f.write_str(&foreign_reason(data)),
        };
        let inner = text.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
        f.write_str(inner.unwrap_or(&text))
    }
}

fn foreign_reason(data: &Bytes) -> String {
    alloy_sol_types::decode_revert_reason(data).unwrap_or_else(|| format!("error {data} of another contract"))
}

/// Why a call or a transaction did not do what it should. `what` names the attempt.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The endpoint is down or unreachable. Retrying can help.
    #[error("{what}: the Ethereum endpoint does not answer; check its URL and that it runs ({why})")]
    Unreachable {
        /// The attempt.
        what: &'static str,
        /// What the transport says at bottom. The errors above would repeat the URL.
        why: String,
    },
    /// The transaction cannot be made here: its sender's key is another one.
    #[error("{what}: the transaction cannot be signed; check that the key at hand is the sender's ({why})")]
    Unsigned {
        /// The attempt.
        what: &'static str,
        /// What is missing.
        why: String,
    },
    /// The endpoint answered with an error of its own: a limit, missing funds, a nonce that is taken.
    #[error("{what}: the Ethereum endpoint refuses: {message}")]
    Endpoint {
        /// The attempt.
        what: &'static str,
        /// Its message.
        message: String,
    },
    /// A contract refused.
    #[error("{what}: the contract refuses: {why}")]
    Refused {
        /// The attempt.
        what: &'static str,
        /// Its reason.
        why: Box<Refusal>,
    },
    /// Nothing answers at the address, or something else.
    #[error(
        "{what}: no Fairlane contract answers there; check the address, and that the endpoint is of the \
         right chain ({source})"
    )]
    NoContract {
        /// The attempt.
        what: &'static str,
        /// What the answer lacks.
        source: Box<alloy_contract::Error>,
    },
    /// The transaction was mined, and failed: something changed between its check and its block.
    #[error(
        "{what}: transaction {transaction} was mined and failed; look at the present state and try again"
    )]
    Reverted {
        /// The attempt.
        what: &'static str,
        /// The transaction.
        transaction: B256,
    },
    /// The transaction was sent, and is in no block yet.
    #[error(
        "{what}: transaction {transaction} is in no block yet; it may still get there, so look for it \
         before trying again"
    )]
    Unconfirmed {
        /// The attempt.
        what: &'static str,
        /// The transaction.
        transaction: B256,
    },
    /// Another transaction of the account was mined in its place.
    #[error(
        "{what}: another transaction of {account} was mined with nonce {nonce}; look at the present state, and let one \
         program at a time send from an account"
    )]
    Displaced {
        /// The attempt.
        what: &'static str,
        /// The account.
        account: Address,
        /// The nonce.
        nonce: u64,
    },
    /// The answer is no possible state of the contracts.
    #[error("{what}: the endpoint's answer makes no sense ({why}); ask another endpoint")]
    Nonsense {
        /// The attempt.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

fn root_cause(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).last().unwrap_or(error).to_string()
}

impl CallError {
    /// Whether the same attempt may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Endpoint { .. }
                | Self::Unconfirmed { .. }
                | Self::Displaced { .. }
        )
    }

    /// A name, from a fixed set.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Unsigned { .. } => "unsigned",
            Self::Endpoint { .. } => "endpoint",
            Self::Refused { .. } => "refused",
            Self::NoContract { .. } => "no_contract",
            Self::Reverted { .. } => "reverted",
            Self::Unconfirmed { .. } => "unconfirmed",
            Self::Displaced { .. } => "displaced",
            Self::Nonsense { .. } => "nonsense",
        }
    }

    /// Whether another endpoint may do what this one did not.
    pub fn is_endpoints(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Endpoint { .. } | Self::Nonsense { .. })
    }

    /// The contract's reason, if it was one that refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { why, .. } => Some(why),
            _ => None,
        }
    }

    pub(crate) fn transport(what: &'static str, error: TransportError) -> Self {
        match &error {
            RpcError::ErrorResp(response) => match response.as_revert_data() {
                Some(data) => Self::Refused { what, why: Box::new(Refusal::decode(&data)) },
                None => Self::Endpoint { what, message: response.message.to_string() },
            },
            RpcError::Transport(transport) => Self::Unreachable { what, why: root_cause(transport) },
            RpcError::LocalUsageError(usage) => Self::Unsigned { what, why: usage.to_string() },
            other => Self::Nonsense { what, why: other.to_string() },
        }
    }

    pub(crate) fn contract(what: &'static str, error: alloy_contract::Error) -> Self {
        match error {
            alloy_contract::Error::TransportError(error) => Self::transport(what, error),
            other => Self::NoContract { what, source: Box::new(other) },
        }
    }
}
