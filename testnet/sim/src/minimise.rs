//! From a failing scenario to a small one that fails as well: delta debugging (Zeller and Hildebrandt, *Simplifying
//! and Isolating Failure-Inducing Input*, 2002) over the schedule of faults, then over epochs, liars and submissions.

use crate::scenario::Scenario;

/// The most runs that are tried.
const MAX_RUNS: usize = 400;

/// A scenario with fewer faults, liars and submissions for which `fails` still holds. No single fault of the result
/// can be left out, unless that would have taken too many runs to find out.
pub fn minimise(scenario: &Scenario, mut fails: impl FnMut(&Scenario) -> bool) -> Scenario {
    let mut runs = 0;
    let mut tries = |smaller: &Scenario| {
        runs += 1;
        runs <= MAX_RUNS && fails(smaller)
    };
    let mut least = scenario.clone();
    let faults = least.faults.clone();
    least.faults = shrink(faults, |faults| tries(&Scenario { faults: faults.to_vec(), ..least.clone() }));
    let epochs = least.epochs.clone();
    least.epochs = shrink(epochs, |epochs| tries(&Scenario { epochs: epochs.to_vec(), ..least.clone() }));
    let villains = least.villains.clone();
    least.villains =
        shrink(villains, |villains| tries(&Scenario { villains: villains.to_vec(), ..least.clone() }));
    let load = least.load.clone();
    least.load = shrink(load, |load| tries(&Scenario { load: load.to_vec(), ..least.clone() }));
    least
}

/// Leaves out ever smaller pieces as long as what remains fails.
fn shrink<T: Clone>(mut items: Vec<T>, mut fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut size = items.len();
    while size > 0 {
        let mut start = 0;
        while start < items.len() {
            let end = (start + size).min(items.len());
            let rest: Vec<T> = items[..start].iter().chain(&items[end..]).cloned().collect();
            if fails(&rest) {
                items = rest;
            } else {
                start = end;
            }
        }
        size /= 2;
    }
    items
}
