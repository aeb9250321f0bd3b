//! The reference rollup that is proven: accounts in a Poseidon tree, transfers that the sequencer orders, deposits from
//! Ethereum and withdrawals to it, and Groth16 proofs that each batch was carried out, all of it and in its order.
//!
//! `state`, `cursor` and `statement` are the rules. `rollup` carries batches out and says what is to be proven; `circuit`
//! holds a prover to the same rules; `prover` makes proofs and checks them. docs/rollups/zk.md explains the design.
//! Talking to the sequencer and to Ethereum is others' job: nothing here does I/O, but for the cache of keys.

mod circuit;
mod cursor;
mod encoding;
pub mod field;
mod keys;
mod poseidon;
mod prover;
mod rollup;
mod state;
mod statement;
mod transfer;
mod tree;

pub use keys::{Context, PublicKey, SecretKey, Signature};
pub use prover::{KeyWords, Proof, Prover, ProverError, Verifier, constraints};
pub use rollup::{Applied, ApplyError, Job, Rollup, Shape, bare_header};
pub use state::{Account, Deposit, Outcome, Skip, State};
pub use statement::{Position, Statement};
pub use transfer::{AccountId, Address, Destination, PAYLOAD_BYTES, Transfer};
