//! Logging: pretty or JSON lines on standard error, and a filter that can be changed while the node runs.

use crate::config::{LogConfig, LogFormat};
use std::io::IsTerminal as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

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

/// Changes the filter of the running node. Cheap to clone.
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
