//! A proven rollup's settlement contract, its adapter and its prover, which can be killed and started again.
//!
//! It needs a network with an Ethereum of its own, which need not run yet. A relayer, which is no part of this, brings
//! the checkpoints there.

use super::keys::Keys;
use crate::l1::demo::POLL;
use crate::l1::{L1Chain, proven};
use crate::network::LocalNetwork;
use crate::parts::{Part, page, run};
use crate::ports;
use eyre::OptionExt as _;
use fairlane_l1::dev::gas_of;
use fairlane_l1::rollups::RollupSettings;
use fairlane_l1::settlement::{self, SettlementRecord, Standing};
use fairlane_l1::{Address, B256, DynProvider};
use fairlane_prover::zk::proof_key;
use fairlane_types::{NetworkId, RollupId};
use fairlane_zk_rollup::{Context, PublicKey};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a proof may take, with all that it waits for, on a machine with other things to do.
pub(crate) const PROOF_LIMIT: Duration = Duration::from_secs(300);
/// How many accounts of the development node, counted from the last one, such a rollup and a relayer need: no
/// validator may have them.
pub(crate) const ACCOUNTS: usize = 4;
/// Spare accounts, counted from the last one, which is the relayer's: the adapter's and the claimer's.
const ADAPTER: usize = 1;
const CLAIMER: usize = 2;
/// The account that deposits, counted from the first one.
const DEPOSITOR: usize = 6;

/// The contract, the adapter and the prover. Dropping it kills the processes.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Reads Ethereum.
    pub(crate) provider: DynProvider,
    /// The settlement contract.
    pub(crate) record: SettlementRecord,
    /// The account that settles.
    pub(crate) account: Address,
    /// The adapter, while it runs.
    pub(crate) adapter: Option<Part>,
    /// The prover, while it runs.
    pub(crate) prover: Option<Part>,
    keys: Keys,
    /// The account that deposits, and what signs for it.
    depositor: (DynProvider, Address),
    rpc: String,
    folder: tempfile::TempDir,
    /// Where workers connect, and the adapter's pages.
    ports: [u16; 2],
}

impl Stage {
    /// Creates the settlement contract, names it in the RollupRegistry, and writes the adapter's configuration. No process is
    /// started yet.
    pub(crate) async fn new(network: &LocalNetwork, rollup: u64, keys: Keys) -> eyre::Result<Self> {
        let chain = network.l1.as_ref().ok_or_eyre("a proven rollup needs a network with an Ethereum")?;
        let folder = tempfile::Builder::new().prefix("fairlane-zk-").tempdir()?;
        let account = chain.write_spare_key(ADAPTER, &folder.path().join("adapter.key"))?;
        chain.write_spare_key(CLAIMER, &folder.path().join("claimer.key"))?;
        let record = deploy(chain, rollup, &keys, folder.path()).await?;
        let ports = ports::free(2)?;
        let ports = [ports[0], ports[1]];
        let config = config(network, chain, rollup, (keys.slots, ports))?;
        std::fs::write(folder.path().join("adapter.toml"), config)?;
        let stage = Self {
            provider: chain.reader()?,
            record,
            account,
            adapter: None,
            prover: None,
            keys,
            depositor: chain.writer(DEPOSITOR)?,
            rpc: chain.url().to_owned(),
            folder,
            ports,
        };
        chain.register_rollup(stage.rollup()).await?;
        stage.name_keys(chain, vec![stage.key_hash()]).await?;
        Ok(stage)
    }

    /// Names the settlement contract in the RollupRegistry, and verification keys.
    pub(crate) async fn name_keys(&self, chain: &L1Chain, keys: Vec<B256>) -> eyre::Result<()> {
        let change = |settings: &mut RollupSettings| {
            settings.settlement = self.record.settlement;
            settings.verificationKeys = keys;
        };
        chain.configure_rollup(self.rollup(), change).await
    }

    /// The rollup.
    pub(crate) fn rollup(&self) -> RollupId {
        RollupId::new(self.record.params.rollup)
    }

    /// Slots of the circuit: how many transfers a proof has room for.
    pub(crate) fn slots(&self) -> u8 {
        self.keys.slots
    }

    /// What transfers are signed for.
    pub(crate) fn context(&self) -> Context {
        Context { network: NetworkId::from_bytes(self.record.params.network.0), rollup: self.rollup() }
    }

    /// SHA-256 of the verification key that the contract checks proofs with.
    pub(crate) fn key_hash(&self) -> B256 {
        let words = self.record.params.key.map(|word| word.0);
        B256::new(*proof_key(&words).vk.as_bytes())
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Starts the adapter.
    pub(crate) fn start_adapter(&mut self) -> eyre::Result<()> {
        self.start_adapter_with(None)
    }

    /// Starts the adapter, which sends nothing.
    pub(crate) fn rehearse(&mut self) -> eyre::Result<()> {
        self.start_adapter_with(Some("--dry-run"))
    }

    fn start_adapter_with(&mut self, option: Option<&str>) -> eyre::Result<()> {
        let config = self.path("adapter.toml");
        let arguments = ["adapter", "run", "--config", config.as_str()].into_iter().chain(option);
        self.adapter = Some(Part::start(arguments, &self.folder.path().join("adapter.log"))?);
        Ok(())
    }

    /// Starts a prover. It may be there before the adapter.
    pub(crate) fn start_prover(&mut self) -> eyre::Result<()> {
        let (keys, slots) = (self.keys.path.display().to_string(), self.keys.slots.to_string());
        let adapter = format!("http://127.0.0.1:{}", self.ports[0]);
        let arguments =
            ["prover", "work", "--keys", &keys, "--slots", &slots, "--adapter", &adapter, "--jobs", "2"];
        self.prover = Some(Part::start(arguments, &self.folder.path().join("prover.log"))?);
        Ok(())
    }

    /// Kills the adapter at once.
    pub(crate) async fn kill_adapter(&mut self) -> eyre::Result<()> {
        self.adapter.take().ok_or_eyre("no adapter runs")?.kill().await
    }

    /// Asks the adapter to stop, and waits until it has.
    pub(crate) async fn stop_adapter(&mut self) -> eyre::Result<()> {
        self.adapter.take().ok_or_eyre("no adapter runs")?.stop().await
    }

    /// Kills the prover at once.
    pub(crate) async fn kill_prover(&mut self) -> eyre::Result<()> {
        self.prover.take().ok_or_eyre("no prover runs")?.kill().await
    }

    /// Fails when one of them has ended by itself, and shows its log.
    pub(crate) fn check_alive(&mut self) -> eyre::Result<()> {
        [&mut self.adapter, &mut self.prover].into_iter().flatten().try_for_each(Part::check_alive)
    }

    /// Asks both to stop, and waits until they have.
    pub(crate) async fn stop(&mut self) -> eyre::Result<()> {
        for part in [self.prover.take(), self.adapter.take()].into_iter().flatten() {
            part.stop().await?;
        }
        Ok(())
    }

    /// Where the adapter's pages are.
    pub(crate) fn pages(&self) -> u16 {
        self.ports[1]
    }

    /// Brings value in for a key. Gives the gas.
    pub(crate) async fn deposit(&self, key: &PublicKey, units: u64) -> eyre::Result<u64> {
        let (provider, depositor) = &self.depositor;
        proven::deposit(provider, &self.record, *depositor, key, units).await
    }

    /// How many batches the rollup has.
    pub(crate) async fn batches(&self, network: &mut LocalNetwork) -> eyre::Result<u64> {
        network.batches(self.record.params.rollup).await
    }

    /// Where the contract stands.
    pub(crate) async fn standing(&self) -> eyre::Result<Standing> {
        let block = settlement::block_number(&self.provider).await?;
        Ok(settlement::standing(&self.provider, &self.record, block).await?)
    }

    /// Waits until everything that was ordered is settled for good.
    pub(crate) async fn all_settled(&mut self, network: &mut LocalNetwork) -> eyre::Result<Standing> {
        let batches = self.batches(network).await?;
        self.wait("settled", PROOF_LIMIT, |status| status["confirmed"] == batches).await?;
        let standing = self.standing().await?;
        eyre::ensure!(standing.index == batches, "{} of {batches} batches are settled", standing.index);
        Ok(standing)
    }

    /// The gas that settling a batch took.
    pub(crate) async fn gas_of(&self, index: u64) -> eyre::Result<u64> {
        let settled = settlement::settled(&self.provider, &self.record, index).await?;
        let settled = settled.ok_or_else(|| eyre::eyre!("nothing says that batch {index} is settled"))?;
        Ok(gas_of(&self.provider, settled.transaction).await?)
    }

    /// Waits until the adapter's status fulfils a condition.
    pub(crate) async fn wait(
        &mut self,
        what: &str,
        limit: Duration,
        condition: impl Fn(&Value) -> bool,
    ) -> eyre::Result<Value> {
        let deadline = Instant::now() + limit;
        loop {
            let status = page(self.pages(), "status").await;
            if let Ok(status) = &status
                && condition(status)
            {
                return Ok(status.clone());
            }
            self.check_alive()?;
            if Instant::now() > deadline {
                let parts = [&self.adapter, &self.prover].into_iter().flatten();
                let logs: Vec<String> = parts.map(Part::log).collect();
                eyre::bail!("not {what} in time: {status:?}\n{}", logs.join("\n"));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Withdrawals that the adapter shows, as batch, place, and amount.
    pub(crate) async fn withdrawals(&self) -> eyre::Result<Vec<[u64; 3]>> {
        let shown = page(self.pages(), "withdrawals").await?;
        let number = |value: &Value| value.as_u64().ok_or_else(|| eyre::eyre!("{value} is no number"));
        let read = |shown: &Value| {
            Ok([number(&shown["index"])?, number(&shown["place"])?, number(&shown["amount"])?])
        };
        shown.as_array().into_iter().flatten().map(read).collect()
    }

    /// Lets the adapter's command pay a withdrawal.
    pub(crate) async fn claim(&self, index: u64, place: u64) -> eyre::Result<String> {
        let (http, index, place) =
            (format!("http://127.0.0.1:{}", self.pages()), index.to_string(), place.to_string());
        let (record, key) = (self.path("settlement.json"), self.path("claimer.key"));
        let place = ["--index", &index, "--place", &place, "--max-fee-gwei", "1000"];
        let what = ["adapter", "claim", "--http", &http, "--rpc", &self.rpc];
        let with = ["--settlement", &record, "--key-file", &key];
        run(what.iter().chain(&with).chain(&place)).await
    }
}

/// Creates the settlement contract.
async fn deploy(chain: &L1Chain, rollup: u64, keys: &Keys, folder: &Path) -> eyre::Result<SettlementRecord> {
    let path = |name: &str| folder.join(name).display().to_string();
    let (deployment, rollup) = (chain.record().display().to_string(), rollup.to_string());
    let vk = keys.verification_key().display().to_string();
    let (record, key) = (path("settlement.json"), path("adapter.key"));
    let what = ["adapter", "deploy", "--rpc", chain.url(), "--deployment", &deployment];
    let with = ["--verification-key", &vk, "--rollup", &rollup, "--key-file", &key, "--out", &record];
    run(what.iter().chain(&with)).await?;
    Ok(SettlementRecord::load(Path::new(&record))?)
}

fn config(
    network: &LocalNetwork,
    chain: &L1Chain,
    rollup: u64,
    (slots, ports): (u8, [u16; 2]),
) -> eyre::Result<String> {
    let (_, owner) = chain.writer(0)?;
    Ok(format!(
        "data = \"data\"\n\
         [sequencer]\ngenesis = {:?}\nendpoints = {:?}\nrollup = {rollup}\n\
         [ethereum]\nrpc_urls = {:?}\ndeployment = {:?}\nsettlement = \"settlement.json\"\n\
         key_file = \"adapter.key\"\nmax_fee_gwei = 1000\nconfirmations = 1\npoll = \"500ms\"\n\
         owner = \"{owner}\"\n\
         [prover]\nlisten = \"127.0.0.1:{}\"\nslots = {slots}\nlease = \"10s\"\nattempts = 8\n\
         [http]\nlisten = \"127.0.0.1:{}\"\n",
        network.nodes[0].home().genesis(),
        network.endpoints(),
        chain.gate_urls(),
        chain.record(),
        ports[0],
        ports[1],
    ))
}
