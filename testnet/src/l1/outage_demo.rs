//! `outage-demo`: the network without Ethereum. All endpoints fail for some epochs, and one validator is down: ordering
//! goes on. Then another endpoint answers, and the network takes up what happened on Ethereum, nothing left out.

use super::demo::{CHANGE_LIMIT, POLL, STEP_LIMIT, all_go_on, chain_of, epoch, on_network};
use crate::network::{LocalNetwork, NodeStatus};
use fairlane_l1::DynProvider;
use fairlane_rollup_adapter::Client;
use fairlane_types::{Height, RollupId};
use std::path::PathBuf;
use std::time::Instant;

/// How many epochs pass without Ethereum.
const EPOCHS: u32 = 3;

/// Runs a network with an Ethereum of its own, takes that away for some epochs, and gives it back by another endpoint.
#[derive(Debug, clap::Args)]
pub struct OutageDemoArgs {
    /// How many validators.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(4..=9))]
    validators: u16,
    /// Keep the nodes' homes (configuration, keys, stores, logs) here instead of in a temporary directory.
    #[arg(long)]
    home: Option<PathBuf>,
}

/// Runs the demonstration; fails when a step does not come to pass.
pub async fn run(args: OutageDemoArgs) -> eyre::Result<()> {
    let nodes = args.validators.into();
    println!("Starting Ethereum (anvil) and {nodes} validators with stake ...");
    on_network(nodes, nodes, args.home, async |network| Demo::new(network).await?.run().await).await
}

struct Demo<'a> {
    network: &'a mut LocalNetwork,
    provider: DynProvider,
    client: Client,
    /// The place of the node that is down meanwhile.
    sleeper: usize,
    /// Rollups that were registered.
    registered: u64,
}

impl<'a> Demo<'a> {
    async fn new(network: &'a mut LocalNetwork) -> eyre::Result<Self> {
        let provider = chain_of(network).reader()?;
        let client = Client::connect(&network.nodes[0].endpoint(), &network.genesis).await?;
        let sleeper = network.nodes.len() - 1;
        chain_of(network).let_through([true, false]);
        Ok(Self { network, provider, client, sleeper, registered: 0 })
    }

    async fn run(mut self) -> eyre::Result<()> {
        let before = self.anchor().await?;
        self.register().await?;
        self.network.nodes[self.sleeper].kill().await;
        chain_of(self.network).let_through([false, false]);
        println!("Outage     in epoch {}, and node {} is down", self.epoch().await?, self.sleeper);
        let anchored = self.without_ethereum().await?;
        chain_of(self.network).let_through([false, true]);
        println!("Returns    by another endpoint, in epoch {}", self.epoch().await?);
        self.network.nodes[self.sleeper].start()?;
        let begun = Instant::now();
        self.takes_up().await?;
        println!(
            "Takes up   {} of {} registrations ({:.1} s)",
            self.registered,
            self.registered,
            begun.elapsed().as_secs_f64()
        );
        self.every_epoch_counts(before, anchored).await?;
        println!("Ordering   goes on, on all nodes: height {}", all_go_on(self.network).await?);
        Ok(())
    }

    async fn epoch(&self) -> eyre::Result<u32> {
        epoch(chain_of(self.network), &self.provider).await
    }

    /// The height of the newest block, and the Ethereum block that it is anchored to.
    async fn anchor(&self) -> eyre::Result<(Height, u64)> {
        let newest = self.client.header(Height::ZERO).await?;
        Ok((newest.height(), newest.header().l1_anchor.number))
    }

    /// Registers one rollup more.
    async fn register(&mut self) -> eyre::Result<()> {
        self.registered += 1;
        chain_of(self.network).register_rollup(RollupId::new(1 + self.registered)).await
    }

    /// Lets epochs pass, in each of which something is registered. Gives the anchor at the end.
    async fn without_ethereum(&mut self) -> eyre::Result<u64> {
        let first = self.epoch().await?;
        for passed in 1..=EPOCHS {
            let deadline = Instant::now() + CHANGE_LIMIT;
            while self.epoch().await? < first + passed {
                eyre::ensure!(Instant::now() < deadline, "the development chain stands still");
                tokio::time::sleep(POLL).await;
            }
            self.register().await?;
        }
        // What was seen before the outage may still have become an anchor.
        let (height, anchored) = self.anchor().await?;
        let deadline = Instant::now() + STEP_LIMIT;
        self.network.wait_until(0, deadline, |status| status.height > height.get() + 8).await?;
        let (later, still) = self.anchor().await?;
        eyre::ensure!(still == anchored, "the anchor moves, though nobody sees Ethereum");
        println!("Ordering   goes on without: block {later}, anchored to Ethereum's block {still}");
        Ok(anchored)
    }

    /// Waits until every node orders for every rollup that was registered.
    async fn takes_up(&mut self) -> eyre::Result<()> {
        let deadline = Instant::now() + CHANGE_LIMIT;
        let wanted: Vec<u64> = (1..=self.registered + 1).collect();
        let has_all = |status: &NodeStatus| {
            status.rollups.iter().map(|rollup| rollup.rollup_id).eq(wanted.iter().copied())
        };
        for node in 0..self.network.nodes.len() {
            self.network.wait_until(node, deadline, has_all).await?;
        }
        Ok(())
    }

    /// Whether the anchor went through each epoch, and through none twice.
    async fn every_epoch_counts(&self, from: (Height, u64), stood_at: u64) -> eyre::Result<()> {
        let (newest, last) = self.anchor().await?;
        let mut anchors = vec![from.1];
        for height in from.0.get()..=newest.get() {
            let header = self.client.header(Height::new(height)).await?;
            let number = header.header().l1_anchor.number;
            if anchors.last() != Some(&number) {
                anchors.push(number);
            }
        }
        let length = u64::from(chain_of(self.network).deployment.clock.epoch_length.get());
        let mut steps = anchors.iter().zip(anchors.iter().skip(1));
        // The first anchor follows none.
        let is_step = |(before, after): (&u64, &u64)| *before == 0 || after - before == length;
        eyre::ensure!(steps.all(is_step), "an epoch is left out: {anchors:?}");
        let caught_up = anchors.iter().filter(|number| **number > stood_at).count();
        println!(
            "Anchors    {caught_up} epochs since the outage, none left out, up to Ethereum's block {last}"
        );
        Ok(())
    }
}
