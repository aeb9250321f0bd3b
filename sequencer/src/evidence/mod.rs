//! The durable pool of evidence: every offence that this node knows of, once, and what became of it.
//!
//! It is fed by what consensus and the lanes find and by what finalized blocks carry, so an offence that one honest
//! node saw ends in the pool of each. Two checkpoints of one height come from the collection of checkpoints, and stand in no
//! block. Lanes take from it what no block carries yet; the watchtower takes what is not punished on Ethereum.
//!
//! Invariants: what is listed is durable, was verified, and names each offence once; the number of
//! records is bounded, by offender and in all, as one offender may sign without end. A record is never removed: it
//! says what was done about it.
//!
//! Not its job: judging evidence, spreading it, submitting it.

mod keeper;
mod proof;
mod record;
#[cfg(test)]
mod tests;

pub use keeper::{Reports, keep};
pub use proof::{OffenceId, Proof, ProofError};
pub use record::{EvidenceRecord, Fate, L1Receipt};

use crate::metrics::EvidenceMetrics;
use crate::store::{Store, StoreError};
use fairlane_types::{Evidence, Height, Timestamp, ValidatorId};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{Mutex, watch};

/// The most records of one offender. One offence tombstones it, and each further one costs the same again.
const MAX_OF_ONE: usize = 64;
/// The most records.
const MAX: usize = 16_384;

type Records = BTreeMap<OffenceId, Arc<EvidenceRecord>>;

/// The pool. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct EvidencePool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Store,
    records: RwLock<Records>,
    /// Held while a record is written, so that records change one at a time and in order.
    writing: Mutex<()>,
    changes: watch::Sender<u64>,
    metrics: EvidenceMetrics,
}

impl EvidencePool {
    /// Reads the pool from the store. Blocks.
    pub fn open(store: Store, metrics: EvidenceMetrics) -> Result<Self, StoreError> {
        let records: Records =
            store.evidence()?.into_iter().map(|record| (record.id(), Arc::new(record))).collect();
        let (changes, _) = watch::channel(0);
        let pool = Self(Arc::new(Shared {
            store,
            records: RwLock::new(records),
            writing: Mutex::default(),
            changes,
            metrics,
        }));
        pool.count();
        Ok(pool)
    }

    /// Adds evidence that was verified; says whether its offence is new. Durable when it returns.
    pub async fn add(&self, proof: impl Into<Proof>, now: Timestamp) -> Result<bool, StoreError> {
        let proof = proof.into();
        let id = proof.id();
        let _writing = self.0.writing.lock().await;
        if self.get(&id).is_some() {
            return Ok(false);
        }
        if !self.has_room(&proof.offender()) {
            self.0.metrics.dropped.inc();
            return Ok(false);
        }
        tracing::warn!(offender = %proof.offender(), offence = %id, "keep evidence of an offence");
        self.write(id, EvidenceRecord::new(proof, now)).await?;
        Ok(true)
    }

    /// Notes what a finalized block carries, and adds what is new in it.
    pub async fn committed(
        &self,
        height: Height,
        evidence: &[Evidence],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for piece in evidence {
            self.add(piece, now).await?;
            self.update(&Proof::from(piece).id(), |record| {
                record.block.get_or_insert(height);
            })
            .await?;
        }
        Ok(())
    }

    /// Changes a record, durably, if there is one and the change makes a difference.
    pub async fn update(
        &self,
        id: &OffenceId,
        change: impl FnOnce(&mut EvidenceRecord),
    ) -> Result<(), StoreError> {
        let _writing = self.0.writing.lock().await;
        let Some(before) = self.get(id) else { return Ok(()) };
        let mut after = before.as_ref().clone();
        change(&mut after);
        if after == *before {
            return Ok(());
        }
        self.write(*id, after).await
    }

    /// What is known of an offence.
    pub fn get(&self, id: &OffenceId) -> Option<Arc<EvidenceRecord>> {
        self.read(|records| records.get(id).cloned())
    }

    /// Records in the order of their names: at most `limit`, after `after`.
    pub fn list(&self, after: Option<&OffenceId>, limit: usize) -> Vec<(OffenceId, Arc<EvidenceRecord>)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        self.read(|records| {
            let range = records.range((from, Unbounded));
            range.take(limit).map(|(id, record)| (*id, Arc::clone(record))).collect()
        })
    }

    /// Evidence that blocks can carry, and none does yet.
    pub fn not_in_a_block(&self) -> Vec<Evidence> {
        self.read(|records| {
            let waiting = records.values().filter(|record| record.block.is_none());
            let for_blocks = waiting.filter_map(|record| match &record.evidence {
                Proof::Consensus(evidence) => Some(evidence.clone()),
                Proof::Checkpoints(_) => None,
            });
            for_blocks.collect()
        })
    }

    /// Offences of which it is not known what becomes of them on Ethereum.
    pub fn open_offences(&self) -> Vec<(OffenceId, Arc<EvidenceRecord>)> {
        self.read(|records| {
            let open = records.iter().filter(|(_, record)| record.fate == Fate::Open);
            open.map(|(id, record)| (*id, Arc::clone(record))).collect()
        })
    }

    /// A signal at each change.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    fn read<T>(&self, look: impl FnOnce(&Records) -> T) -> T {
        look(&self.0.records.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn has_room(&self, offender: &ValidatorId) -> bool {
        self.read(|records| {
            let of_one = records.values().filter(|record| record.evidence.offender() == *offender).count();
            records.len() < MAX && of_one < MAX_OF_ONE
        })
    }

    /// On disk first, then for readers.
    async fn write(&self, id: OffenceId, record: EvidenceRecord) -> Result<(), StoreError> {
        let (store, record) = (self.0.store.clone(), Arc::new(record));
        let kept = Arc::clone(&record);
        let written = tokio::task::spawn_blocking(move || store.put_evidence(&id, &kept)).await;
        written.map_err(|_| StoreError::Closed)??;
        self.0.records.write().unwrap_or_else(PoisonError::into_inner).insert(id, record);
        self.0.changes.send_modify(|change| *change = change.wrapping_add(1));
        self.count();
        Ok(())
    }

    fn count(&self) {
        let (all, open) = self.read(|records| {
            let open = records.values().filter(|record| record.fate == Fate::Open).count();
            (records.len(), open)
        });
        self.0.metrics.offences.set(i64::try_from(all).unwrap_or(i64::MAX));
        self.0.metrics.open.set(i64::try_from(open).unwrap_or(i64::MAX));
    }
}
