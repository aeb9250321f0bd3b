//! The window of a subscription: how much may be under way or waiting, and the credit that follows from it.
//!
//! Credit goes to the server as the rollup takes batches, in portions of a quarter of the window, so that the
//! server neither runs dry nor is told about every batch.

use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// How much may be sent ahead of what the rollup has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// So many batches.
    pub batches: u32,
    /// So many bytes; one batch may go beyond.
    pub bytes: u64,
}

impl Default for Window {
    fn default() -> Self {
        Self { batches: 256, bytes: 64 << 20 }
    }
}

/// An allowance to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Credit {
    pub(super) batches: u32,
    pub(super) bytes: u64,
}

#[derive(Debug)]
pub(super) struct Flow {
    window: Window,
    state: Mutex<State>,
    returned: Notify,
}

#[derive(Debug, Default)]
struct State {
    queued: Credit,
    returned: Credit,
}

impl Flow {
    pub(super) fn new(window: Window) -> Self {
        Self { window, state: Mutex::default(), returned: Notify::new() }
    }

    /// A new stream begins: its first credit is what the window has left besides what still waits here.
    pub(super) fn begin(&self) -> Credit {
        let mut state = self.state();
        state.returned = Credit::default();
        Credit {
            batches: self.window.batches.saturating_sub(state.queued.batches),
            bytes: self.window.bytes.saturating_sub(state.queued.bytes),
        }
    }

    /// A batch arrived and waits for the rollup.
    pub(super) fn queued(&self, bytes: u64) {
        let mut state = self.state();
        state.queued.batches = state.queued.batches.saturating_add(1);
        state.queued.bytes = state.queued.bytes.saturating_add(bytes);
    }

    /// The rollup took a batch.
    pub(super) fn taken(&self, bytes: u64) {
        let mut state = self.state();
        state.queued.batches = state.queued.batches.saturating_sub(1);
        state.queued.bytes = state.queued.bytes.saturating_sub(bytes);
        state.returned.batches = state.returned.batches.saturating_add(1);
        state.returned.bytes = state.returned.bytes.saturating_add(bytes);
        if self.is_due(&state.returned) {
            self.returned.notify_one();
        }
    }

    /// The next portion of credit. Cancel safe: a portion that is not returned stays.
    pub(super) async fn credit(&self) -> Credit {
        loop {
            {
                let mut state = self.state();
                if self.is_due(&state.returned) {
                    return std::mem::take(&mut state.returned);
                }
            }
            self.returned.notified().await;
        }
    }

    fn is_due(&self, returned: &Credit) -> bool {
        returned.batches >= self.window.batches.div_ceil(4) || returned.bytes >= self.window.bytes.div_ceil(4)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn credit_comes_back_in_quarters_and_never_exceeds_the_window() {
        let flow = Flow::new(Window { batches: 8, bytes: 1000 });
        assert_eq!(flow.begin(), Credit { batches: 8, bytes: 1000 });
        for _ in 0..8 {
            flow.queued(10);
        }
        flow.taken(10);
        assert_eq!(flow.credit().now_or_never(), None);
        flow.taken(10);
        assert_eq!(flow.credit().now_or_never(), Some(Credit { batches: 2, bytes: 20 }));
        assert_eq!(flow.begin(), Credit { batches: 2, bytes: 940 });
    }

    #[test]
    fn one_large_batch_is_due_by_its_bytes() {
        let flow = Flow::new(Window { batches: 8, bytes: 1000 });
        flow.begin();
        flow.queued(5000);
        assert_eq!(flow.begin(), Credit { batches: 7, bytes: 0 });
        flow.taken(5000);
        assert_eq!(flow.credit().now_or_never(), Some(Credit { batches: 1, bytes: 5000 }));
    }
}
