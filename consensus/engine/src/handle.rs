//! Starting the engine, and what the node holds of it.

use crate::app::Chain;
use crate::config::EngineConfig;
use crate::error::EngineError;
use crate::life::Life;
use crate::seams::{BlockStore, FinalizedBlock, LaneService};
use crate::signing::SigningGate;
use crate::status::EngineStatus;
use fairlane_chain::ChainState;
use fairlane_types::Evidence;
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// How many finalized blocks wait for a subscriber. One that lags further reads the rest from the store.
const FINALIZED_QUEUE: usize = 64;
/// How many pieces of evidence wait to be taken. Further ones are dropped, and logged.
const EVIDENCE_QUEUE: usize = 256;

/// The running engine. Dropping it stops the engine without waiting; [`EngineHandle::shutdown`] waits.
#[derive(Debug)]
pub struct EngineHandle {
    /// Finalized blocks, in order and without a gap from the start on. [`EngineHandle::subscribe`] gives more
    /// receivers, which hear what comes later. Blocks that a receiver has not taken stay in memory.
    pub finalized: broadcast::Receiver<Arc<FinalizedBlock>>,
    /// How the engine is doing.
    pub status: watch::Receiver<EngineStatus>,
    /// Evidence of double votes and double proposals, as it is found. Its signatures are verified.
    pub evidence: mpsc::Receiver<Evidence>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), EngineError>>,
}

impl EngineHandle {
    /// Hears of blocks that are finalized from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<FinalizedBlock>> {
        self.finalized.resubscribe()
    }

    /// Resolves when the engine has ended: with an error if something failed that must end the node. Cancel safe.
    /// Must not be called again after it has resolved.
    pub async fn ended(&mut self) -> Result<(), EngineError> {
        match (&mut self.task).await {
            Ok(result) => result,
            Err(error) => Err(EngineError::Panicked(error.to_string())),
        }
    }

    /// Stops the engine and waits until its network and its log are closed.
    pub async fn shutdown(mut self) -> Result<(), EngineError> {
        drop(self.stop.take());
        self.ended().await
    }
}

/// Starts consensus from a chain state.
///
/// The state may be older than the store's last decision, as after a crash or from a snapshot: what lies between is
/// executed first. The store must hold the last decisions before the state, because proposers are chosen by them. A
/// validator first asks the others how far it may have signed ([`LaneService::told`]), and may have to watch for a
/// while.
///
/// What fails later than here, such as an address that cannot be listened at, is told by [`EngineHandle::ended`].
///
/// # Errors
/// Settings that make no sense.
pub fn start(
    config: EngineConfig,
    state: ChainState,
    lanes: Arc<dyn LaneService>,
    store: Arc<dyn BlockStore>,
) -> Result<EngineHandle, EngineError> {
    config.check()?;
    let (network_id, last) = (state.network(), state.height());
    let (finalized_sender, finalized) = broadcast::channel(FINALIZED_QUEUE);
    let (evidence_sender, evidence) = mpsc::channel(EVIDENCE_QUEUE);
    let watching = config.signing_key.is_some();
    let first = EngineStatus { finalized: last, watching, ..EngineStatus::default() };
    let (status_sender, status) = watch::channel(first);
    let life = Life {
        gate: SigningGate::new(last, config.guard.clone()),
        config,
        network_id,
        chain: Chain::new(state),
        lanes,
        store,
        finalized: finalized_sender,
        evidence: evidence_sender,
        status: status_sender,
    };
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(life.run(stopped));
    Ok(EngineHandle { finalized, status, evidence, stop: Some(stop), task })
}
