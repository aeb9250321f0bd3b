//! What the demonstration stands on: a network, and a rollup's adapter and clients.

use crate::evm::accounts::transaction;
use crate::evm::programs::Programs;
use crate::evm::stage::Stage;
use crate::l1::demo::{keep_busy, order};
use crate::l1::relaying::RelayerProcess;
use crate::network::LocalNetwork;
use alloy_primitives::Bytes;
use fairlane_rollup_adapter::Client;
use tokio::task::JoinSet;

/// The rollup.
const ROLLUP: u64 = 1;
/// Another rollup keeps the chain going.
const OTHER: u64 = 2;
/// The relayer's spare account.
const RELAYER: usize = 0;

pub(super) struct Ground<'a> {
    pub(super) network: &'a mut LocalNetwork,
    pub(super) stage: Stage,
    sequencer: Client,
    /// Brings checkpoints to Ethereum, where there is one.
    relayer: Option<RelayerProcess>,
    /// Ends when it is dropped.
    _load: JoinSet<()>,
}

impl<'a> Ground<'a> {
    pub(super) async fn new(network: &'a mut LocalNetwork, programs: Programs) -> eyre::Result<Self> {
        let sequencer = Client::connect(&network.nodes[1].endpoint(), &network.genesis).await?;
        let stage = Stage::new(ROLLUP, programs)?;
        let mut load = JoinSet::new();
        let relayer = match &network.l1 {
            None => None,
            Some(chain) => {
                // An idle network has few checkpoints.
                load.spawn(keep_busy(sequencer.clone(), OTHER));
                Some(RelayerProcess::start(chain, &network.endpoints(), RELAYER, stage.folder())?)
            }
        };
        Ok(Self { network, stage, sequencer, relayer, _load: load })
    }

    /// Sends payloads in their order, and waits until they are ordered.
    pub(super) async fn order(&self, payloads: Vec<Bytes>) -> eyre::Result<()> {
        let transactions = payloads.into_iter().map(|payload| transaction(ROLLUP, payload));
        order(&self.sequencer, &transactions.collect::<eyre::Result<Vec<_>>>()?).await?;
        Ok(())
    }

    /// Waits until everything that was ordered is executed by both clients.
    pub(super) async fn all_executed(&mut self) -> eyre::Result<()> {
        self.stage.all_executed(self.network).await
    }

    /// Waits until everything that was ordered is settled.
    pub(super) async fn all_settled(&mut self) -> eyre::Result<()> {
        self.stage.all_settled(self.network).await
    }

    /// Asks all to stop, and waits until they have.
    pub(super) async fn stop(&mut self) -> eyre::Result<()> {
        if let Some(relayer) = self.relayer.take() {
            relayer.interrupt().await?;
        }
        self.stage.stop().await
    }
}
