//! `sweep`: finds the knee, the highest rate that a network sustains, by measuring at one rate after another.

use crate::bench::charts::{Chart, Series};
use crate::bench::{self, BenchArgs, Plan, Report, report};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// The rate grows by this until it is too high.
const GROWTH: f64 = 1.5;
/// Then the knee is looked for until it is known this well.
const PRECISION: f64 = 1.06;
/// A rate is sustained if the median stays below this, in milliseconds, ...
const MAX_MEDIAN: f64 = 1000.0;
/// ... and so much of what was offered is delivered while it is measured.
const MIN_DELIVERED: f64 = 0.97;

/// Measures a local network at growing rates, and finds the highest that it sustains: nothing lost, repeated or refused,
/// half of all delivered within a second, and deliveries that keep up.
#[derive(Debug, clap::Args)]
pub struct SweepArgs {
    #[command(flatten)]
    plan: Plan,
    /// The first rate, in transactions a second.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    from: u32,
    /// The highest rate that is tried.
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    to: u32,
    /// How long to measure at each rate, after a warm-up.
    #[arg(long = "for", default_value = "10s", value_parser = humantime::parse_duration)]
    measure_for: Duration,
    /// Write a page with charts (`report.html`) and the measurements into this directory.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

/// What a sweep has found.
#[derive(Debug, Serialize)]
struct Sweep {
    /// The highest rate that was sustained; none if not even the first was.
    knee: Option<u32>,
    /// The lowest rate that was not sustained; none if all were.
    too_much: Option<u32>,
    /// All measurements, by their rate.
    measurements: Vec<Report>,
}

/// Runs the sweep, and prints one JSON object.
pub async fn run(args: SweepArgs) -> eyre::Result<()> {
    eyre::ensure!(args.from <= args.to, "--from {} is more than --to {}", args.from, args.to);
    let mut measurements: Vec<Report> = Vec::new();
    let mut tried = Vec::new();
    while let Some(rate) = next_rate(&tried, args.from, args.to) {
        let bench = BenchArgs::new(args.plan.clone(), rate, args.measure_for);
        let report = bench::measure(&bench).await?.report;
        let sustained = is_sustained(&report);
        let verdict = if sustained { "sustained" } else { "too much" };
        eprintln!(
            "{rate:7} tx/s: {verdict}; {:.0} delivered, median {:.0} ms, 99 of 100 within {:.0} ms, {} refused, {} lost",
            report.tps, report.latency_ms.p50, report.latency_ms.p99, report.refused, report.lost
        );
        tried.push((rate, sustained));
        measurements.push(report);
    }
    measurements.sort_by_key(|report| report.rate);
    let (knee, too_much) = bounds(&tried);
    let sweep = Sweep { knee, too_much, measurements };
    if let Some(dir) = &args.report {
        write(&sweep, dir)?;
    }
    println!("{}", serde_json::to_string_pretty(&sweep)?);
    Ok(())
}

fn is_sustained(report: &Report) -> bool {
    report.lost == 0
        && report.duplicated == 0
        && report.refused == 0
        && report.latency_ms.p50 < MAX_MEDIAN
        && report.tps >= MIN_DELIVERED * f64::from(report.rate)
}

/// The highest rate below all that failed, and the lowest that failed.
fn bounds(tried: &[(u32, bool)]) -> (Option<u32>, Option<u32>) {
    let failed = tried.iter().filter(|(_, sustained)| !sustained).map(|(rate, _)| *rate).min();
    let sustained =
        tried.iter().filter(|(rate, sustained)| *sustained && failed.is_none_or(|least| *rate < least));
    (sustained.map(|(rate, _)| *rate).max(), failed)
}

/// What to try next: higher as long as all is well, then between what was and what was not sustained.
fn next_rate(tried: &[(u32, bool)], from: u32, to: u32) -> Option<u32> {
    match bounds(tried) {
        (None, None) => Some(from),
        (None, Some(_)) => None,
        (Some(knee), None) => (knee < to).then(|| ((f64::from(knee) * GROWTH).ceil() as u32).min(to)),
        (Some(knee), Some(failed)) => {
            let close = f64::from(failed) <= f64::from(knee) * PRECISION || failed - knee < 2;
            (!close).then(|| knee + (failed - knee) / 2)
        }
    }
}

fn write(sweep: &Sweep, dir: &std::path::Path) -> eyre::Result<()> {
    let series = |name, value: fn(&Report) -> f64| {
        let points = sweep.measurements.iter().map(|report| (f64::from(report.rate), value(report)));
        Series { name, points: points.collect() }
    };
    let latency = Chart {
        title: "Latency against offered load",
        x: "offered, transactions a second",
        y: "latency, ms",
        logarithmic: true,
        series: vec![
            series("median", |report| report.latency_ms.p50),
            series("99 of 100 within", |report| report.latency_ms.p99),
        ],
    };
    let throughput = Chart {
        title: "Throughput against offered load",
        x: "offered, transactions a second",
        y: "transactions a second",
        logarithmic: false,
        series: vec![
            series("delivered", |report| report.tps),
            series("offered", |report| f64::from(report.rate)),
        ],
    };
    let charts = [("latency", latency.lines()?), ("throughput", throughput.lines()?)];
    let or_none = |rate: Option<u32>| rate.map_or_else(|| "none".to_owned(), |rate| rate.to_string());
    let figures = [
        ("Sustained, transactions a second", or_none(sweep.knee)),
        ("Too much, transactions a second", or_none(sweep.too_much)),
    ];
    report::page("What a network sustains", &figures, &charts, sweep, dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(from: u32, to: u32, limit: u32) -> Vec<(u32, bool)> {
        let mut tried = Vec::new();
        while let Some(rate) = next_rate(&tried, from, to) {
            tried.push((rate, rate <= limit));
            assert!(tried.len() < 40, "{tried:?}");
        }
        tried
    }

    #[test]
    fn the_knee_is_found_between_what_is_and_what_is_not_sustained() {
        for limit in [2_000, 3_333, 18_000, 199_999] {
            let (knee, failed) = bounds(&search(2_000, 200_000, limit));
            let (knee, failed) = (knee.unwrap(), failed.unwrap());
            assert!(knee <= limit && limit < failed, "{knee} {limit} {failed}");
            assert!(f64::from(failed) <= f64::from(knee) * PRECISION, "{knee} {failed}");
        }
    }

    #[test]
    fn it_ends_where_nothing_or_everything_is_sustained() {
        assert_eq!(search(2_000, 200_000, 0), [(2_000, false)]);
        assert_eq!(search(100, 120, 1_000), [(100, true), (120, true)]);
        assert_eq!(bounds(&search(1, 10, 1)), (Some(1), Some(2)));
    }
}
