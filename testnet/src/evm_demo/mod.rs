//! `evm-demo`: a rollup that runs the EVM. Ordinary Ethereum transactions go through the network, and two different clients
//! execute them, while they and the adapter are killed, and bytes that are no good transactions are mixed in.

mod ground;
mod story;

use crate::evm::programs;
use crate::l1::demo::on;
use crate::network::{Hosts, LocalNetwork, NetworkSpec};
use fairlane_types::GroupId;
use std::path::PathBuf;

/// Runs a network, a rollup's adapter, and the clients that execute its blocks: ethrex, which builds them, and ethereumjs,
/// which executes them again. Needs Node and npm.
#[derive(Debug, clap::Args)]
pub struct EvmDemoArgs {
    /// The program `fairlane-evm-client`. Without it, it is built on first use, which takes minutes.
    #[arg(long, env = programs::CLIENT_VARIABLE)]
    client: Option<PathBuf>,
    /// How many transactions to send, in ten parts.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(100..=10_000))]
    transactions: u32,
    /// Give the network an Ethereum of its own (anvil), and let checkpoints there say which blocks are finalized.
    #[arg(long)]
    l1: bool,
    /// Keep the nodes' homes (configuration, keys, stores, logs) here instead of in a temporary directory.
    #[arg(long)]
    home: Option<PathBuf>,
}

/// Runs the demonstration; fails when a step does not come to pass.
pub async fn run(args: EvmDemoArgs) -> eyre::Result<()> {
    let programs = programs::find(args.client.clone()).await?;
    println!("Starting 4 validators, and the clients ethrex and ethereumjs ...");
    let spec = NetworkSpec {
        hosts: Hosts::Loopback,
        validators: 4,
        groups: vec![GroupId::ZERO; 2],
        segment_interval: None,
        log_filter: "info,arc_malachitebft=error,arc_malachitebft_network=off".into(),
    };
    let network = match args.l1 {
        true => LocalNetwork::create_on_l1(&spec, spec.validators, args.home.clone()).await?,
        false => LocalNetwork::create(&spec, args.home.clone())?,
    };
    let show = async |network: &mut LocalNetwork| {
        let ground = ground::Ground::new(network, programs).await?;
        story::tell(ground, args.transactions).await
    };
    on(network, show).await
}
