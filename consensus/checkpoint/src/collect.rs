//! Collecting the signatures of a quorum, and what members sign that contradicts itself.
//!
//! A [`Collector`] belongs to one validator set. The node opens a height when it has finalized a block that gets a checkpoint;
//! from then on signatures for that height are counted, by which checkpoint they are of. What arrives earlier, from members
//! that are ahead, waits: the newest of each member, unless a height that it waits for is opened in between. So hostile
//! members can fill their own places and no others', and memory is bounded by open heights times members.
//!
//! Each member counts once a height. A second, different checkpoint of it is evidence, also after the quorum; what it signed
//! first still counts. The certificate of a height is made once, when its own checkpoint has a quorum.

use crate::keys::sum_signatures;
use crate::set::CheckpointSet;
use crate::verify::{CheckpointError, verify_signed};
use fairlane_types::checkpoint::{
    Checkpoint, CheckpointCertificate, CheckpointConflict, CheckpointSignature, SignedCheckpoint, Signers,
};
use fairlane_types::{Height, NetworkId};
use std::collections::BTreeMap;

/// Heights that are open at once; the lowest is closed for a further one.
pub const MAX_OPEN: usize = 16;

/// What the node should do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is valid and new: hand it on to the others.
    Gossip(SignedCheckpoint),
    /// A quorum signed: keep it, and hand it to whoever relays to Ethereum.
    Certified(CheckpointCertificate),
    /// A member signed two checkpoints of one height: submit it to Ethereum.
    Conflict(Box<CheckpointConflict>),
}

/// Why a signature is not taken in. Nothing changes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It proves nothing. Who sent it is to blame.
    #[error(transparent)]
    Invalid(#[from] CheckpointError),
    /// It is known already.
    #[error("this signature is known")]
    Known,
    /// Its height was closed, or is below all that were opened.
    #[error("height {0} is not collected any more")]
    Closed(Height),
}

/// What is known of one height: by member, what it signed.
#[derive(Clone, Debug)]
struct Collection {
    own: Checkpoint,
    signed: Vec<Option<(Checkpoint, CheckpointSignature)>>,
    certified: bool,
}

/// Collects for one validator set.
#[derive(Clone, Debug)]
pub struct Collector {
    network: NetworkId,
    set: CheckpointSet,
    open: BTreeMap<Height, Collection>,
    early: Vec<Option<SignedCheckpoint>>,
    /// Heights up to here are not opened any more.
    closed: Height,
}

impl Collector {
    /// A collector without open heights.
    pub fn new(network: NetworkId, set: CheckpointSet) -> Self {
        let early = vec![None; set.validators().len()];
        Self { network, set, open: BTreeMap::new(), early, closed: Height::ZERO }
    }

    /// The set.
    pub fn set(&self) -> &CheckpointSet {
        &self.set
    }

    /// Opens the height of a checkpoint that this node knows to be final, and counts what arrived before.
    pub fn open(&mut self, checkpoint: Checkpoint) -> Result<Vec<Effect>, Refusal> {
        let height = checkpoint.height;
        if height <= self.closed {
            return Err(Refusal::Closed(height));
        }
        if self.open.contains_key(&height) {
            return Err(Refusal::Known);
        }
        let signed = vec![None; self.set.validators().len()];
        self.open.insert(height, Collection { own: checkpoint, signed, certified: false });
        while self.open.len() > MAX_OPEN {
            if let Some((height, _)) = self.open.pop_first() {
                self.closed = height;
            }
        }
        let mut effects = Vec::new();
        for place in 0..self.early.len() {
            let waiting =
                self.early.get_mut(place).and_then(|slot| slot.take_if(|s| s.checkpoint.height <= height));
            if let Some(signed) = waiting.filter(|signed| signed.checkpoint.height == height) {
                effects.extend(self.count(place, signed));
            }
        }
        Ok(effects)
    }

    /// Takes in a signature from anywhere, the own one included.
    pub fn receive(&mut self, signed: SignedCheckpoint) -> Result<Vec<Effect>, Refusal> {
        let SignedCheckpoint { validator, checkpoint, signature } = &signed;
        let height = checkpoint.height;
        if height <= self.closed {
            return Err(Refusal::Closed(height));
        }
        let (place, key) = self.set.member(validator).ok_or(CheckpointError::NotAMember(*validator))?;
        match self.known(place, height) {
            // Signatures are unique, so the same statement with other bytes is not valid.
            Some(first) if first == (*checkpoint, *signature) => return Err(Refusal::Known),
            // Whatever else it says, of whichever set: one height has one checkpoint.
            Some(first) => {
                if checkpoint.network != self.network || !key.verify(checkpoint, signature) {
                    return Err(CheckpointError::Signature(height).into());
                }
                return Ok(self.conflict(place, first, &signed).into_iter().collect());
            }
            None => verify_signed(&signed, &self.network, &self.set)?,
        };
        if self.open.contains_key(&height) {
            return Ok(self.count(place, signed));
        }
        let newest_open = self.open.last_key_value().map(|(newest, _)| *newest);
        let newest_early = self.early.get(place).copied().flatten().map(|early| early.checkpoint.height);
        if newest_open.max(newest_early).is_some_and(|newest| height < newest) {
            return Err(Refusal::Closed(height));
        }
        if let Some(slot) = self.early.get_mut(place) {
            *slot = Some(signed);
        }
        Ok(vec![Effect::Gossip(signed)])
    }

    /// What a member is known to have signed at a height.
    fn known(&self, place: usize, height: Height) -> Option<(Checkpoint, CheckpointSignature)> {
        match self.open.get(&height) {
            Some(collection) => collection.signed.get(place).copied().flatten(),
            None => {
                let early = self.early.get(place).copied().flatten()?;
                (early.checkpoint.height == height).then_some((early.checkpoint, early.signature))
            }
        }
    }

    /// Counts a valid signature for an open height, the first of its member.
    fn count(&mut self, place: usize, signed: SignedCheckpoint) -> Vec<Effect> {
        let height = signed.checkpoint.height;
        let Some(slot) = self.open.get_mut(&height).and_then(|open| open.signed.get_mut(place)) else {
            return Vec::new();
        };
        *slot = Some((signed.checkpoint, signed.signature));
        let certificate = self.certificate(height).map(Effect::Certified);
        [Effect::Gossip(signed)].into_iter().chain(certificate).collect()
    }

    fn conflict(
        &self,
        place: usize,
        first: (Checkpoint, CheckpointSignature),
        second: &SignedCheckpoint,
    ) -> Option<Effect> {
        let id = self.set.validators().members().get(place)?.id;
        let (_, key) = self.set.member(&id)?;
        let statements = Box::new([first, (second.checkpoint, second.signature)]);
        Some(Effect::Conflict(Box::new(CheckpointConflict {
            validator: id,
            key: key.to_bytes(),
            statements,
        })))
    }

    /// The certificate of a height, the first time that there is one.
    fn certificate(&mut self, height: Height) -> Option<CheckpointCertificate> {
        let collection = self.open.get_mut(&height)?;
        if collection.certified {
            return None;
        }
        let mut signers = Signers::NONE;
        let mut signatures = Vec::new();
        for (place, signed) in collection.signed.iter().enumerate() {
            if let Some((_, signature)) =
                signed.as_ref().filter(|(checkpoint, _)| *checkpoint == collection.own)
            {
                signers.insert(place);
                signatures.push(signature);
            }
        }
        let (_, power) = self.set.signing(&signers)?;
        if power.get() < self.set.validators().quorums().quorum {
            return None;
        }
        let signature = sum_signatures(signatures).ok()?;
        collection.certified = true;
        Some(CheckpointCertificate { checkpoint: collection.own, signers, signature })
    }
}

#[cfg(test)]
#[path = "collect_tests.rs"]
mod tests;
