//! The services as the node itself uses them: what they tell clients, for the node's own pages.

use super::core::Core;
use super::{OnEthereum, RpcContext, RpcError};
use crate::l1::Settlements;
use fairlane_proto::convert::CertifiedHeader;
use fairlane_proto::v1::{
    EvidenceRecord, ExplainTransactionRequest, ExplainTransactionResponse, GetStatusResponse, Refusal,
};
use fairlane_types::{Height, TxId};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// What all services share. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Services(pub(super) Arc<Core>);

impl Services {
    /// Puts the services together, which follow finalized blocks until `shutdown`.
    pub fn new(context: RpcContext, shutdown: CancellationToken) -> Result<Self, RpcError> {
        Ok(Self(Core::new(context, shutdown)?))
    }

    /// What `ChainService/GetStatus` says.
    pub fn status(&self) -> GetStatusResponse {
        self.0.status()
    }

    /// What `ChainService/ExplainTransaction` says.
    pub async fn explain(
        &self,
        request: ExplainTransactionRequest,
    ) -> Result<ExplainTransactionResponse, Status> {
        self.0.explain(request).await
    }

    /// The first page of what `EvidenceService/ListEvidence` says.
    pub fn evidence(&self) -> Vec<EvidenceRecord> {
        self.0.evidence_page(None).0
    }

    /// What Ethereum knows to be final; `None` where this node does not look there, or there is nothing yet.
    pub async fn on_ethereum(&self) -> Result<Option<OnEthereum>, Status> {
        self.0.on_ethereum().await
    }

    /// Where rollups stand on Ethereum; `None` where this node does not look there.
    pub fn settlements(&self) -> Option<&Settlements> {
        self.0.settlements.as_ref()
    }

    /// A finalized block, and the transactions that it orders.
    pub async fn block(&self, height: Height) -> Result<(CertifiedHeader, Vec<TxId>), Status> {
        self.0.check_height(height)?;
        let read = self.0.read(move |store| {
            let ids = store.order_record(height)?.ids().collect();
            Ok(store.certified_header(height)?.map(|block| (block, ids)))
        });
        let missing = || self.0.refuse(Refusal::NotFound, format!("block {height} is not kept here"));
        read.await?.ok_or_else(missing)
    }

    /// The newest finalized blocks, ascending, at most so many.
    pub async fn newest_blocks(&self, most: u64) -> Result<Vec<CertifiedHeader>, Status> {
        self.0
            .read(move |store| {
                let tip = store.tip();
                let first = tip.saturating_sub(most).next().max(store.min_height());
                let heights = first.get()..=tip.get();
                heights.filter_map(|height| store.certified_header(Height::new(height)).transpose()).collect()
            })
            .await
    }
}
