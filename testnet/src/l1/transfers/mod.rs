//! `transfers`: a little life in the proven rollup of a network that runs elsewhere.
//!
//! Two accounts get value on Ethereum, and pay each other. Each round sends some transfers and waits until they are settled, so
//! there is never more to prove than the provers can do. Nothing is remembered: where the accounts stand follows from the
//! verified batches and the contract's deposits, and the contract has to come to the same. So this can end at any
//! instant, by a failure too, and be started again.

mod follower;

pub(crate) use follower::Follower;

use super::proven;
use crate::zk::accounts::{OPENING, keys};
use eyre::WrapErr as _;
use fairlane_l1::endpoint::connect_with_key;
use fairlane_l1::settlement::{self, SettlementRecord};
use fairlane_l1::wallet::KeySource;
use fairlane_l1::{Address, DynProvider};
use fairlane_rollup_adapter::{Client, MemoryCursor, Standing, Subscriber, genesis_file};
use fairlane_types::{Genesis, RollupId};
use fairlane_zk_rollup::{Account, AccountId, Context, Destination, SecretKey, State, Transfer};
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Where the depositor's key is.
const DEPOSITOR_KEY: KeySource =
    KeySource { whose: "depositor", option: "--key-file", variable: "FAIRLANE_DEPOSITOR_KEY" };
/// What a transfer brings to the other account.
const AMOUNT: u64 = 10;
/// No transfer, and no harm: what is sent while the deposits are on their way, as they come with batches.
pub(crate) const NOTHING: &[u8] = b"deposits come with a batch";

/// Lets two accounts of the proven rollup pay each other, and says what is settled. Their keys are known to everybody.
#[derive(Debug, clap::Args)]
pub struct TransfersArgs {
    /// The network's genesis file.
    #[arg(long)]
    genesis: PathBuf,
    /// The record of the rollup's settlement contract.
    #[arg(long)]
    settlement: PathBuf,
    /// The Ethereum endpoint.
    #[arg(long)]
    rpc: String,
    /// A file with the key of the account that deposits. Without it, the environment variable FAIRLANE_DEPOSITOR_KEY.
    #[arg(long)]
    key_file: Option<PathBuf>,
    /// A node's gRPC address; may be given several times.
    #[arg(long = "endpoint", required = true)]
    endpoints: Vec<String>,
    /// Transfers of a round. One proof has room for as many as the circuit has slots.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=64))]
    transfers: u32,
    /// The pause between a settlement and the next round.
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration)]
    pause: Duration,
    /// Stop after so many rounds; without it, on Ctrl-C.
    #[arg(long)]
    rounds: Option<u32>,
}

/// Sends until the rounds are over or a signal comes.
pub async fn run(args: TransfersArgs) -> eyre::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        outcome = send(args) => outcome,
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        _ = terminate.recv() => Ok(()),
    }
}

async fn send(args: TransfersArgs) -> eyre::Result<()> {
    let genesis = genesis_file::read(&args.genesis)?;
    let record = SettlementRecord::load(&args.settlement)?;
    let rollup = RollupId::new(record.params.rollup);
    let key = DEPOSITOR_KEY.read(args.key_file.as_deref())?;
    let depositor = key.address();
    let provider = connect_with_key(&args.rpc, key)?;
    let batches = Subscriber::new(genesis.clone(), rollup).endpoints(&args.endpoints);
    let mut follower =
        Follower::new(provider.clone(), record.clone(), batches.open(MemoryCursor::default()).await?)?;
    open_accounts(&provider, &record, depositor).await?;
    // What an earlier run has sent is settled first: then the next nonces are known.
    let client = connect(&args.endpoints, &genesis).await?;
    follower.follow_to(ordered(&client, rollup).await?).await?;
    let mut rounds = 0;
    while args.rounds.is_none_or(|most| rounds < most) {
        let payloads = payloads(follower.context(), follower.state(), args.transfers);
        let client = connect(&args.endpoints, &genesis).await?;
        proven::order(&client, rollup, payloads).await?;
        follower.follow_to(ordered(&client, rollup).await?).await?;
        say(&follower);
        rounds += 1;
        tokio::time::sleep(args.pause).await;
    }
    Ok(())
}

/// Brings value in for those who have none on the way.
async fn open_accounts(
    provider: &DynProvider,
    record: &SettlementRecord,
    depositor: Address,
) -> eyre::Result<()> {
    let block = settlement::block_number(provider).await?;
    let queued = settlement::standing(provider, record, block).await?.queued;
    let deposits = settlement::deposits(provider, record, 0, queued).await?;
    for key in keys().iter().map(SecretKey::public) {
        let words = proven::words(&key);
        if !deposits.iter().any(|deposit| [deposit.x, deposit.y] == words) {
            let gas = proven::deposit(provider, record, depositor, &key, OPENING).await?;
            println!("deposited {OPENING} units, {gas} gas");
        }
    }
    Ok(())
}

/// The first node that answers.
pub(crate) async fn connect(endpoints: &[String], genesis: &Genesis) -> eyre::Result<Client> {
    let mut failure = eyre::eyre!("no node is named");
    for endpoint in endpoints {
        match Client::connect(endpoint, genesis).await {
            Ok(client) => return Ok(client),
            Err(error) => failure = error.into(),
        }
    }
    Err(failure).wrap_err("no node answers; the last one")
}

/// How many batches the rollup has.
pub(crate) async fn ordered(client: &Client, rollup: RollupId) -> eyre::Result<u64> {
    match client.head(rollup).await?.standing {
        Standing::Registered(leaf) => Ok(leaf.index.get()),
        Standing::Unregistered => eyre::bail!("rollup {rollup} is not registered"),
    }
}

/// What is sent next: transfers, once both accounts are open.
fn payloads(context: &Context, state: &State, count: u32) -> Vec<Vec<u8>> {
    let account = |key: &SecretKey| state.accounts().find(|(_, account)| account.key == key.public());
    match keys().each_ref().map(account) {
        [Some(one), Some(other)] => transfers(context, [one, other], count),
        _ => vec![NOTHING.to_vec()],
    }
}

/// Transfers, each from who has more by then.
fn transfers(context: &Context, mut accounts: [(AccountId, Account); 2], count: u32) -> Vec<Vec<u8>> {
    let keys = keys();
    let mut next = || {
        let from = usize::from(accounts[0].1.balance < accounts[1].1.balance);
        let (to, _) = accounts[1 - from];
        let (number, payer) = &mut accounts[from];
        let nonce = u32::try_from(payer.nonce).unwrap_or(u32::MAX);
        let transfer = Transfer { from: *number, to: Destination::Account(to), amount: AMOUNT, nonce };
        payer.nonce += 1;
        payer.balance = payer.balance.saturating_sub(AMOUNT);
        accounts[1 - from].1.balance += AMOUNT;
        transfer.sign(context, &keys[from]).to_vec()
    };
    (0..count).map(|_| next()).collect()
}

fn say(follower: &Follower) {
    let (index, transfers) = follower.settled();
    let balances: Vec<String> =
        follower.state().accounts().map(|(_, account)| account.balance.to_string()).collect();
    println!("settled {index} batches with {transfers} transfers; balances {}", balances.join(" and "));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zk::testing::batch;
    use fairlane_types::NetworkId;
    use fairlane_zk_rollup::{Deposit, Outcome, Rollup, Shape};

    #[test]
    fn every_transfer_of_every_round_takes_place() {
        let context = Context { network: NetworkId::from_bytes([7; 32]), rollup: RollupId::new(3) };
        let mut rollup = Rollup::new(context, Shape::SMALL);
        let deposits: Vec<Deposit> = (0..)
            .zip(keys())
            .map(|(account, key)| Deposit { account, key: key.public(), amount: 15 })
            .collect();
        assert_eq!(payloads(&context, rollup.state(), 3), [NOTHING.to_vec()]);
        let nothing = batch(&rollup, vec![NOTHING.to_vec()]);
        rollup.apply(&nothing, &deposits).unwrap();
        for count in [3, 5] {
            let next = batch(&rollup, payloads(&context, rollup.state(), count));
            let outcomes = rollup.apply(&next, &[]).unwrap().outcomes;
            assert_eq!(outcomes, vec![Outcome::Transferred; count as usize]);
        }
    }
}
