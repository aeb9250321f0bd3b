//! Logging of the node and of the adapter: pretty or JSON lines on standard error, and a filter that can be changed
//! while the program runs.

use serde::Deserialize;
use std::io::IsTerminal as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

/// What is logged, and how: the section `[log]` of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// How lines look.
    pub format: LogFormat,
    /// What is logged: directives as in `info,libp2p=warn`.
    pub filter: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

impl Default for LogConfig {
    fn default() -> Self {
        // Malachite tells each vote at `info`, each closed connection as a warning, and each message that no peer
        // listens for as an error.
        let filter = "info,arc_malachitebft=error,arc_malachitebft_network=off".to_owned();
        Self { format: LogFormat::Pretty, filter }
    }
}

/// Why a filter cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The directives are not well formed.
    #[error(
        "`{filter}` is no log filter ({source}): write it as in `info` or `warn,fairlane_sequencer=debug`"
    )]
    Filter {
        /// The directives.
        filter: String,
        /// What is wrong.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Another logger was installed in this process before.
    #[error("logging cannot be started: {0}")]
    Start(#[from] tracing_subscriber::util::TryInitError),
    /// The logger is gone.
    #[error("the log filter cannot be changed: {0}")]
    Reload(#[from] reload::Error),
}

/// Changes the filter of the running program. Cheap to clone.
#[derive(Clone)]
pub struct LogHandle(reload::Handle<EnvFilter, Registry>);

impl LogHandle {
    /// Takes new directives, as in `log.filter`.
    pub fn set_filter(&self, directives: &str) -> Result<(), LogError> {
        let filter = parse(directives)?;
        self.0.reload(filter)?;
        tracing::info!(filter = directives, "the log filter changed");
        Ok(())
    }
}

impl std::fmt::Debug for LogHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogHandle")
    }
}

/// Starts logging for this process.
pub fn start(config: &LogConfig) -> Result<LogHandle, LogError> {
    let (filter, handle) = reload::Layer::new(parse(&config.filter)?);
    let registry = tracing_subscriber::registry().with(filter);
    match config.format {
        LogFormat::Pretty => {
            let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
            registry.with(lines).try_init()?;
        }
        LogFormat::Json => {
            registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init()?;
        }
    }
    Ok(LogHandle(handle))
}

/// Whether directives are well formed.
pub fn check_filter(directives: &str) -> Result<(), LogError> {
    parse(directives).map(drop)
}

fn parse(directives: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::try_new(directives)
        .map_err(|source| LogError::Filter { filter: directives.to_owned(), source })
}
