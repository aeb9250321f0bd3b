//! `rollup-demo`: rollups follow Ethereum. One is registered while the network runs, is ordered for and delivered from its
//! first batch on, and is closed.

use super::demo::{CHANGE_LIMIT, POLL, STEP_LIMIT};
use super::demo::{all_go_on, chain_of, epoch, on_network, ordered_by, transaction_for};
use crate::network::LocalNetwork;
use eyre::WrapErr as _;
use fairlane_l1::DynProvider;
use fairlane_proto::v1::Refusal;
use fairlane_rollup_adapter::{Client, ClientError, MemoryCursor, Subscriber};
use fairlane_types::{BatchIndex, Receipt, RollupHead, RollupId, Transaction};
use fairlane_verify::Standing;
use std::path::PathBuf;
use std::time::Instant;

/// Genesis has rollup 1.
const NEW: u64 = 2;

/// Runs a network with an Ethereum of its own, and registers and closes a rollup there.
#[derive(Debug, clap::Args)]
pub struct RollupDemoArgs {
    /// How many validators.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=9))]
    validators: u16,
    /// Keep the nodes' homes (configuration, keys, stores, logs) here instead of in a temporary directory.
    #[arg(long)]
    home: Option<PathBuf>,
}

/// Runs the demonstration; fails when a step does not come to pass.
pub async fn run(args: RollupDemoArgs) -> eyre::Result<()> {
    let nodes = args.validators.into();
    println!("Starting Ethereum (anvil) and {nodes} validators with stake ...");
    on_network(nodes, nodes, args.home, async |network| Demo::new(network).await?.run().await).await
}

struct Demo<'a> {
    network: &'a mut LocalNetwork,
    provider: DynProvider,
    client: Client,
    rollup: RollupId,
}

impl<'a> Demo<'a> {
    async fn new(network: &'a mut LocalNetwork) -> eyre::Result<Self> {
        let provider = chain_of(network).reader()?;
        let client = Client::connect(&network.nodes[0].endpoint(), &network.genesis).await?;
        Ok(Self { network, provider, client, rollup: RollupId::new(NEW) })
    }

    async fn run(self) -> eyre::Result<()> {
        println!(
            "Ethereum   {}, RollupRegistry {}",
            chain_of(self.network).url(),
            chain_of(self.network).deployment.contracts.rollup_registry
        );
        let message = self.refusal().await?.ok_or_else(|| eyre::eyre!("rollup {NEW} is known already"))?;
        println!("Refuses    rollup {NEW}: {message}");
        self.registers().await?;
        self.delivers().await?;
        self.closes().await?;
        self.keeps_history().await?;
        println!("Ordering   goes on, on all nodes: height {}", all_go_on(self.network).await?);
        Ok(())
    }

    /// Why nothing is taken for the rollup; `None` if it is.
    async fn refusal(&self) -> eyre::Result<Option<String>> {
        Ok(self.submit(&transaction_for(&[NEW])?).await?.err())
    }

    async fn submit(&self, transaction: &Transaction) -> eyre::Result<Result<Receipt, String>> {
        match self.client.submit(transaction).await {
            Ok(receipt) => Ok(Ok(receipt)),
            Err(ClientError::Refused { reason: Refusal::UnknownRollup, message, .. }) => Ok(Err(message)),
            Err(other) => Err(other.into()),
        }
    }

    async fn registers(&self) -> eyre::Result<()> {
        chain_of(self.network).register_rollup(self.rollup).await?;
        let begun = Instant::now();
        println!("Registers  rollup {NEW} in epoch {}", epoch(chain_of(self.network), &self.provider).await?);
        while self.refusal().await?.is_some() {
            eyre::ensure!(begun.elapsed() < CHANGE_LIMIT, "rollup {NEW} is not ordered for");
            tokio::time::sleep(POLL).await;
        }
        println!(
            "Accepts    rollup {NEW} in epoch {} ({:.1} s)",
            epoch(chain_of(self.network), &self.provider).await?,
            begun.elapsed().as_secs_f64()
        );
        Ok(())
    }

    /// Orders for the rollup and for an older one at once, and verifies all batches from the first on.
    async fn delivers(&self) -> eyre::Result<()> {
        let bundle = transaction_for(&[1, NEW])?;
        let accepted = self.submit(&bundle).await?;
        accepted.map_err(|message| eyre::eyre!("rollup {NEW} is refused again: {message}"))?;
        let height = ordered_by(&self.client, bundle.id()).await?;
        let subscriber = Subscriber::new(self.network.genesis.clone(), self.rollup);
        let mut batches =
            subscriber.endpoints(self.network.endpoints()).open(MemoryCursor::default()).await?;
        let mut previous = (BatchIndex::ZERO, RollupHead::ZERO);
        loop {
            let next = tokio::time::timeout(STEP_LIMIT, batches.next()).await.wrap_err("no batch in time")?;
            let verified = next.ok_or_else(|| eyre::eyre!("the subscription ended"))??;
            let header = verified.batch().header();
            eyre::ensure!((header.index, header.previous_head) == (previous.0.next(), previous.1), "a gap");
            previous = (header.index, verified.head());
            if verified.batch().items().iter().any(|item| item.transaction == bundle.id()) {
                eyre::ensure!(header.height == height, "it was ordered in block {height}");
                break;
            }
        }
        println!(
            "Delivers   batches 1 to {} of rollup {NEW}, verified; a bundle with rollup 1 in block {height}",
            previous.0
        );
        Ok(batches.close().await?)
    }

    async fn closes(&self) -> eyre::Result<()> {
        chain_of(self.network).close_rollup(self.rollup).await?;
        let begun = Instant::now();
        println!("Closes     rollup {NEW} in epoch {}", epoch(chain_of(self.network), &self.provider).await?);
        loop {
            if let Some(message) = self.refusal().await? {
                println!("Refuses    again ({:.1} s): {message}", begun.elapsed().as_secs_f64());
                return Ok(());
            }
            eyre::ensure!(begun.elapsed() < CHANGE_LIMIT, "rollup {NEW} is still ordered for");
            tokio::time::sleep(POLL).await;
        }
    }

    /// A closed rollup's head stands in the tree as before.
    async fn keeps_history(&self) -> eyre::Result<()> {
        let head = self.client.head(self.rollup).await.wrap_err("the closed rollup's head")?;
        let Standing::Registered(leaf) = head.standing else { eyre::bail!("its leaf is gone") };
        println!("Keeps      its {} batches, head {}", leaf.index, leaf.head);
        Ok(())
    }
}
