//! Deterministic simulation of a Fairlane network: one seed, one history.

mod agreement;
mod byzantine;
pub mod cli;
mod disk;
mod invariants;
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

pub use byzantine::{Report as ReportOrder, Vices};
pub use disk::{Moment, PersistPoint};
pub use invariants::Violation;
pub use minimise::minimise;
pub use report::{Counts, Report};
pub use scenario::{Fault, FaultKind, Links, Scenario};

/// Runs a scenario to its end, or to the first violation. With `prints`, every event is printed.
pub fn run(scenario: &Scenario, prints: bool) -> Report {
    world::World::new(scenario, prints).run()
}
