//! What an Ethereum endpoint of one's own says of a rollup's settlement, beside the node's word.

use clap::Args;
use eyre::{bail, eyre};
use fairlane_l1::endpoint::connect;
use fairlane_l1::settlement::{block_number, settled_point};
use fairlane_l1::{B256, Deployment, DynProvider, L1State};
use fairlane_rollup_adapter::VerifiedBatch;
use fairlane_types::{BatchIndex, RollupId};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How many heads are remembered to compare: a rollup is settled some minutes after its batches.
const HEADS: usize = 1 << 16;

/// An endpoint of one's own.
#[derive(Debug, Args)]
pub(super) struct OwnEndpoint {
    /// An Ethereum endpoint of your own: what nodes say is settled is asked of the rollup's contract there, too, and its head
    /// compared with the verified batches.
    #[arg(long, requires = "deployment")]
    rpc: Option<String>,
    /// The deployment's record, for --rpc.
    #[arg(long, requires = "rpc")]
    deployment: Option<PathBuf>,
}

/// Asks that endpoint.
pub(super) struct Witness {
    rollup: RollupId,
    provider: DynProvider,
    deployment: Deployment,
    heads: BTreeMap<BatchIndex, B256>,
}

impl OwnEndpoint {
    /// `None` where none is named.
    pub(super) async fn open(&self, rollup: RollupId) -> eyre::Result<Option<Witness>> {
        let (Some(rpc), Some(record)) = (&self.rpc, &self.deployment) else { return Ok(None) };
        let (provider, deployment) = (connect(rpc)?, Deployment::load(record)?);
        deployment.check(&provider).await?;
        Ok(Some(Witness { rollup, provider, deployment, heads: BTreeMap::new() }))
    }
}

impl Witness {
    /// Remembers a batch's head.
    pub(super) fn took(&mut self, batch: &VerifiedBatch) {
        self.heads.insert(batch.index(), B256::new(*batch.head().as_bytes()));
        if self.heads.len() > HEADS {
            self.heads.pop_first();
        }
    }

    /// How far the contract has settled, by this endpoint's newest block.
    ///
    /// # Errors
    /// It cannot be asked, or it settled another history than the verified one.
    pub(super) async fn settled(&self) -> eyre::Result<BatchIndex> {
        let number = block_number(&self.provider).await?;
        let state = L1State::at(&self.provider, &self.deployment.contracts, number);
        let contract = state.settlement_of(self.rollup).await?;
        let contract =
            contract.ok_or_else(|| eyre!("the registry names no contract for rollup {}", self.rollup))?;
        let point = settled_point(&self.provider, contract, number).await?;
        let point = point.ok_or_else(|| eyre!("contract {contract} does not say what it has settled"))?;
        let index = BatchIndex::new(point.index);
        match (self.heads.get(&index), point.head) {
            (Some(ours), Some(theirs)) if *ours != theirs => {
                bail!(
                    "contract {contract} settled another history: after batch {index} it has head {theirs}, not {ours}"
                )
            }
            _ => Ok(index),
        }
    }
}
