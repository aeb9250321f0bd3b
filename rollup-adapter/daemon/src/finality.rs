//! Finds what shows Ethereum that a head is final: a checkpoint that the light client has, and the rollup's way to it.
//!
//! The light client says which checkpoints there are; nodes give their content, which is held against the light client's
//! digest. The oldest checkpoint at or after the batch is the cheapest one: fewer batches lie in between.

use crate::error::AdapterError;
use crate::inbox::Inbox;
use fairlane_l1::checkpoint::{self, Latest};
use fairlane_l1::settlement::{Finality, finality};
use fairlane_l1::{Contracts, DynProvider};
use fairlane_proto::convert;
use fairlane_proto::v1::GetCheckpointRequest;
use fairlane_proto::v1::chain_service_client::ChainServiceClient;
use fairlane_types::{Batch, Checkpoint, CheckpointCertificate, HeadLeaf, HeadPath, RollupId};
use std::collections::VecDeque;
use std::time::Duration;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

/// How many checkpoints are remembered.
const REMEMBERED: usize = 256;
/// How long a node may take to answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// How many batches may lie between a head and the one that a checkpoint shows: each costs about 4,000 gas.
const MOST_LATER: u64 = 500;

/// The nodes that are asked for checkpoints. None of them is trusted.
#[derive(Debug)]
pub struct Nodes {
    clients: Vec<ChainServiceClient<Channel>>,
    /// Checkpoints that the light client was seen to have, oldest first.
    seen: VecDeque<Latest>,
}

impl Nodes {
    /// Nodes at `http://host:port`. Nothing is connected yet.
    ///
    /// # Errors
    /// An address is none.
    pub fn new(urls: &[String]) -> Result<Self, tonic::transport::Error> {
        let client = |url: &String| {
            let endpoint = Endpoint::from_shared(url.clone())?.connect_timeout(ANSWERED_WITHIN);
            Ok(ChainServiceClient::new(endpoint.timeout(ANSWERED_WITHIN).connect_lazy()))
        };
        let clients = urls.iter().map(client).collect::<Result<_, tonic::transport::Error>>()?;
        Ok(Self { clients, seen: VecDeque::new() })
    }

    /// Looks for new checkpoints on Ethereum, so that they are known when they are needed. Gives the newest.
    pub async fn look(
        &mut self,
        provider: &DynProvider,
        contracts: &Contracts,
    ) -> Result<Option<Latest>, AdapterError> {
        let Some(newest) = checkpoint::latest(provider, contracts).await? else { return Ok(None) };
        if newest.is_halted() {
            return Err(AdapterError::Halted);
        }
        // Ethereum may have gone back.
        self.seen.retain(|seen| seen.number < newest.number);
        self.seen.push_back(newest);
        if self.seen.len() > REMEMBERED {
            self.seen.pop_front();
        }
        Ok(Some(newest))
    }

    /// Where a rollup stands in a checkpoint that the light client has, if a node shows it.
    pub(crate) async fn leaf(&mut self, latest: &Latest, rollup: RollupId) -> Option<HeadLeaf> {
        for client in &mut self.clients {
            if let Some((_, path)) = shown(client, latest, rollup).await {
                return Some(path.leaf);
            }
        }
        None
    }

    /// That a batch is final, if there is a checkpoint that shows it.
    pub async fn finality_of(
        &mut self,
        batch: &Batch,
        inbox: &Inbox,
    ) -> Result<Option<Finality>, AdapterError> {
        let height = batch.header().height.get();
        let mut candidates = self.seen.iter().filter(|seen| seen.height >= height).copied();
        let (oldest, newest) = (candidates.next(), candidates.next_back());
        for latest in oldest.into_iter().chain(newest) {
            for client in &mut self.clients {
                let Some((checkpoint, path)) = shown(client, &latest, batch.header().rollup).await else {
                    continue;
                };
                let (from, to) = (batch.header().index, path.leaf.index);
                if to < from || to.get() - from.get() > MOST_LATER {
                    continue;
                }
                if let Some(later) = inbox.headers(from.next(), to)? {
                    return Ok(Some(finality(latest.number, &checkpoint, &path, &later)));
                }
            }
        }
        Ok(None)
    }
}

/// What a node says of a checkpoint, if it is the light client's and the path leads to it.
async fn shown(
    client: &mut ChainServiceClient<Channel>,
    latest: &Latest,
    rollup: RollupId,
) -> Option<(Checkpoint, HeadPath)> {
    let request = GetCheckpointRequest { height: latest.height, rollup_id: Some(rollup.get()) };
    let found = client.get_checkpoint(Request::new(request)).await.ok()?.into_inner();
    let certificate: CheckpointCertificate = convert::canonical("certificate", &found.certificate).ok()?;
    let path: HeadPath = convert::canonical("head_path", &found.head_path).ok()?;
    let statement = certificate.checkpoint;
    let fits = checkpoint::digest(&statement) == latest.digest
        && path.leaf.rollup == rollup
        && path.root() == Some(statement.heads_root);
    fits.then_some((statement, path))
}
