//! The metrics of evidence and of what happens on Ethereum.

use super::ReasonLabel;
use super::part::Part;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The pool of evidence.
#[derive(Clone, Debug)]
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
        let mut part = Part::new(registry, "evidence");
        Self {
            offences: part.metric("offences", "Offences in the pool"),
            open: part.metric("open", "Offences neither punished nor refused on Ethereum"),
            dropped: part.metric("dropped", "Evidence not kept: too much of one offender, or in all"),
        }
    }
}

/// Ethereum, as this node sees it.
#[derive(Clone, Debug)]
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
        let mut part = Part::new(registry, "l1");
        Self {
            newest_block: part.metric("newest_block", "The newest block of Ethereum known"),
            block: part.metric("block", "The newest block with enough confirmations"),
            epoch: part.metric("epoch", "The epoch of that block"),
            connected: part.metric("connected", "1 while an endpoint answers"),
            failures: part.metric("failures", "Calls that failed, by reason"),
            failovers: part.metric("failovers", "Changes to another endpoint"),
            submissions: part.metric("submissions", "Own transactions that proved an offence"),
            punished: part.metric("punished", "Offences seen to be punished"),
        }
    }
}
