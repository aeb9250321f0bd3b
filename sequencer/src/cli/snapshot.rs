//! `fairlane snapshot`: the chain's state as a file, and a node that begins with it.

use super::out;
use super::status::{connect, refused};
use crate::config::Home;
use crate::snapshot::{self, FileError, MAX_BYTES, SnapshotError, VerifiedSnapshot};
use crate::store::Store;
use clap::{Args, Subcommand};
use eyre::{WrapErr as _, bail};
use fairlane_proto::v1::CreateSnapshotRequest;
use fairlane_proto::v1::admin_service_client::AdminServiceClient;
use fairlane_rollup_adapter::genesis_file;
use fairlane_types::{BlockId, Genesis};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum Snapshot {
    /// Writes a snapshot of the newest block of a node to a new file.
    Create(Create),
    /// Verifies a snapshot from genesis on, and makes it the store of a home whose node has not run yet. The node then
    /// follows the chain from the snapshot's block on.
    Restore(Restore),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The home directory. Its node must not run, unless it is asked with --admin.
    #[arg(long, env = "FAIRLANE_HOME")]
    home: PathBuf,
    /// The address of the running node's admin service, as in http://127.0.0.1:26661.
    #[arg(long, value_name = "URL")]
    admin: Option<String>,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The home directory, made with `fairlane init`.
    #[arg(long, env = "FAIRLANE_HOME")]
    home: PathBuf,
    /// Refuse a snapshot of any other block. Its id comes from somebody whom you trust to know the chain.
    #[arg(long, value_name = "ID")]
    block: Option<BlockId>,
    /// The snapshot.
    file: PathBuf,
}

impl Snapshot {
    pub(super) async fn run(self) -> eyre::Result<()> {
        match self {
            Self::Create(create) => create.run().await,
            Self::Restore(restore) => restore.run(),
        }
    }
}

impl Create {
    async fn run(self) -> eyre::Result<()> {
        let home = Home::new(self.home);
        let genesis = genesis_file::read(&home.genesis())?;
        if self.out.exists() {
            return Err(FileError::Exists(self.out).into());
        }
        let verified = match &self.admin {
            Some(address) => from_node(address, &genesis).await?,
            None => from_home(&home, &genesis).await?,
        };
        let bytes = verified.snapshot().encode();
        snapshot::write(&self.out, &bytes)?;
        print(&verified, &self.out)?;
        out!("bytes      {}", bytes.len())?;
        Ok(())
    }
}

impl Restore {
    fn run(self) -> eyre::Result<()> {
        let home = Home::new(self.home);
        let genesis = genesis_file::read(&home.genesis())?;
        let verified = snapshot::read(&self.file)?.verify(&genesis).and_then(|verified| {
            self.block.map_or(Ok(()), |block| verified.expect_block(block))?;
            Ok(verified)
        });
        let verified = verified.map_err(|source| FileError::Refused { path: self.file.clone(), source })?;
        verified.restore(&home)?;
        print(&verified, &self.file)?;
        out!("home       {}", home.path().display())?;
        Ok(())
    }
}

/// The state after the last block of a home whose node does not run.
async fn from_home(home: &Home, genesis: &Genesis) -> eyre::Result<VerifiedSnapshot> {
    let path = home.store();
    if !path.exists() {
        bail!("{} is missing: no node has run in this home", path.display());
    }
    let store = Store::open(&path, genesis.network(), genesis)
        .wrap_err("the store cannot be opened. A running node makes a snapshot with --admin")?;
    let made = snapshot::of_stopped(&store, genesis);
    let closed = store.close().await;
    let verified = made?;
    closed?;
    Ok(verified)
}

/// The newest state that a running node keeps, verified here once more.
async fn from_node(address: &str, genesis: &Genesis) -> eyre::Result<VerifiedSnapshot> {
    let mut node = AdminServiceClient::new(connect(address).await?);
    let answer = node.create_snapshot(CreateSnapshotRequest {}).await.map_err(refused)?;
    let mut pieces = answer.into_inner();
    let mut bytes = Vec::new();
    while let Some(answer) = pieces.message().await.map_err(refused)? {
        bytes.extend_from_slice(&answer.piece);
        if bytes.len() > MAX_BYTES {
            return Err(SnapshotError::TooLarge { bytes: bytes.len() as u64, limit: MAX_BYTES as u64 }.into());
        }
    }
    Ok(snapshot::Snapshot::decode(bytes.into())?.verify(genesis)?)
}

fn print(verified: &VerifiedSnapshot, file: &Path) -> eyre::Result<()> {
    out!("snapshot   {}", file.display())?;
    out!("network    {}", verified.network())?;
    out!("height     {}", verified.height())?;
    out!("block      {}", verified.block())?;
    Ok(())
}
