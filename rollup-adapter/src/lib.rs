//! What a rollup links to receive its batches and to send transactions: verified, resumable, from several endpoints.
//!
//! - [`Subscriber`] opens a [`Subscription`]: a stream of verified batches that survives restarts, lost connections
//!   and lying servers, without gap and without repetition.
//!   With [`Subscriber::tiers`] it also tells [`Event`]s: what is in lanes already, and what is settled on Ethereum.
//! - [`Client`] talks to one endpoint: submits transactions, checks receipts, fetches proofs and verifies them.
//! - [`genesis_file`] reads a network's genesis, with which both begin.
//!
//! Trust: genesis, or the [`Cursor`] that an earlier run wrote, and nothing else. Every batch is checked with
//! `fairlane-verify` (certificate, header, way to the heads root, content, and that it continues the one before); a
//! server that says something else is put aside and others are asked. Only one thing stops a subscription for good:
//! a chain that is proven to contradict the cursor ([`SubscribeError`]).
//!
//! Invariants: a subscription delivers batch `i + 1` right after batch `i`; a cursor never moves backwards and is
//! durable before [`Subscription::ack`] returns (unless coalescing was asked for); every queue is bounded by the
//! window of the subscription.
//!
//! `docs/rollups/README.md` is the guide, with whole programs.
//!
//! Not its job: executing batches, proving, or deciding what a rollup makes of junk payloads.

mod acks;
mod backoff;
mod client;
mod connect;
mod counters;
mod cursor;
mod fault;
pub mod genesis_file;
mod pool;
mod subscriber;
mod trust;

pub use acks::{AckError, Acker, Durability};
pub use backoff::RetryPolicy;
pub use client::{
    Accepted, ChainStatus, Client, ClientError, HeadStanding, Outcome, Outcomes, ReceiptChecks, Refused,
    RollupStanding, SubmitOptions, Submitter, TransactionStatus,
};
pub use connect::ConnectOptions;
pub use counters::{CounterValues, Counters};
pub use cursor::{Cursor, CursorError, CursorStore, FileCursor, MemoryCursor, Position};
pub use fault::Fault;
pub use pool::EndpointState;
pub use subscriber::{
    Acknowledged, BuildError, Event, Missed, SubscribeError, Subscriber, Subscription, SubscriptionStatus,
    Tier, TierFailed, Window,
};
pub use trust::{SharedHeaders, TrustError};

pub use fairlane_proto::v1::Refusal;
pub use fairlane_types as types;
pub use fairlane_verify::{Standing, VerifiedBatch, VerifiedBundle, VerifiedHeader, VerifiedItem};
