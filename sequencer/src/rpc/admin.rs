//! `AdminService`: for the operator, on a loopback listener of its own.

use super::core::Core;
use crate::snapshot::{self, CreateError};
use bytes::Bytes;
use fairlane_proto::convert;
use fairlane_proto::v1::{
    CreateSnapshotRequest, CreateSnapshotResponse, ListPeersRequest, ListPeersResponse, Refusal,
    SetLogFilterRequest, SetLogFilterResponse, admin_service_server::AdminService, list_peers_response,
};
use futures::{Stream, stream};
use std::pin::Pin;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// How many bytes of a snapshot are sent at a time.
const PIECE_BYTES: usize = 1 << 20;

pub(super) struct Admin(pub(super) Arc<Core>);

#[tonic::async_trait]
impl AdminService for Admin {
    type CreateSnapshotStream = Pin<Box<dyn Stream<Item = Result<CreateSnapshotResponse, Status>> + Send>>;

    async fn list_peers(&self, _: Request<ListPeersRequest>) -> Result<Response<ListPeersResponse>, Status> {
        self.0.called("AdminService/ListPeers");
        let peers = self.0.peers.borrow();
        let peers = peers
            .iter()
            .map(|peer| list_peers_response::Peer {
                peer_id: peer.peer.to_string(),
                address: peer.address.to_string(),
                validator: peer.validator.as_ref().map(convert::to_field).unwrap_or_default(),
            })
            .collect();
        Ok(Response::new(ListPeersResponse { peers }))
    }

    async fn set_log_filter(
        &self,
        request: Request<SetLogFilterRequest>,
    ) -> Result<Response<SetLogFilterResponse>, Status> {
        self.0.called("AdminService/SetLogFilter");
        let Some(log) = &self.0.log else {
            return Err(self.0.refuse(Refusal::NotReady, "this process does not own its logger"));
        };
        log.set_filter(&request.into_inner().filter)
            .map_err(|error| self.0.refuse(Refusal::Malformed, error.to_string()))?;
        Ok(Response::new(SetLogFilterResponse {}))
    }

    async fn create_snapshot(
        &self,
        _: Request<CreateSnapshotRequest>,
    ) -> Result<Response<Self::CreateSnapshotStream>, Status> {
        let core = &self.0;
        core.called("AdminService/CreateSnapshot");
        let genesis = core.genesis.clone();
        let made = core.read(move |store| {
            Ok(snapshot::of_running(store, &genesis).map(|made| made.snapshot().encode()))
        });
        match made.await? {
            Ok(bytes) => Ok(Response::new(Box::pin(stream::iter(pieces(bytes.into()))))),
            Err(error @ CreateError::NoState) => Err(core.refuse(Refusal::NotReady, error.to_string())),
            Err(error) => Err(core.failed(&error)),
        }
    }
}

fn pieces(mut left: Bytes) -> impl Iterator<Item = Result<CreateSnapshotResponse, Status>> {
    std::iter::from_fn(move || {
        let piece = left.split_to(left.len().min(PIECE_BYTES));
        (!piece.is_empty()).then(|| Ok(CreateSnapshotResponse { piece }))
    })
}
