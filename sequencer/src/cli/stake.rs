//! `fairlane stake`: an operator's account at the contracts on Ethereum.
//!
//! Secret keys come from files that only their owner may read, or from the environment; never from arguments.

use super::amount::Amount;
use super::ethereum::{Chain, Sending, Signer};
use super::out;
use crate::config::Home;
use crate::keys;
use clap::{Args, Subcommand};
use eyre::{WrapErr as _, bail};
use fairlane_l1::registration::OperatorAccount;
use fairlane_l1::state::Account;
use fairlane_l1::wallet::KeySource;
use fairlane_l1::{Address, Epoch, L1State};
use std::path::PathBuf;

/// Where the operator's key is.
const OPERATOR_KEY: KeySource =
    KeySource { whose: "operator", option: "--key-file", variable: "FAIRLANE_OPERATOR_KEY" };

#[derive(Debug, Subcommand)]
pub(super) enum Stake {
    /// Registers a node's keys with stake, and takes a seat in the validator set if one is free.
    Register(Register),
    /// Bonds more stake.
    Deposit(Move),
    /// Asks stake back. It can be claimed when the unbonding time is over, and slashed until then.
    Unbond(Move),
    /// Takes back what is due.
    Claim(Operator),
    /// Leaves jail, into a seat if one is free.
    Unjail(Operator),
    /// Replaces the registered keys by those of a home directory.
    RotateKeys(RotateKeys),
    /// Shows an operator's account.
    Status(Status),
}

/// Who sends.
#[derive(Debug, Args)]
pub(super) struct Operator {
    #[command(flatten)]
    chain: Chain,
    /// A file with the operator's secret key (64 hexadecimal digits, or a keystore), of mode 0600. Without it, the environment
    /// variable FAIRLANE_OPERATOR_KEY.
    #[arg(long)]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    sending: Sending,
}

#[derive(Debug, Args)]
pub(super) struct Move {
    /// How much, in tokens, as in 1500 or 0.5.
    amount: Amount,
    #[command(flatten)]
    operator: Operator,
}

#[derive(Debug, Args)]
pub(super) struct Register {
    /// How much to stake, in tokens, as in 1500 or 0.5.
    amount: Amount,
    /// The home directory of the node, with its keys.
    #[arg(long, env = "FAIRLANE_HOME")]
    home: PathBuf,
    /// Where the node is: a multiaddress that other nodes reach. May be repeated.
    #[arg(long = "address", required = true)]
    addresses: Vec<libp2p::Multiaddr>,
    #[command(flatten)]
    operator: Operator,
}

#[derive(Debug, Args)]
pub(super) struct RotateKeys {
    /// The home directory with the new keys.
    #[arg(long, env = "FAIRLANE_HOME")]
    home: PathBuf,
    #[command(flatten)]
    operator: Operator,
}

#[derive(Debug, Args)]
pub(super) struct Status {
    /// The operator's address.
    operator: Address,
    #[command(flatten)]
    chain: Chain,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// An open account.
struct Session {
    signer: Signer,
    decimals: u8,
    sending: Sending,
}

impl Operator {
    async fn open(&self) -> eyre::Result<Session> {
        let signer = self.chain.open(OPERATOR_KEY, self.key_file.as_deref()).await?;
        let decimals = account_of(&signer).decimals().await?;
        Ok(Session { signer, decimals, sending: self.sending })
    }
}

impl Session {
    fn account(&self) -> OperatorAccount<'_> {
        account_of(&self.signer)
    }
}

fn account_of(signer: &Signer) -> OperatorAccount<'_> {
    let Signer { deployment, provider, address } = signer;
    OperatorAccount { deployment, provider, operator: *address }
}

impl Stake {
    pub(super) async fn run(self) -> eyre::Result<()> {
        match self {
            Self::Register(command) => command.run().await,
            Self::Deposit(Move { amount, operator }) => {
                let session = operator.open().await?;
                let amount = amount.in_units(session.decimals)?;
                session.sending.carry_out("deposited", session.account().deposit(amount).await?).await
            }
            Self::Unbond(Move { amount, operator }) => {
                let session = operator.open().await?;
                let amount = amount.in_units(session.decimals)?;
                session.sending.carry_out("asked back", session.account().request_unbond(amount)).await
            }
            Self::Claim(operator) => {
                let session = operator.open().await?;
                session.sending.carry_out("claimed", session.account().claim()).await
            }
            Self::Unjail(operator) => {
                let session = operator.open().await?;
                session.sending.carry_out("left jail", session.account().unjail()).await
            }
            Self::RotateKeys(RotateKeys { home, operator }) => {
                let home = Home::new(home);
                let consensus = keys::read_consensus(&home.consensus_key())?;
                let checkpoint = keys::read_checkpoint(&home.checkpoint_key())?;
                let session = operator.open().await?;
                let rotating = session.account().rotate_keys(&consensus, &checkpoint);
                session.sending.carry_out("replaced the keys", rotating).await
            }
            Self::Status(command) => command.run().await,
        }
    }
}

impl Register {
    async fn run(self) -> eyre::Result<()> {
        let home = Home::new(self.home);
        let consensus = keys::read_consensus(&home.consensus_key())?;
        let checkpoint = keys::read_checkpoint(&home.checkpoint_key())?;
        let session = self.operator.open().await?;
        let amount = self.amount.in_units(session.decimals)?;
        let balance = session.account().balance().await?;
        if balance < fairlane_l1::U256::from(amount) {
            bail!(
                "{} has {} tokens, which is less than {}",
                session.signer.address,
                Amount::from_units(balance.saturating_to(), session.decimals),
                self.amount
            );
        }
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        let registering =
            session.account().register(&consensus, &checkpoint, amount, &addresses.join(" ")).await?;
        session
            .sending
            .carry_out(&format!("registered validator {}", consensus.validator()), registering)
            .await
    }
}

impl Status {
    async fn run(self) -> eyre::Result<()> {
        let (deployment, provider) = self.chain.connect()?;
        let state = L1State::newest(&provider, &deployment.contracts);
        let Some(account) = state.account(self.operator).await? else {
            bail!("{} has not registered with these contracts", self.operator);
        };
        let epoch = state.epoch().await?;
        let reader =
            OperatorAccount { deployment: &deployment, provider: &provider, operator: self.operator };
        let decimals = reader.decimals().await?;
        let mut powers = Vec::new();
        for ahead in 0..=2 {
            let of = Epoch(epoch.0.saturating_add(ahead));
            let set = state.validator_set(of).await.wrap_err("asking for a validator set")?;
            let member = set.and_then(|set| set.get(&account.validator).map(|member| member.power.get()));
            powers.push((of, member));
        }
        if self.json {
            out!("{:#}", to_json(&account, epoch, decimals, &powers))?;
            return Ok(());
        }
        out!("validator    {}", account.validator)?;
        out!("bonded       {}", Amount::from_units(account.bonded, decimals))?;
        out!("unbonding    {}", Amount::from_units(account.unbonding, decimals))?;
        out!("seat         {}", account.seat.map_or("none".to_owned(), |seat| seat.to_string()))?;
        out!("incarnation  {}", account.incarnation)?;
        if let Some(until) = account.jailed_until {
            out!("jailed       until epoch {until}")?;
        }
        if account.tombstoned {
            let settled =
                if account.settled { "its penalty is final" } else { "its penalty is not final yet" };
            out!("tombstoned   slashed and out for ever; {settled}")?;
        }
        out!("epoch        {epoch}")?;
        for (epoch, power) in powers {
            let power = power.map_or("not in the set".to_owned(), |power| format!("voting power {power}"));
            out!("  epoch {epoch}: {power}")?;
        }
        Ok(())
    }
}

fn to_json(
    account: &Account,
    epoch: Epoch,
    decimals: u8,
    powers: &[(Epoch, Option<u64>)],
) -> serde_json::Value {
    let sets: Vec<_> = powers
        .iter()
        .map(|(epoch, power)| serde_json::json!({ "epoch": epoch.0, "voting_power": power }))
        .collect();
    serde_json::json!({
        "validator": account.validator.to_string(),
        "bonded": Amount::from_units(account.bonded, decimals).to_string(),
        "unbonding": Amount::from_units(account.unbonding, decimals).to_string(),
        "seat": account.seat,
        "incarnation": account.incarnation.get(),
        "jailed_until": account.jailed_until.map(|epoch| epoch.0),
        "tombstoned": account.tombstoned,
        "settled": account.settled,
        "epoch": epoch.0,
        "sets": sets,
    })
}
