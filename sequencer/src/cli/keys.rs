//! `fairlane keys`: making a node's keys, and showing their public halves.

use super::out;
use crate::config::Home;
use crate::keys;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Makes the keys that a home directory lacks. Never overwrites one.
    Generate(HomeArgument),
    /// Shows the public halves of a home directory's keys.
    Show {
        #[command(flatten)]
        home: HomeArgument,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct HomeArgument {
    /// The home directory.
    #[arg(long, env = "FAIRLANE_HOME")]
    home: PathBuf,
}

impl Keys {
    pub(super) fn run(self) -> eyre::Result<()> {
        match self {
            Self::Generate(HomeArgument { home }) => {
                let home = Home::new(home);
                let files = keys::files_of(&home);
                if files.iter().all(|(_, path)| path.exists()) {
                    return Err(keys::KeyError::Exists(home.keys()).into());
                }
                for (kind, path) in files {
                    if !path.exists() {
                        keys::generate(kind, &path)?;
                    }
                }
                show(&home, false)
            }
            Self::Show { home: HomeArgument { home }, json } => show(&Home::new(home), json),
        }
    }
}

fn show(home: &Home, json: bool) -> eyre::Result<()> {
    let validator = keys::read_consensus(&home.consensus_key())?.validator();
    let peer = keys::read_network(&home.network_key())?.public().to_peer_id();
    if json {
        let shown = serde_json::json!({ "validator": validator.to_string(), "peer": peer.to_string() });
        out!("{shown}")?;
    } else {
        out!("validator  {validator}")?;
        out!("peer       {peer}")?;
    }
    Ok(())
}
