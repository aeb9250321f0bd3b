//! Up to where the light client on Ethereum knows that a rollup's batches are final.

use crate::error::AdapterError;
use crate::ethereum::turn_away;
use crate::finality::Nodes;
use fairlane_l1::checkpoint::Latest;
use fairlane_l1::settlement::block_number;
use fairlane_l1::{Deployment, Endpoints};
use fairlane_types::{HeadLeaf, NetworkId, RollupId};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How many checkpoints may wait for their confirmations, the oldest of which are forgotten first.
const WAITING: usize = 256;

/// The light client, and the nodes that know what its checkpoints cover.
#[derive(Debug)]
pub struct Checkpoints {
    endpoints: Endpoints,
    deployment: Deployment,
    network: NetworkId,
    nodes: Nodes,
    confirmations: u64,
    every: Duration,
    looked: Option<Instant>,
    /// Checkpoints, and the blocks of Ethereum at which they were seen first, oldest first.
    waiting: VecDeque<(u64, Latest)>,
}

impl Checkpoints {
    /// Nothing is asked yet. The endpoints are to be of this network and its contracts. So many blocks have to follow on a
    /// checkpoint until it counts.
    pub fn new(
        endpoints: Endpoints,
        (deployment, network): (Deployment, NetworkId),
        nodes: Nodes,
        confirmations: u64,
        every: Duration,
    ) -> Self {
        let (looked, waiting) = (None, VecDeque::new());
        Self { endpoints, deployment, network, nodes, confirmations, every, looked, waiting }
    }

    /// Moves on to the next endpoint where this one is to blame; says whether there is one.
    pub(crate) fn turn_away(&self, error: &AdapterError) -> bool {
        turn_away(&self.endpoints, error)
    }

    /// The rollup's last batch in the newest checkpoint that counts, if that is news and it is time to look again.
    ///
    /// # Errors
    /// Ethereum does not answer, or has halted the light client.
    pub(crate) async fn look(&mut self, rollup: RollupId) -> Result<Option<HeadLeaf>, AdapterError> {
        if self.looked.is_some_and(|looked| looked.elapsed() < self.every) {
            return Ok(None);
        }
        self.looked = Some(Instant::now());
        let (place, provider) = self.endpoints.reader();
        self.endpoints.check(place, &self.deployment, &self.network).await?;
        let block = block_number(provider).await?;
        if let Some(newest) = self.nodes.look(provider, &self.deployment.contracts).await? {
            // Ethereum may have gone back.
            self.waiting.retain(|(_, seen)| seen.number < newest.number || *seen == newest);
            if self.waiting.back().is_none_or(|(_, seen)| *seen != newest) {
                self.waiting.push_back((block, newest));
            }
        }
        if self.waiting.len() > WAITING {
            self.waiting.pop_front();
        }
        let counts = |(seen, _): &&(u64, Latest)| block.saturating_sub(*seen) >= self.confirmations;
        let Some((_, latest)) = self.waiting.iter().rev().find(counts).copied() else { return Ok(None) };
        let shown = self.nodes.leaf(&latest, rollup).await;
        if shown.is_some() {
            self.waiting.retain(|(_, seen)| seen.number > latest.number);
        }
        Ok(shown)
    }
}
