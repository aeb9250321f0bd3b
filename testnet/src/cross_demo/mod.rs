//! `cross-demo`: value moves between two rollups by bundles. One leg withdraws from the proven rollup to a vault on Ethereum,
//! the other locks value in the rollup that runs the EVM; both are ordered together, and settled together or not at all.

mod crossing;
mod ground;
mod story;

use crate::evm::programs;
use crate::l1::demo;
use crate::network::LocalNetwork;
use crate::zk::keys::Keys;
use std::path::PathBuf;

/// Runs a network with an Ethereum of its own, a relayer, a proven rollup and one that runs the EVM, each with its adapter, and
/// exchanges value between them. Needs Node and npm.
#[derive(Debug, clap::Args)]
pub struct CrossDemoArgs {
    /// The program `fairlane-evm-client`. Without it, it is built on first use, which takes minutes.
    #[arg(long, env = programs::CLIENT_VARIABLE)]
    client: Option<PathBuf>,
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
pub async fn run(args: CrossDemoArgs) -> eyre::Result<()> {
    let programs = programs::find(args.client).await?;
    println!(
        "Making proving keys, and starting Ethereum (anvil), 4 validators with stake, and two rollups ..."
    );
    let keys = Keys::find(args.keys, args.slots).await?;
    let network = demo::create(4, 4, ground::ROLLUPS, args.home).await?;
    let show = async |network: &mut LocalNetwork| {
        let ground = ground::Ground::new(network, programs, keys).await?;
        Box::pin(story::tell(ground)).await
    };
    Box::pin(demo::on(network, show)).await
}
