//! The rollups beside those of the load: one that runs the EVM, one that is proven, and the relayer by which Ethereum
//! knows what is final.

use super::UpArgs;
use crate::evm;
use crate::evm::programs::{self, Programs};
use crate::l1::demo::keep_busy;
use crate::l1::relaying::RelayerProcess;
use crate::network::LocalNetwork;
use crate::steps::{ASK, Times};
use crate::zk;
use crate::zk::keys::Keys;
use fairlane_rollup_adapter::Client;
use tempfile::TempDir;
use tokio::task::JoinSet;

/// The relayer's spare account.
const RELAYER: usize = 0;
/// A rollup of the load. What is sent to it at the end keeps the chain going, so that checkpoints come.
const OF_THE_LOAD: u64 = 1;

/// What takes long to make, and is made before anything runs.
pub(super) struct Tools {
    evm: Option<Programs>,
    zk: Option<Keys>,
}

impl Tools {
    /// Finds what the options ask for, or makes it.
    pub(super) async fn find(args: &UpArgs) -> eyre::Result<Self> {
        let evm = match args.evm {
            true => Some(programs::find(std::env::var_os(programs::CLIENT_VARIABLE).map(Into::into)).await?),
            false => None,
        };
        let zk = match args.zk {
            true => {
                println!("Making proving keys, or finding them: of a single party, for tests only ...");
                Some(Keys::find(args.keys.clone(), args.slots).await?)
            }
            false => None,
        };
        Ok(Self { evm, zk })
    }

    /// Does what Ethereum is enough for. The rollups' ids follow on those of the load, of which there are so many.
    pub(super) async fn prepare(self, network: &LocalNetwork, of_the_load: u64) -> eyre::Result<Prepared> {
        let first = of_the_load + 1;
        let evm = self.evm.map(|programs| (first, programs));
        let id = first + u64::from(evm.is_some());
        let zk = match self.zk {
            Some(keys) => Some(zk::live::prepare(network, id, keys).await?),
            None => None,
        };
        Ok(Prepared { evm, zk })
    }
}

/// All that is needed to start.
pub(super) struct Prepared {
    evm: Option<(u64, Programs)>,
    zk: Option<zk::live::Prepared>,
}

impl Prepared {
    /// Starts all, on a network that runs.
    pub(super) async fn start(self, network: &LocalNetwork) -> eyre::Result<Beside> {
        let folder = tempfile::Builder::new().prefix("fairlane-relayer-").tempdir()?;
        let relayer = match &network.l1 {
            Some(chain) if self.evm.is_some() || self.zk.is_some() => {
                Some(RelayerProcess::start(chain, &network.endpoints(), RELAYER, folder.path())?)
            }
            _ => None,
        };
        let evm = match self.evm {
            Some((rollup, programs)) => Some(evm::live::start(network, rollup, programs).await?),
            None => None,
        };
        let zk = match self.zk {
            Some(prepared) => Some(prepared.start(network).await?),
            None => None,
        };
        Ok(Beside { evm, zk, relayer, _folder: folder })
    }
}

/// All of it, running.
pub(super) struct Beside {
    evm: Option<evm::live::Live>,
    zk: Option<zk::live::Live>,
    relayer: Option<RelayerProcess>,
    /// Of the relayer.
    _folder: TempDir,
}

impl Beside {
    /// Rows for a block of the table for each rollup. Fails when a part has ended by itself.
    pub(super) async fn rows(&mut self) -> eyre::Result<Vec<Vec<Vec<String>>>> {
        if let Some(relayer) = &mut self.relayer {
            relayer.check_alive()?;
        }
        let mut blocks = Vec::new();
        if let Some(evm) = &mut self.evm {
            blocks.push(evm.rows().await?);
        }
        if let Some(zk) = &mut self.zk {
            blocks.push(zk.rows().await?);
        }
        Ok(blocks)
    }

    /// The rollups' names, and the median times to their steps.
    pub(super) fn medians(&self) -> impl Iterator<Item = (String, Times)> {
        let evm = self.evm.iter().map(|evm| (format!("{} (EVM)", evm.rollup()), evm.track().medians()));
        let zk = self.zk.iter().map(|zk| (format!("{} (proven)", zk.rollup()), zk.track().medians()));
        evm.chain(zk)
    }

    /// What stands below the steps: how exact they are, and one transaction that has taken all.
    pub(super) fn lines(&self) -> Vec<String> {
        let asked = self.evm.is_some() || self.zk.is_some();
        let exact = asked.then(|| {
            format!("executed, proven, settled: when the adapter says so, asked every {} ms", ASK.as_millis())
        });
        let through = self.zk.as_ref().and_then(|zk| zk.track().newest());
        exact.into_iter().chain(through.map(|way| way.to_string())).collect()
    }

    /// Stops what feeds the rollups, and waits until all that was sent has come through.
    pub(super) async fn conclude(&mut self, network: &mut LocalNetwork) -> eyre::Result<()> {
        let mut busy = JoinSet::new();
        if self.relayer.is_some() {
            println!("Waiting until everything is settled; Ctrl-C stops at once ...");
            let client = Client::connect(&network.nodes[0].endpoint(), &network.genesis).await?;
            busy.spawn(keep_busy(client, OF_THE_LOAD));
        }
        if let Some(evm) = &mut self.evm {
            evm.conclude(network).await?;
        }
        if let Some(zk) = &mut self.zk {
            zk.conclude(network).await?;
        }
        Ok(())
    }

    /// Asks all parts to stop, and waits until they have.
    pub(super) async fn stop(&mut self) -> eyre::Result<()> {
        if let Some(evm) = &mut self.evm {
            evm.stop().await?;
        }
        if let Some(zk) = &mut self.zk {
            zk.stop().await?;
        }
        match self.relayer.take() {
            Some(relayer) => relayer.interrupt().await,
            None => Ok(()),
        }
    }
}
