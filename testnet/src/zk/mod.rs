//! The proven rollup, on a local network: its proving keys, its settlement contract, its adapter and its prover, and
//! what feeds it beside the other rollups of `up`.

pub(crate) mod accounts;
mod feeder;
pub(crate) mod keys;
pub(crate) mod live;
pub(crate) mod stage;
#[cfg(test)]
pub(crate) mod testing;
