//! The metrics of checkpoints: in a node, and in a relayer.

use super::ReasonLabel;
use super::part::Part;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::Arc;

/// Checkpoints in a node.
#[derive(Clone, Debug)]
pub struct CheckpointMetrics {
    /// The last height whose checkpoint this node signed.
    pub signed: Gauge,
    /// The greatest height with a certificate.
    pub certified: Gauge,
    /// Signatures that peers gossiped.
    pub received: Counter,
    /// Signatures and certificates of peers that were not taken, by reason.
    pub refused: Family<ReasonLabel, Counter>,
    /// Validators found to have signed two checkpoints of one height.
    pub conflicts: Counter,
}

impl CheckpointMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let mut part = Part::new(registry, "checkpoint");
        Self {
            signed: part.metric("signed_height", "The last height whose checkpoint this node signed"),
            certified: part.metric("certified_height", "The greatest height with a certificate"),
            received: part.metric("received", "Signatures that peers gossiped"),
            refused: part.metric("refused", "Signatures and certificates not taken, by reason"),
            conflicts: part.metric("conflicts", "Validators that signed two checkpoints of one height"),
        }
    }
}

/// What a relayer does.
#[derive(Clone, Debug)]
pub struct RelayerMetrics {
    /// The height of the light client's newest checkpoint.
    pub head: Gauge,
    /// The greatest height of a certificate that was found and verified.
    pub newest: Gauge,
    /// Checkpoints that this relayer posted.
    pub posted: Counter,
    /// Checkpoints that somebody else posted before this relayer could.
    pub overtaken: Counter,
    /// Validator sets that it registered.
    pub sets: Counter,
    /// Gas that it used.
    pub gas: Counter,
    /// Contradictions that the light client was shown.
    pub conflicts: Counter,
    /// Rounds that brought nothing, by reason.
    pub failures: Family<ReasonLabel, Counter>,
    /// Changes to another endpoint.
    pub failovers: Counter,
    registry: Arc<Registry>,
}

impl RelayerMetrics {
    /// Registers everything.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("fairlane");
        let mut part = Part::new(&mut registry, "relayer");
        let (head, newest) = (
            part.metric("head_height", "The height of the light client's newest checkpoint"),
            part.metric("newest_height", "The greatest height of a certificate found"),
        );
        let posted = part.metric("posted", "Checkpoints posted");
        let overtaken = part.metric("overtaken", "Checkpoints that others posted first");
        let sets = part.metric("sets_registered", "Validator sets registered");
        let gas = part.metric("gas_used", "Gas used");
        let conflicts = part.metric("conflicts_reported", "Contradictions shown to the light client");
        let failures = part.metric("failures", "Rounds that brought nothing, by reason");
        let failovers = part.metric("failovers", "Changes to another endpoint");
        let registry = Arc::new(registry);
        Self { head, newest, posted, overtaken, sets, gas, conflicts, failures, failovers, registry }
    }

    /// All values in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Formatting into a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

impl Default for RelayerMetrics {
    fn default() -> Self {
        Self::new()
    }
}
