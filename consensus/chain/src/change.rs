//! Going over to another validator set: which set follows, and what the state is under it.
//!
//! What the lanes hold is carried over, and each quantity is evaluated again with the new powers. `docs/protocol.md`,
//! "Validator sets", has the rule.

use crate::state::Core;
use fairlane_ordering::PowersError;
use fairlane_types::{Cut, DecodeError, ProtocolParams, SegmentRef, ValidatorSet};

/// Why a block cannot hand over to the set that it carries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NextValidatorsError {
    /// The block's anchor is the one of the block before.
    #[error("a set comes with a new L1 anchor only")]
    NotAnchored,
    /// It is the present set.
    #[error("it is the present set, which is not carried")]
    Present,
    /// The network's limits do not fit so many validators.
    #[error("the network has no room for it: {0}")]
    Limits(#[from] DecodeError),
    /// The ordering rule cannot work with its powers.
    #[error(transparent)]
    Powers(#[from] PowersError),
}

/// The set that follows the present one when an epoch begins for which Ethereum has `fixed` this one; `None` where the
/// present one stays: the other is empty, the same, or one that the network has no room for.
pub fn successor(
    present: &ValidatorSet,
    params: &ProtocolParams,
    fixed: Option<&ValidatorSet>,
) -> Option<ValidatorSet> {
    let fits = |set: &&ValidatorSet| *set != present && params.check(set.len()).is_ok();
    fixed.filter(fits).cloned()
}

/// Whether the set that a block carries may follow.
pub(crate) fn check(core: &Core, anchor_moves: bool, next: &ValidatorSet) -> Result<(), NextValidatorsError> {
    if !anchor_moves {
        return Err(NextValidatorsError::NotAnchored);
    }
    if *next == core.validators {
        return Err(NextValidatorsError::Present);
    }
    Ok(core.constants.params.check(next.len())?)
}

/// Hands over to another set: the last thing that a block does.
pub(crate) fn apply(core: &mut Core, next: ValidatorSet) -> Result<(), NextValidatorsError> {
    let from_old: Vec<Option<usize>> =
        next.members().iter().map(|member| core.validators.index_of(&member.id)).collect();
    core.rule.change_powers(&next.powers(), &from_old)?;
    let retired = core.decided.retired_heads();
    let head = |lane| {
        let known = core.cut.head(&lane).or_else(|| retired.iter().find(|head| head.lane == lane));
        known.copied().unwrap_or(SegmentRef::empty(lane))
    };
    core.cut = Cut::new(next.members().iter().map(|member| head(member.lane())).collect())?;
    core.decided.change(&core.validators, &next);
    core.equivocators.retain(|lane| next.get(&lane.validator).is_some_and(|member| member.lane() == *lane));
    core.validators = next;
    Ok(())
}
