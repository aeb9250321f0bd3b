//! Following the chain: which block counts, its epoch, where epochs begin, and the validator sets that are fixed.
//!
//! There is no cursor to lose and no gap to fill. A fixed set is the same in every later state (docs/protocol.md,
//! "Epochs"), and registrations of rollups are the events of one whole epoch, two epochs before they are asked for. How far
//! the network has come stands in its last anchor: what it needs next is read again after a restart or an outage.

use super::{L1, L1Error};
use crate::in_force::InForce;
use fairlane_l1::checkpoint::latest_after;
use fairlane_l1::events::{Registrations, registrations};
use fairlane_l1::{CallError, DynProvider, Epoch, L1State, Pause, UnfitEndpoint};
use fairlane_types::{Hash32, Height, L1Anchor, ValidatorSet};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// For how many epochs ahead of the present one the set is fixed.
const FIXED_AHEAD: u32 = 2;
/// How many beginnings of epochs are kept: those that the network's anchors come to next.
const STARTS: u32 = 8;

/// Where an epoch begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochStart {
    /// Its first block, which has enough confirmations.
    pub block: L1Anchor,
    /// Its validator set; `None` where that is empty, and the one before stays.
    pub validators: Option<ValidatorSet>,
    /// What it is the first epoch to count of the registry of rollups.
    pub registrations: Registrations,
    /// When this node saw it.
    pub seen: Instant,
}

/// What is seen at one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L1View {
    /// The newest block with enough confirmations.
    pub block: L1Anchor,
    /// The epoch that it belongs to.
    pub epoch: Epoch,
    /// The sets of that epoch and of those after it that are fixed; where a set is empty it has no entry, and the
    /// one before stays.
    pub sets: BTreeMap<Epoch, ValidatorSet>,
    /// Where the epochs begin that the network's anchors come to next, as far as that is seen.
    pub starts: BTreeMap<Epoch, EpochStart>,
    /// The height of the newest checkpoint that the light client has; none before the first.
    pub checkpoint: Option<Height>,
}

/// Why a look at the chain showed nothing.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Unfit(#[from] UnfitEndpoint),
    #[error("the endpoint's chain went back from block {last} to {now}")]
    Behind { last: u64, now: u64 },
}

impl LookError {
    fn name(&self) -> &'static str {
        match self {
            Self::Call(error) => error.name(),
            Self::Unfit(error) => error.name(),
            Self::Behind { .. } => "behind",
        }
    }
}

/// Follows the chain until it is told to stop. It never ends by itself: a node without Ethereum goes on ordering.
#[derive(Debug)]
pub struct Watcher {
    l1: Arc<L1>,
    view: watch::Sender<Option<L1View>>,
    /// What the network has in force.
    in_force: watch::Receiver<InForce>,
}

impl Watcher {
    pub(super) fn new(
        l1: Arc<L1>,
        view: watch::Sender<Option<L1View>>,
        in_force: watch::Receiver<InForce>,
    ) -> Self {
        Self { l1, view, in_force }
    }

    /// Follows the chain.
    pub async fn run(self, stop: CancellationToken) -> Result<(), L1Error> {
        let mut pause = Pause::new(self.l1.poll_interval);
        let l1 = Arc::clone(&self.l1);
        loop {
            let (place, provider) = l1.endpoints.reader();
            let looked = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                looked = self.look(place, provider) => looked,
            };
            let wait = match looked {
                Ok(()) => {
                    l1.metrics.connected.set(1);
                    pause.reset();
                    l1.poll_interval
                }
                Err(error) => {
                    l1.metrics.connected.set(0);
                    let wait = pause.after_failure();
                    tracing::warn!(%error, endpoint = place, retry_in = ?wait, "Ethereum cannot be read");
                    l1.failed(place, error.name());
                    wait
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One look at the chain.
    async fn look(&self, place: usize, provider: &DynProvider) -> Result<(), LookError> {
        if !self.l1.endpoints.check(place, &self.l1.deployment, &self.l1.network).await? {
            tracing::info!(endpoint = place, "the Ethereum endpoint has this network's contracts");
        }
        let contracts = &self.l1.deployment.contracts;
        let newest = L1State::newest(provider, contracts).block().await?;
        let (newest, _) = newest.ok_or_else(no_block)?;
        self.l1.metrics.newest_block.set(gauge(newest));
        let number = newest.saturating_sub(self.l1.confirmations);
        let seen = self.view.borrow().as_ref().map(|view| view.block.number);
        match seen {
            Some(last) if last == number && self.has_starts() => return Ok(()),
            Some(last) if last > number => return Err(LookError::Behind { last, now: number }),
            _ => {}
        }
        let Some(epoch) = self.l1.deployment.clock.epoch_of(number) else {
            return Ok(()); // the contracts' first block has too few confirmations yet
        };
        let state = L1State::at(provider, contracts, number);
        let (_, hash) = state.block().await?.ok_or_else(no_block)?;
        let block = L1Anchor { number, hash: Hash32::from_bytes(hash.0) };
        let sets = self.fixed_sets(&state, epoch).await?;
        let starts = self.epoch_starts(provider, &state, epoch).await?;
        let checkpoint = latest_after(provider, contracts, number).await?;
        let checkpoint = checkpoint.map(|latest| Height::new(latest.height));
        self.l1.metrics.block.set(gauge(number));
        self.l1.metrics.epoch.set(i64::from(epoch.0));
        self.view.send_replace(Some(L1View { block, epoch, sets, starts, checkpoint }));
        Ok(())
    }

    /// The epochs that the network's anchors come to next, up to the one that is seen to have begun.
    fn next_epochs(&self, begun: Epoch) -> impl Iterator<Item = Epoch> + use<> {
        let first = self.l1.rule.next_epoch(&self.in_force.borrow().l1_anchor).0;
        (first..=begun.0.min(first.saturating_add(STARTS - 1))).map(Epoch)
    }

    /// Whether nothing is missing of what could be seen at the block of the last look.
    fn has_starts(&self) -> bool {
        let view = self.view.borrow();
        view.as_ref()
            .is_some_and(|view| self.next_epochs(view.epoch).all(|epoch| view.starts.contains_key(&epoch)))
    }

    /// Where the next epochs begin; those that are known are not asked for again.
    async fn epoch_starts(
        &self,
        provider: &DynProvider,
        state: &L1State<'_>,
        begun: Epoch,
    ) -> Result<BTreeMap<Epoch, EpochStart>, CallError> {
        let known = self.view.borrow().as_ref().map(|view| view.starts.clone()).unwrap_or_default();
        let mut starts = BTreeMap::new();
        for epoch in self.next_epochs(begun) {
            if let Some(start) = known.get(&epoch) {
                starts.insert(epoch, start.clone());
                continue;
            }
            let number = self.l1.rule.first_block(epoch);
            let first = L1State::at(provider, &self.l1.deployment.contracts, number);
            let (_, hash) = first.block().await?.ok_or_else(no_block)?;
            let block = L1Anchor { number, hash: Hash32::from_bytes(hash.0) };
            let validators = state.validator_set(epoch).await?;
            let contracts = &self.l1.deployment.contracts;
            let registrations = registrations(provider, contracts, self.l1.rule.counts(epoch)).await?;
            tracing::info!(
                %epoch,
                first_block = number,
                members = validators.as_ref().map(ValidatorSet::len),
                registered = registrations.registered.len(),
                closed = registrations.closed.len(),
                "an epoch began"
            );
            starts.insert(epoch, EpochStart { block, validators, registrations, seen: Instant::now() });
        }
        Ok(starts)
    }

    /// The sets from `epoch` on that are fixed; those that are known are not asked for again.
    async fn fixed_sets(
        &self,
        state: &L1State<'_>,
        epoch: Epoch,
    ) -> Result<BTreeMap<Epoch, ValidatorSet>, CallError> {
        let known = self.view.borrow().as_ref().map(|view| view.sets.clone()).unwrap_or_default();
        let last_known = known.last_key_value().map(|(epoch, _)| *epoch);
        let mut sets = BTreeMap::new();
        for ahead in 0..=FIXED_AHEAD {
            let of = Epoch(epoch.0.saturating_add(ahead));
            if let Some(set) = known.get(&of) {
                sets.insert(of, set.clone());
                continue;
            }
            let Some(set) = state.validator_set(of).await? else { continue };
            if last_known.is_none_or(|last| of > last) {
                tracing::info!(epoch = %of, members = set.len(), hash = %set.hash(), "a validator set is fixed");
            }
            sets.insert(of, set);
        }
        Ok(sets)
    }
}

pub(super) fn no_block() -> CallError {
    CallError::Nonsense { what: "asking for a block", why: "the endpoint does not have it".into() }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
