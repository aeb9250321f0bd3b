//! Where a node's files are.

use std::path::{Path, PathBuf};

/// The directory that holds everything of one node.
#[derive(Clone, Debug)]
pub struct Home(PathBuf);

impl Home {
    /// The home at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The configuration.
    pub fn config(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// The network's genesis.
    pub fn genesis(&self) -> PathBuf {
        self.0.join("genesis.json")
    }

    /// The secret keys.
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    /// The key that signs segments, votes and proposals.
    pub fn consensus_key(&self) -> PathBuf {
        self.keys().join("consensus.key")
    }

    /// The key that names this node on the peer-to-peer networks.
    pub fn network_key(&self) -> PathBuf {
        self.keys().join("network.key")
    }

    /// The key that signs checkpoints.
    pub fn checkpoint_key(&self) -> PathBuf {
        self.keys().join("checkpoint.key")
    }

    /// How far its validator may have signed.
    pub fn guard(&self) -> PathBuf {
        self.0.join("guard.json")
    }

    /// What the node writes while it runs.
    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    /// The store.
    pub fn store(&self) -> PathBuf {
        self.data().join("fairlane.redb")
    }

    /// Checkpoints: what was signed, and certificates.
    pub fn checkpoints(&self) -> PathBuf {
        self.data().join("checkpoints.redb")
    }

    /// Consensus's write-ahead log.
    pub fn consensus_wal(&self) -> PathBuf {
        self.data().join("consensus.wal")
    }
}
