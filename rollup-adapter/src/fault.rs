//! Why an endpoint was put aside.

use crate::trust::TrustError;
use fairlane_proto::ConvertError;
use fairlane_proto::v1::Refusal;
use fairlane_types::BatchIndex;
use fairlane_verify::{BatchError, ChainError, HeadProofError, MemberReceiptError};
use std::time::Duration;

/// What an endpoint did. Some of it may pass, some of it is a lie ([`Fault::is_lie`]).
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fault {
    /// No connection, or it broke.
    #[error("not reachable: {0}")]
    Unreachable(String),
    /// Nothing came, not even a heartbeat.
    #[error("silent for {0:?}")]
    Silent(Duration),
    /// The stream ended without a reason.
    #[error("the stream ended")]
    Ended,
    /// The call failed.
    #[error("the call failed with {code:?}: {message}")]
    Failed {
        /// The gRPC code.
        code: tonic::Code,
        /// The server's text.
        message: String,
    },
    /// The server refused, with a reason.
    #[error("refused ({}): {message}", reason.as_str_name())]
    Refused {
        /// The reason.
        reason: Refusal,
        /// The server's text.
        message: String,
    },
    /// It has not yet what was delivered from elsewhere, or keeps back what others have.
    #[error("its newest batch is {theirs}, while {ours} is known")]
    Behind {
        /// The newest batch that it shows.
        theirs: BatchIndex,
        /// The newest batch that is known.
        ours: BatchIndex,
    },
    /// A message is not well formed.
    #[error("sent a message that is not well formed: {0}")]
    Malformed(#[from] ConvertError),
    /// A header or certificate does not verify.
    #[error("sent a header that does not verify: {0}")]
    Header(TrustError),
    /// A batch is not what its header commits to.
    #[error("sent a batch that does not verify: {0}")]
    Batch(#[from] BatchError),
    /// A batch is good but not the next one.
    #[error("sent a batch that is not the next: {0}")]
    NotNext(ChainError),
    /// A transaction does not stand in a lane as it says.
    #[error("sent a transaction that does not stand in the lane: {0}")]
    Acknowledged(#[from] MemberReceiptError),
    /// A head proof does not verify.
    #[error("sent a head proof that does not verify: {0}")]
    HeadProof(#[from] HeadProofError),
    /// It claims that the resume point is wrong, and does not prove it.
    #[error("says that the resume point is not of this chain, without proof: {0}")]
    Unproven(String),
    /// It broke the protocol of the stream.
    #[error("broke the protocol: {0}")]
    Protocol(&'static str),
}

impl Fault {
    /// Whether an honest server of this network can never do that.
    pub fn is_lie(&self) -> bool {
        match self {
            Self::Malformed(_)
            | Self::Batch(_)
            | Self::NotNext(_)
            | Self::HeadProof(_)
            | Self::Acknowledged(_)
            | Self::Unproven(_)
            | Self::Protocol(_) => true,
            Self::Header(error) => error.is_lie(),
            Self::Refused { reason, .. } => *reason == Refusal::WrongNetwork,
            Self::Unreachable(_)
            | Self::Silent(_)
            | Self::Ended
            | Self::Failed { .. }
            | Self::Behind { .. } => false,
        }
    }
}

impl From<tonic::Status> for Fault {
    fn from(status: tonic::Status) -> Self {
        match fairlane_proto::refusal::reason_of(&status) {
            Some(reason) => Self::Refused { reason, message: status.message().to_owned() },
            None => Self::Failed { code: status.code(), message: status.message().to_owned() },
        }
    }
}

impl From<TrustError> for Fault {
    fn from(error: TrustError) -> Self {
        match error {
            TrustError::Fetch(status) => (*status).into(),
            TrustError::Malformed(error) => Self::Malformed(error),
            other => Self::Header(other),
        }
    }
}
