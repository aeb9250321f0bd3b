//! What the adapter counts.

use crate::inbox::Held;
use fairlane_prover::Desk;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::sync::watch;

/// Why something failed.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ReasonLabel {
    /// The reason.
    pub reason: &'static str,
}

/// Why an item of a batch became no transaction of a block.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct SkipLabel {
    /// The reason.
    pub reason: String,
}

/// The adapter's metrics. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AdapterMetrics {
    /// The last batch that was carried out.
    pub carried_out: Gauge,
    /// The last batch that is settled on Ethereum.
    pub settled: Gauge,
    /// The last batch that is settled for good.
    pub confirmed: Gauge,
    /// Gas that was used.
    pub gas: Counter,
    /// Times that Ethereum changed its mind.
    pub rewinds: Counter,
    /// Rounds that failed, by reason.
    pub failures: Family<ReasonLabel, Counter>,
    /// Transactions of blocks, of a rollup that runs the EVM.
    pub transactions: Counter,
    /// Items of batches that became none, by reason.
    pub skipped: Family<SkipLabel, Counter>,
    /// Changes to another endpoint of Ethereum.
    pub failovers: Counter,
    registry: Arc<Registry>,
}

impl AdapterMetrics {
    /// Registers everything. Without a desk nothing is proven.
    pub fn new(desk: Option<Desk>, held: watch::Receiver<Held>) -> Self {
        let mut registry = Registry::with_prefix("fairlane");
        let part = registry.sub_registry_with_prefix("adapter");
        let (carried_out, settled, confirmed) = (Gauge::default(), Gauge::default(), Gauge::default());
        part.register("carried_out_index", "The last batch that was carried out", carried_out.clone());
        part.register("settled_index", "The last batch settled on Ethereum", settled.clone());
        part.register("confirmed_index", "The last batch settled for good", confirmed.clone());
        let (gas, rewinds) = (Counter::default(), Counter::default());
        part.register("gas_used", "Gas used", gas.clone());
        part.register("rewinds", "Times that Ethereum changed its mind", rewinds.clone());
        let failures = Family::<ReasonLabel, Counter>::default();
        part.register("failures", "Rounds that failed, by reason", failures.clone());
        let (transactions, skipped) = (Counter::default(), Family::<SkipLabel, Counter>::default());
        part.register("transactions", "Transactions of blocks", transactions.clone());
        part.register("skipped", "Items of batches that became no transactions, by reason", skipped.clone());
        let failovers = Counter::default();
        part.register("failovers", "Changes to another endpoint of Ethereum", failovers.clone());
        part.register_collector(Box::new(Sources { desk, held }));
        Self {
            carried_out,
            settled,
            confirmed,
            gas,
            rewinds,
            failures,
            transactions,
            skipped,
            failovers,
            registry: Arc::new(registry),
        }
    }

    /// All values in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Formatting into a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

/// What others count already, read when somebody asks.
struct Sources {
    desk: Option<Desk>,
    held: watch::Receiver<Held>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sources")
    }
}

impl Collector for Sources {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let held = *self.held.borrow();
        let gauges = [
            ("taken_index", "The last batch taken from the sequencer", held.last.get()),
            ("inbox_batches", "Batches that are not settled for good", held.count),
        ];
        encode_gauges(&mut encoder, &gauges)?;
        let Some(desk) = &self.desk else { return Ok(()) };
        let (counts, counters) = (desk.counts(), desk.counters());
        let gauges = [
            ("jobs_waiting", "Jobs that wait for a worker", counts.waiting as u64),
            ("jobs_leased", "Jobs that a worker has", counts.leased as u64),
            ("jobs_proven", "Jobs that are proven and not settled for good", counts.proven as u64),
            ("jobs_stuck", "Jobs that nobody gets any more", counts.stuck as u64),
            ("workers", "Workers that are connected", counters.workers.load(Relaxed)),
        ];
        encode_gauges(&mut encoder, &gauges)?;
        let counters = [
            ("leases", "Leases given", &counters.leases),
            ("leases_expired", "Jobs whose lease ran out", &counters.expired),
            ("jobs_failed", "Jobs that workers failed at", &counters.failed),
            ("jobs_given_back", "Jobs that workers gave back", &counters.given_back),
            ("proofs_accepted", "Proofs that counted", &counters.accepted),
            ("proofs_duplicate", "Valid proofs that came second", &counters.duplicates),
            ("proofs_invalid", "Proofs that do not verify", &counters.invalid),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value.load(Relaxed));
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}

fn encode_gauges(
    encoder: &mut DescriptorEncoder<'_>,
    gauges: &[(&str, &str, u64)],
) -> Result<(), fmt::Error> {
    for (name, help, value) in gauges {
        let gauge = ConstGauge::new(i64::try_from(*value).unwrap_or(i64::MAX));
        gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbox::Inbox;
    use fairlane_prover::queue::Limits;
    use redb::Database;

    #[test]
    fn what_others_count_is_on_the_page_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let database = Arc::new(Database::create(folder.path().join("store.redb")).unwrap());
        let desk = Desk::open(database.clone(), Limits::default()).unwrap();
        let inbox = Inbox::open(database).unwrap();
        let metrics = AdapterMetrics::new(Some(desk), inbox.watch());
        metrics.gas.inc_by(7);
        let text = metrics.encode();
        for line in [
            "fairlane_adapter_taken_index 0",
            "fairlane_adapter_jobs_stuck 0",
            "fairlane_adapter_leases_total 0",
            "fairlane_adapter_gas_used_total 7",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in:\n{text}");
        }
    }
}
