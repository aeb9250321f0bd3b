//! Proofs as jobs: what an adapter has to have proven, and how workers come by it.
//!
//! - [`queue`] has the rules, without I/O: leases with fencing tokens, bounded attempts, the first valid proof counts.
//! - [`Desk`] makes every change of the queue durable before anybody learns of it, with inputs and proofs.
//! - [`service`] offers the desk's jobs to workers over gRPC and checks their proofs; [`worker`] is the other side.
//! - [`zk`] proves, and checks, jobs of the proven rollup (`docs/rollups/zk.md`); [`ProverMetrics`] are what a worker counts.
//!
//! Killing either side at any instant loses no job. Nothing is believed of a worker but a proof that verifies.
//!
//! Not its job: knowing what to prove, and bringing proofs to Ethereum (the adapter, `docs/rollups/adapter.md`).

pub mod cli;
mod desk;
mod job;
mod metrics;
pub mod queue;
pub mod service;
pub mod worker;
pub mod zk;

pub use desk::{Desk, DeskCounters, DeskError, MAX_INPUT_BYTES};
pub use job::{JobId, JobSpec, MAX_SYSTEM_BYTES, ProofKey};
pub use metrics::{Measured, ProverMetrics};
