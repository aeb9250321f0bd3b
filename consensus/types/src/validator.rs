//! Validators, their powers, and the four thresholds that follow from the powers.

use crate::codec::{Decode, DecodeError, Encode, Reader, Writer};
use crate::crypto::{Domain, Hash32, PublicKey};
use crate::ids::{Incarnation, LaneId, ValidatorId, VotingPower};
use std::sync::Arc;

/// The most validators that a set can have.
pub const MAX_VALIDATORS: usize = 1024;

/// The thresholds of a set: `total` (W), `faulty` (F = ceil(W/3) - 1), `quorum` (q = W - F) and
/// `majority` (M = floor(W/2) + 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quorums {
    /// All power (W).
    pub total: u64,
    /// The power that may be faulty (F).
    pub faulty: u64,
    /// What decides (q).
    pub quorum: u64,
    /// More than half (M).
    pub majority: u64,
}

impl Quorums {
    /// The thresholds for a total power, or `None` when the total is zero or three times the total overflows.
    pub fn of_total(total: u64) -> Option<Self> {
        total.checked_mul(3)?;
        let faulty = total.div_ceil(3).checked_sub(1)?;
        Some(Self {
            total,
            faulty,
            quorum: total.checked_sub(faulty)?,
            majority: (total / 2).checked_add(1)?,
        })
    }
}

/// A member of a validator set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validator {
    /// Its id, which is its ed25519 public key.
    pub id: ValidatorId,
    /// Its power.
    pub power: VotingPower,
    /// Which of its registrations this is.
    pub incarnation: Incarnation,
}

impl Validator {
    /// Bytes of the encoding.
    pub const BYTES: usize = 32 + 8 + 4;

    /// The lane that it writes.
    pub fn lane(&self) -> LaneId {
        LaneId { validator: self.id, incarnation: self.incarnation }
    }
}

impl Encode for Validator {
    fn encode(&self, out: &mut Writer) {
        self.id.encode(out);
        self.power.encode(out);
        self.incarnation.encode(out);
    }
}

impl Decode for Validator {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            id: Decode::decode(input)?,
            power: Decode::decode(input)?,
            incarnation: Decode::decode(input)?,
        })
    }
}

/// Why validators make no set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidatorSetError {
    /// There are none, or too many.
    #[error("a validator set has 1 to {MAX_VALIDATORS} members, not {0}")]
    Size(usize),
    /// A member has no power.
    #[error("validator {0} has no voting power")]
    NoPower(ValidatorId),
    /// A member stands there twice.
    #[error("validator {0} stands in the set twice")]
    Repeated(ValidatorId),
    /// A member's id is no usable public key.
    #[error("validator {id}: {source}")]
    Key {
        /// The member.
        id: ValidatorId,
        /// What is wrong with its key.
        source: DecodeError,
    },
    /// Three times the total power does not fit 64 bits.
    #[error(
        "the total voting power is too large: scale the powers down so that three times their sum fits 64 bits"
    )]
    PowerOverflow,
}

/// A validator set, sorted by id. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ValidatorSet(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    members: Vec<Validator>,
    keys: Vec<PublicKey>,
    quorums: Quorums,
    hash: Hash32,
}

impl ValidatorSet {
    /// Sorts and checks the members.
    pub fn new(mut members: Vec<Validator>) -> Result<Self, ValidatorSetError> {
        if members.is_empty() || members.len() > MAX_VALIDATORS {
            return Err(ValidatorSetError::Size(members.len()));
        }
        members.sort_by_key(|member| member.id);
        let repeated = members.iter().zip(members.iter().skip(1)).find(|(a, b)| a.id == b.id);
        if let Some((member, _)) = repeated {
            return Err(ValidatorSetError::Repeated(member.id));
        }
        let mut keys = Vec::with_capacity(members.len());
        let mut total = 0u64;
        for member in &members {
            if member.power == VotingPower::ZERO {
                return Err(ValidatorSetError::NoPower(member.id));
            }
            let key = PublicKey::decode(&member.id)
                .map_err(|source| ValidatorSetError::Key { id: member.id, source })?;
            keys.push(key);
            total = total.checked_add(member.power.get()).ok_or(ValidatorSetError::PowerOverflow)?;
        }
        let quorums = Quorums::of_total(total).ok_or(ValidatorSetError::PowerOverflow)?;
        let mut out = Writer::new();
        out.list(&members);
        let hash = Domain::VALIDATORS.hash(&[out.as_slice()]);
        Ok(Self(Arc::new(Inner { members, keys, quorums, hash })))
    }

    /// A set from its canonical encoding, whose members are sorted.
    pub(crate) fn from_sorted(members: Vec<Validator>) -> Result<Self, DecodeError> {
        let sorted = members.iter().zip(members.iter().skip(1)).all(|(a, b)| a.id < b.id);
        if !sorted {
            return Err(DecodeError::Invalid { what: "validator set", why: "members must be sorted by id" });
        }
        Self::new(members)
            .map_err(|_| DecodeError::Invalid { what: "validator set", why: "keys or powers are not usable" })
    }

    /// The members, sorted by id.
    pub fn members(&self) -> &[Validator] {
        &self.0.members
    }

    /// How many members there are.
    #[allow(clippy::len_without_is_empty, reason = "a set is never empty")]
    pub fn len(&self) -> usize {
        self.0.members.len()
    }

    /// Where a validator stands in the set.
    pub fn index_of(&self, id: &ValidatorId) -> Option<usize> {
        self.0.members.binary_search_by_key(id, |member| member.id).ok()
    }

    /// The member with this id.
    pub fn get(&self, id: &ValidatorId) -> Option<&Validator> {
        self.0.members.get(self.index_of(id)?)
    }

    /// The member's decoded key.
    pub fn key(&self, id: &ValidatorId) -> Option<&PublicKey> {
        self.0.keys.get(self.index_of(id)?)
    }

    /// The thresholds.
    pub fn quorums(&self) -> Quorums {
        self.0.quorums
    }

    /// The hash that headers carry.
    pub fn hash(&self) -> Hash32 {
        self.0.hash
    }

    /// The powers, in the order of the members.
    pub fn powers(&self) -> Vec<VotingPower> {
        self.0.members.iter().map(|member| member.power).collect()
    }
}

impl PartialEq for ValidatorSet {
    fn eq(&self, other: &Self) -> bool {
        self.0.hash == other.0.hash
    }
}

impl Eq for ValidatorSet {}

impl Encode for ValidatorSet {
    fn encode(&self, out: &mut Writer) {
        out.list(&self.0.members);
    }
}

impl Decode for ValidatorSet {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Self::from_sorted(input.list("validators", MAX_VALIDATORS, Validator::BYTES)?)
    }
}

#[cfg(test)]
#[path = "validator_tests.rs"]
mod tests;
