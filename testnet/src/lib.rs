//! Local Fairlane networks on this machine: `up` to look at one, `bench` to measure one, `chaos` to hurt one.
//!
//! Nodes are real processes: this program starts itself again as `fairlane node`, so that one build has all that
//! is needed. Everything listens on loopback, on ports that the system gives; `chaos` may give each node a network
//! namespace of its own. For networks of containers, `prepare` furnishes the homes, and `load`,
//! `transfers` and `evm-transfers` send transactions.

pub mod attack;
pub mod bench;
pub mod chaos;
pub mod clock;
pub mod cross_demo;
mod evm;
pub mod evm_demo;
pub mod evm_transfers;
pub mod feed;
pub mod l1;
pub mod load;
pub mod network;
pub mod offences;
mod parts;
pub mod ports;
pub mod prepare;
pub mod proc;
pub mod session;
pub mod sim;
mod steps;
pub mod sweep;
pub mod table;
pub mod timeline;
pub mod up;
pub mod watch;
mod zk;
