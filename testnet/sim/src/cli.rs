//! The command line: many seeds with progress, or one seed with its trace.

use crate::minimise::minimise;
use crate::report::{Counts, Report};
use crate::scenario::Scenario;
use clap::Args;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Instant;

/// Simulate networks with faults and liars, one history for each seed, and check what is promised.
#[derive(Clone, Debug, Args)]
pub struct SimArgs {
    /// How many seeds to run.
    #[arg(long, default_value_t = 1_000)]
    pub seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    pub from: u64,
    /// Run this seed only.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    pub seed: Option<u64>,
    /// Print every event of the seed.
    #[arg(long, requires = "seed")]
    pub trace: bool,
    /// How many seeds run at the same time; all processors by default.
    #[arg(long)]
    pub jobs: Option<usize>,
}

/// Runs what the arguments say. Says whether all invariants held.
pub fn run(args: &SimArgs) -> bool {
    match args.seed {
        Some(seed) => run_one(seed, args.trace),
        None => run_many(args),
    }
}

/// A run of a scenario. A panic anywhere in it is a violation like any other.
fn play(scenario: &Scenario, prints: bool) -> Report {
    let played = catch_unwind(AssertUnwindSafe(|| crate::run(scenario, prints)));
    played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Report::panicked(scenario.seed, text.unwrap_or_default())
    })
}

fn run_one(seed: u64, prints: bool) -> bool {
    let scenario = Scenario::draw(seed);
    describe(&scenario);
    let report = play(&scenario, prints);
    println!(
        "seed {seed}: {} events over {} ms, {} blocks, {} transactions ordered, trace hash {}",
        report.events,
        report.virtual_time / 1_000_000,
        report.blocks,
        report.ordered,
        report.hash
    );
    print_counts(&report.counts);
    if report.violation.is_some() {
        explain(&scenario, &report);
    }
    report.violation.is_none()
}

fn describe(scenario: &Scenario) {
    println!("powers {:?}, clocks ahead by {:?} ns, {:?}", scenario.powers, scenario.skews, scenario.links);
    println!(
        "transactions live up to {} ms, lanes run {} segments ahead, {} of a group are compared at a time",
        scenario.expiry_bound / 1_000_000,
        scenario.lane_window,
        scenario.group_cap
    );
    for (place, vices) in &scenario.villains {
        println!("validator {place} lies: {vices:?}");
    }
    for epoch in &scenario.epochs {
        let seen: Vec<Option<u64>> = epoch.seen.iter().map(|seen| seen.map(|at| at / 1_000_000)).collect();
        println!("an epoch brings powers {:?}, seen at {seen:?} ms", epoch.powers);
    }
    for fault in &scenario.faults {
        println!("{fault}");
    }
}

fn print_counts(counts: &Counts) {
    let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    println!("faults injected: {}", counts.join(", "));
}

/// Says what went wrong in a run, and which of its faults it takes.
fn explain(scenario: &Scenario, report: &Report) {
    let Some(violation) = &report.violation else { return };
    println!("FAILED seed {}: {violation}", scenario.seed);
    let least = minimise(scenario, |smaller| {
        play(smaller, false).violation.is_some_and(|found| found.invariant == violation.invariant)
    });
    println!(
        "with {} of {} faults, {} of {} liars and {} of {} submissions it fails as well:",
        least.faults.len(),
        scenario.faults.len(),
        least.villains.len(),
        scenario.villains.len(),
        least.load.len(),
        scenario.load.len()
    );
    describe(&least);
    println!("run it again with: --seed {}", scenario.seed);
}

/// What many runs came to.
#[derive(Default)]
struct Tally {
    seeds: u64,
    events: u64,
    blocks: u64,
    ordered: u64,
    counts: Counts,
    hashes: BTreeMap<u64, fairlane_types::Hash32>,
    failed: Option<Report>,
}

impl Tally {
    fn add(&mut self, report: Report) {
        self.seeds += 1;
        self.events += report.events;
        self.blocks += report.blocks;
        self.ordered += report.ordered;
        self.counts.merge(&report.counts);
        self.hashes.insert(report.seed, report.hash);
        let earlier = self.failed.as_ref().is_none_or(|failed| report.seed < failed.seed);
        if report.violation.is_some() && earlier {
            self.failed = Some(report);
        }
    }

    /// One hash over the hashes of all runs, in the order of their seeds.
    fn hash(&self) -> fairlane_types::Hash32 {
        let parts: Vec<&[u8]> = self.hashes.values().map(|hash| hash.as_bytes().as_slice()).collect();
        fairlane_types::crypto::sha256(&parts)
    }
}

fn run_many(args: &SimArgs) -> bool {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.unwrap_or(processors).max(1);
    let (next, stop) = (AtomicU64::new(args.from), AtomicBool::new(false));
    let end = args.from.saturating_add(args.seeds);
    let (reports, inbox) = mpsc::sync_channel::<Report>(jobs * 4);
    let started = Instant::now();
    let tally = std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (reports, next, stop) = (reports.clone(), &next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || reports.send(play(&Scenario::draw(seed), false)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(reports);
        let mut tally = Tally::default();
        for report in inbox {
            stop.fetch_or(report.violation.is_some(), Ordering::Relaxed);
            tally.add(report);
            if tally.seeds.is_multiple_of(100) {
                progress(&tally, args.seeds, started);
            }
        }
        tally
    });
    progress(&tally, args.seeds, started);
    print_counts(&tally.counts);
    println!("hash of all traces: {}", tally.hash());
    match &tally.failed {
        Some(report) => explain(&Scenario::draw(report.seed), report),
        None => println!("every invariant held"),
    }
    tally.failed.is_none()
}

fn progress(tally: &Tally, seeds: u64, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{} of {seeds} seeds, {} events ({:.0} a second), {} blocks, {} transactions ordered, {seconds:.0} s",
        tally.seeds,
        tally.events,
        tally.events as f64 / seconds.max(0.001),
        tally.blocks,
        tally.ordered
    );
}
