//! `fairlane node`: runs a node until it is told to stop.

use crate::config::{Config, Home, Overrides};
use crate::node;
use clap::Args;
use eyre::WrapErr as _;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Node {
    /// The home directory.
    #[arg(long, env = "FAIRLANE_HOME")]
    home: PathBuf,
    /// Takes the place of a value of config.toml, as in `rpc.listen=127.0.0.1:26660`.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    overrides: Vec<String>,
}

impl Node {
    pub(super) fn run(self) -> eyre::Result<()> {
        let home = Home::new(self.home);
        let overrides = Overrides::from_env(std::env::vars()).with_flags(&self.overrides)?;
        let config = Config::load(&home, &overrides)?;
        let log = fairlane_log::start(&config.log)?;
        use_small_pages();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("fairlane")
            .build()
            .wrap_err("the runtime cannot be started")?;
        let result = runtime.block_on(node::run(home, config, log));
        // What still blocks (reads of the store) is not waited for longer than this.
        runtime.shutdown_timeout(std::time::Duration::from_secs(5));
        Ok(result?)
    }
}

/// The allocator asks for large pages, and the kernel zeroes two megabytes at once where a thread happens to touch one
/// first: in the middle of a vote or of a segment. Without them a node on a busy machine needs a tenth less of the
/// processor and a quarter less memory.
#[cfg(target_os = "linux")]
fn use_small_pages() {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "large pages stay enabled");
    }
}

#[cfg(not(target_os = "linux"))]
fn use_small_pages() {}
