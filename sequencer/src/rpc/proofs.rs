//! Head proofs and bundle proofs.

use super::core::Core;
use crate::store::StoreError;
use fairlane_proto::convert::{self, UnverifiedBatch};
use fairlane_proto::v1::get_bundle_proof_response::LegProof;
use fairlane_proto::v1::get_head_proof_response::{Absent, Proof};
use fairlane_proto::v1::{GetBundleProofResponse, GetHeadProofResponse, Refusal};
use fairlane_types::{Batch, HeadPath, HeadProof, RollupId, TxId};
use fairlane_verify::ItemProof;
use tonic::Status;

impl Core {
    /// Where a rollup stands after the newest block.
    pub(super) fn head_proof(&self, rollup: RollupId) -> Result<GetHeadProofResponse, Status> {
        let tip = self.feed.tip();
        let Some(block) = &tip.block else {
            return Err(self.refuse(Refusal::NotReady, "no block is finalized yet: ask again soon"));
        };
        let field = |path: Option<HeadPath>| path.as_ref().map(convert::to_field).unwrap_or_default();
        let proof = match tip.heads.prove(rollup) {
            HeadProof::Present(path) => Proof::Present(convert::to_field(&path)),
            HeadProof::Absent { before, after } => {
                Proof::Absent(Absent { before: field(before), after: field(after) })
            }
        };
        Ok(GetHeadProofResponse { block: Some(block.into()), proof: Some(proof) })
    }

    /// Proof that all legs of a transaction were ordered, in one block.
    pub(super) async fn bundle_proof(&self, transaction: &[u8]) -> Result<GetBundleProofResponse, Status> {
        let id = convert::tx_id("transaction_id", transaction).map_err(|error| self.malformed(&error))?;
        let Some((height, _)) = self.store.transaction(&id) else {
            let message = format!(
                "transaction {id} is not known here: it is not ordered yet, or was so long ago that this node has \
                 forgotten where; its rollups' batches have it"
            );
            return Err(self.refuse(Refusal::NotFound, message));
        };
        let found = self
            .read(move |store| {
                let batches = store.batches_of(height)?;
                let block = batches.first().map(|batch| batch.block.clone());
                Ok(block.zip(legs(batches, &id)?))
            })
            .await?;
        match found {
            Some((block, legs)) => Ok(GetBundleProofResponse { block: Some((&block).into()), legs }),
            None => {
                let message = format!("block {height} is no longer kept: ask a node that keeps more");
                Err(self.refuse(Refusal::Pruned, message))
            }
        }
    }
}

/// The proof of each leg, in the transaction's order; `None` when one is missing.
fn legs(batches: Vec<UnverifiedBatch>, id: &TxId) -> Result<Option<Vec<LegProof>>, StoreError> {
    let mut found = Vec::new();
    let mut wanted = 0;
    for UnverifiedBatch { head_path, header, body, .. } in batches {
        let batch = Batch::from_parts(header, body).map_err(StoreError::damaged("a batch"))?;
        for (position, item) in (0u32..).zip(batch.items()).filter(|(_, item)| item.transaction == *id) {
            wanted = usize::from(item.leg_count);
            if let Some(proof) = ItemProof::new(&batch, position, head_path.clone()) {
                found.push((item.leg_index, leg_proof(&proof)));
            }
        }
    }
    found.sort_by_key(|(leg, _)| *leg);
    let is_whole = wanted > 0 && found.len() == wanted;
    Ok(is_whole.then(|| found.into_iter().map(|(_, proof)| proof).collect()))
}

fn leg_proof(proof: &ItemProof) -> LegProof {
    LegProof {
        head_path: convert::to_field(&proof.head_path),
        batch_header: convert::to_field(&proof.batch),
        item: convert::to_field(&proof.item),
        position: proof.position,
        path: convert::path_to_field(&proof.path),
    }
}
