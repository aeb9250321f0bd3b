//! The program `fairlane-testnet`: parses the command line and runs the command.

use clap::{Parser, Subcommand};
use fairlane_testnet::l1::{
    name_settlement, outage_demo, relay_demo, rollup_demo, set_demo, slash_demo, transfers, zk_demo,
};
use fairlane_testnet::{
    bench, chaos, cross_demo, evm_demo, evm_transfers, feed, offences, prepare, sim, sweep, up,
};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// The allocator of the binary `fairlane`, as this program runs nodes too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Local Fairlane networks: run, load, measure.
#[derive(Debug, Parser)]
#[command(name = "fairlane-testnet", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a network, load it, verify every batch, and show a live table.
    Up(up::UpArgs),
    /// Make a validator sign two histories, and watch it lose its stake on Ethereum.
    SlashDemo(slash_demo::SlashDemoArgs),
    /// Let validators join and leave by their stake on Ethereum, while the network runs.
    SetDemo(set_demo::SetDemoArgs),
    /// Register a rollup on Ethereum while the network runs, order for it, and close it.
    RollupDemo(rollup_demo::RollupDemoArgs),
    /// Take Ethereum away from a running network, and give it back by another endpoint.
    OutageDemo(outage_demo::OutageDemoArgs),
    /// Let relayers post the network's checkpoints to Ethereum, and show there what is final.
    RelayDemo(relay_demo::RelayDemoArgs),
    /// Have a rollup's batches proven and settled on Ethereum, while its adapter and its provers are killed.
    ZkDemo(zk_demo::ZkDemoArgs),
    /// Have a rollup's batches executed by two Ethereum clients, while they and the adapter are killed.
    EvmDemo(evm_demo::EvmDemoArgs),
    /// Exchange value between the proven rollup and the one that runs the EVM, by bundles that are settled as one.
    CrossDemo(cross_demo::CrossDemoArgs),
    /// Measure a network at a fixed rate and print one JSON object.
    Bench(bench::BenchArgs),
    /// Measure a network at growing rates, and find the highest that it sustains.
    Sweep(sweep::SweepArgs),
    /// Prepare a network of containers: contracts, stake, genesis and homes.
    Prepare(prepare::PrepareArgs),
    /// Send transactions to a network that runs.
    Load(feed::FeedArgs),
    /// Send transfers to the proven rollup of a network that runs.
    Transfers(transfers::TransfersArgs),
    /// Send transfers to the rollup that runs the EVM of a network that runs.
    EvmTransfers(evm_transfers::EvmTransfersArgs),
    /// Load a network while its validators are killed, stopped, cut off and robbed of their disks.
    Chaos(chaos::ChaosArgs),
    /// Say in a development node's registry which contract settles a rollup.
    NameSettlement(name_settlement::NameSettlementArgs),
    /// Let a validator sign two histories, many times, and count what the others learn of.
    Offences(offences::OffencesArgs),
    /// Simulate networks with faults and liars, and check what is promised.
    Sim(sim::SimArgs),
}

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("node" | "relayer") => return as_part(fairlane_sequencer::cli::run),
        Some("adapter") => return as_part(fairlane_adapter::cli::run_as_subcommand),
        Some("prover") => return as_part(fairlane_prover::cli::run_as_subcommand),
        _ => {}
    }
    let cli = Cli::parse();
    // In a simulation validators lie on purpose: what consensus says to each lie is no news.
    let quiet = || EnvFilter::new("warn,arc_malachitebft_core_consensus=error");
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| quiet());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(async {
        match cli.command {
            Command::Up(args) => Box::pin(up::run(args)).await,
            Command::SlashDemo(args) => slash_demo::run(args).await,
            Command::SetDemo(args) => set_demo::run(args).await,
            Command::RollupDemo(args) => rollup_demo::run(args).await,
            Command::OutageDemo(args) => outage_demo::run(args).await,
            Command::RelayDemo(args) => relay_demo::run(args).await,
            Command::ZkDemo(args) => zk_demo::run(args).await,
            Command::EvmDemo(args) => evm_demo::run(args).await,
            Command::CrossDemo(args) => cross_demo::run(args).await,
            Command::Bench(args) => bench::run(args).await,
            Command::Sweep(args) => sweep::run(args).await,
            Command::Prepare(args) => prepare::run(args).await,
            Command::Load(args) => feed::run(args).await,
            Command::Transfers(args) => transfers::run(args).await,
            Command::EvmTransfers(args) => evm_transfers::run(args).await,
            Command::NameSettlement(args) => name_settlement::run(args).await,
            Command::Chaos(args) => chaos::run(args).await,
            Command::Offences(args) => offences::run(args).await,
            Command::Sim(args) => sim::run(&args),
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Becomes a node, a relayer, an adapter or a prover that stops when the process that started it ends, however that ends.
fn as_part(run: fn() -> ExitCode) -> ExitCode {
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))
    {
        eprintln!("error: cannot tie this process to the one that started it: {error}");
        return ExitCode::FAILURE;
    }
    run()
}
