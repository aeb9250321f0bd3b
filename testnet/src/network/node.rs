//! One validator process: start, look at, stop.

use eyre::WrapErr;
use fairlane_proto::v1::chain_service_client::ChainServiceClient;
use fairlane_proto::v1::evidence_service_client::EvidenceServiceClient;
use fairlane_proto::v1::{EvidenceRecord, GetStatusRequest, GetStatusResponse, ListEvidenceRequest};
use fairlane_sequencer::config::Home;
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tonic::transport::{Channel, Endpoint};

/// How long a status request may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(2);
/// How long a node may take to stop before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// How much of a log an error shows.
const LOG_TAIL_BYTES: usize = 2000;

/// What a node says about itself.
pub type NodeStatus = GetStatusResponse;

/// A validator on this machine.
#[derive(Debug)]
pub struct Node {
    home: Home,
    /// The command that the node is started by; empty where it is started directly.
    enter: Vec<String>,
    /// How many threads do the node's asynchronous work: its share of this machine.
    workers: usize,
    rpc: SocketAddr,
    peers: [SocketAddr; 2],
    metrics: SocketAddr,
    child: Option<Child>,
    channel: Option<Channel>,
}

/// Where a node listens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listens {
    pub(super) rpc: SocketAddr,
    /// Consensus, and segments.
    pub(super) peers: [SocketAddr; 2],
    pub(super) metrics: SocketAddr,
}

impl Node {
    /// A node that is not started yet, and is one of `count` on this machine.
    pub(super) fn new(home: Home, enter: Vec<String>, count: usize, listens: Listens) -> Self {
        let Listens { rpc, peers, metrics } = listens;
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let workers = (processors / count.max(1)).max(1);
        Self { home, enter, workers, rpc, peers, metrics, child: None, channel: None }
    }

    /// Where it listens for clients.
    pub fn clients_address(&self) -> SocketAddr {
        self.rpc
    }

    /// Where it listens for other nodes: consensus, and segments.
    pub fn peers_addresses(&self) -> [SocketAddr; 2] {
        self.peers
    }

    /// Where its files are.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The gRPC endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.rpc)
    }

    /// The process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Starts the process: this very program, as a node. Its output goes to `node.log` in its home.
    pub fn start(&mut self) -> eyre::Result<()> {
        let path = self.log_path();
        let log = std::fs::File::options().create(true).append(true).open(&path);
        let log = log.wrap_err_with(|| format!("opening {}", path.display()))?;
        let program = std::env::current_exe().wrap_err("finding this program's own path")?;
        let mut words = self.enter.iter().map(OsString::from).chain([program.into_os_string()]);
        let child = Command::new(words.next().expect("the program itself is among them"))
            .args(words)
            .arg("node")
            .arg("--home")
            .arg(self.home.path())
            .env("TOKIO_WORKER_THREADS", self.workers.to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .wrap_err("starting a validator process")?;
        self.child = Some(child);
        Ok(())
    }

    /// Fails when the process has ended by itself, and shows the end of its log.
    pub fn check_alive(&mut self) -> eyre::Result<()> {
        let Some(child) = &mut self.child else {
            eyre::bail!("the validator in {} was not started", self.home.path().display())
        };
        match child.try_wait()? {
            None => Ok(()),
            Some(status) => {
                eyre::bail!(
                    "the validator in {} ended with {status}:\n{}",
                    self.home.path().display(),
                    self.log_tail()
                )
            }
        }
    }

    /// Asks the node for its status.
    pub async fn status(&mut self) -> eyre::Result<NodeStatus> {
        Ok(self.chain()?.get_status(GetStatusRequest {}).await?.into_inner())
    }

    /// A client of the node's chain service. Each of its requests has a time limit.
    pub fn chain(&mut self) -> eyre::Result<ChainServiceClient<Channel>> {
        Ok(ChainServiceClient::new(self.channel()?))
    }

    /// Asks the node which offences it knows of: the first page.
    pub async fn evidence(&mut self) -> eyre::Result<Vec<EvidenceRecord>> {
        let mut client = EvidenceServiceClient::new(self.channel()?);
        Ok(client.list_evidence(ListEvidenceRequest::default()).await?.into_inner().records)
    }

    fn channel(&mut self) -> eyre::Result<Channel> {
        if let Some(channel) = &self.channel {
            return Ok(channel.clone());
        }
        let endpoint = Endpoint::from_shared(self.endpoint())?
            .timeout(REQUEST_LIMIT)
            .connect_timeout(REQUEST_LIMIT)
            .http2_keep_alive_interval(REQUEST_LIMIT)
            .keep_alive_timeout(REQUEST_LIMIT);
        Ok(self.channel.insert(endpoint.connect_lazy()).clone())
    }

    /// The sum of a metric over its labels that contain `label`, as the node exposes it.
    pub async fn metric(&self, name: &str, label: &str) -> eyre::Result<f64> {
        let text = tokio::time::timeout(REQUEST_LIMIT, self.scrape()).await??;
        let samples =
            text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
        Ok(samples
            .filter(|(sample, _)| sample.split('{').next() == Some(name) && sample.contains(label))
            .filter_map(|(_, value)| value.parse::<f64>().ok())
            .sum())
    }

    async fn scrape(&self) -> eyre::Result<String> {
        let mut stream = TcpStream::connect(self.metrics).await?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n").await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok(text)
    }

    /// Ends the process at once, as a crash would.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill().await;
        }
    }

    /// Whether the process runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Takes all processor time from the process, without its noticing.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Gives it back.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks the process to stop (SIGTERM).
    pub fn ask_to_stop(&self) {
        self.signal(Signal::TERM);
    }

    /// A process that has ended by now needs no signal.
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid().and_then(|pid| Pid::from_raw(pid.cast_signed())) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits for the process to stop, and kills it when it takes too long.
    pub async fn wait_stopped(&mut self) {
        let Some(child) = &mut self.child else { return };
        if tokio::time::timeout(STOP_LIMIT, child.wait()).await.is_err() {
            tracing::warn!(home = %self.home.path().display(), "a validator did not stop in time and is killed");
            let _ = child.kill().await;
        }
        self.child = None;
    }

    fn log_path(&self) -> PathBuf {
        self.home.path().join("node.log")
    }

    /// The end of the node's log.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read(self.log_path()).unwrap_or_default();
        let from = text.len().saturating_sub(LOG_TAIL_BYTES);
        String::from_utf8_lossy(&text[from..]).into_owned()
    }
}
