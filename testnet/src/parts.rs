//! Processes of a demonstration: this very program as an adapter, a prover, or one of their commands, and others.

use eyre::WrapErr as _;
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// How long a process may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(60);

fn own_program() -> eyre::Result<PathBuf> {
    std::env::current_exe().wrap_err("finding this program's own path")
}

fn command<A: AsRef<OsStr>>(program: &Path, arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).process_group(0).kill_on_drop(true);
    command
}

/// Runs a command to its end, and gives what it printed.
pub(crate) async fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> eyre::Result<String> {
    let output = command(&own_program()?, arguments).output().await?;
    let errors = String::from_utf8_lossy(&output.stderr);
    eyre::ensure!(output.status.success(), "a command failed:\n{errors}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A part that runs. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Part {
    child: Child,
    log: PathBuf,
}

impl Part {
    /// Starts this program with other arguments; its output is added to a log.
    pub(crate) fn start<A: AsRef<OsStr>>(
        arguments: impl IntoIterator<Item = A>,
        log: &Path,
    ) -> eyre::Result<Self> {
        Self::start_program(&own_program()?, arguments, log)
    }

    /// Starts another program. It goes on when this one is killed.
    pub(crate) fn start_program<A: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
        log: &Path,
    ) -> eyre::Result<Self> {
        let file = std::fs::File::options().create(true).append(true).open(log);
        let file = file.wrap_err_with(|| format!("opening {}", log.display()))?;
        let child = command(program, arguments).stdout(file.try_clone()?).stderr(file).spawn();
        let child = child.wrap_err_with(|| format!("starting {}", program.display()))?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// Kills it at once (SIGKILL), as a crash would.
    pub(crate) async fn kill(mut self) -> eyre::Result<()> {
        self.check_alive()?;
        Ok(self.child.kill().await?)
    }

    /// Asks it to stop, and waits until it has, cleanly.
    pub(crate) async fn stop(mut self) -> eyre::Result<()> {
        self.check_alive()?;
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        kill_process(pid.ok_or_else(|| eyre::eyre!("the process is gone"))?, Signal::TERM)?;
        let ended = tokio::time::timeout(STOP_LIMIT, self.child.wait()).await;
        let status = ended.wrap_err("a process does not stop")??;
        eyre::ensure!(status.success(), "a process ended with {status}:\n{}", self.log());
        Ok(())
    }

    /// Fails when it has ended by itself, and shows its log.
    pub(crate) fn check_alive(&mut self) -> eyre::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => eyre::bail!("a process ended with {status}:\n{}", self.log()),
        }
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// A page of the adapter's.
pub(crate) async fn page(port: u16, name: &str) -> eyre::Result<serde_json::Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(format!("GET /{name} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let (_, body) = text.split_once("\r\n\r\n").ok_or_else(|| eyre::eyre!("the page has no body"))?;
    Ok(serde_json::from_str(body)?)
}
