//! Parameters of the rule, and the thresholds that follow from the powers.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use fairlane_types::{Quorums, VotingPower};

/// The most lanes an engine takes. Costs grow with the number of lanes, and so does the encoded state.
pub const MAX_LANES: usize = 1024;

/// The genesis parameters of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderingParams {
    /// C: how many final transactions of one group are compared at most in one height. Zero counts as one.
    pub group_cap: u32,
    /// How far ahead of chain time a transaction may expire, in nanoseconds.
    pub expiry_bound: u64,
}

/// Why an engine cannot work with these powers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PowersError {
    /// There are no lanes, or more than [`MAX_LANES`].
    #[error("{0} lanes: between 1 and {MAX_LANES} are possible")]
    Lanes(usize),
    /// The total is zero, or three times the total exceeds 64 bits.
    #[error("the total power must be above zero, and three times it must fit 64 bits")]
    Total,
    /// A change of powers names a number of old lanes that differs from the number of powers.
    #[error("{powers} powers come with {lanes} lanes")]
    Mismatch {
        /// How many powers.
        powers: usize,
        /// How many lanes.
        lanes: usize,
    },
    /// A change of powers names an old lane that does not exist, or names one twice.
    #[error("old lane {0} does not exist or is taken twice")]
    OldLane(usize),
}

/// The thresholds for these powers: W their sum, F = ceil(W/3) - 1, q = W - F, M = floor(W/2) + 1.
pub fn quorums_of(powers: &[VotingPower]) -> Result<Quorums, PowersError> {
    if powers.is_empty() || powers.len() > MAX_LANES {
        return Err(PowersError::Lanes(powers.len()));
    }
    let total = powers.iter().try_fold(0u64, |sum, power| sum.checked_add(power.get()));
    total.and_then(Quorums::of_total).ok_or(PowersError::Total)
}

/// The three thresholds whose quantiles the rule uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thresholds {
    pub(crate) lo: u64,
    pub(crate) key: u64,
    pub(crate) hi: u64,
}

impl Thresholds {
    pub(crate) fn of(quorums: &Quorums) -> Self {
        let lo = quorums.quorum.saturating_sub(quorums.faulty).min(quorums.majority);
        Self { lo, key: quorums.majority, hi: quorums.quorum }
    }
}
