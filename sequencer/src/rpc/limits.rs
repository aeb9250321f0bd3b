//! How much clients may ask of this node.

use crate::config::RpcConfig;
use std::time::Duration;

/// Limits of the gRPC services. What a client does beyond them is refused, slowed down, or ends its stream.
#[derive(Clone, Debug)]
pub struct RpcLimits {
    /// The most connections; one client address holds at most a quarter of them.
    pub max_connections: usize,
    /// The most subscriptions; one client address holds at most a half of them.
    pub max_subscribers: usize,
    /// The most submission streams; one client address holds at most a half of them.
    pub max_submit_streams: usize,
    /// Transactions a second that one client address may submit.
    pub client_transactions_per_second: u32,
    /// Bytes a second that one client address may submit.
    pub client_bytes_per_second: u64,
    /// Transactions of one submission stream without an answer.
    pub max_in_flight: usize,
    /// The largest request message, in bytes.
    pub max_request_bytes: usize,
    /// The most batches in one answer to GetRange.
    pub max_range_batches: u32,
    /// Bytes of batches read from the store at a time.
    pub read_bytes: usize,
    /// Reads of batches and proofs from the store at the same time.
    pub max_reads: usize,
    /// How long a unary submission waits for its receipt.
    pub submit_timeout: Duration,
    /// How long a subscriber may take to say what it wants.
    pub open_timeout: Duration,
    /// How long a subscriber may leave what it was sent unread.
    pub stall_timeout: Duration,
    /// How long a subscriber may give no credit while batches wait for it.
    pub credit_timeout: Duration,
    /// How often an idle subscription gets a heartbeat.
    pub heartbeat: Duration,
}

impl Default for RpcLimits {
    fn default() -> Self {
        Self::from(&RpcConfig::default())
    }
}

impl From<&RpcConfig> for RpcLimits {
    fn from(config: &RpcConfig) -> Self {
        Self {
            max_connections: config.max_connections,
            max_subscribers: config.max_subscribers,
            client_transactions_per_second: config.client_transactions_per_second,
            client_bytes_per_second: config.client_bytes_per_second.as_usize() as u64,
            max_submit_streams: 256,
            max_in_flight: 16_384,
            max_request_bytes: 4 << 20,
            max_range_batches: config.max_range_batches,
            read_bytes: 4 << 20,
            max_reads: 8,
            submit_timeout: Duration::from_secs(10),
            open_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(30),
            credit_timeout: Duration::from_secs(120),
            heartbeat: Duration::from_secs(3),
        }
    }
}
