//! A validator set with the BLS keys of its members: what checkpoints are checked against.

use crate::keys::PublicKey;
use fairlane_types::checkpoint::{MAX_SIGNERS, Signers};
use fairlane_types::{Hash32, ValidatorId, ValidatorSet, VotingPower};

/// Why a set cannot sign checkpoints.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointSetError {
    /// The contract has no room for it.
    #[error("a set that signs checkpoints has at most {MAX_SIGNERS} members, not {0}")]
    TooLarge(usize),
    /// A member's key is not known.
    #[error("the checkpoint key of validator {0} is not known")]
    NoKey(ValidatorId),
}

/// A validator set and its members' keys.
#[derive(Clone, Debug)]
pub struct CheckpointSet {
    validators: ValidatorSet,
    keys: Vec<PublicKey>,
}

impl CheckpointSet {
    /// Finds each member's key by `key_of`. The keys must be those that the members registered.
    pub fn new(
        validators: ValidatorSet,
        mut key_of: impl FnMut(&ValidatorId) -> Option<PublicKey>,
    ) -> Result<Self, CheckpointSetError> {
        if validators.len() > MAX_SIGNERS {
            return Err(CheckpointSetError::TooLarge(validators.len()));
        }
        let key = |member: &fairlane_types::Validator| {
            key_of(&member.id).ok_or(CheckpointSetError::NoKey(member.id))
        };
        let keys = validators.members().iter().map(key).collect::<Result<_, _>>()?;
        Ok(Self { validators, keys })
    }

    /// The validators.
    pub fn validators(&self) -> &ValidatorSet {
        &self.validators
    }

    /// The set's hash.
    pub fn hash(&self) -> Hash32 {
        self.validators.hash()
    }

    /// A member's place in the set, and its key.
    pub fn member(&self, id: &ValidatorId) -> Option<(usize, &PublicKey)> {
        let place = self.validators.index_of(id)?;
        Some((place, self.keys.get(place)?))
    }

    /// The signers' keys and their power together; `None` if one of them is no member.
    pub fn signing(&self, signers: &Signers) -> Option<(Vec<PublicKey>, VotingPower)> {
        let mut keys = Vec::new();
        let mut power = 0u64;
        for place in signers.iter() {
            keys.push(*self.keys.get(place)?);
            power = power.checked_add(self.validators.members().get(place)?.power.get())?;
        }
        Some((keys, VotingPower::new(power)))
    }
}
