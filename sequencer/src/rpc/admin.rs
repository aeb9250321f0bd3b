//! `AdminService`: for the operator, on a loopback listener of its own.

use super::core::Core;
use fairlane_proto::convert;
use fairlane_proto::v1::{
    ListPeersRequest, ListPeersResponse, Refusal, SetLogFilterRequest, SetLogFilterResponse,
    admin_service_server::AdminService, list_peers_response,
};
use std::sync::Arc;
use tonic::{Request, Response, Status};

pub(super) struct Admin(pub(super) Arc<Core>);

#[tonic::async_trait]
impl AdminService for Admin {
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
}
