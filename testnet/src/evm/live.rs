//! A rollup that runs the EVM, beside the others of `up`: transfers come one after another, and the table shows where it is.

use super::accounts::{Accounts, transaction};
use super::programs::Programs;
use super::stage::{ETHEREUMJS, ETHREX, NAMES, Stage};
use crate::l1::demo::order;
use crate::network::LocalNetwork;
use crate::steps::{Following, Step, Track};
use alloy_provider::Provider as _;
use eyre::{WrapErr as _, bail, ensure};
use fairlane_rollup_adapter::Client;
use fairlane_types::{RollupId, Transaction};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Time between transfers, and until one that was refused is sent again.
const PAUSE: Duration = Duration::from_millis(100);

/// How many transfers may be under way to the clients: while they are slower than transfers come, it is waited for them.
const UNDER_WAY: usize = 20;

/// The rollup, with what feeds it.
#[derive(Debug)]
pub(crate) struct Live {
    stage: Stage,
    following: Following,
    stop: CancellationToken,
    feeder: JoinHandle<eyre::Result<Accounts>>,
}

/// Starts all.
pub(crate) async fn start(network: &LocalNetwork, rollup: u64, programs: Programs) -> eyre::Result<Live> {
    let mut stage = Stage::new(rollup, programs)?;
    let accounts = Accounts::new();
    stage.furnish(network, &accounts)?;
    stage.start_client(ETHREX)?;
    stage.start_client(ETHEREUMJS)?;
    stage.start_adapter()?;
    // Without an Ethereum everything counts as settled when it is executed.
    let later = match network.l1 {
        Some(_) => &[Step::Executed, Step::Settled][..],
        None => &[Step::Executed],
    };
    let track = Arc::new(Track::new(later)?);
    let following = Following::start(network, stage.rollup(), stage.pages(), track.clone()).await?;
    let client = Client::connect(&network.nodes[0].endpoint(), &network.genesis).await?;
    let stop = CancellationToken::new();
    let feeder = tokio::spawn(feed(client, stage.rollup().get(), accounts, track, stop.clone()));
    Ok(Live { stage, following, stop, feeder })
}

/// Sends until it is told to stop. Each transfer is taken before the next is sent, so that nonces are in order.
async fn feed(
    client: Client,
    rollup: u64,
    mut accounts: Accounts,
    track: Arc<Track>,
    stop: CancellationToken,
) -> eyre::Result<Accounts> {
    while !stop.is_cancelled() {
        if track.short_of(Step::Executed) >= UNDER_WAY {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        let transfer = accounts.transfer()?;
        // If it was taken all the same, the rollup skips what comes second.
        while !submit(&client, &transaction(rollup, transfer.clone())?, &track).await {
            tokio::time::sleep(PAUSE).await;
        }
        if let Some(poison) = accounts.poison_in_turn()? {
            // What is refused is not missed.
            let _ = client.submit(&transaction(rollup, poison)?).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
    // Once this one is ordered, all before it are.
    order(&client, &[transaction(rollup, accounts.transfer()?)?]).await?;
    Ok(accounts)
}

/// Whether a transaction was taken.
async fn submit(client: &Client, transaction: &Transaction, track: &Track) -> bool {
    let id = transaction.id();
    track.submit(id, Instant::now());
    match client.submit(transaction).await {
        Ok(_) => track.receipt(id, Instant::now()),
        Err(_) => {
            track.forget(id);
            return false;
        }
    }
    true
}

impl Live {
    /// The rollup.
    pub(crate) fn rollup(&self) -> RollupId {
        self.stage.rollup()
    }

    /// The transactions on their way.
    pub(crate) fn track(&self) -> &Track {
        self.following.track()
    }

    /// Rows for the table. Fails when a part has ended by itself.
    pub(crate) async fn rows(&mut self) -> eyre::Result<Vec<Vec<String>>> {
        self.stage.check_alive()?;
        self.following.check()?;
        if self.feeder.is_finished() && !self.stop.is_cancelled() {
            self.fed().await?;
            bail!("what feeds the rollup that runs the EVM has ended");
        }
        let header = ["EVM client", "block", "transactions", "skipped", "state"].map(str::to_owned);
        let mut rows = vec![header.to_vec()];
        let status = self.stage.status().await.unwrap_or_default();
        for (name, reader) in NAMES.iter().zip(&self.stage.readers) {
            let block = reader.get_block_by_number(alloy_eips::BlockNumberOrTag::Latest).await.ok().flatten();
            let (number, root) = block.map_or_else(Default::default, |block| {
                let root = block.header.state_root.to_string();
                (block.header.number.to_string(), root.get(..12).unwrap_or_default().to_owned())
            });
            let count = |field: &str| status["evm"][field].to_string();
            rows.push(vec![(*name).to_owned(), number, count("transactions"), count("skipped"), root]);
        }
        Ok(rows)
    }

    async fn fed(&mut self) -> eyre::Result<Accounts> {
        let fed = (&mut self.feeder).await.wrap_err("feeding the rollup that runs the EVM")?;
        fed.wrap_err("feeding the rollup that runs the EVM")
    }

    /// Stops what feeds it, and waits until both clients have executed everything, with the same result, and it is
    /// settled.
    pub(crate) async fn conclude(&mut self, network: &mut LocalNetwork) -> eyre::Result<()> {
        self.stop.cancel();
        let accounts = self.fed().await?;
        self.stage.all_settled(network).await?;
        let (number, _, root) = self.stage.agreed().await?;
        for (sender, sent) in accounts.senders() {
            let found = self.stage.readers[ETHEREUMJS].get_transaction_count(sender).await?;
            ensure!(found == sent, "{found} of {sent} transactions of {sender} are in blocks");
        }
        println!("EVM: {} transfers in {number} blocks, both clients at state {root}", accounts.sent);
        self.following.caught_up().await
    }

    /// Asks all parts to stop, and waits until they have.
    pub(crate) async fn stop(&mut self) -> eyre::Result<()> {
        self.stage.stop().await
    }
}
