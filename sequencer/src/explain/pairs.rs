//! Two transactions of one block: how much power saw which first, and what decided.

use super::lanes::Row;
use fairlane_chain::OrderedEntry;
use fairlane_types::ValidatorSet;

/// How much power says what of the explained transaction and another one (`docs/fair-ordering.md`, "Edges").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Powers {
    /// P(explained, other): lanes that hold the explained one, and do not hold the other before it.
    pub explained_first: u64,
    /// P(other, explained).
    pub other_first: u64,
}

/// What decided which of two transactions comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decider {
    /// They share no ordering group, and are not compared.
    Groups,
    /// They stood on one cycle of contradicting evidence.
    Cycle,
    /// A quorum had one before the other's `lo`: the intervals of what honest lanes say do not overlap.
    Separation,
    /// At most the power that may be faulty denies it.
    Evidence,
    /// Neither: the time by which lanes of more than half the power had them.
    Key,
    /// Equal times: a hash that nobody could choose.
    Tie,
    /// What stands between them.
    Others,
}

/// The explained transaction and another one, each with its place in the block.
pub(super) struct Pair<'a> {
    pub(super) target: (usize, &'a OrderedEntry),
    pub(super) other: (usize, &'a OrderedEntry),
}

/// What the lanes say of the first wanted transaction and another one.
pub(super) fn powers(validators: &ValidatorSet, seen: &[Row], other: usize) -> Powers {
    let mut powers = Powers::default();
    for (member, row) in validators.members().iter().zip(seen) {
        let rank = |number: usize| row.get(number).copied().flatten().map(|sighting| sighting.rank);
        let side = match (rank(0), rank(other)) {
            (None, None) => continue,
            (Some(_), None) => &mut powers.explained_first,
            (None, Some(_)) => &mut powers.other_first,
            (Some(explained), Some(other)) if explained < other => &mut powers.explained_first,
            (Some(_), Some(_)) => &mut powers.other_first,
        };
        *side = side.saturating_add(member.power.get());
    }
    powers
}

/// What decided between two transactions of one block. `faulty` is the power that may be faulty.
pub(super) fn decider(pair: &Pair<'_>, powers: Powers, share_group: bool, faulty: u64) -> Decider {
    let Pair { target, other } = pair;
    let (first, second, denied) = match target.0 < other.0 {
        true => (target.1, other.1, powers.other_first),
        false => (other.1, target.1, powers.explained_first),
    };
    if first.component == second.component {
        Decider::Cycle
    } else if !share_group {
        Decider::Groups
    } else if first.hi < second.lo {
        Decider::Separation
    } else if denied <= faulty {
        Decider::Evidence
    } else if first.key < second.key {
        Decider::Key
    } else if first.key == second.key {
        Decider::Tie
    } else {
        Decider::Others
    }
}
