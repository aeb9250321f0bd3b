//! `evm-transfers`: a little life in the rollup that runs the EVM of a network that runs elsewhere.
//!
//! Accounts whose keys everybody knows pay others. Each round sends some transfers and waits until the client that is asked has
//! executed them, so there is never more on its way than the clients can do. Nothing is remembered: the next nonces are
//! what that client says. So this can end at any instant, by a failure too, and be started again.

use crate::evm::accounts::{Accounts, transaction};
use crate::l1::transfers::connect;
use alloy_eips::BlockNumberOrTag;
use alloy_provider::Provider as _;
use eyre::{OptionExt as _, WrapErr as _, ensure};
use fairlane_l1::{DynProvider, endpoint};
use fairlane_rollup_adapter::{Client, genesis_file};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// How long it may take until a round is sent, and then until it is executed.
const ROUND_LIMIT: Duration = Duration::from_secs(120);
/// How often the client is asked what it has executed, and time until a transfer that was refused is sent again.
const POLL: Duration = Duration::from_millis(500);

/// Sends transfers, and now and then bytes that are none, to the rollup that runs the EVM, and says what is executed.
#[derive(Debug, clap::Args)]
pub struct EvmTransfersArgs {
    /// The network's genesis file.
    #[arg(long)]
    genesis: PathBuf,
    /// The rollup's id.
    #[arg(long)]
    rollup: u64,
    /// JSON-RPC of a client that executes the rollup's blocks.
    #[arg(long)]
    rpc: String,
    /// A node's gRPC address; may be given several times.
    #[arg(long = "endpoint", required = true)]
    endpoints: Vec<String>,
    /// Transfers of a round.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=200))]
    transfers: u32,
    /// The pause between two rounds.
    #[arg(long, default_value = "5s", value_parser = humantime::parse_duration)]
    pause: Duration,
    /// Stop after so many rounds; without it, on Ctrl-C.
    #[arg(long)]
    rounds: Option<u32>,
}

/// Sends until the rounds are over or a signal comes.
pub async fn run(args: EvmTransfersArgs) -> eyre::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        outcome = send(args) => outcome,
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        _ = terminate.recv() => Ok(()),
    }
}

async fn send(args: EvmTransfersArgs) -> eyre::Result<()> {
    let genesis = genesis_file::read(&args.genesis)?;
    let reader = endpoint::connect(&args.rpc)?;
    let mut accounts = Accounts::known()?;
    let mut rounds = 0;
    while args.rounds.is_none_or(|most| rounds < most) {
        accounts.go_on_from(nonces(&reader, &accounts).await?);
        let client = connect(&args.endpoints, &genesis).await?;
        let round = async {
            for _ in 0..args.transfers {
                feed(&client, args.rollup, &mut accounts).await?;
            }
            eyre::Ok(())
        };
        tokio::time::timeout(ROUND_LIMIT, round).await.wrap_err("the network does not take transfers")??;
        executed(&reader, &accounts).await?;
        say(&reader, &accounts).await?;
        rounds += 1;
        tokio::time::sleep(args.pause).await;
    }
    Ok(())
}

/// Sends a transfer until it is taken, so that nonces are in order; where its turn has come, something that is none besides.
async fn feed(client: &Client, rollup: u64, accounts: &mut Accounts) -> eyre::Result<()> {
    let transfer = accounts.transfer()?;
    // If it was taken all the same, the rollup skips what comes second.
    while client.submit(&transaction(rollup, transfer.clone())?).await.is_err() {
        tokio::time::sleep(POLL).await;
    }
    if let Some(poison) = accounts.poison_in_turn()? {
        // What is refused is not missed.
        let _ = client.submit(&transaction(rollup, poison)?).await;
    }
    Ok(())
}

/// How many transactions of each account are executed.
async fn nonces(reader: &DynProvider, accounts: &Accounts) -> eyre::Result<Vec<u64>> {
    let mut nonces = Vec::new();
    for (sender, _) in accounts.senders() {
        nonces.push(reader.get_transaction_count(sender).await.wrap_err("asking the client for a nonce")?);
    }
    Ok(nonces)
}

/// Waits until all that was sent is executed.
async fn executed(reader: &DynProvider, accounts: &Accounts) -> eyre::Result<()> {
    let deadline = Instant::now() + ROUND_LIMIT;
    let all = |nonces: &[u64]| accounts.senders().zip(nonces).all(|((_, sent), nonce)| *nonce >= sent);
    while !all(&nonces(reader, accounts).await?) {
        ensure!(Instant::now() < deadline, "transfers that the network took are not executed in time");
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

async fn say(reader: &DynProvider, accounts: &Accounts) -> eyre::Result<()> {
    let block = reader.get_block_by_number(BlockNumberOrTag::Latest).await?;
    let header = block.ok_or_eyre("the client has no newest block")?.header;
    println!("executed {} transfers by block {}, state {}", accounts.sent, header.number, header.state_root);
    Ok(())
}
