//! `zk-demo`: a rollup of transfers, proven and settled. Value comes in on Ethereum, is transferred, and is paid out there,
//! while the adapter and its provers are killed at each step, and lies are refused.

mod accounts;
mod ground;
mod story;

use super::demo::{self, STEP_LIMIT};
use crate::network::LocalNetwork;
use crate::zk::keys::Keys;
use std::path::PathBuf;

/// Runs a network with an Ethereum of its own, a relayer, and a rollup with its adapter and a prover. The prover's keys are a
/// single-party set-up: for tests and demonstrations only.
#[derive(Debug, clap::Args)]
pub struct ZkDemoArgs {
    /// Slots of the circuit: how many transfers a proof has room for.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(4..=16))]
    slots: u8,
    /// Keep proving keys here, instead of making them anew.
    #[arg(long)]
    keys: Option<PathBuf>,
    /// Keep the nodes' homes (configuration, keys, stores, logs) here instead of in a temporary directory.
    #[arg(long)]
    home: Option<PathBuf>,
}

/// Runs the demonstration; fails when a step does not come to pass.
pub async fn run(args: ZkDemoArgs) -> eyre::Result<()> {
    println!("Making proving keys, and starting Ethereum (anvil) and 4 validators with stake ...");
    let keys = Keys::find(args.keys, args.slots).await?;
    let network = demo::create(4, 4, 2, args.home).await?;
    let show =
        async |network: &mut LocalNetwork| story::tell(ground::Ground::new(network, keys).await?).await;
    demo::on(network, show).await
}
