//! `ChainService`: headers, validators, and how the node is doing.

use super::core::Core;
use bytes::Bytes;
use fairlane_proto::convert;
use fairlane_proto::v1::{
    ExplainTransactionRequest, ExplainTransactionResponse, GetCheckpointRequest, GetCheckpointResponse,
    GetHeaderRequest, GetHeaderResponse, GetStatusRequest, GetStatusResponse, GetValidatorsRequest,
    GetValidatorsResponse, LaneStatus, Refusal, RollupStatus, chain_service_server::ChainService,
};
use fairlane_types::{Height, RollupId};
use std::sync::Arc;
use tonic::{Request, Response, Status};

pub(super) struct ChainInfo(pub(super) Arc<Core>);

#[tonic::async_trait]
impl ChainService for ChainInfo {
    async fn get_status(&self, _: Request<GetStatusRequest>) -> Result<Response<GetStatusResponse>, Status> {
        self.0.called("ChainService/GetStatus");
        Ok(Response::new(self.0.status()))
    }

    async fn get_header(
        &self,
        request: Request<GetHeaderRequest>,
    ) -> Result<Response<GetHeaderResponse>, Status> {
        let core = &self.0;
        core.called("ChainService/GetHeader");
        let block = match Height::new(request.into_inner().height) {
            Height::ZERO => core.feed.tip().block.clone(),
            height => {
                core.check_height(height)?;
                core.read(move |store| store.certified_header(height)).await?
            }
        };
        let block = block.ok_or_else(|| core.refuse(Refusal::NotReady, "no block is finalized yet"))?;
        Ok(Response::new(GetHeaderResponse { block: Some((&block).into()) }))
    }

    async fn get_validators(
        &self,
        request: Request<GetValidatorsRequest>,
    ) -> Result<Response<GetValidatorsResponse>, Status> {
        let core = &self.0;
        core.called("ChainService/GetValidators");
        let validators = match Height::new(request.into_inner().height) {
            Height::ZERO => Some(core.in_force.borrow().validators.clone()),
            height => {
                core.check_height(height)?;
                core.read(move |store| store.validators_at(height)).await?
            }
        };
        let validators = validators.ok_or_else(|| core.refuse(Refusal::NotFound, "the set is not known"))?;
        Ok(Response::new(GetValidatorsResponse { validators: convert::to_field(&validators) }))
    }

    async fn get_checkpoint(
        &self,
        request: Request<GetCheckpointRequest>,
    ) -> Result<Response<GetCheckpointResponse>, Status> {
        self.0.called("ChainService/GetCheckpoint");
        let GetCheckpointRequest { height, rollup_id } = request.into_inner();
        let found = self.0.checkpoint(Height::new(height), rollup_id.map(RollupId::new)).await?;
        Ok(Response::new(found))
    }

    async fn explain_transaction(
        &self,
        request: Request<ExplainTransactionRequest>,
    ) -> Result<Response<ExplainTransactionResponse>, Status> {
        self.0.called("ChainService/ExplainTransaction");
        self.0.explain(request.into_inner()).await.map(Response::new)
    }
}

impl Core {
    /// Whether the block at a height is there and kept.
    pub(super) fn check_height(&self, height: Height) -> Result<(), Status> {
        let (first, tip) = (self.store.min_height(), self.store.tip());
        if height > tip {
            let message = format!("block {height} lies ahead: this node is at {tip}");
            return Err(self.refuse(Refusal::Ahead, message));
        }
        if height < first {
            let message = format!(
                "block {height} is no longer kept, the first one is {first}: ask a node that keeps more"
            );
            return Err(self.refuse(Refusal::Pruned, message));
        }
        Ok(())
    }

    pub(super) fn status(&self) -> GetStatusResponse {
        let tip = self.feed.tip();
        let header = tip.block.as_ref().map(|block| &block.header);
        // A copy: whoever holds one borrow and asks for another waits for a writer that waits for the first.
        let engine = self.engine.borrow().clone();
        GetStatusResponse {
            network: convert::to_field(&self.network),
            network_name: self.genesis.name.clone(),
            version: self.version.clone(),
            height: header.map_or(0, |header| header.height.get()),
            block_id: header.map(|header| convert::to_field(&header.id())).unwrap_or_else(zeros),
            time_nanos: tip.time().as_nanos(),
            min_height: self.store.min_height().get(),
            catching_up: self.is_catching_up(),
            validator: self.validator.as_ref().map(convert::to_field).unwrap_or_default(),
            consensus_peers: u32::try_from(engine.peers).unwrap_or(u32::MAX),
            segment_peers: u32::try_from(self.peers.borrow().len()).unwrap_or(u32::MAX),
            lanes: self.lane_statuses(),
            rollups: self.rollup_statuses(),
            ordered_transactions: tip.ordered,
            watching: engine.watching,
        }
    }

    fn lane_statuses(&self) -> Vec<LaneStatus> {
        let Some(lanes) = &self.lanes else { return Vec::new() };
        let validators = self.in_force.borrow().validators.clone();
        let power = |validator| validators.get(validator).map_or(0, |member| member.power.get());
        let status = lanes.status();
        let lanes = status.borrow();
        lanes
            .lanes
            .iter()
            .map(|lane| LaneStatus {
                validator: convert::to_field(&lane.lane.validator),
                incarnation: lane.lane.incarnation.get(),
                voting_power: power(&lane.lane.validator),
                head_seq: lane.head.get(),
                decided_seq: lane.decided.get(),
                frozen: lane.frozen,
            })
            .collect()
    }

    fn rollup_statuses(&self) -> Vec<RollupStatus> {
        let open = self.in_force.borrow().rollups.clone();
        let tip = self.feed.tip();
        let status = |leaf: &fairlane_types::HeadLeaf| RollupStatus {
            rollup_id: leaf.rollup.get(),
            ordering_group: open.get(&leaf.rollup).map_or(0, |rules| rules.group.get()),
            leg_bytes: open.get(&leaf.rollup).map_or(0, |rules| rules.leg_bytes),
            closed: !open.contains_key(&leaf.rollup),
            batches: leaf.index.get(),
            head: convert::to_field(&leaf.head),
            last_height: leaf.last_height.get(),
        };
        tip.heads.leaves().iter().map(status).collect()
    }
}

fn zeros() -> Bytes {
    Bytes::from_static(&[0; 32])
}
