//! The adapter's configuration: a TOML file. Paths are relative to its folder; what is left out has its default.

use fairlane_l1::Address;
use fairlane_log::LogConfig;
use fairlane_prover::queue::Limits;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a file is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is none.
    #[error("{}: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What and where.
        source: toml::de::Error,
    },
    /// A value is not allowed.
    #[error("{field} {why}")]
    Value {
        /// The field.
        field: &'static str,
        /// What it must be.
        why: &'static str,
    },
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the adapter keeps what must survive a restart.
    pub data: PathBuf,
    /// The network and the rollup.
    pub sequencer: SequencerConfig,
    /// Ethereum. A proven rollup is settled there; one that runs the EVM looks there at what is final, if it is told to.
    pub ethereum: Option<EthereumConfig>,
    /// Workers, of a proven rollup.
    pub prover: Option<ProverConfig>,
    /// What makes it a rollup that runs the EVM.
    pub evm: Option<EvmConfig>,
    /// Metrics, health and status.
    #[serde(default)]
    pub http: HttpConfig,
    /// Logging.
    #[serde(default)]
    pub log: LogConfig,
}

/// The network and the rollup.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequencerConfig {
    /// The network's genesis file.
    pub genesis: PathBuf,
    /// Nodes, as `http://host:port`. None of them is trusted.
    pub endpoints: Vec<String>,
    /// The rollup's id.
    pub rollup: u64,
    /// How many batches may wait here to be settled. While there are so many, none is taken.
    #[serde(default = "inbox_batches")]
    pub inbox_batches: u64,
}

fn inbox_batches() -> u64 {
    4_096
}

/// Ethereum.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EthereumConfig {
    /// Endpoints. One is used at a time; the others take over where it fails.
    pub rpc_urls: Vec<String>,
    /// The record of the network's contracts.
    pub deployment: PathBuf,
    /// The record of the settlement contract, of a proven rollup.
    pub settlement: Option<PathBuf>,
    /// The key of the account that pays. Without it, the environment variable FAIRLANE_ADAPTER_KEY.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The most gwei that a unit of gas may cost; 100 if nothing is said.
    pub max_fee_gwei: Option<u64>,
    /// The owner of a proven rollup in the RollupRegistry, whose word on verification keys counts. Without it, nobody's does:
    /// whoever registers an id there first owns it.
    pub owner: Option<Address>,
    /// How many blocks have to follow on what is read until it counts for good.
    #[serde(default = "confirmations")]
    pub confirmations: u64,
    /// How often to look.
    #[serde(default = "poll", with = "humantime_serde")]
    pub poll: Duration,
}

/// The most gwei that a unit of gas may cost, if nothing is said.
const MAX_FEE_GWEI: u64 = 100;

impl EthereumConfig {
    /// The most gwei that a unit of gas may cost.
    pub fn max_fee_gwei(&self) -> u64 {
        self.max_fee_gwei.unwrap_or(MAX_FEE_GWEI)
    }
}

fn confirmations() -> u64 {
    64
}

fn poll() -> Duration {
    Duration::from_secs(12)
}

/// A rollup that runs the EVM.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvmConfig {
    /// The rollup's rules.
    pub rules: PathBuf,
    /// How often to look whether all clients are where they should be.
    #[serde(default = "evm_poll", with = "humantime_serde")]
    pub poll: Duration,
    /// The client that builds blocks.
    pub builder: ClientConfig,
    /// Clients that execute them again. A batch counts as carried out when all have done so.
    #[serde(default)]
    pub followers: Vec<ClientConfig>,
}

fn evm_poll() -> Duration {
    Duration::from_secs(1)
}

/// An execution client.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientConfig {
    /// What it is called, here and in the log.
    pub name: String,
    /// Where its Engine API is.
    pub engine_url: String,
    /// Where its JSON-RPC is.
    pub http_url: String,
    /// The secret that it shares with this adapter.
    pub jwt_file: PathBuf,
}

/// Workers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProverConfig {
    /// Where workers connect.
    pub listen: SocketAddr,
    /// A file with the token that workers have to show. Without it, anybody who reaches the address may work.
    pub access_token_file: Option<PathBuf>,
    /// Slots of the circuit.
    pub slots: u8,
    /// How long a lease holds that is not kept.
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    /// How many attempts ordinary workers have at a job.
    pub attempts: u32,
    /// How many fallback workers have after that.
    pub fallback_attempts: u32,
    /// How many jobs may wait or be under way.
    pub open_jobs: usize,
}

impl Default for ProverConfig {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 26_680)),
            access_token_file: None,
            slots: 16,
            lease: Duration::from_millis(limits.lease),
            attempts: limits.attempts,
            fallback_attempts: limits.fallback_attempts,
            open_jobs: limits.open_jobs,
        }
    }
}

impl ProverConfig {
    /// As the queue takes them.
    pub fn limits(&self) -> Limits {
        Limits {
            lease: u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX),
            attempts: self.attempts,
            fallback_attempts: self.fallback_attempts,
            open_jobs: self.open_jobs,
            ..Limits::default()
        }
    }
}

/// Metrics, health and status.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Where the pages are served.
    pub listen: SocketAddr,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 26_681)) }
    }
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is no configuration.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let mut config: Self =
            toml::from_str(&text).map_err(|source| ConfigError::Content { path: path.to_owned(), source })?;
        config.check()?;
        config.locate(path.parent().unwrap_or(Path::new(".")));
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let always = [
            (!self.sequencer.endpoints.is_empty(), "sequencer.endpoints", "must name at least one node"),
            (self.sequencer.inbox_batches > 0, "sequencer.inbox_batches", "must be at least 1"),
        ];
        let ethereum = self.ethereum.iter().map(|ethereum| {
            (ethereum.poll >= Duration::from_millis(100), "ethereum.poll", "must be at least 100ms")
        });
        let of_kind = match &self.evm {
            Some(evm) => self.evm_rules(evm),
            None => self.zk_rules(),
        };
        match always.into_iter().chain(ethereum).chain(of_kind).find(|(holds, ..)| !holds) {
            Some((_, field, why)) => Err(ConfigError::Value { field, why }),
            None => Ok(()),
        }
    }

    fn zk_rules(&self) -> Vec<Rule> {
        let needed =
            "is missing: a proven rollup is settled on Ethereum (a rollup that runs the EVM has `evm`)";
        let ethereum = self.ethereum.as_ref();
        let prover = self.prover();
        vec![
            (ethereum.is_some(), "ethereum", needed),
            (ethereum.is_none_or(|ethereum| ethereum.settlement.is_some()), "ethereum.settlement", needed),
            ((1..=64).contains(&prover.slots), "prover.slots", "must be from 1 to 64"),
            (prover.attempts > 0, "prover.attempts", "must be at least 1"),
            (prover.open_jobs > 0, "prover.open_jobs", "must be at least 1"),
            (prover.lease >= Duration::from_secs(1), "prover.lease", "must be at least 1s"),
        ]
    }

    fn evm_rules(&self, evm: &EvmConfig) -> Vec<Rule> {
        let proven = "is for proven rollups: a rollup that runs the EVM is not settled on Ethereum";
        let mut rules = vec![
            (self.prover.is_none(), "prover", proven),
            (evm.poll >= Duration::from_millis(100), "evm.poll", "must be at least 100ms"),
        ];
        if let Some(ethereum) = &self.ethereum {
            rules.extend([
                (ethereum.settlement.is_none(), "ethereum.settlement", proven),
                (ethereum.key_file.is_none(), "ethereum.key_file", proven),
                (ethereum.max_fee_gwei.is_none(), "ethereum.max_fee_gwei", proven),
                (ethereum.owner.is_none(), "ethereum.owner", proven),
            ]);
        }
        rules
    }

    /// Workers, with defaults for what is left out.
    pub fn prover(&self) -> ProverConfig {
        self.prover.clone().unwrap_or_default()
    }

    fn locate(&mut self, folder: &Path) {
        let mut paths = vec![&mut self.data, &mut self.sequencer.genesis];
        if let Some(ethereum) = &mut self.ethereum {
            paths.push(&mut ethereum.deployment);
            paths.extend([&mut ethereum.settlement, &mut ethereum.key_file].into_iter().flatten());
        }
        if let Some(prover) = &mut self.prover {
            paths.extend(&mut prover.access_token_file);
        }
        if let Some(evm) = &mut self.evm {
            paths.extend([&mut evm.rules, &mut evm.builder.jwt_file]);
            paths.extend(evm.followers.iter_mut().map(|client| &mut client.jwt_file));
        }
        for path in paths {
            *path = folder.join(&path);
        }
    }
}

/// Whether a rule holds, which field it is about, and what it asks.
type Rule = (bool, &'static str, &'static str);

#[cfg(test)]
mod tests {
    use super::*;

    const SEQUENCER: &str = r#"
        data = "data"
        [sequencer]
        genesis = "genesis.json"
        endpoints = ["http://127.0.0.1:26660"]
        rollup = 1
    "#;
    const ETHEREUM: &str = r#"
        [ethereum]
        rpc_urls = ["http://127.0.0.1:8545"]
        deployment = "l1.json"
    "#;
    const EVM: &str = r#"
        [evm]
        rules = "rules.toml"
        [evm.builder]
        name = "ethrex"
        engine_url = "http://127.0.0.1:8551"
        http_url = "http://127.0.0.1:8545"
        jwt_file = "jwt.hex"
    "#;

    fn smallest() -> String {
        format!("{SEQUENCER}\n{ETHEREUM}\nsettlement = \"/etc/settlement.json\"")
    }

    fn load(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("adapter.toml");
        std::fs::write(&path, text).unwrap();
        let config = Config::load(&path);
        if let Ok(config) = &config {
            assert_eq!(config.data, folder.path().join("data"));
        }
        config
    }

    #[test]
    fn what_is_left_out_has_its_default_and_paths_are_the_files() {
        let config = load(&smallest()).unwrap();
        assert_eq!((config.prover(), config.http), (ProverConfig::default(), HttpConfig::default()));
        let ethereum = config.ethereum.unwrap();
        assert_eq!(ethereum.settlement, Some(PathBuf::from("/etc/settlement.json")));
        assert_eq!(ethereum.max_fee_gwei(), 100);
        let evm = load(&format!("{SEQUENCER}\n{EVM}")).unwrap().evm.unwrap();
        assert!(evm.rules.is_absolute() && evm.builder.jwt_file.is_absolute());
        assert_eq!(evm.poll, Duration::from_secs(1));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let proven = |more: &str| format!("{}\n{more}", smallest());
        let evm = |more: &str| format!("{SEQUENCER}\n{more}\n{EVM}");
        for (text, named) in [
            (proven("[prover]\nslots = 0"), "prover.slots"),
            (proven("[prover]\nlease = \"1ms\""), "prover.lease"),
            (proven("[prover]\nslosts = 4"), "slosts"),
            (SEQUENCER.to_owned(), "ethereum is missing"),
            (format!("{SEQUENCER}\n{ETHEREUM}"), "ethereum.settlement"),
            (evm("[prover]\nslots = 4"), "prover is for proven"),
            (evm(&format!("{ETHEREUM}\nkey_file = \"key\"")), "ethereum.key_file"),
        ] {
            let error = load(&text).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
