//! Relayers as processes of their own.

use super::chain::L1Chain;
use eyre::WrapErr as _;
use fairlane_l1::Address;
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// How long a relayer may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A running relayer. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct RelayerProcess {
    /// The account that pays.
    pub(super) account: Address,
    child: Child,
    log: PathBuf,
}

impl RelayerProcess {
    /// Starts this very program as a relayer that asks these nodes and pays with a spare account. Its key and its log are
    /// kept in `folder`.
    pub(crate) fn start(
        chain: &L1Chain,
        nodes: &[String],
        spare: usize,
        folder: &Path,
    ) -> eyre::Result<Self> {
        let key = folder.join(format!("relayer{spare}.key"));
        let account = chain.write_spare_key(spare, &key)?;
        let path = folder.join(format!("relayer{spare}.log"));
        let log = std::fs::File::create(&path).wrap_err_with(|| format!("creating {}", path.display()))?;
        let child = Command::new(std::env::current_exe().wrap_err("finding this program's own path")?)
            .arg("relayer")
            .args(["--endpoint", &nodes.join(","), "--rpc", chain.url()])
            .arg("--deployment")
            .arg(chain.record())
            .arg("--key-file")
            .arg(&key)
            .args(["--interval", "2s", "--turn", "2s", "--poll", "300ms", "--max-fee", "1000"])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .wrap_err("starting a relayer process")?;
        Ok(Self { account, child, log: path })
    }

    /// Fails when the process has ended by itself, and shows its log.
    pub(crate) fn check_alive(&mut self) -> eyre::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => eyre::bail!("a relayer ended with {status}:\n{}", self.log()),
        }
    }

    /// Interrupts it, as Ctrl-C does, and waits until it has stopped cleanly.
    pub(crate) async fn interrupt(mut self) -> eyre::Result<()> {
        self.check_alive()?;
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        let pid = pid.ok_or_else(|| eyre::eyre!("the relayer is gone"))?;
        kill_process(pid, Signal::INT)?;
        let ended = tokio::time::timeout(STOP_LIMIT, self.child.wait()).await;
        let status = ended.wrap_err("a relayer does not stop")??;
        eyre::ensure!(status.success(), "a relayer ended with {status}:\n{}", self.log());
        Ok(())
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}
