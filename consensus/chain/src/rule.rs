//! The one place that names the rule by which blocks are ordered.

#[cfg(not(feature = "concatenate"))]
mod fair {
    use fairlane_types::{Genesis, NetworkId};

    pub(crate) use fairlane_ordering::Engine as Rule;

    /// The rule that this build orders by.
    pub const ORDERING: &str = "fair";

    /// Whether a reference places what it refers to in the lane that refers.
    pub(crate) const REFERENCES_PLACE: bool = true;

    /// The network that this build takes part in.
    pub(crate) fn network(genesis: &Genesis) -> NetworkId {
        genesis.network()
    }
}

#[cfg(feature = "concatenate")]
pub use crate::concatenate::ORDERING;
#[cfg(feature = "concatenate")]
pub(crate) use crate::concatenate::{REFERENCES_PLACE, Rule, network};
#[cfg(not(feature = "concatenate"))]
pub use fair::ORDERING;
#[cfg(not(feature = "concatenate"))]
pub(crate) use fair::{REFERENCES_PLACE, Rule, network};
