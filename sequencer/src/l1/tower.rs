//! The watchtower: sees to it that offences in the pool are punished.
//!
//! Any number of watchtowers may run. For each offence they take turns in an order that a hash gives, so that
//! usually one of them pays for gas; the contract punishes an offence once, whoever comes first. What is done is read
//! from the chain, never assumed: an offence is closed when its conviction has enough confirmations, so neither a
//! restart nor a reorganization loses one.

use super::watcher::L1View;
use super::{L1, L1Error};
use crate::clock::system_time;
use crate::evidence::{EvidencePool, EvidenceRecord, Fate, L1Receipt, OffenceId, Proof};
use crate::in_force::InForce;
use crate::store::StoreError;
use fairlane_l1::checkpoint::submit_conflict;
use fairlane_l1::contracts::SlashingManager::SlashingManagerErrors;
use fairlane_l1::error::Refusal;
use fairlane_l1::evidence::{self as contract, Submission};
use fairlane_l1::{B256, CallError, DynProvider, L1State, Pause};
use fairlane_types::crypto::sha256;
use fairlane_types::{Hash32, ValidatorId, ValidatorSet};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How many polls a turn lasts: long enough for a submission to get into a block and be seen.
const POLLS_A_TURN: u32 = 3;
/// How long to wait before trying again what a contract refused for now.
const REFUSED_PAUSE: Duration = Duration::from_secs(600);

/// Whose turn it is to submit evidence.
#[derive(Clone, Debug)]
pub struct Rank {
    own: Option<ValidatorId>,
    validators: ValidatorSet,
}

impl Rank {
    /// The turns of this node: a member of the set, or one that comes after all of them.
    pub fn new(own: Option<ValidatorId>, validators: ValidatorSet) -> Self {
        Self { own, validators }
    }

    /// How many others come first. Offenders have no turn: nobody should wait for one, nor be paid for accusing itself.
    pub fn of(&self, offence: &OffenceId, offender: &ValidatorId) -> Option<u32> {
        if self.own.as_ref() == Some(offender) {
            return None;
        }
        let place = |id: &ValidatorId| sha256(&[offence.as_bytes(), id.as_bytes()]);
        let own = self.own.as_ref().filter(|own| self.validators.get(own).is_some()).map(place);
        let others = self.validators.members().iter().filter(|member| member.id != *offender);
        let earlier = others.filter(|member| own.is_none_or(|own| place(&member.id) < own)).count();
        Some(u32::try_from(earlier).unwrap_or(u32::MAX))
    }
}

/// Submits evidence until it is told to stop.
#[derive(Debug)]
pub struct Watchtower {
    l1: Arc<L1>,
    pool: EvidencePool,
    own: Option<ValidatorId>,
    in_force: watch::Receiver<InForce>,
    views: watch::Receiver<Option<L1View>>,
    /// Offences that a contract refused for now, and when to try again.
    refused: BTreeMap<OffenceId, Instant>,
}

/// Why a round of work stopped.
#[derive(Debug, thiserror::Error)]
enum WorkError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Watchtower {
    pub(super) fn new(
        l1: Arc<L1>,
        pool: EvidencePool,
        own: Option<ValidatorId>,
        in_force: watch::Receiver<InForce>,
        views: watch::Receiver<Option<L1View>>,
    ) -> Self {
        Self { l1, pool, own, in_force, views, refused: BTreeMap::new() }
    }

    /// Works whenever the chain or the pool changed, and when turns come.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), L1Error> {
        let mut changes = self.pool.watch();
        let mut pause = Pause::new(self.l1.poll_interval);
        let l1 = Arc::clone(&self.l1);
        loop {
            let view = self.views.borrow_and_update().clone();
            changes.mark_unchanged();
            let mut wait = l1.poll_interval;
            if let Some(view) = view {
                let (place, provider) = l1.endpoints.reader();
                let worked = tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    worked = self.work(provider, &view) => worked,
                };
                match worked {
                    Ok(()) => pause.reset(),
                    Err(WorkError::Store(error)) => {
                        // The store's own watch ends the node.
                        tracing::error!(%error, "the watchtower cannot note what it did");
                        stop.cancelled().await;
                        return Ok(());
                    }
                    Err(WorkError::Call(error)) => {
                        wait = pause.after_failure();
                        tracing::warn!(%error, endpoint = place, retry_in = ?wait, "evidence is not submitted");
                        l1.failed(place, error.name());
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
                changed = changes.changed() => if changed.is_err() { return Ok(()) },
                changed = self.views.changed() => if changed.is_err() { tokio::time::sleep(wait).await },
            }
        }
    }

    async fn work(&mut self, provider: &DynProvider, view: &L1View) -> Result<(), WorkError> {
        for (id, record) in self.pool.open_offences() {
            self.pursue(provider, view, id, &record).await?;
        }
        Ok(())
    }

    /// Does for one offence what is to be done now.
    async fn pursue(
        &mut self,
        provider: &DynProvider,
        view: &L1View,
        id: OffenceId,
        record: &EvidenceRecord,
    ) -> Result<(), WorkError> {
        let contracts = &self.l1.deployment.contracts;
        let slot = B256::new(*id.as_bytes());
        let state = L1State::at(provider, contracts, view.block.number);
        if state.conviction(slot).await?.is_some() {
            tracing::info!(offence = %id, offender = %record.evidence.offender(), "an offence is punished");
            self.l1.metrics.punished.inc();
            return Ok(self.pool.update(&id, |record| record.fate = Fate::Punished).await?);
        }
        if L1State::newest(provider, contracts).conviction(slot).await?.is_some() {
            return Ok(()); // it is, and waits for confirmations
        }
        if self.refused.get(&id).is_some_and(|until| Instant::now() < *until) || !self.is_due(&id, record) {
            return Ok(());
        }
        self.submit(id, record).await
    }

    async fn submit(&mut self, id: OffenceId, record: &EvidenceRecord) -> Result<(), WorkError> {
        let l1 = Arc::clone(&self.l1);
        let Some((writer, sender)) = l1.endpoints.writer() else { return Ok(()) };
        let contracts = &l1.deployment.contracts;
        let submitted = match &record.evidence {
            Proof::Consensus(evidence) => contract::submit(writer, contracts, evidence, sender, sender).await,
            Proof::Checkpoints(conflict) => {
                submit_conflict(writer, contracts, conflict, sender, sender).await
            }
        };
        match submitted {
            Ok(Submission::Punished(receipt)) => {
                let receipt = L1Receipt {
                    transaction: Hash32::from_bytes(receipt.transaction_hash.0),
                    block: receipt.block_number.unwrap_or_default(),
                    gas_used: receipt.gas_used,
                };
                l1.metrics.submissions.inc();
                let offender = record.evidence.offender();
                tracing::warn!(offence = %id, %offender, transaction = %receipt.transaction, "proved an offence");
                Ok(self.pool.update(&id, |record| record.receipt = Some(receipt)).await?)
            }
            Ok(Submission::AlreadyPunished) => Ok(()),
            Err(error) => match error.refusal() {
                Some(refusal) if is_final(refusal) => {
                    tracing::error!(offence = %id, %error, "evidence is refused for good");
                    let why = refusal.to_string();
                    Ok(self.pool.update(&id, |record| record.fate = Fate::Refused(why)).await?)
                }
                Some(_) => {
                    tracing::warn!(offence = %id, %error, "evidence is refused for now");
                    self.refused.insert(id, Instant::now() + REFUSED_PAUSE);
                    Ok(())
                }
                None => Err(error.into()),
            },
        }
    }

    /// Whether this node's turn has come.
    fn is_due(&self, id: &OffenceId, record: &EvidenceRecord) -> bool {
        let turn = self.l1.poll_interval.saturating_mul(POLLS_A_TURN);
        let validators = self.in_force.borrow().validators.clone();
        let rank = Rank::new(self.own, validators).of(id, &record.evidence.offender());
        let waited = Duration::from_nanos(system_time().since(record.found_at));
        rank.is_some_and(|rank| waited >= turn.saturating_mul(rank))
    }
}

/// Whether the contracts will never say anything else.
fn is_final(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::Evidence(_) => true,
        Refusal::Slashing(error) => matches!(
            error,
            SlashingManagerErrors::EvidenceExpired(_) | SlashingManagerErrors::WrongCheckpointKey(_)
        ),
        _ => false,
    }
}
