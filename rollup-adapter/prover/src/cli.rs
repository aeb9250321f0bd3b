//! The command line of `fairlane-prover`.

use crate::metrics::{self, Measured, ProverMetrics};
use crate::worker::{self, Prove, WorkerOptions};
use crate::zk::{ZkProver, proof_key};
use clap::{Args, Parser, Subcommand};
use eyre::WrapErr as _;
use fairlane_zk_rollup::{KeyWords, Prover, Shape};
use serde::{Deserialize, Serialize};
use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Proves batches of the proven rollup for an adapter.
///
/// The keys that it makes are a single-party set-up from a seed that everybody knows: for tests and demonstrations only.
#[derive(Debug, Parser)]
#[command(name = "fairlane-prover", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the keys of a shape, or find them in the folder, and write the verification key for the contract.
    Keys(KeysCommand),
    /// Take jobs from an adapter and prove them.
    Work(WorkCommand),
}

#[derive(Debug, Args)]
struct Keys {
    /// The folder that keeps proving keys.
    #[arg(long)]
    keys: PathBuf,
    /// Slots of the circuit: transfers, or pieces of 128 bytes of what is none.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u8).range(1..=64))]
    slots: u8,
    /// Deposits that a proof takes in.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64))]
    deposits: u8,
}

#[derive(Debug, Args)]
struct KeysCommand {
    #[command(flatten)]
    keys: Keys,
    /// Where to write the verification key, with its shape.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Debug, Args)]
struct WorkCommand {
    #[command(flatten)]
    keys: Keys,
    /// The adapter's address for provers.
    #[arg(long, env = "FAIRLANE_ADAPTER", default_value = "http://127.0.0.1:26680")]
    adapter: String,
    /// A file with the adapter's access token.
    #[arg(long)]
    access_token_file: Option<PathBuf>,
    /// The worker's name in the adapter's logs.
    #[arg(long, default_value = "prover")]
    name: String,
    /// How many jobs it takes at a time. It proves one after another.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=8))]
    jobs: u32,
    /// Also take what others have failed at.
    #[arg(long)]
    fallback: bool,
    /// Where to serve metrics over HTTP.
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
}

/// A verification key as a file, for whoever deploys a settlement contract or runs an adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerificationKeyFile {
    /// What the keys are worth.
    pub set_up: String,
    /// Slots of the circuit.
    pub slots: u8,
    /// Deposits that a proof takes in.
    pub deposits: u8,
    /// The key's words, in hexadecimal digits.
    pub words: Vec<String>,
}

/// What [`VerificationKeyFile::set_up`] says of keys that are made here.
const SINGLE_PARTY: &str = "single party, from a public seed: for tests only";

impl VerificationKeyFile {
    fn of(prover: &Prover, keys: &Keys) -> Self {
        let words = prover.verifier().key_words().iter().map(hex::encode).collect();
        Self { set_up: SINGLE_PARTY.to_owned(), slots: keys.slots, deposits: keys.deposits, words }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is something else.
    pub fn load(path: &Path) -> eyre::Result<Self> {
        let text = std::fs::read_to_string(path).wrap_err_with(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).wrap_err_with(|| format!("{} is no verification key", path.display()))
    }

    /// The key's words.
    ///
    /// # Errors
    /// They are none.
    pub fn key_words(&self) -> eyre::Result<KeyWords> {
        let mut words = KeyWords::default();
        eyre::ensure!(self.words.len() == words.len(), "a verification key has {} words", words.len());
        for (to, word) in words.iter_mut().zip(&self.words) {
            hex::decode_to_slice(word, to).wrap_err("a word of the verification key")?;
        }
        Ok(words)
    }

    /// How much one proof has room for.
    pub fn shape(&self) -> Shape {
        Shape { slots: self.slots.into(), deposits: self.deposits.into() }
    }
}

impl Keys {
    fn load(&self) -> eyre::Result<Prover> {
        let shape = Shape { slots: self.slots.into(), deposits: self.deposits.into() };
        let begun = std::time::Instant::now();
        let prover = Prover::cached(shape, &self.keys)?;
        tracing::warn!(?shape, took = ?begun.elapsed(), "the keys are a {SINGLE_PARTY}");
        Ok(prover)
    }
}

/// Parses the command line and runs the command.
pub fn run() -> ExitCode {
    let arguments = std::env::args_os();
    let cli = Cli::parse_from(arguments);
    start(cli)
}

/// The same as a subcommand of another program: its first argument is the program's own.
pub fn run_as_subcommand() -> ExitCode {
    start(Cli::parse_from(std::env::args_os().skip(1)))
}

fn start(cli: Cli) -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi).init();
    let outcome = match cli.command {
        Command::Keys(command) => command.run(),
        Command::Work(command) => command.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl KeysCommand {
    fn run(self) -> eyre::Result<()> {
        let file = VerificationKeyFile::of(&self.keys.load()?, &self.keys);
        let text = serde_json::to_string_pretty(&file)? + "\n";
        std::fs::write(&self.out, text).wrap_err_with(|| format!("writing {}", self.out.display()))?;
        let hash = proof_key(&file.key_words()?).vk;
        writeln!(std::io::stdout(), "verification key 0x{hash} (SHA-256); {}", file.set_up)?;
        Ok(())
    }
}

impl WorkCommand {
    fn run(self) -> eyre::Result<()> {
        let access = self.access_token_file.as_deref().map(read_token).transpose()?;
        let (page, metrics) = (self.metrics, ProverMetrics::new());
        let prover = Arc::new(Measured::new(ZkProver::new(self.keys.load()?), metrics.clone()));
        let options = WorkerOptions {
            adapter: self.adapter,
            name: self.name,
            slots: self.jobs,
            fallback: self.fallback,
            access,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let outcome = runtime.block_on(async {
            let stop = stop_on_signals()?;
            match page {
                Some(address) => work_and_tell(options, prover, (address, metrics), stop).await,
                None => Ok(worker::run(options, prover, stop).await?),
            }
        });
        // A proof that is under way is not waited for: it was given back.
        runtime.shutdown_background();
        outcome
    }
}

/// Works, and serves its metrics. Without the page there is no work: somebody relies on it.
async fn work_and_tell(
    options: WorkerOptions,
    prover: Arc<dyn Prove>,
    (address, metrics): (SocketAddr, ProverMetrics),
    stop: CancellationToken,
) -> eyre::Result<()> {
    let listener = TcpListener::bind(address).await.wrap_err_with(|| format!("listening at {address}"))?;
    tokio::select! {
        ended = worker::run(options, prover, stop.clone()) => Ok(ended?),
        // Ended by `stop`, the worker still says goodbye.
        Err(error) = metrics::serve(listener, metrics, stop) => Err(error).wrap_err("serving metrics"),
    }
}

/// Reads an access token from a file.
///
/// # Errors
/// It cannot be read, or is empty.
pub fn read_token(path: &Path) -> eyre::Result<String> {
    let text = std::fs::read_to_string(path).wrap_err_with(|| format!("reading {}", path.display()))?;
    let token = text.trim().to_owned();
    eyre::ensure!(!token.is_empty(), "{} is empty", path.display());
    Ok(token)
}

/// Cancelled by SIGINT or SIGTERM.
fn stop_on_signals() -> eyre::Result<CancellationToken> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stopping.cancel();
    });
    Ok(stop)
}
