//! From start to end: when this node may vote, and the actors and the application that live and end together.
//!
//! A validator that may have signed what it does not know of ([`Memory`] says when) begins like a node without a key,
//! and so without any way to vote. Once all of that is decided, actors and application are started again with the key:
//! who votes is fixed when they start.

use crate::app::{self, App, Chain, Ended, Services, Setup};
use crate::config::EngineConfig;
use crate::error::EngineError;
use crate::machine::{self, Machine};
use crate::seams::{BlockStore, FinalizedBlock, LaneService};
use crate::signing::SigningGate;
use crate::status::EngineStatus;
use arc_malachitebft_wal::Log;
use fairlane_agreement::Memory;
use fairlane_types::{Evidence, Height, NetworkId};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{Mutex, broadcast, mpsc, oneshot, watch};

/// What outlives the actors.
pub(crate) struct Life {
    pub(crate) config: EngineConfig,
    pub(crate) network_id: NetworkId,
    pub(crate) chain: Chain,
    pub(crate) lanes: Arc<dyn LaneService>,
    pub(crate) store: Arc<dyn BlockStore>,
    pub(crate) gate: SigningGate,
    pub(crate) finalized: broadcast::Sender<Arc<FinalizedBlock>>,
    pub(crate) evidence: mpsc::Sender<Evidence>,
    pub(crate) status: watch::Sender<EngineStatus>,
}

impl Life {
    /// Runs until `stop` resolves, or something fails that must end the node.
    pub(crate) async fn run(self, mut stop: oneshot::Receiver<()>) -> Result<(), EngineError> {
        let result = self.live(&mut stop).await;
        if let Err(error) = &result {
            tracing::error!(%error, "consensus stops");
        }
        result
    }

    async fn live(&self, stop: &mut oneshot::Receiver<()>) -> Result<(), EngineError> {
        let unknown = tokio::select! {
            biased;
            _ = &mut *stop => return Ok(()),
            unknown = self.unknown_up_to() => unknown?,
        };
        if self.chain.tip().height < unknown {
            tracing::warn!(
                until = %unknown,
                "this validator may have signed votes that it does not know of: it only watches until then"
            );
            if self.session(Some(unknown), stop).await? == Ended::Stopped {
                return Ok(());
            }
            tracing::info!(height = %self.chain.tip().height, "this validator votes again");
        }
        self.session(None, stop).await.map(drop)
    }

    /// The last height at which this validator may have signed what it does not know of. Waits for the others.
    async fn unknown_up_to(&self) -> Result<Height, EngineError> {
        if self.config.signing_key.is_none() {
            return Ok(Height::ZERO);
        }
        let Some(told) = self.lanes.told().await else { return Ok(Height::ZERO) };
        let path = &self.config.wal;
        let log = log_height(path).map_err(|source| EngineError::Log { path: path.clone(), source })?;
        let memory = Memory {
            decided: self.store.last_decided().await?,
            log,
            reserved: self.config.guard.as_ref().map_or(Height::ZERO, |guard| guard.reserved()),
        };
        let unknown = memory.unknown_up_to(told);
        tracing::info!(
            log = ?memory.log.map(Height::get),
            decided = %memory.decided,
            reserved = %memory.reserved,
            told = %told.decided,
            lane_ahead = told.lane_ahead,
            %unknown,
            "the validators were asked how far this one may have signed"
        );
        Ok(unknown)
    }

    /// Starts the actors and the application, runs them, and stops them.
    async fn session(
        &self,
        watch_until: Option<Height>,
        stop: &mut oneshot::Receiver<()>,
    ) -> Result<Ended, EngineError> {
        let config = if watch_until.is_some() { self.config.watching() } else { self.config.clone() };
        let activity = app::recent_activity(self.store.as_ref(), self.chain.tip().height).await?;
        let (mut machine, inputs) = Machine::start(&config, self.network_id, self.gate.clone()).await?;
        let services = Services {
            network_id: self.network_id,
            validator: machine::validator_id(&config),
            key: config.signing_key.clone(),
            snapshot_interval: config.snapshot_interval,
            chain: self.chain.clone(),
            lanes: self.lanes.clone(),
            store: self.store.clone(),
            consensus: machine.consensus.clone(),
            network: machine.network.clone(),
            finalized: self.finalized.clone(),
            gate: self.gate.clone(),
            keeping: Mutex::default(),
        };
        let app = App::new(Setup {
            services,
            inputs,
            activity,
            watch_until,
            timeouts: config.timeouts.linear(),
            min_block_interval: config.min_block_interval,
            max_hold: config.max_hold,
            status: self.status.clone(),
            evidence: self.evidence.clone(),
        });
        self.status.send_modify(|status| status.watching = watch_until.is_some());
        let ended = tokio::select! {
            ended = app.run(stop) => ended,
            error = machine.stopped() => Err(error),
            error = self.gate.refused() => Err(error.into()),
        };
        machine.stop().await;
        ended
    }
}

/// The height that a log of votes belongs to; `None` where there is no log. Must not be called while an engine uses
/// it.
///
/// # Errors
/// The file is no such log, or cannot be read.
pub fn log_height(path: &Path) -> io::Result<Option<Height>> {
    if !path.try_exists()? {
        return Ok(None);
    }
    Ok(Some(Height::new(Log::open(path)?.sequence())))
}
