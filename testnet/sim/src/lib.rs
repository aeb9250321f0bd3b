//! Deterministic simulation of a Fairlane network: one seed, one history.
//!
//! Four to eight validators with their real cores run under one event heap in virtual time: lanes and cuts
//! (`fairlane-lanes`), ordering and the state transition (`fairlane-chain`), agreement (Malachite's sans-IO consensus
//! core), verification by a subscriber of each rollup (`fairlane-verify`), real keys and signatures. What surrounds
//! the cores in a node is written here once more, without threads and without a real clock: [`node`]. So the
//! simulation shows what the protocol and its cores do under faults; that the node's own shell does the same is for
//! tests on real processes.
//!
//! A seed stands for a [`Scenario`]: who lies and how, how the network is, what clients do, and a schedule of faults
//! (crashes between events and at each sync, with lost and torn writes; lost disks and old backups; partitions, storms,
//! frozen processes, jumping clocks). After every event [`invariants`] look whether what is promised still holds. The same seed gives the same
//! history on every machine: the hash of all events says so. A failing seed's schedule is made small by [`minimise`].
//!
//! In some runs the validator set changes: Ethereum is a list of epochs, each with its set, which validators see at
//! different times or not at all. Whoever is not in the set follows the chain.
//!
//! A disk is lost, or replaced by an old backup, where the network bears one more faulty validator. It knows less then
//! than its validator signed: the log of votes is gone, or as old as the backup, so the validator only watches for a
//! while (`fairlane_agreement::Memory`, as in nodes); the end of the lane is asked of the others, as in nodes. Two things
//! are left out, because no rule for starting can save them: nobody honest was shown the last segment (counted as "disk
//! spared"), and an old log that nobody can tell to be old. `docs/adr/0015-watching-before-voting.md` says both. Where
//! parts of the lane are held by nobody any more, it stands still for ever ("lane lost for ever"), and everything else
//! goes on. Where watching leaves no quorum of honest voters for ever, a run ends, and is counted.
//!
//! Not simulated: bandwidth, Ethereum's own faults, and bytes that decoders refuse, which have tests of their own.

mod byzantine;
pub mod cli;
mod crypto;
mod disk;
mod invariants;
mod machine;
mod minimise;
mod network;
mod node;
mod observe;
mod report;
mod scenario;
mod setup;
mod trace;
mod wire;
mod world;

pub use byzantine::{Report as ReportedOrder, Vices};
pub use disk::{Moment, PersistPoint};
pub use invariants::Violation;
pub use minimise::minimise;
pub use report::{Counts, Report};
pub use scenario::{Epoch, Fault, FaultKind, Links, Scenario};

/// Runs a scenario to its end, or to the first violation. With `prints`, every event is printed.
pub fn run(scenario: &Scenario, prints: bool) -> Report {
    world::World::new(scenario, prints).run()
}
