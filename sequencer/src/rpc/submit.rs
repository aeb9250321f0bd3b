//! `SubmitService`: transactions into this validator's lane, one by one.

use super::answers::Answers;
use super::core::{Core, client_of};
use super::submit_stream;
use crate::lane_service::{LaneHandle, SubmitReply};
use fairlane_proto::convert;
use fairlane_proto::v1::get_transaction_status_response::{Ordered, Pending, Status as Standing, Unknown};
use fairlane_proto::v1::{
    GetTransactionStatusRequest, GetTransactionStatusResponse, Refusal, SubmitRequest, SubmitResponse,
    SubmitStreamRequest, SubmitStreamResponse, submit_service_server::SubmitService,
};
use fairlane_types::{Receipt, Transaction};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tonic::{Request, Response, Status, Streaming};

pub(super) struct Submissions(pub(super) Arc<Core>);

#[tonic::async_trait]
impl SubmitService for Submissions {
    type SubmitStreamStream = Answers<SubmitStreamResponse>;

    async fn submit(&self, request: Request<SubmitRequest>) -> Result<Response<SubmitResponse>, Status> {
        let core = &self.0;
        core.called("SubmitService/Submit");
        let client = client_of(&request);
        let transaction =
            Transaction::try_from(request.into_inner()).map_err(|error| core.malformed(&error))?;
        let receipt = core.submit_one(client, transaction).await?;
        Ok(Response::new(SubmitResponse { receipt: Some((&receipt).into()) }))
    }

    async fn submit_stream(
        &self,
        request: Request<Streaming<SubmitStreamRequest>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let core = &self.0;
        core.called("SubmitService/SubmitStream");
        let client = client_of(&request);
        let lanes = core.lanes()?.clone();
        let share = (core.submitters.limit() / 2).max(1);
        let Some(slot) = core.submitters.take(client, share) else {
            let message =
                "this node has no place for another submission stream: close one, or use another node";
            return Err(core.refuse(Refusal::RateLimited, message));
        };
        let answers = submit_stream::start(core.clone(), lanes, client, request.into_inner());
        Ok(Response::new(Answers::new(answers, slot, None)))
    }

    async fn get_transaction_status(
        &self,
        request: Request<GetTransactionStatusRequest>,
    ) -> Result<Response<GetTransactionStatusResponse>, Status> {
        let core = &self.0;
        core.called("SubmitService/GetTransactionStatus");
        let id = convert::tx_id("transaction_id", &request.into_inner().transaction_id)
            .map_err(|error| core.malformed(&error))?;
        let status = match core.store.transaction(&id) {
            Some((height, position)) => Standing::Ordered(Ordered { height: height.get(), position }),
            None if core.pending.contains(&id, core.feed.tip().time()) => Standing::Pending(Pending {}),
            None => Standing::Unknown(Unknown {}),
        };
        Ok(Response::new(GetTransactionStatusResponse { status: Some(status) }))
    }
}

impl Core {
    /// The lane service, on a node that has one.
    fn lanes(&self) -> Result<&LaneHandle, Status> {
        self.lanes.as_ref().ok_or_else(|| {
            self.refuse(Refusal::NotReady, "this node is no validator: submit to one of the validators")
        })
    }

    async fn submit_one(&self, client: IpAddr, transaction: Transaction) -> Result<Receipt, Status> {
        let lanes = self.lanes()?;
        if let Err(wait) = self.clients.take(client, 1, transaction.envelope().len(), Instant::now()) {
            let message =
                format!("you submit faster than this node allows: wait {} ms", wait.as_millis().max(1));
            return Err(self.refuse(Refusal::RateLimited, message));
        }
        let (replies, mut answers) = mpsc::channel(1);
        let answer = async {
            lanes.submit(vec![(0, transaction)], replies).await;
            answers.recv().await
        };
        let answer = tokio::select! {
            answer = timeout(self.limits.submit_timeout, answer) => answer,
            () = self.shutdown.cancelled() => return Err(self.shutting_down()),
        };
        match answer {
            Ok(Some(SubmitReply::Receipts { header, signature, entries })) => {
                self.receipted(entries.iter().map(|entry| entry.id));
                let entry = entries.into_iter().next().ok_or_else(|| self.unanswered())?;
                let (transaction, index, path) = (entry.id, entry.index, entry.path);
                Ok(Receipt { transaction, header, signature, index, path })
            }
            Ok(Some(SubmitReply::Refused { reason, message, .. })) => Err(self.refuse(reason, message)),
            Ok(None) | Err(_) => Err(self.unanswered()),
        }
    }

    fn unanswered(&self) -> Status {
        Status::deadline_exceeded(
            "the transaction has no receipt yet and may still be ordered: ask for its status, or submit the same \
             one again, which is never ordered twice",
        )
    }

    /// Remembers what has a receipt now. Its exact expiry is not known here: at the latest, the bound from now.
    pub(super) fn receipted(&self, ids: impl ExactSizeIterator<Item = fairlane_types::TxId>) {
        self.metrics.receipts.inc_by(ids.len() as u64);
        let forgotten_at = self.feed.tip().time().saturating_add(self.genesis.params.expiry_bound);
        self.pending.add(ids.map(|id| (id, forgotten_at)));
    }
}
