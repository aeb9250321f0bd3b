//! What the demonstration stands on: a network with a relayer and a settlement contract, and the rollup's adapter and
//! prover, which can be killed and started again.

use super::accounts::{ROLLUP, key};
use super::{PROOF_LIMIT, STEP_LIMIT, ZkDemoArgs};
use crate::l1::chain::L1Chain;
use crate::l1::demo::{POLL, chain_of, keep_busy};
use crate::l1::proven;
use crate::l1::relaying::RelayerProcess;
use crate::network::LocalNetwork;
use crate::parts::{Part, page, run};
use crate::ports;
use fairlane_l1::checkpoint::latest;
use fairlane_l1::dev::gas_of;
use fairlane_l1::settlement::{self, SettlementRecord, Standing};
use fairlane_l1::{Address, DynProvider};
use fairlane_rollup_adapter::Client;
use fairlane_types::{Height, RollupId};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Rollup 2 keeps the chain going.
const OTHER: u64 = 2;
/// Spare accounts: the relayer's, the adapter's, and by its number the one that deposits.
const RELAYER: usize = 0;
const ADAPTER: usize = 1;
const DEPOSITOR: usize = 6;

pub(super) struct Ground<'a> {
    pub(super) network: &'a mut LocalNetwork,
    pub(super) provider: DynProvider,
    pub(super) record: SettlementRecord,
    /// The account that settles.
    pub(super) account: Address,
    client: Client,
    folder: tempfile::TempDir,
    keys: PathBuf,
    slots: u8,
    /// Where workers connect, and the adapter's pages.
    ports: [u16; 2],
    pub(super) adapter: Option<Part>,
    pub(super) prover: Option<Part>,
    pub(super) relayer: Option<RelayerProcess>,
    relayers: usize,
    /// Ends when it is dropped.
    _load: JoinSet<()>,
}

impl<'a> Ground<'a> {
    pub(super) async fn new(network: &'a mut LocalNetwork, args: &ZkDemoArgs) -> eyre::Result<Self> {
        let chain = chain_of(network);
        // The adapter begins with node 0, which goes away later; what is sent here goes to another one.
        let client = Client::connect(&network.nodes[1].endpoint(), &network.genesis).await?;
        let folder = tempfile::Builder::new().prefix("fairlane-zk-").tempdir()?;
        let keys = args.keys.clone().unwrap_or_else(|| folder.path().join("keys"));
        let slots = args.slots;
        let account = chain.write_spare_key(ADAPTER, &folder.path().join("adapter.key"))?;
        let record = deploy(chain, folder.path(), &keys, slots).await?;
        let ports = ports::free(2)?;
        let ports = [ports[0], ports[1]];
        let config = config(network, folder.path(), ports, slots);
        std::fs::write(folder.path().join("adapter.toml"), config)?;
        let mut load = JoinSet::new();
        load.spawn(keep_busy(client.clone(), OTHER));
        Ok(Self {
            provider: chain.reader()?,
            network,
            record,
            account,
            client,
            folder,
            keys,
            slots,
            ports,
            adapter: None,
            prover: None,
            relayer: None,
            relayers: 0,
            _load: load,
        })
    }

    pub(super) fn chain(&self) -> &L1Chain {
        chain_of(self.network)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub(super) fn start_adapter(&mut self) -> eyre::Result<()> {
        let config = self.path("adapter.toml");
        let arguments = ["adapter", "run", "--config", config.as_str()];
        self.adapter = Some(Part::start(arguments, &self.folder.path().join("adapter.log"))?);
        Ok(())
    }

    pub(super) fn start_prover(&mut self) -> eyre::Result<()> {
        let (keys, slots) = (self.keys.display().to_string(), self.slots.to_string());
        let adapter = format!("http://127.0.0.1:{}", self.ports[0]);
        let arguments =
            ["prover", "work", "--keys", &keys, "--slots", &slots, "--adapter", &adapter, "--jobs", "2"];
        self.prover = Some(Part::start(arguments, &self.folder.path().join("prover.log"))?);
        Ok(())
    }

    pub(super) fn start_relayer(&mut self) -> eyre::Result<()> {
        // Each has files of its own.
        let folder = self.folder.path().join(format!("relayer-{}", self.relayers));
        std::fs::create_dir(&folder)?;
        self.relayers += 1;
        let nodes = self.network.endpoints();
        self.relayer = Some(RelayerProcess::start(self.chain(), &nodes, RELAYER, &folder)?);
        Ok(())
    }

    pub(super) async fn kill_adapter(&mut self) -> eyre::Result<()> {
        let adapter = self.adapter.take();
        adapter.ok_or_else(|| eyre::eyre!("no adapter runs"))?.kill().await
    }

    pub(super) async fn kill_prover(&mut self) -> eyre::Result<()> {
        self.prover.take().ok_or_else(|| eyre::eyre!("no prover runs"))?.kill().await
    }

    pub(super) async fn stop_relayer(&mut self) -> eyre::Result<()> {
        self.relayer.take().ok_or_else(|| eyre::eyre!("no relayer runs"))?.interrupt().await
    }

    /// Brings value in for an account. Gives the gas.
    pub(super) async fn deposit(&self, account: u16, units: u64) -> eyre::Result<u64> {
        let (provider, depositor) = self.chain().writer(DEPOSITOR)?;
        proven::deposit(&provider, &self.record, depositor, &key(account).public(), units).await
    }

    /// Sends payloads in their order, and waits until they are ordered. Gives the height of the last.
    pub(super) async fn order(&self, payloads: Vec<Vec<u8>>) -> eyre::Result<Height> {
        proven::order(&self.client, RollupId::new(ROLLUP), payloads).await
    }

    /// The index of the rollup's last batch.
    pub(super) async fn batches(&mut self) -> eyre::Result<u64> {
        let status = self.network.nodes[1].status().await?;
        let rollup = status.rollups.iter().find(|rollup| rollup.rollup_id == ROLLUP);
        Ok(rollup.ok_or_else(|| eyre::eyre!("the rollup is not registered"))?.batches)
    }

    pub(super) async fn standing(&self) -> eyre::Result<Standing> {
        let block = settlement::block_number(&self.provider).await?;
        Ok(settlement::standing(&self.provider, &self.record, block).await?)
    }

    /// Waits until everything that was ordered is settled for good.
    pub(super) async fn all_settled(&mut self) -> eyre::Result<Standing> {
        let batches = self.batches().await?;
        self.wait("settled", PROOF_LIMIT, |status| status["confirmed"] == batches).await?;
        let standing = self.standing().await?;
        eyre::ensure!(standing.index == batches, "{} of {batches} batches are settled", standing.index);
        Ok(standing)
    }

    /// The gas that settling a batch took.
    pub(super) async fn gas_of(&self, index: u64) -> eyre::Result<u64> {
        let settled = settlement::settled(&self.provider, &self.record, index).await?;
        let settled = settled.ok_or_else(|| eyre::eyre!("nothing says that batch {index} is settled"))?;
        Ok(gas_of(&self.provider, settled.transaction).await?)
    }

    /// Waits until the adapter's status fulfils a condition.
    pub(super) async fn wait(
        &mut self,
        what: &str,
        limit: Duration,
        condition: impl Fn(&Value) -> bool,
    ) -> eyre::Result<Value> {
        let deadline = Instant::now() + limit;
        loop {
            let status = page(self.ports[1], "status").await;
            if let Ok(status) = &status
                && condition(status)
            {
                return Ok(status.clone());
            }
            for part in [&mut self.adapter, &mut self.prover].into_iter().flatten() {
                part.check_alive()?;
                eyre::ensure!(Instant::now() < deadline, "not {what} in time: {status:?}\n{}", part.log());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until Ethereum has a checkpoint of this height or a later one.
    pub(super) async fn checkpointed(&self, height: Height) -> eyre::Result<()> {
        let deadline = Instant::now() + STEP_LIMIT;
        let contracts = &self.chain().deployment.contracts;
        loop {
            let latest = latest(&self.provider, contracts).await?;
            if latest.is_some_and(|latest| latest.height >= height.get()) {
                return Ok(());
            }
            eyre::ensure!(Instant::now() < deadline, "no checkpoint of height {height} in time");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Withdrawals that the adapter shows, as batch, place, and amount.
    pub(super) async fn withdrawals(&self) -> eyre::Result<Vec<[u64; 3]>> {
        let shown = page(self.ports[1], "withdrawals").await?;
        let number = |value: &Value| value.as_u64().ok_or_else(|| eyre::eyre!("{value} is no number"));
        let read = |shown: &Value| {
            Ok([number(&shown["index"])?, number(&shown["place"])?, number(&shown["amount"])?])
        };
        shown.as_array().into_iter().flatten().map(read).collect()
    }

    /// Lets the adapter's command pay a withdrawal.
    pub(super) async fn claim(&self, index: u64, place: u64) -> eyre::Result<String> {
        let (http, index, place) =
            (format!("http://127.0.0.1:{}", self.ports[1]), index.to_string(), place.to_string());
        let (record, key) = (self.path("settlement.json"), self.path("claimer.key"));
        if !Path::new(&key).exists() {
            self.chain().write_spare_key(2, Path::new(&key))?;
        }
        let rpc = self.chain().url();
        let place = ["--index", &index, "--place", &place, "--max-fee-gwei", "1000"];
        let what = ["adapter", "claim", "--http", &http, "--rpc", rpc];
        let with = ["--settlement", &record, "--key-file", &key];
        run(what.iter().chain(&with).chain(&place)).await
    }
}

/// Makes the keys, or finds them, and creates the settlement contract.
async fn deploy(chain: &L1Chain, folder: &Path, keys: &Path, slots: u8) -> eyre::Result<SettlementRecord> {
    let path = |name: &str| folder.join(name).display().to_string();
    let (keys, slots, vk) = (keys.display().to_string(), slots.to_string(), path("vk.json"));
    run(["prover", "keys", "--keys", &keys, "--slots", &slots, "--out", &vk]).await?;
    let (deployment, record, key) =
        (chain.record().display().to_string(), path("settlement.json"), path("adapter.key"));
    let rollup = ROLLUP.to_string();
    let what = ["adapter", "deploy", "--rpc", chain.url(), "--deployment", &deployment];
    let with = ["--verification-key", &vk, "--rollup", &rollup, "--key-file", &key, "--out", &record];
    run(what.iter().chain(&with)).await?;
    Ok(SettlementRecord::load(Path::new(&record))?)
}

fn config(network: &LocalNetwork, folder: &Path, ports: [u16; 2], slots: u8) -> String {
    let chain = chain_of(network);
    let endpoints = [network.nodes[0].endpoint(), network.nodes[2].endpoint()];
    format!(
        "data = \"data\"\n\
         [sequencer]\ngenesis = {:?}\nendpoints = {endpoints:?}\nrollup = {ROLLUP}\n\
         [ethereum]\nrpc_urls = [{:?}]\ndeployment = {:?}\nsettlement = {:?}\nkey_file = \"adapter.key\"\n\
         max_fee_gwei = 1000\nconfirmations = 1\npoll = \"500ms\"\n\
         [prover]\nlisten = \"127.0.0.1:{}\"\nslots = {slots}\nlease = \"10s\"\nattempts = 8\n\
         [http]\nlisten = \"127.0.0.1:{}\"\n",
        network.nodes[0].home().genesis(),
        chain.url(),
        chain.record(),
        folder.join("settlement.json"),
        ports[0],
        ports[1],
    )
}
