//! The response half of a long-lived stream: it holds the client's place until the connection has dropped it.

use super::slots::Slot;
use futures::Stream;
use prometheus_client::metrics::gauge::Gauge;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use tonic::Status;

/// What a task sends to one client.
pub(crate) struct Answers<T> {
    messages: mpsc::Receiver<Result<T, Status>>,
    counted: Option<Gauge>,
    _slot: Slot,
}

impl<T> Answers<T> {
    /// `counted` counts the streams that are open.
    pub(super) fn new(
        messages: mpsc::Receiver<Result<T, Status>>,
        slot: Slot,
        counted: Option<Gauge>,
    ) -> Self {
        if let Some(gauge) = &counted {
            gauge.inc();
        }
        Self { messages, counted, _slot: slot }
    }
}

impl<T> Stream for Answers<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.messages.poll_recv(context)
    }
}

impl<T> Drop for Answers<T> {
    fn drop(&mut self) {
        if let Some(gauge) = &self.counted {
            gauge.dec();
        }
    }
}
