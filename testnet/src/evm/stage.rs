//! A rollup's adapter and its two clients, as processes that can be killed and started again.

use super::accounts::Accounts;
use super::files;
use super::programs::Programs;
use crate::l1::demo::{POLL, STEP_LIMIT};
use crate::network::LocalNetwork;
use crate::parts::{Part, page};
use crate::ports;
use alloy_eips::BlockNumberOrTag;
use alloy_primitives::B256;
use alloy_provider::Provider as _;
use eyre::{OptionExt as _, ensure, eyre};
use fairlane_l1::DynProvider;
use fairlane_l1::endpoint::connect;
use fairlane_types::RollupId;
use serde_json::Value;
use std::path::Path;
use std::time::Instant;

/// The clients, by their places in what follows.
pub(crate) const ETHREX: usize = 0;
pub(crate) const ETHEREUMJS: usize = 1;
/// What they are called.
pub(crate) const NAMES: [&str; 2] = ["ethrex", "ethereumjs"];

/// The adapter and the clients. Dropping it kills them.
#[derive(Debug)]
pub(crate) struct Stage {
    /// What the accounts hold is read from each client, as any Ethereum library does.
    pub(crate) readers: [DynProvider; 2],
    rollup: u64,
    programs: Programs,
    folder: tempfile::TempDir,
    /// Of each client JSON-RPC and Engine API, and the adapter's pages.
    ports: [u16; 5],
    adapter: Option<Part>,
    clients: [Option<Part>; 2],
}

impl Stage {
    /// Nothing is started yet.
    pub(crate) fn new(rollup: u64, programs: Programs) -> eyre::Result<Self> {
        let folder = tempfile::Builder::new().prefix("fairlane-evm-").tempdir()?;
        let ports = ports::free(5)?;
        let ports = <[u16; 5]>::try_from(ports).map_err(|_| eyre!("five ports were asked for"))?;
        let reader = |client: usize| connect(&format!("http://127.0.0.1:{}", ports[2 * client]));
        let readers = [reader(ETHREX)?, reader(ETHEREUMJS)?];
        Ok(Self { readers, rollup, programs, folder, ports, adapter: None, clients: [None, None] })
    }

    /// The rollup.
    pub(crate) fn rollup(&self) -> RollupId {
        RollupId::new(self.rollup)
    }

    /// Where the adapter's pages are.
    pub(crate) fn pages(&self) -> u16 {
        self.ports[4]
    }

    /// Where the files are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Writes genesis, rules, the clients' secret and the adapter's configuration. Gives the hash of block zero.
    pub(crate) fn furnish(&self, network: &LocalNetwork, accounts: &Accounts) -> eyre::Result<B256> {
        std::fs::write(self.path("adapter.toml"), self.config(network))?;
        files::write(self.folder(), accounts)
    }

    fn config(&self, network: &LocalNetwork) -> String {
        let client = |kind: &str, client: usize| {
            format!(
                "[{kind}]\nname = {:?}\nhttp_url = \"http://127.0.0.1:{}\"\nengine_url = \"http://127.0.0.1:{}\"\n\
                 jwt_file = {:?}\n",
                NAMES[client],
                self.ports[2 * client],
                self.ports[2 * client + 1],
                files::SECRET,
            )
        };
        let ethereum = network.l1.as_ref().map_or_else(String::new, |chain| {
            format!(
                "[ethereum]\nrpc_urls = [{:?}]\ndeployment = {:?}\nconfirmations = 1\npoll = \"500ms\"\n",
                chain.url(),
                chain.record()
            )
        });
        format!(
            "data = \"data\"\n\
             [sequencer]\ngenesis = {:?}\nendpoints = {:?}\nrollup = {}\n\
             [evm]\nrules = {:?}\npoll = \"500ms\"\n{}{}\
             {ethereum}[http]\nlisten = \"127.0.0.1:{}\"\n",
            network.nodes[0].home().genesis(),
            network.endpoints(),
            self.rollup,
            files::RULES,
            client("evm.builder", ETHREX),
            client("[evm.followers]", ETHEREUMJS),
            self.ports[4],
        )
    }

    /// Starts one of the clients.
    pub(crate) fn start_client(&mut self, client: usize) -> eyre::Result<()> {
        let (genesis, jwt) = (self.path(files::GENESIS), self.path(files::SECRET));
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

    /// Starts the adapter.
    pub(crate) fn start_adapter(&mut self) -> eyre::Result<()> {
        let config = self.path("adapter.toml");
        let arguments = ["adapter", "run", "--config", config.as_str()];
        self.adapter = Some(Part::start(arguments, &self.folder.path().join("adapter.log"))?);
        Ok(())
    }

    /// Kills one of the clients at once.
    pub(crate) async fn kill_client(&mut self, client: usize) -> eyre::Result<()> {
        self.clients[client].take().ok_or_eyre("the client does not run")?.kill().await
    }

    /// Kills the adapter at once.
    pub(crate) async fn kill_adapter(&mut self) -> eyre::Result<()> {
        self.adapter.take().ok_or_eyre("the adapter does not run")?.kill().await
    }

    fn parts(&mut self) -> impl Iterator<Item = &mut Part> {
        let [ethrex, ethereumjs] = &mut self.clients;
        [&mut self.adapter, ethrex, ethereumjs].into_iter().flatten()
    }

    /// Fails when one of them has ended by itself, and shows its log.
    pub(crate) fn check_alive(&mut self) -> eyre::Result<()> {
        self.parts().try_for_each(Part::check_alive)
    }

    /// Asks all to stop, and waits until they have.
    pub(crate) async fn stop(&mut self) -> eyre::Result<()> {
        let [ethrex, ethereumjs] = &mut self.clients;
        for part in [self.adapter.take(), ethrex.take(), ethereumjs.take()].into_iter().flatten() {
            part.stop().await?;
        }
        Ok(())
    }

    /// What the adapter says of itself.
    pub(crate) async fn status(&self) -> eyre::Result<Value> {
        page(self.pages(), "status").await
    }

    /// Waits until everything that was ordered is executed by both clients.
    pub(crate) async fn all_executed(&mut self, network: &mut LocalNetwork) -> eyre::Result<()> {
        let waits =
            |status: &Value| status["step"] == "idle" || status["step"].get("awaiting_checkpoint").is_some();
        let condition =
            |status: &Value, batches| status["carried_out"].as_u64() >= Some(batches) && waits(status);
        self.wait(network, "executed", condition).await
    }

    /// Waits until everything that was ordered is settled.
    pub(crate) async fn all_settled(&mut self, network: &mut LocalNetwork) -> eyre::Result<()> {
        let condition = |status: &Value, batches| status["confirmed"] == batches && status["step"] == "idle";
        self.wait(network, "settled", condition).await
    }

    /// Waits until the adapter's status fulfils a condition, given how many batches were ordered.
    async fn wait(
        &mut self,
        network: &mut LocalNetwork,
        what: &str,
        condition: impl Fn(&Value, u64) -> bool,
    ) -> eyre::Result<()> {
        let deadline = Instant::now() + STEP_LIMIT;
        let batches = network.batches(self.rollup).await?;
        loop {
            let status = self.status().await;
            if let Ok(status) = &status
                && status["failure"].is_null()
                && condition(status, batches)
            {
                return Ok(());
            }
            self.check_alive()?;
            if Instant::now() > deadline {
                let logs: Vec<String> = self.parts().map(|part| part.log()).collect();
                eyre::bail!("not {what} in time: {status:?}\n{}", logs.join("\n"));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The newest block of both clients, which must be the same one: its number, hash and state root.
    pub(crate) async fn agreed(&self) -> eyre::Result<(u64, B256, B256)> {
        let mut found = Vec::new();
        for reader in &self.readers {
            let block = reader.get_block_by_number(BlockNumberOrTag::Latest).await?;
            let header = block.ok_or_eyre("a client has no newest block")?.header;
            found.push((header.number, header.hash, header.state_root));
        }
        ensure!(found[ETHREX] == found[ETHEREUMJS], "the clients differ: {found:?}");
        Ok(found[ETHREX])
    }
}
