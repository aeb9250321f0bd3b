//! The adapter's configuration: a TOML file. Paths are relative to its folder; what is left out has its default.

use fairlane_prover::queue::Limits;
use fairlane_sequencer::config::LogConfig;
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
    /// Ethereum.
    pub ethereum: EthereumConfig,
    /// Workers.
    #[serde(default)]
    pub prover: ProverConfig,
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
    /// The record of the rollup's settlement contract.
    pub settlement: PathBuf,
    /// The key of the account that pays. Without it, the environment variable FAIRLANE_ADAPTER_KEY.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The most gwei that a unit of gas may cost.
    #[serde(default = "max_fee_gwei")]
    pub max_fee_gwei: u64,
    /// How many blocks have to follow on a settlement until it counts for good.
    #[serde(default = "confirmations")]
    pub confirmations: u64,
    /// How often to look.
    #[serde(default = "poll", with = "humantime_serde")]
    pub poll: Duration,
}

fn max_fee_gwei() -> u64 {
    100
}

fn confirmations() -> u64 {
    64
}

fn poll() -> Duration {
    Duration::from_secs(12)
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
        let rules = [
            (!self.sequencer.endpoints.is_empty(), "sequencer.endpoints", "must name at least one node"),
            (self.sequencer.inbox_batches > 0, "sequencer.inbox_batches", "must be at least 1"),
            ((1..=64).contains(&self.prover.slots), "prover.slots", "must be from 1 to 64"),
            (self.prover.attempts > 0, "prover.attempts", "must be at least 1"),
            (self.prover.open_jobs > 0, "prover.open_jobs", "must be at least 1"),
            (self.prover.lease >= Duration::from_secs(1), "prover.lease", "must be at least 1s"),
            (self.ethereum.poll >= Duration::from_millis(100), "ethereum.poll", "must be at least 100ms"),
        ];
        match rules.into_iter().find(|(holds, ..)| !holds) {
            Some((_, field, why)) => Err(ConfigError::Value { field, why }),
            None => Ok(()),
        }
    }

    fn locate(&mut self, folder: &Path) {
        let Self { data, sequencer, ethereum, prover, .. } = self;
        let always = [data, &mut sequencer.genesis, &mut ethereum.deployment, &mut ethereum.settlement];
        let maybe = [&mut ethereum.key_file, &mut prover.access_token_file].into_iter().flatten();
        for path in always.into_iter().chain(maybe) {
            *path = folder.join(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &str = r#"
        data = "data"
        [sequencer]
        genesis = "genesis.json"
        endpoints = ["http://127.0.0.1:26660"]
        rollup = 1
        [ethereum]
        rpc_urls = ["http://127.0.0.1:8545"]
        deployment = "l1.json"
        settlement = "/etc/settlement.json"
    "#;

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
        let config = load(SMALLEST).unwrap();
        assert_eq!(config.ethereum.settlement, PathBuf::from("/etc/settlement.json"));
        assert_eq!((config.prover, config.http), (ProverConfig::default(), HttpConfig::default()));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (more, named) in [
            ("[prover]\nslots = 0", "prover.slots"),
            ("[prover]\nlease = \"1ms\"", "prover.lease"),
            ("[prover]\nslosts = 4", "slosts"),
        ] {
            let error = load(&format!("{SMALLEST}\n{more}")).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
