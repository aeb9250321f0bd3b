//! The Fairlane validator node: everything with I/O around the pure crates.
//!
//! `config` and `keys` read what the operator wrote; `store` keeps what must survive a crash, and `guard`
//! how far anything may have been signed; `snapshot` lets new nodes begin with the state instead of with the first block;
//! `evidence` keeps offences and `l1` sees to it that Ethereum punishes them;
//! `checkpoints` signs and collects what `relayer` posts to Ethereum;
//! `network` and `lane_service` carry lanes between validators; `rpc` serves clients, `explain` says why a transaction
//! stands where it stands, and `explorer` shows it all in a browser; `node` assembles them around
//! the consensus engine. `cli` is the command line of the binary `fairlane`.
//!
//! Not its job: any rule of the protocol. What is valid, and what follows from a cut, is decided in
//! `fairlane-types`, `fairlane-lanes` and `fairlane-chain`.

pub mod checkpoints;
pub mod cli;
mod clock;
pub mod config;
pub mod evidence;
pub mod explain;
pub mod explorer;
pub mod guard;
pub mod health;
pub mod in_force;
pub mod json;
pub mod keys;
pub mod l1;
pub mod lane_service;
pub mod metrics;
pub mod network;
pub mod node;
pub mod recovery;
pub mod relayer;
pub mod rpc;
pub mod snapshot;
pub mod store;
#[cfg(test)]
mod testing;
