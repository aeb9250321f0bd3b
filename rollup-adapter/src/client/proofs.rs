//! Head proofs and bundle proofs: fetched and verified.

use super::{Client, ClientError, fetch_error};
use crate::connect::ConnectOptions;
use crate::trust::Trust;
use fairlane_proto::ConvertError;
use fairlane_proto::convert::{self, CertifiedHeader};
use fairlane_proto::v1::get_bundle_proof_response::LegProof;
use fairlane_proto::v1::get_head_proof_response::Proof;
use fairlane_proto::v1::{
    self, batch_service_client::BatchServiceClient, chain_service_client::ChainServiceClient,
};
use fairlane_types::{HeadProof, RollupId, TxId};
use fairlane_verify::{BundleProof, ItemProof, Standing, VerifiedBundle, VerifiedHeader};
use tonic::transport::Channel;

/// Where a rollup stands at a certified block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadStanding {
    /// Its leaf, or that it is not registered.
    pub standing: Standing,
    /// The block that says so.
    pub block: VerifiedHeader,
}

impl Client {
    /// Where a rollup stands at the node's newest block.
    pub async fn head(&self, rollup: RollupId) -> Result<HeadStanding, ClientError> {
        fetch_standing(self.channel.clone(), rollup, &self.trust, self.options).await
    }

    /// Proof that all legs of a transaction were ordered, in one block.
    pub async fn bundle(&self, transaction: TxId) -> Result<VerifiedBundle, ClientError> {
        let transaction_id = convert::to_field(&transaction);
        let request = self.options.request(v1::GetBundleProofRequest { transaction_id });
        let mut batches = BatchServiceClient::new(self.channel.clone())
            .max_decoding_message_size(self.options.max_message_bytes);
        let response = batches.get_bundle_proof(request).await?.into_inner();
        let block: CertifiedHeader = response.block.ok_or(ConvertError::Missing("block"))?.try_into()?;
        let legs = response.legs.into_iter().map(item_proof).collect::<Result<Vec<_>, _>>()?;
        let block = self.trust.header(block, &mut self.chain_service()).await.map_err(fetch_error)?;
        let proof = BundleProof { transaction, legs };
        proof.verify(&block).map_err(|error| ClientError::Bundle(Box::new(error)))
    }
}

/// Fetches a rollup's head proof and verifies it.
pub(crate) async fn fetch_standing(
    channel: Channel,
    rollup: RollupId,
    trust: &Trust,
    options: ConnectOptions,
) -> Result<HeadStanding, ClientError> {
    let request = options.request(v1::GetHeadProofRequest { rollup_id: rollup.get() });
    let mut batches = BatchServiceClient::new(channel.clone());
    let response = batches.get_head_proof(request).await?.into_inner();
    let block: CertifiedHeader = response.block.ok_or(ConvertError::Missing("block"))?.try_into()?;
    let block = trust.header(block, &mut ChainServiceClient::new(channel)).await.map_err(fetch_error)?;
    let standing = block.standing(rollup, &head_proof(response.proof)?)?;
    Ok(HeadStanding { standing, block })
}

/// The head proof in a response.
pub(crate) fn head_proof(proof: Option<Proof>) -> Result<HeadProof, ConvertError> {
    Ok(match proof.ok_or(ConvertError::Missing("proof"))? {
        Proof::Present(path) => HeadProof::Present(convert::canonical("present", &path)?),
        Proof::Absent(absent) => HeadProof::Absent {
            before: convert::optional("before", &absent.before)?,
            after: convert::optional("after", &absent.after)?,
        },
    })
}

fn item_proof(leg: LegProof) -> Result<ItemProof, ConvertError> {
    Ok(ItemProof {
        item: convert::canonical("item", &leg.item)?,
        position: leg.position,
        path: convert::path("path", &leg.path)?,
        batch: convert::canonical("batch_header", &leg.batch_header)?,
        head_path: convert::canonical("head_path", &leg.head_path)?,
    })
}
