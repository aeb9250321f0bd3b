//! Who tells of a rollup's steps: a subscriber that verifies its batches, and its adapter's status.

use super::{Step, Track};
use crate::l1::demo::STEP_LIMIT;
use crate::network::LocalNetwork;
use crate::parts::page;
use eyre::{OptionExt as _, ensure};
use fairlane_rollup_adapter::{MemoryCursor, Subscriber, Subscription};
use fairlane_types::RollupId;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How often the adapter is asked.
pub(crate) const ASK: Duration = Duration::from_millis(100);
/// The fields of its status that say up to which batch a step was taken.
const FIELDS: [(Step, &str); 3] =
    [(Step::Executed, "carried_out"), (Step::Proven, "proven"), (Step::Settled, "confirmed")];

/// The tasks that fill a track. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct Following {
    rollup: RollupId,
    track: Arc<Track>,
    tasks: JoinSet<eyre::Result<()>>,
}

impl Following {
    /// Follows a rollup whose adapter has its pages at this port.
    pub(crate) async fn start(
        network: &LocalNetwork,
        rollup: RollupId,
        pages: u16,
        track: Arc<Track>,
    ) -> eyre::Result<Self> {
        let subscriber = Subscriber::new(network.genesis.clone(), rollup).endpoints(network.endpoints());
        let subscription = subscriber.open(MemoryCursor::default()).await?;
        let mut tasks = JoinSet::new();
        tasks.spawn(batches(subscription, track.clone()));
        tasks.spawn(status(pages, track.clone()));
        Ok(Self { rollup, track, tasks })
    }

    /// What they fill.
    pub(crate) fn track(&self) -> &Track {
        &self.track
    }

    /// Waits until everything that was submitted has taken all steps.
    pub(crate) async fn caught_up(&mut self) -> eyre::Result<()> {
        let deadline = Instant::now() + STEP_LIMIT;
        while !self.track.is_empty() {
            self.check()?;
            ensure!(Instant::now() < deadline, "transactions of rollup {} are nowhere", self.rollup);
            tokio::time::sleep(ASK).await;
        }
        Ok(())
    }

    /// Fails when one of them has ended.
    pub(crate) fn check(&mut self) -> eyre::Result<()> {
        let Some(ended) = self.tasks.try_join_next() else { return Ok(()) };
        let what = format!("following rollup {}", self.rollup);
        Err(ended?.err().ok_or_eyre("it has ended")?.wrap_err(what))
    }
}

async fn batches(mut subscription: Subscription, track: Arc<Track>) -> eyre::Result<()> {
    loop {
        let batch = subscription.next().await.ok_or_eyre("the subscription has ended")??;
        let ids = batch.batch().items().iter().map(|item| item.transaction);
        track.deliver(batch.index().get(), ids, Instant::now());
        subscription.ack(&batch).await?;
    }
}

/// Whether the adapter runs is looked at elsewhere: one that is started again answers later.
async fn status(pages: u16, track: Arc<Track>) -> eyre::Result<()> {
    let mut asking = tokio::time::interval(ASK);
    loop {
        asking.tick().await;
        let Ok(status) = page(pages, "status").await else { continue };
        let now = Instant::now();
        for (step, field) in FIELDS {
            if let Some(index) = status[field].as_u64() {
                track.reach(step, index, now);
            }
        }
    }
}
