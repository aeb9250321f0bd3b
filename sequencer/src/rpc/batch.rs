//! `BatchService`: ordered batches and proofs, each verifiable from the validator set alone.

use super::answers::Answers;
use super::core::{Core, client_of};
use super::subscribe;
use fairlane_proto::v1::{
    GetBundleProofRequest, GetBundleProofResponse, GetHeadProofRequest, GetHeadProofResponse,
    GetRangeRequest, GetRangeResponse, Refusal, SubscribeRequest, SubscribeResponse,
    batch_service_server::BatchService, subscribe_request,
};
use fairlane_types::{BatchIndex, RollupId};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// Batches of a range between the store and the connection.
const RANGE_QUEUE: usize = 2;
/// The most batches of a range read at a time.
const RANGE_READ: usize = 32;

pub(super) struct Batches(pub(super) Arc<Core>);

#[tonic::async_trait]
impl BatchService for Batches {
    type SubscribeStream = Answers<SubscribeResponse>;
    type GetRangeStream = ReceiverStream<Result<GetRangeResponse, Status>>;

    async fn subscribe(
        &self,
        request: Request<Streaming<SubscribeRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let core = &self.0;
        core.called("BatchService/Subscribe");
        let share = (core.subscribers.limit() / 2).max(1);
        let Some(slot) = core.subscribers.take(client_of(&request), share) else {
            let message = "this node has no place for another subscription: close one, or use another node";
            return Err(core.refuse(Refusal::RateLimited, message));
        };
        let mut requests = request.into_inner();
        let first = timeout(core.limits.open_timeout, requests.message()).await;
        let first = first.map_err(|_| core.refuse(Refusal::Protocol, "nothing was opened in time"))??;
        let Some(subscribe_request::Message::Open(open)) = first.and_then(|first| first.message) else {
            return Err(core.refuse(Refusal::Protocol, "the first request must be open"));
        };
        let opened = core.check_open(&open).await?;
        let sides = core.sides(opened.rollup, opened.tiers).await?;
        Ok(Response::new(subscribe::start(core.clone(), slot, opened, sides, requests)))
    }

    async fn get_range(
        &self,
        request: Request<GetRangeRequest>,
    ) -> Result<Response<Self::GetRangeStream>, Status> {
        let core = self.0.clone();
        core.called("BatchService/GetRange");
        let request = request.into_inner();
        let (rollup, from) = (RollupId::new(request.rollup_id), BatchIndex::new(request.from_index));
        core.check_start(rollup, from).await?;
        let most = match request.max_batches {
            0 => core.limits.max_range_batches,
            wanted => wanted.min(core.limits.max_range_batches),
        };
        let (out, answers) = mpsc::channel(RANGE_QUEUE);
        tokio::spawn(async move {
            if let Err(status) = send_range(&core, rollup, from, most as usize, &out).await {
                // The client may be gone.
                let _ = timeout(core.limits.stall_timeout, out.send(Err(status))).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(answers)))
    }

    async fn get_head_proof(
        &self,
        request: Request<GetHeadProofRequest>,
    ) -> Result<Response<GetHeadProofResponse>, Status> {
        self.0.called("BatchService/GetHeadProof");
        self.0.head_proof(RollupId::new(request.into_inner().rollup_id)).map(Response::new)
    }

    async fn get_bundle_proof(
        &self,
        request: Request<GetBundleProofRequest>,
    ) -> Result<Response<GetBundleProofResponse>, Status> {
        self.0.called("BatchService/GetBundleProof");
        self.0.bundle_proof(&request.into_inner().transaction_id).await.map(Response::new)
    }
}

/// Sends up to `left` batches, as far as there are any. A client that stops reading is dropped.
async fn send_range(
    core: &Core,
    rollup: RollupId,
    mut next: BatchIndex,
    mut left: usize,
    out: &mpsc::Sender<Result<GetRangeResponse, Status>>,
) -> Result<(), Status> {
    while left > 0 {
        let (most, bytes) = (left.min(RANGE_READ), core.limits.read_bytes);
        let read = core.read(move |store| store.batches_from(rollup, next, most, bytes)).await?;
        if read.is_empty() {
            return Ok(());
        }
        for batch in read {
            (next, left) = (batch.header.index.next(), left.saturating_sub(1));
            let body = batch.body.len() as u64;
            let answer = Ok(GetRangeResponse { batch: Some(batch.into()) });
            match timeout(core.limits.stall_timeout, out.send(answer)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return Ok(()),
            }
            core.metrics.batches_delivered.inc();
            core.metrics.bytes_delivered.inc_by(body);
        }
    }
    Ok(())
}
