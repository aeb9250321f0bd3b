//! One validator process: start, look at, stop.

use eyre::WrapErr;
use fairlane_proto::v1::chain_service_client::ChainServiceClient;
use fairlane_proto::v1::evidence_service_client::EvidenceServiceClient;
use fairlane_proto::v1::{EvidenceRecord, GetStatusRequest, GetStatusResponse, ListEvidenceRequest};
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
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
    home: PathBuf,
    rpc_port: u16,
    metrics_port: u16,
    child: Option<Child>,
    channel: Option<Channel>,
}

impl Node {
    pub(super) fn new(home: PathBuf, rpc_port: u16, metrics_port: u16) -> Self {
        Self { home, rpc_port, metrics_port, child: None, channel: None }
    }

    /// The gRPC endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.rpc_port)
    }

    /// Where its files are.
    pub fn home(&self) -> &Path {
        &self.home
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
        let child = Command::new(program)
            .arg("node")
            .arg("--home")
            .arg(&self.home)
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
            eyre::bail!("the validator in {} was not started", self.home.display())
        };
        match child.try_wait()? {
            None => Ok(()),
            Some(status) => {
                eyre::bail!(
                    "the validator in {} ended with {status}:\n{}",
                    self.home.display(),
                    self.log_tail()
                )
            }
        }
    }

    /// Asks the node for its status.
    pub async fn status(&mut self) -> eyre::Result<NodeStatus> {
        let channel = self.channel()?;
        Ok(ChainServiceClient::new(channel).get_status(GetStatusRequest {}).await?.into_inner())
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
        let endpoint =
            Endpoint::from_shared(self.endpoint())?.timeout(REQUEST_LIMIT).connect_timeout(REQUEST_LIMIT);
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
        let mut stream = TcpStream::connect(("127.0.0.1", self.metrics_port)).await?;
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

    /// Asks the process to stop (SIGTERM).
    pub fn ask_to_stop(&mut self) {
        let pid = self.pid().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Waits for the process to stop, and kills it when it takes too long.
    pub async fn wait_stopped(&mut self) {
        let Some(child) = &mut self.child else { return };
        if tokio::time::timeout(STOP_LIMIT, child.wait()).await.is_err() {
            tracing::warn!(home = %self.home.display(), "a validator did not stop in time and is killed");
            let _ = child.kill().await;
        }
        self.child = None;
    }

    fn log_path(&self) -> PathBuf {
        self.home.join("node.log")
    }

    /// The end of the node's log.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read(self.log_path()).unwrap_or_default();
        let from = text.len().saturating_sub(LOG_TAIL_BYTES);
        String::from_utf8_lossy(&text[from..]).into_owned()
    }
}
