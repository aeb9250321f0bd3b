//! The proven rollup, on a local network: its proving keys, its settlement contract, its adapter and its prover.

pub(crate) mod keys;
pub(crate) mod stage;
