//! `EvidenceService`: offences that this node knows of.

use super::core::Core;
use crate::evidence::{EvidenceRecord, Fate, OffenceId};
use bytes::Bytes;
use fairlane_proto::convert;
use fairlane_proto::v1::{
    self, GetEvidenceRequest, GetEvidenceResponse, ListEvidenceRequest, ListEvidenceResponse, Refusal,
    evidence_service_server::EvidenceService,
};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The most records in one answer.
const PAGE: usize = 256;

pub(super) struct Offences(pub(super) Arc<Core>);

#[tonic::async_trait]
impl EvidenceService for Offences {
    async fn list_evidence(
        &self,
        request: Request<ListEvidenceRequest>,
    ) -> Result<Response<ListEvidenceResponse>, Status> {
        self.0.called("EvidenceService/ListEvidence");
        let after = request.into_inner().after;
        let after = (!after.is_empty()).then(|| self.id("after", &after)).transpose()?;
        let (records, more) = self.0.evidence_page(after.as_ref());
        Ok(Response::new(ListEvidenceResponse { records, more }))
    }

    async fn get_evidence(
        &self,
        request: Request<GetEvidenceRequest>,
    ) -> Result<Response<GetEvidenceResponse>, Status> {
        self.0.called("EvidenceService/GetEvidence");
        let id = self.id("id", &request.into_inner().id)?;
        let Some(record) = self.0.evidence.get(&id) else {
            return Err(self.0.refuse(Refusal::NotFound, "this node knows of no such offence"));
        };
        Ok(Response::new(GetEvidenceResponse { record: Some(to_wire(&id, &record)) }))
    }
}

impl Core {
    /// The records after one, as many as one answer holds, and whether more follow.
    pub(super) fn evidence_page(&self, after: Option<&OffenceId>) -> (Vec<v1::EvidenceRecord>, bool) {
        let mut records = self.evidence.list(after, PAGE + 1);
        let more = records.len() > PAGE;
        records.truncate(PAGE);
        (records.iter().map(|(id, record)| to_wire(id, record)).collect(), more)
    }
}

impl Offences {
    fn id(&self, field: &'static str, bytes: &Bytes) -> Result<OffenceId, Status> {
        let id = convert::array(field, bytes).map(OffenceId::from_bytes);
        id.map_err(|error| self.0.malformed(&error))
    }
}

fn to_wire(id: &OffenceId, record: &EvidenceRecord) -> v1::EvidenceRecord {
    use v1::evidence_record::{Fate as WireFate, L1Receipt};
    let (fate, refusal) = match &record.fate {
        Fate::Open => (WireFate::Open, ""),
        Fate::Punished => (WireFate::Punished, ""),
        Fate::Refused(why) => (WireFate::Refused, why.as_str()),
    };
    v1::EvidenceRecord {
        id: convert::to_field(id),
        evidence: convert::to_field(&record.evidence),
        found_at_nanos: record.found_at.as_nanos(),
        height: record.block.map_or(0, fairlane_types::Height::get),
        fate: fate.into(),
        refusal: refusal.to_owned(),
        receipt: record.receipt.map(|receipt| L1Receipt {
            transaction: convert::to_field(&receipt.transaction),
            block: receipt.block,
            gas_used: receipt.gas_used,
        }),
    }
}
