//! Which epochs' sets sign, with which keys, and which of them the light client can be shown.

use fairlane_checkpoint::CheckpointSet;
use fairlane_l1::checkpoint::{SetKeysError, keys_of, set_hash, trust_epochs};
use fairlane_l1::error::CallError;
use fairlane_l1::{Contracts, DynProvider, Epoch, L1State};
use fairlane_types::{Hash32, ValidatorSet};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of the epochs that the light client trusts. A set that is fixed never changes, and neither do keys.
#[derive(Debug)]
pub(super) struct Sets {
    contracts: Contracts,
    trust: Option<u32>,
    /// `None` where the set is empty.
    by_epoch: BTreeMap<Epoch, Option<ValidatorSet>>,
    keys: BTreeMap<Hash32, CheckpointSet>,
    registered: BTreeSet<Epoch>,
}

impl Sets {
    pub(super) fn new(contracts: Contracts) -> Self {
        Self {
            contracts,
            trust: None,
            by_epoch: BTreeMap::new(),
            keys: BTreeMap::new(),
            registered: BTreeSet::new(),
        }
    }

    /// The present epoch, and the epochs whose set has this hash and is trusted, the newest first.
    pub(super) async fn epochs_of(
        &mut self,
        provider: &DynProvider,
        hash: &Hash32,
    ) -> Result<(Epoch, Vec<Epoch>), CallError> {
        let now = L1State::newest(provider, &self.contracts).epoch().await?;
        let first = self.first_trusted(provider, now).await?;
        self.by_epoch.retain(|epoch, _| *epoch >= first);
        self.registered.retain(|epoch| *epoch >= first);
        let used: BTreeSet<Hash32> = self.by_epoch.values().flatten().map(ValidatorSet::hash).collect();
        self.keys.retain(|hash, _| used.contains(hash));
        let mut found = Vec::new();
        for epoch in (first.0..=now.0).rev().map(Epoch) {
            if !self.by_epoch.contains_key(&epoch) {
                let set = L1State::newest(provider, &self.contracts).validator_set(epoch).await?;
                self.by_epoch.insert(epoch, set);
            }
            let set = self.by_epoch.get(&epoch).and_then(Option::as_ref);
            if set.is_some_and(|set| set.hash() == *hash) {
                found.push(epoch);
            }
        }
        Ok((now, found))
    }

    /// The first epoch whose set is trusted in this one.
    pub(super) async fn first_trusted(
        &mut self,
        provider: &DynProvider,
        now: Epoch,
    ) -> Result<Epoch, CallError> {
        let trust = match self.trust {
            Some(trust) => trust,
            None => *self.trust.insert(trust_epochs(provider, &self.contracts).await?),
        };
        Ok(Epoch(now.0.saturating_sub(trust)))
    }

    /// The set of an epoch that [`Self::epochs_of`] found, with its members' keys.
    pub(super) async fn keys(
        &mut self,
        provider: &DynProvider,
        epoch: Epoch,
    ) -> Result<CheckpointSet, SetKeysError> {
        let set = self.by_epoch.get(&epoch).cloned().flatten();
        let no_set = || CallError::Nonsense { what: "asking for a validator set", why: "it is gone".into() };
        let set = set.ok_or_else(no_set)?;
        let hash = set.hash();
        if let Some(known) = self.keys.get(&hash) {
            return Ok(known.clone());
        }
        let keys = keys_of(provider, &self.contracts, set).await?;
        self.keys.insert(hash, keys.clone());
        Ok(keys)
    }

    /// The epoch to show a checkpoint with, of those whose set signed it, the newest first: the newest that somebody has
    /// registered and that stays trusted for another epoch, or else the newest.
    pub(super) async fn usable(
        &mut self,
        provider: &DynProvider,
        epochs: &[Epoch],
        now: Epoch,
    ) -> Result<Epoch, CallError> {
        let newest = epochs.first().copied().unwrap_or(now);
        let first = self.first_trusted(provider, now).await?;
        for epoch in epochs.iter().copied().filter(|epoch| *epoch > first) {
            let is_known = self.registered.contains(&epoch);
            if is_known || set_hash(provider, &self.contracts, epoch).await?.is_some() {
                self.registered.insert(epoch);
                return Ok(epoch);
            }
        }
        Ok(newest)
    }
}
