//! `fairlane init`: a home directory that `fairlane node` can run from.

use super::out;
use crate::clock::system_time;
use crate::config::{Config, Home, template};
use crate::guard::Guard;
use crate::keys;
use clap::Args;
use eyre::{WrapErr as _, bail};
use fairlane_rollup_adapter::genesis_file;
use fairlane_types::{
    Genesis, Incarnation, ProtocolParams, RollupSpec, Validator, ValidatorId, ValidatorSet, VotingPower,
};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Init {
    /// The home directory, which is made if it is missing.
    #[arg(long, env = "FAIRLANE_HOME")]
    home: PathBuf,
    /// The genesis file of the network to join. Without it, a network of its own is made for development, with this
    /// node as its only validator.
    #[arg(long)]
    genesis: Option<PathBuf>,
    /// A name for logs and peers.
    #[arg(long, default_value = "fairlane")]
    moniker: String,
    /// The rollups of the development network, as ID or ID:GROUP.
    #[arg(long = "rollup", value_name = "ID[:GROUP]", conflicts_with = "genesis", default_values = ["1", "2"])]
    rollups: Vec<super::genesis::RollupArgument>,
}

impl Init {
    pub(super) fn run(self) -> eyre::Result<()> {
        let home = Home::new(self.home);
        if home.config().exists() {
            bail!("{} exists: this home directory is in use", home.config().display());
        }
        // Checked first, so that a bad file leaves nothing behind.
        let given = self.genesis.map(|path| genesis_file::read(&path)).transpose()?;
        for (kind, path) in keys::files_of(&home) {
            if !path.exists() {
                keys::generate(kind, &path)?;
            }
        }
        let validator = keys::read_consensus(&home.consensus_key())?.validator();
        let genesis = match given {
            Some(genesis) => genesis,
            None => development(validator, self.rollups.into_iter().map(|argument| argument.0).collect())?,
        };
        genesis_file::write(&home.genesis(), &genesis)?;
        if !home.guard().exists() {
            Guard::create(&home, genesis.network(), validator)?;
        }
        let mut config = Config::default();
        config.node.moniker = self.moniker;
        std::fs::write(home.config(), template(&config))
            .wrap_err_with(|| format!("{} cannot be written", home.config().display()))?;
        out!("home       {}", home.path().display())?;
        out!("network    {} ({})", genesis.network(), genesis.name)?;
        let member = genesis.validators.get(&validator);
        out!(
            "validator  {validator} ({})",
            match member {
                Some(member) => format!("voting power {}", member.power),
                None => "no member of the genesis validator set: this node will follow".to_owned(),
            }
        )?;
        out!("Edit {} and run: fairlane node --home {}", home.config().display(), home.path().display())?;
        Ok(())
    }
}

/// A network with one validator.
fn development(validator: ValidatorId, mut rollups: Vec<RollupSpec>) -> eyre::Result<Genesis> {
    rollups.sort_by_key(|rollup| rollup.id);
    let member = Validator { id: validator, power: VotingPower::new(1), incarnation: Incarnation::ZERO };
    let genesis = Genesis {
        name: "fairlane-dev".to_owned(),
        time: system_time(),
        params: ProtocolParams::default(),
        validators: ValidatorSet::new(vec![member])?,
        rollups,
        l1_chain_id: 0,
        stake_manager: [0; 20],
        l1_epoch: 0,
    };
    genesis.check()?;
    Ok(genesis)
}
