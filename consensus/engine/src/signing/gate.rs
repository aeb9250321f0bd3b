//! What must be on disk before a vote may be signed.
//!
//! A restart begins at the height after the last decision on disk, and the write-ahead log holds the votes of one
//! height only: the one that consensus began last. So, for a validator to find its votes again whenever it stops,
//! - nothing is signed at a height before the decision of the height before it is on disk, and
//! - a height at which something was signed is not left before its own decision is on disk.
//!
//! A height at which nothing was signed may be left at once: then catching up does not wait for the disk.
//!
//! Besides, the guard, if there is one, must know of the height.

use crate::seams::{GuardError, SigningGuard};
use fairlane_types::Height;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// Shared by the signer and by whoever writes decisions.
#[derive(Clone, Debug)]
pub(crate) struct SigningGate {
    /// The last decision on disk.
    written: watch::Sender<Height>,
    /// The highest height at which something may have been signed.
    signed: Arc<AtomicU64>,
    guard: Option<Arc<dyn SigningGuard>>,
    /// Why the guard let nothing be signed, once it did so.
    refused: watch::Sender<Option<GuardError>>,
}

impl SigningGate {
    /// A gate for a node whose last decision on disk is `last`. What it signed after that is not known.
    pub(crate) fn new(last: Height, guard: Option<Arc<dyn SigningGuard>>) -> Self {
        Self {
            written: watch::Sender::new(last),
            signed: Arc::new(AtomicU64::new(last.next().get())),
            guard,
            refused: watch::Sender::new(None),
        }
    }

    /// Waits until something may be signed at a height, and notes that it is. When the guard refuses, nothing may be
    /// signed any more.
    pub(crate) async fn pass(&self, height: Height) -> Result<(), GuardError> {
        self.signed.fetch_max(height.get(), Ordering::SeqCst);
        if let Some(guard) = &self.guard
            && let Err(error) = guard.permit(height).await
        {
            self.refused.send_replace(Some(error.clone()));
            return Err(error);
        }
        self.reached(height.saturating_sub(1)).await;
        Ok(())
    }

    /// Resolves when the guard has refused.
    pub(crate) async fn refused(&self) -> GuardError {
        let mut refused = self.refused.subscribe();
        match refused.wait_for(Option::is_some).await.ok().and_then(|error| error.clone()) {
            Some(error) => error,
            // The sender lives as long as this gate.
            None => std::future::pending().await,
        }
    }

    /// Waits until all decisions up to a height are on disk.
    pub(crate) async fn reached(&self, height: Height) {
        // The sender lives as long as this gate.
        let _ = self.written.subscribe().wait_for(|written| *written >= height).await;
    }

    /// All decisions up to this height are on disk.
    pub(crate) fn written(&self, height: Height) {
        self.written.send_if_modified(|written| {
            let later = height > *written;
            *written = height.max(*written);
            later
        });
    }

    /// After a start: all decisions up to this height are on disk, and it is not known what was signed after it.
    pub(crate) fn resume(&self, last: Height) {
        self.signed.fetch_max(last.next().get(), Ordering::SeqCst);
        self.written(last);
    }

    /// Whether something may have been signed at a height, or at a later one.
    pub(crate) fn has_signed(&self, height: Height) -> bool {
        self.signed.load(Ordering::SeqCst) >= height.get()
    }
}
