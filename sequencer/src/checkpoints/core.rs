//! What the node does about checkpoints, event by event: what it signs, what it takes in, what it refuses, what it keeps.
//!
//! It blocks for the disk and for the arithmetic of signatures, and knows neither network nor clock.

use super::book::{CheckpointBook, SigningVerdict};
use crate::metrics::{CheckpointMetrics, ReasonLabel};
use crate::network::{GossipToken, GossipVerdict, Offence, ReceivedCheckpoint};
use crate::store::StoreError;
use bytes::Bytes;
use fairlane_checkpoint::collect::MAX_OPEN;
use fairlane_checkpoint::{
    CheckpointError, CheckpointSet, Collector, Effect, Refusal, SecretKey, is_due, verify_certificate,
};
use fairlane_types::codec::Decode as _;
use fairlane_types::{
    Checkpoint, CheckpointCertificate, CheckpointConflict, Hash32, HeadsTree, Height, NetworkId,
    SignedCheckpoint, ValidatorId,
};
use libp2p::PeerId;
use std::collections::{BTreeMap, BTreeSet};

/// The sets that signatures are counted for: the one in force, and those around a change.
const MAX_SETS: usize = 3;
/// How often a signature is announced again while no quorum is known. Others refuse higher numbers: each repetition is one
/// more message that gossip takes for new.
const MAX_REPEATS: u32 = 8;

/// What this node signs with.
#[derive(Clone, Debug)]
pub struct Signer {
    /// Its validator.
    pub validator: ValidatorId,
    /// The checkpoint key, registered beside the validator's.
    pub key: SecretKey,
}

/// What happened.
#[derive(Debug)]
pub(super) enum Event {
    /// A block that gets a checkpoint is finalized; heights ascend.
    Final(Checkpoint, Option<HeadsTree>),
    /// The keys of a set are known.
    Keys(CheckpointSet),
    /// A peer gossiped a signature.
    Received(ReceivedCheckpoint),
    /// A peer gave certificates.
    Certificates(PeerId, Vec<Bytes>),
    /// Some time has passed.
    Tick,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Output {
    /// Gossip the own signature, announced so often before.
    Announce(Box<SignedCheckpoint>, u32),
    /// The verdict on a gossiped message.
    Verdict(GossipToken, GossipVerdict),
    /// A peer did something wrong.
    Offence(PeerId, Offence),
    /// Somebody signed two checkpoints of one height.
    Evidence(CheckpointConflict),
}

/// Tells the checkpoint of a height that this node knows to be final.
pub(super) type Finals = Box<dyn Fn(Height) -> Result<Option<Checkpoint>, StoreError> + Send>;

/// What becomes of a received signature.
enum Judgement {
    Taken(Vec<Effect>),
    /// Nobody is to blame.
    Ignored(&'static str),
    Refused(&'static str, Offence),
}

/// The state.
pub(super) struct Core {
    network: NetworkId,
    signer: Option<Signer>,
    book: CheckpointBook,
    finals: Finals,
    /// The newest set last.
    sets: Vec<Collector>,
    /// Final checkpoints of sets whose keys are not known yet.
    waiting: BTreeMap<Height, Checkpoint>,
    /// The own newest signature, and how often it was announced.
    announced: Option<(SignedCheckpoint, u32)>,
    /// Validators that signed two of a height: there is nothing more to learn from them.
    offenders: BTreeSet<ValidatorId>,
    metrics: CheckpointMetrics,
}

impl Core {
    pub(super) fn new(
        network: NetworkId,
        signer: Option<Signer>,
        book: CheckpointBook,
        finals: Finals,
        metrics: CheckpointMetrics,
    ) -> Result<Self, StoreError> {
        if let Some(newest) = book.newest() {
            metrics.certified.set(gauge(newest.checkpoint.height));
        }
        if let Some(newest) = book.newest_signed()? {
            metrics.signed.set(gauge(newest.height));
        }
        Ok(Self {
            network,
            signer,
            book,
            finals,
            sets: Vec::new(),
            waiting: BTreeMap::new(),
            announced: None,
            offenders: BTreeSet::new(),
            metrics,
        })
    }

    /// Whether the keys of a set are known.
    pub(super) fn knows(&self, validators_hash: &Hash32) -> bool {
        self.sets.iter().any(|collector| collector.set().hash() == *validators_hash)
    }

    /// The greatest height with a certificate; zero before the first.
    pub(super) fn certified(&self) -> Height {
        self.book.newest().map_or(Height::ZERO, |newest| newest.checkpoint.height)
    }

    pub(super) fn handle(&mut self, event: Event) -> Result<Vec<Output>, StoreError> {
        match event {
            Event::Final(checkpoint, heads) => self.on_final(checkpoint, heads.as_ref()),
            Event::Keys(set) => self.on_keys(set),
            Event::Received(received) => self.on_received(received),
            Event::Certificates(from, certificates) => self.on_certificates(from, certificates),
            Event::Tick => Ok(self.on_tick()),
        }
    }

    fn on_final(
        &mut self,
        checkpoint: Checkpoint,
        heads: Option<&HeadsTree>,
    ) -> Result<Vec<Output>, StoreError> {
        if self.knows(&checkpoint.validators_hash) {
            return self.open(checkpoint, heads);
        }
        if let Some(heads) = heads {
            self.book.put_heads(checkpoint.height, heads)?;
        }
        self.waiting.insert(checkpoint.height, checkpoint);
        while self.waiting.len() > MAX_OPEN {
            self.waiting.pop_first();
        }
        Ok(Vec::new())
    }

    fn on_keys(&mut self, set: CheckpointSet) -> Result<Vec<Output>, StoreError> {
        let hash = set.hash();
        if self.knows(&hash) {
            return Ok(Vec::new());
        }
        self.warn_of_other_key(&set);
        self.sets.push(Collector::new(self.network, set));
        if self.sets.len() > MAX_SETS {
            self.sets.remove(0);
        }
        let mut outputs = Vec::new();
        let ready: Vec<Checkpoint> =
            self.waiting.values().filter(|checkpoint| checkpoint.validators_hash == hash).copied().collect();
        for checkpoint in ready {
            self.waiting.remove(&checkpoint.height);
            outputs.extend(self.open(checkpoint, None)?);
        }
        Ok(outputs)
    }

    fn warn_of_other_key(&self, set: &CheckpointSet) {
        let Some(signer) = &self.signer else { return };
        let registered = set.member(&signer.validator).map(|(_, key)| *key);
        if registered.is_some_and(|registered| registered != signer.key.public()) {
            tracing::error!(
                "checkpoints are not signed: the checkpoint key of this home is not the one that is registered on Ethereum"
            );
        }
    }

    /// Signs the checkpoint of a final block where that is this node's to do, and counts who else does.
    fn open(&mut self, checkpoint: Checkpoint, heads: Option<&HeadsTree>) -> Result<Vec<Output>, StoreError> {
        let signed = self.sign(&checkpoint, heads)?;
        let Some(collector) = self.collector(&checkpoint.validators_hash) else { return Ok(Vec::new()) };
        // It may be open already, or so old that it was closed.
        let mut effects = collector.open(checkpoint).unwrap_or_default();
        if let Some(signed) = signed {
            effects.extend(collector.receive(signed).unwrap_or_default());
        }
        let mut outputs = self.carry_out(effects)?;
        if let Some(signed) = signed {
            self.metrics.signed.set(gauge(checkpoint.height));
            self.announced = Some((signed, 0));
            outputs.push(Output::Announce(Box::new(signed), 0));
        }
        Ok(outputs)
    }

    /// The own signature, once it is on disk that it is this one; `None` where there is to be none.
    fn sign(
        &self,
        checkpoint: &Checkpoint,
        heads: Option<&HeadsTree>,
    ) -> Result<Option<SignedCheckpoint>, StoreError> {
        let is_own = |signer: &&Signer| {
            let set =
                self.sets.iter().map(Collector::set).find(|set| set.hash() == checkpoint.validators_hash);
            let registered = set.and_then(|set| set.member(&signer.validator));
            registered.is_some_and(|(_, registered)| *registered == signer.key.public())
        };
        let Some(signer) = self.signer.as_ref().filter(is_own) else {
            heads.map_or(Ok(()), |heads| self.book.put_heads(checkpoint.height, heads))?;
            return Ok(None);
        };
        match self.book.permit(checkpoint, heads)? {
            SigningVerdict::Allowed => {
                let signature = signer.key.sign(checkpoint);
                Ok(Some(SignedCheckpoint { validator: signer.validator, checkpoint: *checkpoint, signature }))
            }
            SigningVerdict::Contradicts(before) => {
                tracing::error!(
                    height = %checkpoint.height, signed = %before.block, own = %checkpoint.block,
                    "another checkpoint of this height was signed here: this one is not"
                );
                Ok(None)
            }
            SigningVerdict::Passed(newest) => {
                tracing::debug!(height = %checkpoint.height, %newest, "a later checkpoint was signed before");
                Ok(None)
            }
        }
    }

    fn collector(&mut self, validators_hash: &Hash32) -> Option<&mut Collector> {
        self.sets.iter_mut().find(|collector| collector.set().hash() == *validators_hash)
    }

    fn on_received(&mut self, received: ReceivedCheckpoint) -> Result<Vec<Output>, StoreError> {
        let ReceivedCheckpoint { from, signed, repeat, gossip } = received;
        self.metrics.received.inc();
        match self.judge(signed, repeat) {
            Judgement::Taken(effects) => {
                let mut outputs = vec![Output::Verdict(gossip, GossipVerdict::Accept)];
                outputs.extend(self.carry_out(effects)?);
                Ok(outputs)
            }
            Judgement::Ignored(reason) => {
                self.count_refused(reason);
                Ok(vec![Output::Verdict(gossip, GossipVerdict::Ignore)])
            }
            Judgement::Refused(reason, offence) => {
                self.count_refused(reason);
                tracing::debug!(peer = %from, reason, "a signature of a checkpoint is refused");
                Ok(vec![Output::Offence(from, offence), Output::Verdict(gossip, GossipVerdict::Reject)])
            }
        }
    }

    fn judge(&mut self, signed: Bytes, repeat: u32) -> Judgement {
        let Ok(signed) = SignedCheckpoint::from_bytes(signed) else {
            return Judgement::Refused("malformed", Offence::Malformed);
        };
        let SignedCheckpoint { validator, checkpoint, .. } = &signed;
        if checkpoint.network != self.network {
            return Judgement::Refused("wrong_network", Offence::WrongNetwork);
        }
        if !is_due(checkpoint) || repeat > MAX_REPEATS {
            return Judgement::Refused("not_due", Offence::Malformed);
        }
        if self.offenders.contains(validator) {
            return Judgement::Ignored("offender");
        }
        // One that names an unknown set can still contradict another one of its member.
        let by_hash = |collector: &&mut Collector| collector.set().hash() == checkpoint.validators_hash;
        let collector = match self.knows(&checkpoint.validators_hash) {
            true => self.sets.iter_mut().find(by_hash),
            false => self.sets.iter_mut().rev().find(|collector| collector.set().member(validator).is_some()),
        };
        let Some(collector) = collector else { return Judgement::Ignored("unknown_set") };
        match collector.receive(signed) {
            Ok(effects) => Judgement::Taken(effects),
            Err(Refusal::Known) => Judgement::Ignored("known"),
            Err(Refusal::Closed(_)) => Judgement::Ignored("late"),
            Err(Refusal::Invalid(CheckpointError::ValidatorSet { .. })) => Judgement::Ignored("unknown_set"),
            Err(Refusal::Invalid(CheckpointError::NotAMember(_))) => {
                Judgement::Refused("not_a_member", Offence::WrongSignature)
            }
            Err(Refusal::Invalid(_)) => Judgement::Refused("wrong_signature", Offence::WrongSignature),
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> Result<Vec<Output>, StoreError> {
        let mut outputs = Vec::new();
        for effect in effects {
            match effect {
                // The verdict forwards what others signed; what this node signs is announced.
                Effect::Gossip(_) => {}
                Effect::Certified(certificate) => self.keep(&certificate)?,
                Effect::Conflict(conflict) => {
                    tracing::warn!(validator = %conflict.validator, height = %conflict.height(), "two checkpoints of one height");
                    self.metrics.conflicts.inc();
                    self.offenders.insert(conflict.validator);
                    outputs.push(Output::Evidence(*conflict));
                }
            }
        }
        Ok(outputs)
    }

    fn keep(&mut self, certificate: &CheckpointCertificate) -> Result<(), StoreError> {
        if self.book.put_certificate(certificate)? {
            self.metrics.certified.set(gauge(self.certified()));
            tracing::debug!(height = %certificate.checkpoint.height, "a checkpoint is certified");
        }
        Ok(())
    }

    /// Certificates of peers count where this node knows the block to be final itself.
    fn on_certificates(&mut self, from: PeerId, certificates: Vec<Bytes>) -> Result<Vec<Output>, StoreError> {
        for bytes in certificates {
            let Ok(certificate) = CheckpointCertificate::from_bytes(bytes) else {
                self.count_refused("malformed");
                return Ok(vec![Output::Offence(from, Offence::Malformed)]);
            };
            let checkpoint = &certificate.checkpoint;
            let hash = &checkpoint.validators_hash;
            let Some(collector) = self.sets.iter().find(|collector| collector.set().hash() == *hash) else {
                self.count_refused("unknown_set");
                continue;
            };
            if verify_certificate(&certificate, &self.network, collector.set()).is_err() {
                self.count_refused("wrong_signature");
                return Ok(vec![Output::Offence(from, Offence::WrongSignature)]);
            }
            match (self.finals)(checkpoint.height)? {
                Some(own) if own == *checkpoint => self.keep(&certificate)?,
                Some(own) => {
                    self.count_refused("contradiction");
                    tracing::error!(
                        height = %checkpoint.height, certified = %checkpoint.block, own = %own.block,
                        "a quorum signed a checkpoint that contradicts this node's chain"
                    );
                }
                None => self.count_refused("not_final"),
            }
        }
        Ok(Vec::new())
    }

    /// Announces the newest signature again while its height lacks a certificate.
    fn on_tick(&mut self) -> Vec<Output> {
        let certified = self.certified();
        let Some((signed, repeats)) = &mut self.announced else { return Vec::new() };
        if signed.checkpoint.height <= certified || *repeats >= MAX_REPEATS {
            return Vec::new();
        }
        *repeats += 1;
        vec![Output::Announce(Box::new(*signed), *repeats)]
    }

    fn count_refused(&self, reason: &'static str) {
        self.metrics.refused.get_or_create(&ReasonLabel { reason }).inc();
    }
}

fn gauge(height: Height) -> i64 {
    i64::try_from(height.get()).unwrap_or(i64::MAX)
}
