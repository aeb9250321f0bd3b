//! Proving keys: found, or made where they are missing. They are a single party's: for tests and demonstrations only.

use crate::parts::run;
use std::path::PathBuf;
use tempfile::TempDir;

/// Keys for a circuit.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Where they are.
    pub(crate) path: PathBuf,
    /// Slots of the circuit: how many transfers a proof has room for.
    pub(crate) slots: u8,
    folder: TempDir,
}

impl Keys {
    /// Makes keys, which takes a while, or finds those that were kept before.
    pub(crate) async fn find(kept: Option<PathBuf>, slots: u8) -> eyre::Result<Self> {
        let folder = tempfile::Builder::new().prefix("fairlane-keys-").tempdir()?;
        let path = kept.unwrap_or_else(|| folder.path().join("keys"));
        let keys = Self { path, slots, folder };
        let (kept, out) = (keys.path.display().to_string(), keys.verification_key().display().to_string());
        run(["prover", "keys", "--keys", &kept, "--slots", &slots.to_string(), "--out", &out]).await?;
        Ok(keys)
    }

    /// The file by which a contract checks proofs.
    pub(crate) fn verification_key(&self) -> PathBuf {
        self.folder.path().join("vk.json")
    }
}
