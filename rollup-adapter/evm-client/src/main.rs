//! `fairlane-evm-client`: ethrex as the client that builds an EVM rollup's blocks.
//!
//! It knows no peers and decides nothing: blocks come by the Engine API, and `testing_buildBlockV1`, which puts together
//! a block of exactly the transactions that it is given, is served at the address of `--http`. So that address is for the
//! adapter and for reading, behind something that lets nobody else call `testing_…`.
//!
//! The chain is in memory, and the adapter feeds it again after a restart.

mod client;
mod secret;

use clap::Parser;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Runs ethrex for a rollup.
#[derive(Debug, Parser)]
#[command(name = "fairlane-evm-client", version)]
pub(crate) struct Cli {
    /// The rollup's genesis file, in geth's format.
    #[arg(long)]
    genesis: PathBuf,
    /// Where JSON-RPC is served, with `testing_buildBlockV1`.
    #[arg(long, default_value = "127.0.0.1:8545")]
    http: SocketAddr,
    /// Where the Engine API is served.
    #[arg(long, default_value = "127.0.0.1:8551")]
    engine: SocketAddr,
    /// A file with 64 hexadecimal digits that only its owner may read: who knows them may use the Engine API.
    #[arg(long)]
    jwt_file: PathBuf,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,fairlane_evm_client=info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(eyre::Report::from)
        .and_then(|runtime| runtime.block_on(run(cli)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> eyre::Result<()> {
    let stop = CancellationToken::new();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stopping = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("the client stops");
        stopping.cancel();
    });
    client::serve(&cli, stop).await
}
