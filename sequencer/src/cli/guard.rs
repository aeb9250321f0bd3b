//! `fairlane guard`: taking a validator from one home to another.

use super::out;
use crate::config::Home;
use crate::guard::transfer::{Moved, StoppedHome};
use crate::keys;
use clap::Subcommand;
use fairlane_rollup_adapter::genesis_file;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(super) enum Guard {
    /// Writes to a new file how far this home's key has signed. From then on this home refuses to sign. The node must
    /// not run.
    Export {
        /// The home directory.
        #[arg(long, env = "FAIRLANE_HOME")]
        home: PathBuf,
        /// The file to write.
        file: PathBuf,
    },
    /// Lets another home with the same key sign what lies beyond an exported guard. Import each file once. The node
    /// must not run.
    Import {
        /// The home directory.
        #[arg(long, env = "FAIRLANE_HOME")]
        home: PathBuf,
        /// The exported file.
        file: PathBuf,
    },
}

impl Guard {
    pub(super) async fn run(self) -> eyre::Result<()> {
        let (Self::Export { home, .. } | Self::Import { home, .. }) = &self;
        let home = Home::new(home.clone());
        let genesis = genesis_file::read(&home.genesis())?;
        let validator = keys::read_consensus(&home.consensus_key())?.validator();
        let stopped = StoppedHome { home: &home, genesis: &genesis, validator };
        let (moved, what) = match self {
            Self::Export { file, .. } => {
                (stopped.export(&file).await?, format!("exported to {}", file.display()))
            }
            Self::Import { file, .. } => {
                (stopped.import(&file).await?, format!("imported into {}", home.path().display()))
            }
        };
        let Moved { height, lane } = moved;
        out!("guard      {what}")?;
        out!("validator  {validator}")?;
        out!("height     {height}")?;
        out!("lane       {}", lane.map_or(0, |lane| lane.seq.get()))?;
        Ok(())
    }
}
