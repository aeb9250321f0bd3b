//! The metrics of evidence and of what happens on Ethereum.

use super::ReasonLabel;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The pool of evidence.
#[derive(Clone, Debug, Default)]
pub struct EvidenceMetrics {
    /// Offences in the pool.
    pub offences: Gauge,
    /// Of these, those of which it is not known what becomes of them on Ethereum.
    pub open: Gauge,
    /// Evidence that was not kept because there is too much of its offender, or in all.
    pub dropped: Counter,
}

impl EvidenceMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let this = Self::default();
        let to = registry.sub_registry_with_prefix("evidence");
        to.register("offences", "Offences in the pool", this.offences.clone());
        to.register("open", "Offences neither punished nor refused on Ethereum", this.open.clone());
        to.register(
            "dropped",
            "Evidence not kept: too much of one offender, or in all",
            this.dropped.clone(),
        );
        this
    }
}

/// Ethereum, as this node sees it.
#[derive(Clone, Debug, Default)]
pub struct L1Metrics {
    /// The newest block of which the endpoint told.
    pub newest_block: Gauge,
    /// The newest block that counts: so many confirmations below.
    pub block: Gauge,
    /// The epoch of that block.
    pub epoch: Gauge,
    /// 1 while an endpoint answers.
    pub connected: Gauge,
    /// Calls that failed, by reason.
    pub failures: Family<ReasonLabel, Counter>,
    /// Changes to another endpoint.
    pub failovers: Counter,
    /// Transactions of this node that proved an offence.
    pub submissions: Counter,
    /// Offences seen to be punished, by whomever.
    pub punished: Counter,
}

impl L1Metrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let this = Self::default();
        let to = registry.sub_registry_with_prefix("l1");
        to.register("newest_block", "The newest block of Ethereum known", this.newest_block.clone());
        to.register("block", "The newest block with enough confirmations", this.block.clone());
        to.register("epoch", "The epoch of that block", this.epoch.clone());
        to.register("connected", "1 while an endpoint answers", this.connected.clone());
        to.register("failures", "Calls that failed, by reason", this.failures.clone());
        to.register("failovers", "Changes to another endpoint", this.failovers.clone());
        to.register("submissions", "Own transactions that proved an offence", this.submissions.clone());
        to.register("punished", "Offences seen to be punished", this.punished.clone());
        this
    }
}
