//! The daemon between a sequencer, provers and Ethereum. It takes a rollup's verified batches, carries them out, has them
//! proven, waits until Ethereum knows that they are final, and settles them there.
//!
//! - [`RollupDriver`] is what a rollup brings; [`conformance`] checks one; [`zk`] is the proven rollup's, [`evm`] that of
//!   one that runs the EVM, whose batches are executed by several clients instead of proven.
//! - `intake` subscribes and keeps what it takes in the [`Inbox`], durably; `finality` finds the checkpoint that shows a
//!   head final; [`Adapter`] puts it all together, one step after another. Jobs and workers are `fairlane-prover`'s.
//! - `config`, `cli` and `pages` are the program around it.
//!
//! Invariants: where the settlement contract stands decides what comes next, so a crash at any instant loses nothing and
//! settles nothing twice; nothing is sent that was not verified here; every queue is bounded, and a full one makes the
//! sequencer's stream wait.
//!
//! `docs/rollups/adapter.md` is the manual.

mod adapter;
pub mod cli;
pub mod config;
pub mod conformance;
mod driver;
mod error;
mod ethereum;
pub mod evm;
mod finality;
mod inbox;
mod intake;
mod metrics;
mod pages;
mod run;
mod status;
pub mod zk;

pub use adapter::{Adapter, Step};
pub use driver::{DriverError, Head, Heads, NewJob, RollupDriver, Work};
pub use error::AdapterError;
pub use ethereum::Ethereum;
pub use finality::Nodes;
pub use inbox::{Inbox, InboxError};
pub use metrics::AdapterMetrics;
pub use status::Status;
