//! `name-settlement`: says in the registry of a development node which contract settles a rollup, so that nodes tell how far it
//! is. The account that says so becomes the rollup's owner there, and mints the tokens that this costs. Run again, it
//! changes nothing.

use clap::{ArgGroup, Args};
use eyre::{OptionExt as _, bail};
use fairlane_l1::endpoint::connect_with_key;
use fairlane_l1::registration::OperatorAccount;
use fairlane_l1::rollups::{OwnerAccount, RollupSettings};
use fairlane_l1::settlement::SettlementRecord;
use fairlane_l1::wallet::KeySource;
use fairlane_l1::{Address, Deployment, L1State};
use fairlane_types::{GroupId, RollupId, RollupSpec};
use std::path::PathBuf;

/// Where the owner's key is.
const OWNER_KEY: KeySource =
    KeySource { whose: "rollup's owner", option: "--key-file", variable: "FAIRLANE_OWNER_KEY" };

/// Names a rollup's settlement contract in the registry of a development node, so that nodes say how far it has settled.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("contract").required(true)))]
pub struct NameSettlementArgs {
    /// The development node's endpoint.
    #[arg(long)]
    rpc: String,
    /// The record of the network's contracts.
    #[arg(long)]
    deployment: PathBuf,
    /// The rollup's id.
    #[arg(long)]
    rollup: u64,
    /// The contract.
    #[arg(long, value_name = "ADDRESS", group = "contract")]
    settlement: Option<Address>,
    /// The contract's record, as `fairlane-adapter deploy` writes it.
    #[arg(long, value_name = "FILE", group = "contract")]
    record: Option<PathBuf>,
    /// A file with the key of the rollup's owner. Without it, the environment variable FAIRLANE_OWNER_KEY.
    #[arg(long)]
    key_file: Option<PathBuf>,
}

/// Registers the rollup with the contract, or names it for one that is registered.
pub async fn run(args: NameSettlementArgs) -> eyre::Result<()> {
    let rollup = RollupId::new(args.rollup);
    let contract = args.contract()?;
    let deployment = Deployment::load(&args.deployment)?;
    let key = OWNER_KEY.read(args.key_file.as_deref())?;
    let owner = key.address();
    let provider = connect_with_key(&args.rpc, key)?;
    let state = L1State::newest(&provider, &deployment.contracts);
    if state.settlement_of(rollup).await? != Some(contract) {
        let account = OwnerAccount { deployment: &deployment, provider: &provider, owner };
        match state.rollup(rollup).await? {
            None => register(&account, rollup, contract).await?,
            Some(registered) if registered.owner == owner => {
                let change = |settings: &mut RollupSettings| settings.settlement = contract;
                account.configure(rollup, change).await?.send().await?;
            }
            Some(registered) => bail!("rollup {rollup} belongs to {}: use its owner's key", registered.owner),
        }
    }
    println!("rollup {rollup} is settled by {contract}");
    Ok(())
}

impl NameSettlementArgs {
    fn contract(&self) -> eyre::Result<Address> {
        let Some(record) = &self.record else {
            return self.settlement.ok_or_eyre("--settlement or --record names the contract");
        };
        let record = SettlementRecord::load(record)?;
        let of = record.params.rollup;
        eyre::ensure!(of == self.rollup, "--record is of rollup {of}, and --rollup is {}", self.rollup);
        Ok(record.settlement)
    }
}

async fn register(account: &OwnerAccount<'_>, rollup: RollupId, settlement: Address) -> eyre::Result<()> {
    let OwnerAccount { deployment, provider, owner } = *account;
    let fee = account.fee().await?.try_into()?;
    OperatorAccount { deployment, provider, operator: owner }.mint(fee).send().await?;
    let settings = RollupSettings { settlement, verificationKeys: Vec::new(), metadata: String::new() };
    account.register(RollupSpec::new(rollup, GroupId::ZERO), settings).await?.send().await?;
    Ok(())
}
