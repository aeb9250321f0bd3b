//! A local network: real validator processes on loopback, with their homes in one directory.

mod home;
mod hosts;
mod node;

pub use home::NetworkSpec;
pub use hosts::Hosts;
pub use node::{Node, NodeStatus};

use crate::l1::L1Chain;
use eyre::WrapErr;
use fairlane_types::Genesis;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a network may take until its first block.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How often a condition is looked at while waiting for it.
const POLL: Duration = Duration::from_millis(100);

/// Where the homes are.
#[derive(Debug)]
enum Home {
    /// Removed with the network.
    Temporary(TempDir),
    /// Left where the user asked for it.
    Kept(PathBuf),
}

impl Home {
    fn make(keep: Option<PathBuf>) -> eyre::Result<Self> {
        let Some(path) = keep else {
            return Ok(Self::Temporary(tempfile::Builder::new().prefix("fairlane-testnet-").tempdir()?));
        };
        std::fs::create_dir_all(&path).wrap_err_with(|| format!("creating {}", path.display()))?;
        // Files elsewhere name what is in it.
        Ok(Self::Kept(std::path::absolute(path)?))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(dir) => dir.path(),
            Self::Kept(path) => path,
        }
    }
}

/// Validators that run on this machine. Dropping it kills them.
#[derive(Debug)]
pub struct LocalNetwork {
    /// The genesis that all of them share.
    pub genesis: Genesis,
    /// The validators.
    pub nodes: Vec<Node>,
    /// Its Ethereum, if it has one.
    pub l1: Option<L1Chain>,
    home: Home,
}

impl LocalNetwork {
    /// Writes the homes of a new network; starts nothing yet.
    pub fn create(spec: &NetworkSpec, keep: Option<PathBuf>) -> eyre::Result<Self> {
        let home = Home::make(keep)?;
        let (genesis, nodes) = home::write_homes(spec, home.path())?;
        Ok(Self { genesis, nodes, l1: None, home })
    }

    /// The same with an Ethereum of its own, on which the first `members` nodes have stake and are the validators of
    /// genesis.
    pub async fn create_on_l1(
        spec: &NetworkSpec,
        members: usize,
        keep: Option<PathBuf>,
    ) -> eyre::Result<Self> {
        let home = Home::make(keep)?;
        let (genesis, nodes, chain) = home::write_homes_on_l1(spec, members, home.path()).await?;
        Ok(Self { genesis, nodes, l1: Some(chain), home })
    }

    /// Starts all validators and waits until each has finalized a block.
    pub async fn start(&mut self) -> eyre::Result<()> {
        for node in &mut self.nodes {
            node.start()?;
        }
        let deadline = Instant::now() + START_LIMIT;
        for index in 0..self.nodes.len() {
            self.wait_until(index, deadline, |status| status.height > 0).await?;
        }
        Ok(())
    }

    /// Waits until a node's status fulfils a condition.
    pub async fn wait_until(
        &mut self,
        index: usize,
        deadline: Instant,
        condition: impl Fn(&NodeStatus) -> bool,
    ) -> eyre::Result<NodeStatus> {
        loop {
            let node = &mut self.nodes[index];
            node.check_alive()?;
            if let Ok(status) = node.status().await
                && condition(&status)
            {
                return Ok(status);
            }
            eyre::ensure!(
                Instant::now() < deadline,
                "validator {index} did not get there in time; its log ends with:\n{}",
                node.log_tail()
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// gRPC endpoints of all validators.
    pub fn endpoints(&self) -> Vec<String> {
        self.nodes.iter().map(Node::endpoint).collect()
    }

    /// How many batches a rollup has, by the node that knows of most: whatever one has said is ordered counts.
    pub async fn batches(&mut self, rollup: u64) -> eyre::Result<u64> {
        let mut most = None;
        for node in &mut self.nodes {
            let Ok(status) = node.status().await else { continue };
            let standing = status.rollups.iter().find(|standing| standing.rollup_id == rollup);
            most = most.max(standing.map(|standing| standing.batches));
        }
        most.ok_or_else(|| eyre::eyre!("no node says how many batches rollup {rollup} has"))
    }

    /// Where the homes are.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Stops all validators cleanly, and kills what does not stop.
    pub async fn stop(&mut self) {
        for node in &mut self.nodes {
            node.ask_to_stop();
        }
        for node in &mut self.nodes {
            node.wait_stopped().await;
        }
    }
}
