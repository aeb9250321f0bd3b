//! The metrics of one part of the node while they are made: each is registered and handed back to record into.

use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry, Unit};

/// Where one part's metrics are registered.
pub(super) struct Part<'a>(&'a mut Registry);

impl<'a> Part<'a> {
    /// A part whose metrics' names begin with `prefix`.
    pub(super) fn new(registry: &'a mut Registry, prefix: &str) -> Self {
        Self(registry.sub_registry_with_prefix(prefix))
    }

    /// A metric that was made already.
    pub(super) fn add<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }

    /// A gauge, a counter, or a family of them.
    pub(super) fn metric<M: Metric + Clone + Default>(&mut self, name: &str, help: &str) -> M {
        self.add(name, help, M::default())
    }

    /// The same, of bytes.
    pub(super) fn bytes<M: Metric + Clone + Default>(&mut self, name: &str, help: &str) -> M {
        let metric = M::default();
        self.0.register_with_unit(name, help, Unit::Bytes, metric.clone());
        metric
    }

    /// Durations from 1 ms to 16 s.
    pub(super) fn seconds(&mut self, name: &str, help: &str) -> Histogram {
        let metric = Histogram::new(exponential_buckets(0.001, 2.0, 15));
        self.0.register_with_unit(name, help, Unit::Seconds, metric.clone());
        metric
    }
}
