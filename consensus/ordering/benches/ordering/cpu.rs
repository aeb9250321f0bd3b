//! Measuring the CPU time of the benchmarking thread, so that a busy machine does not blur the figures.

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use std::time::{Duration, Instant};

/// CPU time where the system tells it (Linux), wall time elsewhere.
pub(crate) struct CpuTime;

/// A moment: CPU time used so far, if known, and the wall clock.
pub(crate) struct Moment(Option<u64>, Instant);

/// Nanoseconds that this thread has run.
fn used() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_ascii_whitespace().next()?.parse().ok()
}

impl Measurement for CpuTime {
    type Intermediate = Moment;
    type Value = Duration;

    fn start(&self) -> Moment {
        Moment(used(), Instant::now())
    }

    fn end(&self, Moment(cpu, wall): Moment) -> Duration {
        match (cpu, used()) {
            (Some(from), Some(to)) => Duration::from_nanos(to.saturating_sub(from)),
            _ => wall.elapsed(),
        }
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}
