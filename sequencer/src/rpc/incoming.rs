//! Accepting connections: bounded in number, by client address too, and given up when they never get to speak HTTP/2.

use super::slots::{Slot, Slots};
use futures::Stream;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;
use tonic::transport::server::{Connected, TcpConnectInfo};

/// How long a connection may take, after it is made, until its client has said that it speaks HTTP/2. From then on
/// HTTP/2's own pings find out who is gone.
const GREETING: Duration = Duration::from_secs(10);
/// How many bytes say so.
const GREETING_BYTES: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
/// How long to wait after accepting failed: usually there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The connections of a listener; those above the limit are closed at once.
pub(super) fn connections(listener: TcpListener, limit: usize) -> impl Stream<Item = io::Result<Connection>> {
    let slots = Arc::new(Slots::new(limit.max(1)));
    futures::stream::unfold((listener, slots), |(listener, slots)| async move {
        loop {
            let (stream, from) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(slot) = slots.take(from.ip(), (slots.limit() / 4).max(1)) else {
                tracing::debug!(client = %from, "too many connections: closed one");
                continue;
            };
            // Without it small answers wait for acknowledgements; harmless where it is not supported.
            let _ = stream.set_nodelay(true);
            let deadline = Some(Box::pin(tokio::time::sleep(GREETING)));
            return Some((Ok(Connection { stream, deadline, heard: 0, _slot: slot }), (listener, slots)));
        }
    })
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    /// Runs out when the greeting has not arrived in time; gone once it has.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Bytes of the greeting that have arrived.
    heard: usize,
    _slot: Slot,
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.deadline.is_some() {
            self.heard += buffer.filled().len() - before;
            if self.heard >= GREETING_BYTES {
                self.deadline = None;
            }
        }
        if let (Poll::Pending, Some(deadline)) = (&result, &mut self.deadline)
            && deadline.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        result
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
