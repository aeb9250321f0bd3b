//! One endpoint, call by call: submit, receipts, proofs, status. What comes back is verified or an error.

mod proofs;
mod receipts;
mod status;
mod stream;

pub use proofs::HeadStanding;
pub(crate) use proofs::{fetch_standing, head_proof};
pub use receipts::ReceiptChecks;
pub use status::{ChainStatus, RollupStanding, TransactionStatus};
pub use stream::{Accepted, Outcome, Outcomes, Refused, SubmitOptions, Submitter};

use crate::connect::ConnectOptions;
use crate::counters::Counters;
use crate::fault::Fault;
use crate::trust::{SharedHeaders, Trust, TrustError, fetch_header};
use fairlane_proto::v1::{
    self, Refusal, chain_service_client::ChainServiceClient, submit_service_client::SubmitServiceClient,
};
use fairlane_proto::{ConvertError, refusal};
use fairlane_types::receipt::ReceiptError;
use fairlane_types::{Genesis, Height, NetworkId, Receipt, Transaction, TxId};
use fairlane_verify::{BundleError, HeadProofError, MemberReceiptError, TrustedSets, VerifiedHeader};
use std::sync::Arc;
use tonic::transport::Channel;

/// Why a call failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ClientError {
    /// The node cannot be reached.
    #[error("{url} cannot be reached: {why}")]
    Unreachable {
        /// Its address.
        url: String,
        /// What failed.
        why: String,
    },
    /// The node belongs to another network.
    #[error(
        "the node is of network {found}, the genesis of network {expected}: use that network's genesis, or another node"
    )]
    OtherNetwork {
        /// The genesis' network.
        expected: NetworkId,
        /// The node's.
        found: NetworkId,
    },
    /// The node refused.
    #[error("refused ({}): {message}", reason.as_str_name())]
    Refused {
        /// Why.
        reason: Refusal,
        /// The node's text, which says what to do.
        message: String,
        /// Whether the same request may succeed later.
        retry: bool,
    },
    /// The call failed without a reason of ours.
    #[error("the call failed with {code:?}: {message}")]
    Failed {
        /// The gRPC code.
        code: tonic::Code,
        /// The text.
        message: String,
    },
    /// The answer is not well formed.
    #[error("the node's answer is not well formed: {0}")]
    Malformed(#[from] ConvertError),
    /// A receipt is nobody's word.
    #[error("the node's receipt does not verify: {0}")]
    Receipt(#[from] MemberReceiptError),
    /// A receipt is for another transaction.
    #[error("the node's receipt is for transaction {found}, not {expected}")]
    OtherTransaction {
        /// What was submitted.
        expected: TxId,
        /// What the receipt is for.
        found: TxId,
    },
    /// A header does not verify.
    #[error("the node's header does not verify: {0}")]
    Header(#[from] TrustError),
    /// A head proof does not verify.
    #[error("the node's head proof does not verify: {0}")]
    HeadProof(#[from] HeadProofError),
    /// A bundle proof does not verify.
    #[error("the node's bundle proof does not verify: {0}")]
    Bundle(Box<BundleError>),
    /// A tag of a submission is in use.
    #[error("tag {0} belongs to a transaction that has no answer yet: use another")]
    TagInUse(u64),
    /// The node answered with a tag that nothing waits for.
    #[error("the node answered for tag {0}, which has no transaction under way")]
    UnknownTag(u64),
    /// The stream has ended.
    #[error("the stream has ended: transactions without an answer may or may not have been taken")]
    Ended,
}

impl From<tonic::Status> for ClientError {
    fn from(status: tonic::Status) -> Self {
        let message = status.message().to_owned();
        match refusal::reason_of(&status) {
            Some(reason) => Self::Refused { reason, message, retry: refusal::may_retry(reason) },
            None => Self::Failed { code: status.code(), message },
        }
    }
}

impl From<ReceiptError> for ClientError {
    fn from(error: ReceiptError) -> Self {
        Self::Receipt(error.into())
    }
}

/// A connection to one node, which verifies what the node says. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
    trust: Trust,
    options: ConnectOptions,
}

impl Client {
    /// Connects, and makes sure that the node is of the network that `genesis` begins.
    pub async fn connect(url: &str, genesis: &Genesis) -> Result<Self, ClientError> {
        Self::connect_with(url, genesis, ConnectOptions::default()).await
    }

    /// [`Self::connect`] with other options.
    pub async fn connect_with(
        url: &str,
        genesis: &Genesis,
        options: ConnectOptions,
    ) -> Result<Self, ClientError> {
        let channel = options.connect(url).await.map_err(|fault| unreachable(url, fault))?;
        let trust = Trust::new(
            TrustedSets::genesis(genesis),
            SharedHeaders::default(),
            Arc::new(Counters::default()),
        );
        let client = Self { channel, trust, options };
        let (expected, found) = (*client.trust.network(), client.status().await?.network);
        if found != expected {
            return Err(ClientError::OtherNetwork { expected, found });
        }
        Ok(client)
    }

    /// The network.
    pub fn network(&self) -> &NetworkId {
        self.trust.network()
    }

    /// The validator sets that headers led to so far, each with the first height that it decides.
    pub fn sets(&self) -> TrustedSets {
        self.trust.sets()
    }

    /// Submits a transaction. The receipt is checked: a member of the validator set signed that exactly this
    /// transaction stands in its lane.
    pub async fn submit(&self, transaction: &Transaction) -> Result<Receipt, ClientError> {
        let content = v1::submit_request::Content::Envelope(transaction.envelope().clone());
        let request = self.options.request(v1::SubmitRequest { content: Some(content) });
        let response = self.submit_service().submit(request).await?.into_inner();
        let receipt: Receipt = response.receipt.ok_or(ConvertError::Missing("receipt"))?.try_into()?;
        let (expected, found) = (transaction.id(), receipt.transaction);
        if found != expected {
            return Err(ClientError::OtherTransaction { expected, found });
        }
        self.check_receipt(&receipt).await?;
        Ok(receipt)
    }

    /// The certified header at a height; zero stands for the newest.
    pub async fn header(&self, height: Height) -> Result<VerifiedHeader, ClientError> {
        let mut source = self.chain_service();
        let block = fetch_header(height, &mut source).await.map_err(fetch_error)?;
        self.trust.header(block, &mut source).await.map_err(fetch_error)
    }

    pub(crate) fn submit_service(&self) -> SubmitServiceClient<Channel> {
        SubmitServiceClient::new(self.channel.clone())
            .max_decoding_message_size(self.options.max_message_bytes)
    }

    fn chain_service(&self) -> ChainServiceClient<Channel> {
        ChainServiceClient::new(self.channel.clone())
    }
}

fn unreachable(url: &str, fault: Fault) -> ClientError {
    let why = match fault {
        Fault::Unreachable(why) => why,
        other => other.to_string(),
    };
    ClientError::Unreachable { url: url.to_owned(), why }
}

/// A call that failed while fetching headers is an ordinary failed call.
fn fetch_error(error: TrustError) -> ClientError {
    match error {
        TrustError::Fetch(status) => (*status).into(),
        TrustError::Malformed(error) => error.into(),
        other => ClientError::Header(other),
    }
}
