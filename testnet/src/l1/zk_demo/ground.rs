//! What the demonstration stands on: a network with a relayer, and the stage of the proven rollup.

use super::STEP_LIMIT;
use super::accounts::{ROLLUP, key};
use crate::l1::chain::L1Chain;
use crate::l1::demo::{POLL, chain_of, keep_busy};
use crate::l1::proven;
use crate::l1::relaying::RelayerProcess;
use crate::network::LocalNetwork;
use crate::zk::keys::Keys;
use crate::zk::stage::Stage;
use fairlane_l1::checkpoint::latest;
use fairlane_l1::settlement::Standing;
use fairlane_rollup_adapter::Client;
use fairlane_types::Height;
use std::time::Instant;
use tokio::task::JoinSet;

/// Rollup 2 keeps the chain going.
const OTHER: u64 = 2;
/// The relayer's spare account.
const RELAYER: usize = 0;

pub(super) struct Ground<'a> {
    pub(super) network: &'a mut LocalNetwork,
    pub(super) stage: Stage,
    client: Client,
    relayer: Option<RelayerProcess>,
    /// Of the relayers, each of which has files of its own.
    folder: tempfile::TempDir,
    relayers: usize,
    /// Ends when it is dropped.
    _load: JoinSet<()>,
}

impl<'a> Ground<'a> {
    pub(super) async fn new(network: &'a mut LocalNetwork, keys: Keys) -> eyre::Result<Self> {
        // The adapter begins with node 0, which goes away later; what is sent here goes to another one.
        let client = Client::connect(&network.nodes[1].endpoint(), &network.genesis).await?;
        let stage = Stage::new(network, ROLLUP, keys).await?;
        let folder = tempfile::Builder::new().prefix("fairlane-relayers-").tempdir()?;
        let mut load = JoinSet::new();
        load.spawn(keep_busy(client.clone(), OTHER));
        Ok(Self { network, stage, client, relayer: None, folder, relayers: 0, _load: load })
    }

    pub(super) fn chain(&self) -> &L1Chain {
        chain_of(self.network)
    }

    pub(super) fn start_relayer(&mut self) -> eyre::Result<()> {
        let folder = self.folder.path().join(self.relayers.to_string());
        std::fs::create_dir(&folder)?;
        self.relayers += 1;
        let nodes = self.network.endpoints();
        self.relayer = Some(RelayerProcess::start(self.chain(), &nodes, RELAYER, &folder)?);
        Ok(())
    }

    pub(super) async fn stop_relayer(&mut self) -> eyre::Result<()> {
        self.relayer.take().ok_or_else(|| eyre::eyre!("no relayer runs"))?.interrupt().await
    }

    /// Brings value in for an account. Gives the gas.
    pub(super) async fn deposit(&self, account: u16, units: u64) -> eyre::Result<u64> {
        self.stage.deposit(&key(account).public(), units).await
    }

    /// Sends payloads in their order, and waits until they are ordered. Gives the height of the last.
    pub(super) async fn order(&self, payloads: Vec<Vec<u8>>) -> eyre::Result<Height> {
        proven::order(&self.client, self.stage.rollup(), payloads).await
    }

    /// The index of the rollup's last batch.
    pub(super) async fn batches(&mut self) -> eyre::Result<u64> {
        self.stage.batches(self.network).await
    }

    /// Waits until everything that was ordered is settled for good.
    pub(super) async fn all_settled(&mut self) -> eyre::Result<Standing> {
        self.stage.all_settled(self.network).await
    }

    /// Waits until Ethereum has a checkpoint of this height or a later one.
    pub(super) async fn checkpointed(&self, height: Height) -> eyre::Result<()> {
        let deadline = Instant::now() + STEP_LIMIT;
        let contracts = &self.chain().deployment.contracts;
        loop {
            let latest = latest(&self.stage.provider, contracts).await?;
            if latest.is_some_and(|latest| latest.height >= height.get()) {
                return Ok(());
            }
            eyre::ensure!(Instant::now() < deadline, "no checkpoint of height {height} in time");
            tokio::time::sleep(POLL).await;
        }
    }
}
