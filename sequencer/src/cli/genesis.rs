//! `fairlane genesis`: making and checking genesis files.

use super::ethereum::Chain;
use super::out;
use crate::clock::system_time;
use clap::{Args, Subcommand};
use fairlane_l1::{Deployment, DynProvider, Epoch, L1State};
use fairlane_rollup_adapter::genesis_file;
use fairlane_types::{
    Genesis, GroupId, Incarnation, ProtocolParams, RollupId, RollupRules, RollupSpec, Validator, ValidatorId,
    ValidatorSet, VotingPower,
};
use std::path::PathBuf;
use std::str::FromStr;

#[derive(Debug, Subcommand)]
pub(super) enum GenesisCommand {
    /// Writes the genesis file of a new network.
    Create(Create),
    /// Writes the genesis file of a network whose first validators are those with stake on Ethereum.
    FromL1(FromL1),
    /// Checks a genesis file and prints the network that it makes.
    Check {
        /// The file.
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    network: NewNetwork,
    /// A validator's id (as `fairlane keys show` prints it) and its voting power.
    #[arg(long = "validator", value_name = "ID=POWER", required = true)]
    validators: Vec<ValidatorArgument>,
    /// A rollup's id, its ordering group where it is not 0, and how many bytes all its payloads have, if they do.
    #[arg(long = "rollup", value_name = "ID[:GROUP[:BYTES]]", required = true)]
    rollups: Vec<RollupArgument>,
}

#[derive(Debug, Args)]
pub(super) struct FromL1 {
    #[command(flatten)]
    network: NewNetwork,
    /// A rollup's id, its ordering group where it is not 0, and how many bytes all its payloads have, if they do. Rollups
    /// that are registered on Ethereum come by themselves.
    #[arg(long = "rollup", value_name = "ID[:GROUP[:BYTES]]")]
    rollups: Vec<RollupArgument>,
    #[command(flatten)]
    chain: Chain,
}

/// What is chosen for any new network.
#[derive(Debug, Args)]
struct NewNetwork {
    /// A name for people, at most 64 bytes.
    #[arg(long)]
    name: String,
    /// The file to write. All validators need the same one.
    #[arg(long)]
    out: PathBuf,
}

/// `ID=POWER`
#[derive(Clone, Copy, Debug)]
struct ValidatorArgument {
    id: ValidatorId,
    power: u64,
}

impl FromStr for ValidatorArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, power) = text.split_once('=').ok_or("write it as ID=POWER")?;
        Ok(Self {
            id: ValidatorId::from_hex(id).map_err(|_| "the id must be 64 hexadecimal digits")?,
            power: power.parse().map_err(|_| "the power must be a whole number")?,
        })
    }
}

/// `ID`, `ID:GROUP` or `ID:GROUP:BYTES`
#[derive(Clone, Copy, Debug)]
pub(super) struct RollupArgument(pub(super) RollupSpec);

impl FromStr for RollupArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, rules) = text.split_once(':').unwrap_or((text, "0"));
        let (group, bytes) = rules.split_once(':').unwrap_or((rules, "0"));
        let id = id.parse().map_err(|_| "the id must be a whole number")?;
        let group = group.parse().map_err(|_| "the group must be a whole number")?;
        let leg_bytes = bytes.parse().map_err(|_| "the payloads' length must be a whole number of bytes")?;
        let rules = RollupRules { group: GroupId::new(group), leg_bytes };
        Ok(Self(RollupSpec { id: RollupId::new(id), rules }))
    }
}

impl GenesisCommand {
    pub(super) async fn run(self) -> eyre::Result<()> {
        match self {
            Self::Create(create) => create.run(),
            Self::FromL1(command) => command.run().await,
            Self::Check { file } => describe(&genesis_file::read(&file)?),
        }
    }
}

impl Create {
    fn run(self) -> eyre::Result<()> {
        let members = self.validators.iter().map(|argument| Validator {
            id: argument.id,
            power: VotingPower::new(argument.power),
            incarnation: Incarnation::ZERO,
        });
        let validators = ValidatorSet::new(members.collect())?;
        let genesis = self.network.genesis(validators, &self.rollups, None)?;
        self.network.write(&genesis)
    }
}

impl FromL1 {
    async fn run(self) -> eyre::Result<()> {
        let (deployment, provider) = self.chain.connect()?;
        deployment.check(&provider).await?;
        let (epoch, validators) = first_set(&deployment, &provider).await?;
        let genesis = self.network.genesis(validators, &self.rollups, Some((&deployment, epoch)))?;
        self.network.write(&genesis)?;
        out!("set of      epoch {epoch}")?;
        out!("hash        {} (for fairlane-deploy --open)", genesis.hash())?;
        Ok(())
    }
}

impl NewNetwork {
    /// The genesis of these validators, which are Ethereum's for an epoch if a deployment is named.
    fn genesis(
        &self,
        validators: ValidatorSet,
        rollups: &[RollupArgument],
        stake: Option<(&Deployment, Epoch)>,
    ) -> eyre::Result<Genesis> {
        let mut rollups: Vec<RollupSpec> = rollups.iter().map(|argument| argument.0).collect();
        rollups.sort_by_key(|rollup| rollup.id);
        let genesis = Genesis {
            name: self.name.clone(),
            time: system_time(),
            params: ProtocolParams::default(),
            validators,
            rollups,
            l1_chain_id: stake.map_or(0, |(deployment, _)| deployment.chain_id),
            stake_manager: stake
                .map_or([0; 20], |(deployment, _)| deployment.contracts.stake_manager.into_array()),
            l1_epoch: stake.map_or(0, |(_, epoch)| epoch.0),
        };
        genesis.check()?;
        Ok(genesis)
    }

    fn write(&self, genesis: &Genesis) -> eyre::Result<()> {
        genesis_file::write(&self.out, genesis)?;
        describe(genesis)
    }
}

/// The newest set on Ethereum that is fixed, and its epoch.
async fn first_set(deployment: &Deployment, provider: &DynProvider) -> eyre::Result<(Epoch, ValidatorSet)> {
    let state = L1State::newest(provider, &deployment.contracts);
    let newest = Epoch(state.epoch().await?.0.saturating_add(2));
    match state.validator_set(newest).await? {
        Some(set) => Ok((newest, set)),
        None => eyre::bail!(
            "the set of epoch {newest} is empty: what is registered during epoch e is first in the set of epoch \
             e + 3, which is fixed when epoch e + 1 begins"
        ),
    }
}

fn describe(genesis: &Genesis) -> eyre::Result<()> {
    let quorums = genesis.validators.quorums();
    out!("network     {} ({})", genesis.network(), genesis.name)?;
    out!(
        "validators  {}, voting power {}, quorum {}",
        genesis.validators.len(),
        quorums.total,
        quorums.quorum
    )?;
    out!("rollups     {}", genesis.rollups.len())?;
    Ok(())
}
