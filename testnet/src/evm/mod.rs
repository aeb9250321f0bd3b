//! A rollup that runs the EVM, on a local network: its accounts, its adapter, and the clients ethrex and ethereumjs.

pub(crate) mod accounts;
pub(crate) mod files;
pub(crate) mod live;
pub(crate) mod programs;
pub(crate) mod stage;
