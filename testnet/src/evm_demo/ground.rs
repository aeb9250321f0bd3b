//! What the demonstration stands on: a network, the rollup's adapter and its two clients, all of which can be killed and
//! started again.

use super::accounts::{Accounts, ROLLUP, transaction};
use super::programs::Programs;
use crate::l1::demo::{POLL, STEP_LIMIT, keep_busy, order};
use crate::l1::relaying::RelayerProcess;
use crate::network::LocalNetwork;
use crate::parts::{Part, page};
use crate::ports;
use alloy_primitives::{B256, Bytes};
use alloy_provider::Provider as _;
use eyre::{OptionExt as _, ensure, eyre};
use fairlane_evm_rollup::Address;
use fairlane_l1::DynProvider;
use fairlane_l1::endpoint::connect;
use fairlane_rollup_adapter::Client;
use rand::RngCore as _;
use serde_json::Value;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Instant;
use tokio::task::JoinSet;

/// The clients, by their places in what follows.
pub(super) const ETHREX: usize = 0;
pub(super) const ETHEREUMJS: usize = 1;
/// Another rollup keeps the chain going.
const OTHER: u64 = 2;
/// The relayer's spare account.
const RELAYER: usize = 0;
/// What they are called.
pub(super) const NAMES: [&str; 2] = ["ethrex", "ethereumjs"];

pub(super) struct Ground<'a> {
    pub(super) network: &'a mut LocalNetwork,
    /// What the accounts hold is read from each client, as any Ethereum library does.
    pub(super) readers: [DynProvider; 2],
    sequencer: Client,
    programs: Programs,
    folder: tempfile::TempDir,
    /// Of each client JSON-RPC and Engine API, and the adapter's pages.
    ports: [u16; 5],
    adapter: Option<Part>,
    clients: [Option<Part>; 2],
    /// Brings checkpoints to Ethereum, where there is one.
    relayer: Option<RelayerProcess>,
    /// Ends when it is dropped.
    _load: JoinSet<()>,
}

impl<'a> Ground<'a> {
    pub(super) async fn new(network: &'a mut LocalNetwork, programs: Programs) -> eyre::Result<Self> {
        let sequencer = Client::connect(&network.nodes[1].endpoint(), &network.genesis).await?;
        let folder = tempfile::Builder::new().prefix("fairlane-evm-").tempdir()?;
        let ports = ports::free(5)?;
        let ports = <[u16; 5]>::try_from(ports).map_err(|_| eyre!("five ports were asked for"))?;
        let mut load = JoinSet::new();
        let relayer = match &network.l1 {
            None => None,
            Some(chain) => {
                // An idle network has few checkpoints.
                load.spawn(keep_busy(sequencer.clone(), OTHER));
                Some(RelayerProcess::start(chain, &network.endpoints(), RELAYER, folder.path())?)
            }
        };
        let reader = |client: usize| connect(&format!("http://127.0.0.1:{}", ports[2 * client]));
        Ok(Self {
            readers: [reader(ETHREX)?, reader(ETHEREUMJS)?],
            network,
            sequencer,
            programs,
            folder,
            ports,
            adapter: None,
            clients: [None, None],
            relayer,
            _load: load,
        })
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Writes genesis, rules, the clients' secret and the adapter's configuration. Gives the hash of block zero.
    pub(super) fn furnish(&self, accounts: &Accounts) -> eyre::Result<B256> {
        let genesis = accounts.genesis();
        genesis.write(Path::new(&self.path("genesis.json")))?;
        let recipient = Address::repeat_byte(0xfe);
        let rules = format!("genesis = \"genesis.json\"\nfee_recipient = \"{recipient}\"\n");
        std::fs::write(self.path("rules.toml"), rules)?;
        let mut secret = [0; 32];
        rand::thread_rng().fill_bytes(&mut secret);
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.path("jwt.hex"))?;
        writeln!(file, "{:x}", B256::from(secret))?;
        std::fs::write(self.path("adapter.toml"), self.config())?;
        Ok(genesis.header().hash_slow())
    }

    fn config(&self) -> String {
        let client = |kind: &str, client: usize| {
            format!(
                "[{kind}]\nname = {:?}\nhttp_url = \"http://127.0.0.1:{}\"\nengine_url = \"http://127.0.0.1:{}\"\n\
                 jwt_file = \"jwt.hex\"\n",
                NAMES[client],
                self.ports[2 * client],
                self.ports[2 * client + 1]
            )
        };
        let ethereum = self.network.l1.as_ref().map_or_else(String::new, |chain| {
            format!(
                "[ethereum]\nrpc_url = {:?}\ndeployment = {:?}\nconfirmations = 1\npoll = \"500ms\"\n",
                chain.url(),
                chain.record()
            )
        });
        let endpoints = [self.network.nodes[0].endpoint(), self.network.nodes[2].endpoint()];
        format!(
            "data = \"data\"\n\
             [sequencer]\ngenesis = {:?}\nendpoints = {endpoints:?}\nrollup = {ROLLUP}\n\
             [evm]\nrules = \"rules.toml\"\npoll = \"500ms\"\n{}{}\
             {ethereum}[http]\nlisten = \"127.0.0.1:{}\"\n",
            self.network.nodes[0].home().genesis(),
            client("evm.builder", ETHREX),
            client("[evm.followers]", ETHEREUMJS),
            self.ports[4],
        )
    }

    pub(super) fn start_client(&mut self, client: usize) -> eyre::Result<()> {
        let (genesis, jwt) = (self.path("genesis.json"), self.path("jwt.hex"));
        let log = self.folder.path().join(format!("{}.log", NAMES[client]));
        let [http, engine] = [self.ports[2 * client], self.ports[2 * client + 1]];
        let part = match client {
            ETHREX => {
                let [http, engine] = [http, engine].map(|port| format!("127.0.0.1:{port}"));
                let arguments =
                    ["--genesis", &genesis, "--jwt-file", &jwt, "--http", &http, "--engine", &engine];
                Part::start_program(&self.programs.ethrex, arguments, &log)?
            }
            _ => {
                let (data, http, engine) = (self.path("ethereumjs"), http.to_string(), engine.to_string());
                let arguments = [&genesis, &data, &jwt, &http, &engine];
                Part::start_program(&self.programs.ethereumjs, arguments, &log)?
            }
        };
        self.clients[client] = Some(part);
        Ok(())
    }

    pub(super) fn start_adapter(&mut self) -> eyre::Result<()> {
        let config = self.path("adapter.toml");
        let arguments = ["adapter", "run", "--config", config.as_str()];
        self.adapter = Some(Part::start(arguments, &self.folder.path().join("adapter.log"))?);
        Ok(())
    }

    pub(super) async fn kill_client(&mut self, client: usize) -> eyre::Result<()> {
        self.clients[client].take().ok_or_eyre("the client does not run")?.kill().await
    }

    pub(super) async fn kill_adapter(&mut self) -> eyre::Result<()> {
        self.adapter.take().ok_or_eyre("the adapter does not run")?.kill().await
    }

    /// Asks all to stop, and waits until they have.
    pub(super) async fn stop(&mut self) -> eyre::Result<()> {
        if let Some(relayer) = self.relayer.take() {
            relayer.interrupt().await?;
        }
        let [ethrex, ethereumjs] = &mut self.clients;
        for part in [self.adapter.take(), ethrex.take(), ethereumjs.take()].into_iter().flatten() {
            part.stop().await?;
        }
        Ok(())
    }

    /// Sends payloads in their order, and waits until they are ordered.
    pub(super) async fn order(&self, payloads: Vec<Bytes>) -> eyre::Result<()> {
        let transactions = payloads.into_iter().map(transaction).collect::<eyre::Result<Vec<_>>>()?;
        order(&self.sequencer, &transactions).await?;
        Ok(())
    }

    /// Waits until everything that was ordered is executed by both clients.
    pub(super) async fn all_executed(&mut self) -> eyre::Result<()> {
        let waits =
            |status: &Value| status["step"] == "idle" || status["step"].get("awaiting_checkpoint").is_some();
        self.wait("executed", |status, batches| status["carried_out"] == batches && waits(status)).await
    }

    /// Waits until everything that was ordered is settled.
    pub(super) async fn all_settled(&mut self) -> eyre::Result<()> {
        self.wait("settled", |status, batches| status["confirmed"] == batches && status["step"] == "idle")
            .await
    }

    /// Waits until the adapter's status fulfils a condition, given how many batches were ordered.
    async fn wait(&mut self, what: &str, condition: impl Fn(&Value, u64) -> bool) -> eyre::Result<()> {
        let deadline = Instant::now() + STEP_LIMIT;
        let status = self.network.nodes[1].status().await?;
        let rollup = status.rollups.iter().find(|rollup| rollup.rollup_id == ROLLUP);
        let batches = rollup.ok_or_eyre("the rollup is not registered")?.batches;
        loop {
            let status = page(self.ports[4], "status").await;
            if let Ok(status) = &status
                && status["failure"].is_null()
                && condition(status, batches)
            {
                return Ok(());
            }
            let [ethrex, ethereumjs] = &mut self.clients;
            for part in [&mut self.adapter, ethrex, ethereumjs].into_iter().flatten() {
                part.check_alive()?;
                ensure!(Instant::now() < deadline, "not {what} in time: {status:?}\n{}", part.log());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The newest block of both clients, which must be the same one: its number, hash and state root.
    pub(super) async fn agreed(&self) -> eyre::Result<(u64, B256, B256)> {
        let mut found = Vec::new();
        for reader in &self.readers {
            let block = reader.get_block_by_number(alloy_eips::BlockNumberOrTag::Latest).await?;
            let header = block.ok_or_eyre("a client has no newest block")?.header;
            found.push((header.number, header.hash, header.state_root));
        }
        ensure!(found[ETHREX] == found[ETHEREUMJS], "the clients differ: {found:?}");
        Ok(found[ETHREX])
    }
}
