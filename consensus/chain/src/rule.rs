//! The one place that names the rule by which blocks are ordered.

use fairlane_types::Genesis;

#[cfg(not(feature = "concatenate"))]
mod fair {
    pub(crate) use fairlane_ordering::Engine as Rule;

    /// The rule that this build orders by.
    pub const ORDERING: &str = "fair";

    /// Whether a reference places what it refers to in the lane that refers.
    pub(crate) const REFERENCES_PLACE: bool = true;
}

#[cfg(feature = "concatenate")]
pub use crate::concatenate::ORDERING;
#[cfg(feature = "concatenate")]
pub(crate) use crate::concatenate::{REFERENCES_PLACE, Rule};
#[cfg(not(feature = "concatenate"))]
pub use fair::ORDERING;
#[cfg(not(feature = "concatenate"))]
pub(crate) use fair::{REFERENCES_PLACE, Rule};

/// What the name of a network ends with that is ordered by lane concatenation.
///
/// The name is part of genesis, and so of the network id: builds of the two rules cannot meet in one network.
pub const CONCATENATE_SUFFIX: &str = "+concatenate";

/// Whether this build orders a network by the rule that its genesis names.
pub(crate) fn is_for(genesis: &Genesis) -> bool {
    genesis.name.ends_with(CONCATENATE_SUFFIX) == cfg!(feature = "concatenate")
}
