//! Parts that stop together: their tasks, how they are told to stop, and where they report that they failed.

use super::NodeError;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long the tasks of a stage may take to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// A part's task.
pub(super) type Task<E> = JoinHandle<Result<(), E>>;

/// Some tasks that are stopped together.
pub(super) struct Stage {
    name: &'static str,
    stop: CancellationToken,
    tasks: TaskTracker,
    failed: mpsc::Sender<NodeError>,
}

impl Stage {
    pub(super) fn new(name: &'static str, failed: &mpsc::Sender<NodeError>) -> Self {
        Self { name, stop: CancellationToken::new(), tasks: TaskTracker::new(), failed: failed.clone() }
    }

    /// Tells a part of this stage to stop.
    pub(super) fn token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Runs a part in this stage.
    pub(super) fn run<E, F>(&self, part: impl FnOnce(CancellationToken) -> F)
    where
        NodeError: From<E>,
        E: Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.watch(self.name, tokio::spawn(part(self.token())));
    }

    /// Adds a part that runs. When it ends without having been told to, the node hears of it.
    pub(super) fn watch<E>(&self, what: &'static str, task: Task<E>)
    where
        NodeError: From<E>,
        E: Send + 'static,
    {
        let (stop, failed) = (self.stop.clone(), self.failed.clone());
        self.tasks.spawn(async move {
            if let Some(error) = failure(what, task.await, stop.is_cancelled()) {
                // The node may be past listening.
                let _ = failed.send(error).await;
            }
        });
    }

    /// Tells the parts to stop, and waits for them.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(STOP_TIMEOUT, self.tasks.wait()).await.is_err() {
            tracing::warn!(stage = self.name, "did not stop in time");
        }
    }
}

fn failure<E>(
    what: &'static str,
    ended: Result<Result<(), E>, JoinError>,
    was_told: bool,
) -> Option<NodeError>
where
    NodeError: From<E>,
{
    match ended {
        Ok(Ok(())) if was_told => None,
        Ok(Ok(())) => Some(NodeError::Ended(what)),
        Ok(Err(error)) => Some(error.into()),
        Err(_) => Some(NodeError::Panicked(what)),
    }
}
