//! `ChainService/ExplainTransaction`: why a transaction stands where it stands.

use super::core::Core;
use crate::explain::{self, Decider, ExplainError, Explanation, Place};
use fairlane_proto::convert;
use fairlane_proto::v1::comparison::Decider as WireDecider;
use fairlane_proto::v1::explain_transaction_response::{Pending, Standing};
use fairlane_proto::v1::explanation::BatchPlace;
use fairlane_proto::v1::lane_report::Sighting;
use fairlane_proto::v1::{self, ExplainTransactionRequest, ExplainTransactionResponse, Refusal};
use fairlane_types::{Height, TxId};
use tonic::Status;

impl Core {
    /// Explains a transaction that is ordered; says so of one that is not yet.
    pub(super) async fn explain(
        &self,
        request: ExplainTransactionRequest,
    ) -> Result<ExplainTransactionResponse, Status> {
        let id = convert::tx_id("transaction_id", &request.transaction_id)
            .map_err(|error| self.malformed(&error))?;
        let Some(height) = self.height_of(&id, Height::new(request.height))? else {
            return Ok(ExplainTransactionResponse { standing: Some(Standing::Pending(Pending {})) });
        };
        let (genesis, rollups) = (self.genesis.clone(), self.in_force.borrow().rollups.clone());
        let place = Place { id, height };
        let found = self.read(move |store| match explain::explain(store, &genesis, &rollups, place) {
            Err(ExplainError::Store(error)) => Err(error),
            other => Ok(other),
        });
        match found.await? {
            Ok(found) => {
                Ok(ExplainTransactionResponse { standing: Some(Standing::Ordered(to_wire(&found))) })
            }
            Err(error @ ExplainError::Pruned { .. }) => Err(self.refuse(Refusal::Pruned, error.to_string())),
            Err(error @ ExplainError::NotInBlock { .. }) => {
                Err(self.refuse(Refusal::NotFound, error.to_string()))
            }
            Err(error @ (ExplainError::Segment(_) | ExplainError::Store(_))) => Err(self.failed(&error)),
        }
    }

    /// The block that ordered a transaction, `None` while none has. `hint` is what the client knows of it.
    fn height_of(&self, id: &TxId, hint: Height) -> Result<Option<Height>, Status> {
        if let Some((height, _)) = self.store.transaction(id) {
            return Ok(Some(height));
        }
        if self.pending.contains(id, self.feed.tip().time()) {
            return Ok(None);
        }
        if hint == Height::ZERO {
            let message = format!(
                "transaction {id} is not known here: it was given to another validator and is not ordered yet, or it \
                 was ordered so long ago that this node has forgotten where; its rollup's batch names the height"
            );
            return Err(self.refuse(Refusal::NotFound, message));
        }
        self.check_height(hint)?;
        Ok(Some(hint))
    }
}

fn to_wire(why: &Explanation) -> v1::Explanation {
    let place = |place: &explain::BatchPlace| BatchPlace {
        rollup_id: place.rollup.get(),
        index: place.index.get(),
        item: place.item,
        leg_index: place.leg.into(),
        leg_count: place.legs.into(),
    };
    v1::Explanation {
        transaction_id: convert::to_field(&why.entry.id),
        height: why.block.height.get(),
        block_id: convert::to_field(&why.block.id()),
        block_time_nanos: why.block.time.as_nanos(),
        ordered_count: why.block.ordered_count,
        position: why.position,
        key_nanos: why.entry.key.as_nanos(),
        lo_nanos: why.entry.lo.as_nanos(),
        hi_nanos: why.entry.hi.as_nanos(),
        batches: why.batches.iter().map(place).collect(),
        total_power: why.quorums.total,
        faulty_power: why.quorums.faulty,
        quorum_power: why.quorums.quorum,
        lanes: why.lanes.iter().map(lane).collect(),
        component_size: why.component_size,
        compared: why.compared.iter().map(comparison).collect(),
        looked_from: why.looked_from.get(),
        capped: why.block.capped,
    }
}

fn lane(report: &explain::LaneReport) -> v1::LaneReport {
    v1::LaneReport {
        validator: convert::to_field(&report.validator),
        voting_power: report.power.get(),
        sighting: report.sighting.map(|seen| Sighting {
            received_nanos: seen.received.as_nanos(),
            counted_nanos: seen.counted.as_nanos(),
            seq: seen.segment.seq.get(),
            segment: convert::to_field(&seen.segment.digest),
            height: seen.height.get(),
            from_validator: convert::to_field(&seen.carrier.lane.validator),
            from_seq: seen.carrier.seq.get(),
        }),
    }
}

fn comparison(compared: &explain::Comparison) -> v1::Comparison {
    let decider = match compared.decider {
        Decider::Groups => WireDecider::Groups,
        Decider::Cycle => WireDecider::Cycle,
        Decider::Separation => WireDecider::Separation,
        Decider::Evidence => WireDecider::Evidence,
        Decider::Key => WireDecider::Key,
        Decider::Tie => WireDecider::Tie,
        Decider::Others => WireDecider::Others,
    };
    v1::Comparison {
        transaction_id: convert::to_field(&compared.other.id),
        position: compared.position,
        key_nanos: compared.other.key.as_nanos(),
        lo_nanos: compared.other.lo.as_nanos(),
        hi_nanos: compared.other.hi.as_nanos(),
        power_explained_first: compared.powers.explained_first,
        power_other_first: compared.powers.other_first,
        decider: decider.into(),
    }
}
