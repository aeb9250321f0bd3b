//! What the node counts and measures, under stable names (`docs/metrics.md` lists them).
//!
//! One [`Metrics`] is made at start and cloned into every part: a clone shares all values. Recording never blocks
//! and never fails. Labels come from small fixed sets (lanes of the validator set, refusal reasons, method names),
//! never from what a client or peer sends.

mod checkpoints;
mod groups;
mod l1;
mod part;
#[cfg(test)]
mod tests;

pub use checkpoints::{CheckpointMetrics, RelayerMetrics};
pub use groups::{
    ConsensusMetrics, CutMetrics, LaneLabel, LaneMetrics, MethodLabel, NetworkMetrics, OrderingMetrics,
    ReasonLabel, RpcMetrics, StoreMetrics,
};

pub use l1::{EvidenceMetrics, L1Metrics};

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::Arc;

/// All metrics of one node. Cheap to clone; clones share their values.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Lanes: this node's own, and the others as this node sees them.
    pub lanes: LaneMetrics,
    /// Cuts built and judged.
    pub cuts: CutMetrics,
    /// What the fair-order rule did in finalized blocks.
    pub ordering: OrderingMetrics,
    /// Heights and rounds.
    pub consensus: ConsensusMetrics,
    /// The network that carries segments.
    pub network: NetworkMetrics,
    /// The store.
    pub store: StoreMetrics,
    /// The gRPC services.
    pub rpc: RpcMetrics,
    /// Offences that this node knows of.
    pub evidence: EvidenceMetrics,
    /// What this node sees and does on Ethereum.
    pub l1: L1Metrics,
    /// Checkpoints signed, collected and refused.
    pub checkpoints: CheckpointMetrics,
    registry: Arc<Registry>,
}

/// Labels of `fairlane_build_info`.
type BuildLabels = Vec<(String, String)>;

impl Metrics {
    /// Registers everything. `version` is reported as a label of `fairlane_build`.
    pub fn new(version: &str) -> Self {
        let mut registry = Registry::with_prefix("fairlane");
        let build: Family<BuildLabels, Gauge> = Family::default();
        build.get_or_create(&vec![("version".to_owned(), version.to_owned())]).set(1);
        registry.register("build", "Always 1; the version is in the label", build);
        Self {
            lanes: LaneMetrics::register(&mut registry),
            cuts: CutMetrics::register(&mut registry),
            ordering: OrderingMetrics::register(&mut registry),
            consensus: ConsensusMetrics::register(&mut registry),
            network: NetworkMetrics::register(&mut registry),
            store: StoreMetrics::register(&mut registry),
            rpc: RpcMetrics::register(&mut registry),
            evidence: EvidenceMetrics::register(&mut registry),
            l1: L1Metrics::register(&mut registry),
            checkpoints: CheckpointMetrics::register(&mut registry),
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
