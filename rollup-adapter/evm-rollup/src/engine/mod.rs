//! Execution clients, as the rollup uses them: the Engine API with its tokens, the method that builds a block of exactly
//! the transactions it is given, and what is read of blocks and accounts.
//!
//! Nothing that a client says is believed where it can be computed: [`Payload`] is checked field by field against what the
//! rules give, and its hash is computed here.

mod client;
mod payload;
mod rpc;
mod secret;

pub use client::{At, BlockFacts, Client, ClientError, Verdict};
pub use payload::{Mismatch, Payload};
pub use rpc::RpcError;
pub use secret::{Secret, SecretError};
