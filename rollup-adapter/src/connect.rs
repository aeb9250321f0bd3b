//! Connections to endpoints.

use crate::fault::Fault;
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};

/// How connections are made and when they are given up.
#[derive(Clone, Copy, Debug)]
pub struct ConnectOptions {
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long a single call may take.
    pub call_timeout: Duration,
    /// How often an idle connection is probed.
    pub keepalive_interval: Duration,
    /// How long a probe may stay unanswered.
    pub keepalive_timeout: Duration,
    /// The largest message that is taken, in bytes: at least the largest batch of the network.
    pub max_message_bytes: usize,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(20),
            keepalive_interval: Duration::from_secs(10),
            keepalive_timeout: Duration::from_secs(10),
            max_message_bytes: 256 << 20,
        }
    }
}

/// HTTP/2 windows wide enough for streams of hundreds of MB/s.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

impl ConnectOptions {
    /// The endpoint at `url`, or what is wrong with the address.
    pub(crate) fn endpoint(&self, url: &str) -> Result<Endpoint, tonic::transport::Error> {
        Ok(Endpoint::from_shared(url.to_owned())?
            .connect_timeout(self.connect_timeout)
            .http2_keep_alive_interval(self.keepalive_interval)
            .keep_alive_timeout(self.keepalive_timeout)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .tcp_nodelay(true))
    }

    pub(crate) async fn connect(&self, url: &str) -> Result<Channel, Fault> {
        let endpoint = self.endpoint(url).map_err(|error| Fault::Unreachable(cause(&error)))?;
        endpoint.connect().await.map_err(|error| Fault::Unreachable(cause(&error)))
    }

    /// A request that is given up after the call timeout, here and on the server.
    pub(crate) fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        request.set_timeout(self.call_timeout);
        request
    }
}

/// An error with all its causes: transport errors say nothing without them.
pub(crate) fn cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}
