//! Reading the configuration: file, then environment, then flags; then checking the result.

use super::{Config, Home};
use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why there is no usable configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{} cannot be read: {source}. `fairlane init` writes one", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no TOML, or has an unknown key or a value of a wrong kind.
    #[error("{}: {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What and where.
        source: Box<toml::de::Error>,
    },
    /// A variable or flag names no key or has a value of a wrong kind.
    #[error("{origin}: {why}")]
    Override {
        /// The variable or flag.
        origin: String,
        /// What is wrong.
        why: String,
    },
    /// A key is of earlier versions.
    #[error(
        "{origin}: store.{key} is no setting any more. Put store.pruning in its place: \"archive\" keeps all blocks, as \
         keep_blocks = 0 did; \"default\" keeps those of a week, \"minimal\" those of an hour"
    )]
    Replaced {
        /// The file, variable or flag.
        origin: String,
        /// The key.
        key: &'static str,
    },
    /// A value is not allowed.
    #[error("{key} = {value} is not allowed: {why}")]
    Invalid {
        /// The key, as in `rpc.listen`.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is wrong, and what is allowed.
        why: &'static str,
    },
}

/// One value that takes the place of the file's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The variable or flag that it comes from.
    pub origin: String,
    /// The section, as in `rpc`.
    pub section: String,
    /// The key, as in `listen`.
    pub key: String,
    /// The value: TOML, or else taken as a string.
    pub value: String,
}

/// Values that take the place of the file's; later ones win.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides(Vec<Override>);

const SECTIONS: [&str; 9] =
    ["node", "consensus", "segments", "rpc", "admin", "metrics", "store", "l1", "log"];

impl Overrides {
    /// Takes variables named `FAIRLANE_<SECTION>_<KEY>`; others are none of ours.
    pub fn from_env(variables: impl Iterator<Item = (String, String)>) -> Self {
        let mut found: Vec<Override> = variables
            .filter_map(|(name, value)| {
                let rest = name.strip_prefix("FAIRLANE_")?.to_ascii_lowercase();
                let (section, key) = rest.split_once('_')?;
                SECTIONS.contains(&section).then(|| Override {
                    origin: format!("environment variable {name}"),
                    section: section.to_owned(),
                    key: key.to_owned(),
                    value,
                })
            })
            .collect();
        found.sort_by(|a, b| a.origin.cmp(&b.origin));
        Self(found)
    }

    /// Adds values of the form `section.key=value`.
    pub fn with_flags(mut self, flags: &[String]) -> Result<Self, ConfigError> {
        for flag in flags {
            let parts = flag.split_once('=').and_then(|(name, value)| {
                let (section, key) = name.trim().split_once('.')?;
                Some((section, key, value))
            });
            let Some((section, key, value)) = parts else {
                return Err(ConfigError::Override {
                    origin: format!("--set {flag}"),
                    why: "write it as section.key=value, as in `rpc.listen=127.0.0.1:26660`".to_owned(),
                });
            };
            self.0.push(Override {
                origin: format!("--set {flag}"),
                section: section.to_owned(),
                key: key.to_owned(),
                value: value.trim().to_owned(),
            });
        }
        Ok(self)
    }
}

impl Config {
    /// Reads a home's configuration and applies the overrides.
    pub fn load(home: &Home, overrides: &Overrides) -> Result<Self, ConfigError> {
        let path = home.config();
        let text = std::fs::read_to_string(&path)
            .map_err(|source| ConfigError::Read { path: path.clone(), source })?;
        Self::parse(&text, &path, overrides)
    }

    /// Reads a configuration from text; `path` is for error messages.
    pub fn parse(text: &str, path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let syntax = |source| ConfigError::Syntax { path: path.to_owned(), source: Box::new(source) };
        let mut table: toml::Table = toml::from_str(text).map_err(syntax)?;
        check_replaced(&table, || path.display().to_string())?;
        let mut config: Self = toml::from_str(text).map_err(syntax)?;
        for change in &overrides.0 {
            apply(&mut table, change);
            check_replaced(&table, || change.origin.clone())?;
            // One at a time, so that an error can name where the value comes from.
            config = Self::try_from_table(&table).map_err(|error| ConfigError::Override {
                origin: change.origin.clone(),
                why: error.message().to_owned(),
            })?;
        }
        config.check()?;
        Ok(config)
    }

    fn try_from_table(table: &toml::Table) -> Result<Self, toml::de::Error> {
        table.clone().try_into()
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.check_durations()?;
        self.check_peers()?;
        if !self.admin.listen.ip().is_loopback() {
            return Err(ConfigError::Invalid {
                key: "admin.listen",
                value: self.admin.listen.to_string(),
                why: "the admin service has no authentication, so only a loopback address such as \
                      127.0.0.1:26661 is taken",
            });
        }
        let counts = [
            ("rpc.max_connections", self.rpc.max_connections),
            ("rpc.max_subscribers", self.rpc.max_subscribers),
            ("rpc.max_range_batches", self.rpc.max_range_batches as usize),
            ("rpc.client_transactions_per_second", self.rpc.client_transactions_per_second as usize),
            ("rpc.client_bytes_per_second", self.rpc.client_bytes_per_second.as_usize()),
            ("consensus.max_connections_per_ip", self.consensus.max_connections_per_ip),
            ("segments.max_peers", self.segments.max_peers),
            ("segments.seal_bytes", self.segments.seal_bytes.as_usize()),
            ("store.snapshot_interval", usize::try_from(self.store.snapshot_interval).unwrap_or(usize::MAX)),
        ];
        for (key, value) in counts {
            if value == 0 {
                let why = "it must be above zero";
                return Err(ConfigError::Invalid { key, value: value.to_string(), why });
            }
        }
        if self.store.cache.bytes() < 16 << 20 {
            return Err(ConfigError::Invalid {
                key: "store.cache",
                value: self.store.cache.to_string(),
                why: "it must be at least 16MiB",
            });
        }
        if self.node.moniker.is_empty() || self.node.moniker.len() > 64 {
            return Err(ConfigError::Invalid {
                key: "node.moniker",
                value: format!("{:?}", self.node.moniker),
                why: "it must have 1 to 64 bytes",
            });
        }
        fairlane_log::check_filter(&self.log.filter).map_err(|_| ConfigError::Invalid {
            key: "log.filter",
            value: format!("{:?}", self.log.filter),
            why: "write directives as in `info` or `warn,fairlane_sequencer=debug`",
        })
    }

    fn check_peers(&self) -> Result<(), ConfigError> {
        let is_named = |peer: &&Multiaddr| peer.iter().any(|part| matches!(part, Protocol::P2p(_)));
        match self.consensus.peers.iter().find(is_named) {
            Some(peer) => Err(ConfigError::Invalid {
                key: "consensus.peers",
                value: peer.to_string(),
                why: "leave out `/p2p/` and what follows: a node has a new peer id on the consensus network each \
                      time it starts, and shows by its consensus key who it is",
            }),
            None => Ok(()),
        }
    }

    fn check_durations(&self) -> Result<(), ConfigError> {
        let durations = [
            ("consensus.propose_timeout", self.consensus.propose_timeout),
            ("consensus.vote_timeout", self.consensus.vote_timeout),
            ("consensus.timeout_increase", self.consensus.timeout_increase),
            ("consensus.min_block_interval", self.consensus.min_block_interval),
            ("consensus.idle_block", self.consensus.idle_block),
            ("segments.interval", self.segments.interval),
            ("segments.heartbeat", self.segments.heartbeat),
            ("segments.backlog", self.segments.backlog),
            ("segments.fetch_timeout", self.segments.fetch_timeout),
            ("segments.startup_timeout", self.segments.startup_timeout),
            ("l1.poll_interval", self.l1.poll_interval),
        ];
        for (key, value) in durations {
            if value < Duration::from_millis(1) || value > Duration::from_secs(3600) {
                return Err(ConfigError::Invalid {
                    key,
                    value: format!("{value:?}"),
                    why: "it must be 1ms to 1h",
                });
            }
        }
        if self.segments.heartbeat < self.segments.interval {
            return Err(ConfigError::Invalid {
                key: "segments.heartbeat",
                value: format!("{:?}", self.segments.heartbeat),
                why: "it must not be below segments.interval",
            });
        }
        Ok(())
    }
}

/// What bounded the store before there were policies.
const REPLACED: [&str; 2] = ["keep_blocks", "keep_for"];

/// Refuses keys whose meaning is another key's now: what they said must not be forgotten silently.
fn check_replaced(table: &toml::Table, origin: impl Fn() -> String) -> Result<(), ConfigError> {
    let store = table.get("store").and_then(toml::Value::as_table);
    let found = REPLACED.into_iter().find(|key| store.is_some_and(|store| store.contains_key(*key)));
    found.map_or(Ok(()), |key| Err(ConfigError::Replaced { origin: origin(), key }))
}

/// Puts a value into the table: TOML where it is TOML, else a string.
fn apply(table: &mut toml::Table, change: &Override) {
    let value = toml::from_str::<toml::Table>(&format!("v = {}", change.value))
        .ok()
        .and_then(|mut parsed| parsed.remove("v"))
        .unwrap_or_else(|| toml::Value::String(change.value.clone()));
    let section =
        table.entry(change.section.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    if let toml::Value::Table(section) = section {
        section.insert(change.key.clone(), value);
    }
}
