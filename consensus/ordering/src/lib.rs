//! The fair-order rule: a pure, deterministic function from lanes to one order.
//!
//! Every validator writes a lane, the log of what it received in the order in which it received it. At each height
//! a cut appends a piece to every lane, and [`Engine::step`] says which transactions are emitted, in which order.
//! `docs/fair-ordering.md` states the rule, proves what holds, and explains why the fast algorithm here gives the
//! same result as the rule read literally; the oracle in `tests/` is that literal reading.
//!
//! Invariants: the result depends on the arguments alone (hash maps here are looked up, never iterated);
//! nothing panics, whatever the input; every loop is bounded by what the lanes hold.
//!
//! Not its job: deciding what a lane holds (`fairlane-lanes`), keeping the ids that were emitted before
//! (the caller's replay window, see [`Emitted`]), or bodies of transactions.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod codec;
mod engine;
mod graph;
mod groups;
mod intern;
mod lane;
mod live;
mod params;
mod quantile;
mod result;
mod run;
mod tie;

pub use engine::Engine;
pub use fairlane_types::{DecodeError, Quorums};
pub use groups::{Groups, MAX_GROUPS, TooManyGroups};
pub use params::{MAX_LANES, OrderingParams, PowersError, quorums_of};
pub use result::{Component, Ordered, OrderedTx, Quantiles};
pub use run::{Emitted, LaneAppend, PlacedRun, Run, RunTx};
pub use tie::TieBreak;
