//! The checkpoint keys of validator sets, as their members registered them.

use super::L1;
use super::watcher::L1View;
use crate::checkpoints::KeySource;
use async_trait::async_trait;
use fairlane_checkpoint::{CheckpointSet, CheckpointSetError};
use fairlane_l1::Pause;
use fairlane_l1::checkpoint::{SetKeysError, keys_of};
use fairlane_types::ValidatorSet;
use std::sync::Arc;
use tokio::sync::watch;

/// Reads keys by the endpoints that the watcher found to be of this network.
#[derive(Debug)]
pub struct KeyReader {
    pub(super) l1: Arc<L1>,
    pub(super) views: watch::Receiver<Option<L1View>>,
}

#[async_trait]
impl KeySource for KeyReader {
    async fn keys_of(&self, validators: ValidatorSet) -> Option<CheckpointSet> {
        let mut pause = Pause::new(self.l1.poll_interval);
        // An error says that the watcher has ended, and so does the node.
        self.views.clone().wait_for(Option::is_some).await.ok()?;
        loop {
            let (place, provider) = self.l1.endpoints.reader();
            match keys_of(provider, &self.l1.deployment.contracts, validators.clone()).await {
                Ok(set) => return Some(set),
                Err(SetKeysError::Set(CheckpointSetError::TooLarge(_))) => return None,
                Err(error) => {
                    let wait = pause.after_failure();
                    tracing::warn!(%error, endpoint = place, retry_in = ?wait, "checkpoint keys cannot be read");
                    if let SetKeysError::Call(error) = &error {
                        self.l1.failed(place, error.name());
                    }
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }
}
