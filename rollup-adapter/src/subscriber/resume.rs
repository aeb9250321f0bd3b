//! A refused resume point: is the server wrong, or the cursor? Only a certified answer counts.
//!
//! "Your head is not mine" is answered with "show me your batch at that index", "you are ahead" with "show me your
//! head". What they show is verified. A server that shows nothing is put aside like any other liar.

use super::SubscribeError;
use super::run::{Runner, Stop};
use crate::fault::Fault;
use fairlane_proto::ConvertError;
use fairlane_proto::convert::UnverifiedBatch;
use fairlane_proto::v1::{self, Refusal};
use fairlane_proto::v1::{
    batch_service_client::BatchServiceClient, chain_service_client::ChainServiceClient,
};
use fairlane_types::BatchIndex;
use fairlane_verify::Standing;
use tonic::transport::Channel;

impl Runner {
    /// What a fault amounts to: itself, or proof that the subscription cannot go on.
    pub(super) async fn judge_refusal(&self, fault: Fault, channel: Channel) -> Stop {
        let verdict = match &fault {
            Fault::Refused { reason: Refusal::HeadMismatch, .. } => self.compare_batch(channel).await,
            Fault::Refused { reason: Refusal::Ahead, .. } => self.compare_head(channel).await,
            _ => return Stop::Fault(fault),
        };
        match verdict {
            Err(stop) => stop,
            Ok(()) => Stop::Fault(Fault::Unproven(fault.to_string())),
        }
    }

    /// Asks for the batch at which the subscription stands, and compares its head. Ok: there is no contradiction.
    async fn compare_batch(&self, channel: Channel) -> Result<(), Stop> {
        let index = self.chain.index();
        if index == BatchIndex::ZERO {
            return Ok(());
        }
        let options = self.options.connect;
        let mut batches =
            BatchServiceClient::new(channel.clone()).max_decoding_message_size(options.max_message_bytes);
        let rollup_id = self.chain.rollup().get();
        let request = v1::GetRangeRequest { rollup_id, from_index: index.get(), max_batches: 1 };
        let mut range = batches.get_range(options.request(request)).await?.into_inner();
        let Some(v1::GetRangeResponse { batch: Some(wire) }) = range.message().await? else { return Ok(()) };
        let mut headers = ChainServiceClient::new(channel);
        let batch = self.trust.batch(UnverifiedBatch::try_from(wire)?, &mut headers).await?;
        let batch = batch.map_err(Fault::from)?;
        let (rollup, ours, theirs) = (self.chain.rollup(), self.chain.head(), batch.head());
        if batch.rollup() == rollup && batch.index() == index && theirs != ours {
            return Err(Stop::Fatal(SubscribeError::OtherHistory { rollup, index, ours, theirs }));
        }
        Ok(())
    }

    /// Asks where the rollup stands. A newer block with fewer batches contradicts the cursor; an older one is
    /// merely behind.
    async fn compare_head(&self, channel: Channel) -> Result<(), Stop> {
        let mut batches = BatchServiceClient::new(channel.clone());
        let request = v1::GetHeadProofRequest { rollup_id: self.chain.rollup().get() };
        let response = batches.get_head_proof(self.options.connect.request(request)).await?.into_inner();
        let block = response.block.ok_or(ConvertError::Missing("block"))?.try_into()?;
        let block = self.trust.header(block, &mut ChainServiceClient::new(channel)).await?;
        let proof = crate::client::head_proof(response.proof)?;
        let rollup = self.chain.rollup();
        let theirs = match block.standing(rollup, &proof).map_err(Fault::from)? {
            Standing::Registered(leaf) => leaf.index,
            Standing::Unregistered => BatchIndex::ZERO,
        };
        let ours = self.chain.index();
        if theirs >= ours {
            return Ok(());
        }
        if block.height() < self.height {
            return Err(Fault::Behind { theirs, ours }.into());
        }
        let (height, cursor_height) = (block.height(), self.height);
        Err(Stop::Fatal(SubscribeError::AheadOfChain { rollup, height, theirs, ours, cursor_height }))
    }
}
