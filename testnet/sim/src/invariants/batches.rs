//! Batches: a subscriber for each rollup gets them without a gap, each provably what a certified block has for it.
//!
//! A subscriber knows the validator set of genesis and nothing else. It follows one honest validator, changes over when that one
//! dies, and goes on where it was. What it gets is verified as an adapter would ([`fairlane_verify`]); that indices and
//! heads continue is checked here by itself.

use super::agreement::Agreement;
use super::{Cast, Verdict, broken};
use crate::observe::Committed;
use crate::scenario::{Scenario, Stream, stream};
use crate::setup::Setup;
use fairlane_types::{BatchIndex, Height, RollupHead, RollupId};
use fairlane_verify::{BatchChain, TrustedSets, Verifier, WireBatch};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

struct Subscriber {
    rollup: RollupId,
    /// Which validator it follows.
    follows: usize,
    /// Up to which height it has looked.
    height: Height,
    index: BatchIndex,
    head: RollupHead,
    chain: BatchChain,
}

/// A subscriber for each rollup.
pub(super) struct Subscribers {
    subscribers: Vec<Subscriber>,
    verifier: Verifier,
    /// How far each validator has committed.
    reached: Vec<Height>,
    random: ChaCha8Rng,
}

impl Subscribers {
    pub(super) fn new(scenario: &Scenario, setup: &Setup) -> Self {
        let mut random = stream(scenario.seed, Stream::Subscribers);
        let honest: Vec<usize> = (0..setup.count()).filter(|place| !scenario.is_villain(*place)).collect();
        let subscriber = |rollup: RollupId| Subscriber {
            rollup,
            follows: honest[random.gen_range(0..honest.len() as u64) as usize],
            height: Height::ZERO,
            index: BatchIndex::ZERO,
            head: RollupHead::ZERO,
            chain: BatchChain::start(rollup),
        };
        Self {
            subscribers: setup.genesis.rollups.iter().map(|rollup| rollup.id).map(subscriber).collect(),
            verifier: Verifier::new(TrustedSets::genesis(&setup.genesis)),
            reached: vec![Height::ZERO; setup.count()],
            random,
        }
    }

    /// Who followed this validator follows another one.
    pub(super) fn died(&mut self, place: usize) {
        let count = self.reached.len();
        for subscriber in self.subscribers.iter_mut().filter(|subscriber| subscriber.follows == place) {
            let further = self.random.gen_range(1..count as u64) as usize;
            subscriber.follows = (place + further) % count;
        }
    }

    /// A validator has committed up to a height: its subscribers get what is new for them.
    pub(super) fn committed(
        &mut self,
        cast: &Cast,
        agreement: &Agreement,
        place: usize,
        height: Height,
    ) -> Verdict {
        self.reached[place] = self.reached[place].max(height);
        for at in 0..self.subscribers.len() {
            let follows = self.subscribers[at].follows;
            if !cast.honest[follows] {
                // It was handed over to a liar, whose batches it could not verify, and turns away.
                self.subscribers[at].follows = place;
            }
            if self.subscribers[at].follows == place {
                self.deliver(at, agreement, self.reached[place])?;
            }
        }
        Ok(())
    }

    /// Everybody gets everything: the run is over.
    pub(super) fn catch_up(&mut self, agreement: &Agreement) -> Verdict {
        let last = Height::new(agreement.height());
        (0..self.subscribers.len()).try_for_each(|at| self.deliver(at, agreement, last))?;
        let Some(block) = agreement.block(last) else { return Ok(()) };
        for subscriber in &self.subscribers {
            let leaf = block.heads.leaves().iter().find(|leaf| leaf.rollup == subscriber.rollup);
            if leaf.is_none_or(|leaf| leaf.index != subscriber.index || leaf.head != subscriber.head) {
                let what = format!("rollup {} at batch {}", subscriber.rollup, subscriber.index);
                return broken("a subscriber ends where the chain does", what);
            }
        }
        Ok(())
    }

    fn deliver(&mut self, at: usize, agreement: &Agreement, up_to: Height) -> Verdict {
        while self.subscribers[at].height < up_to {
            let height = self.subscribers[at].height.next();
            let Some(block) = agreement.block(height) else { return Ok(()) };
            self.take(at, block)?;
            self.subscribers[at].height = height;
        }
        Ok(())
    }

    /// A subscriber is shown each header that hands over to another set, and goes on from what it trusts.
    fn take(&mut self, at: usize, block: &Committed) -> Verdict {
        if let Some(next) = block.proposal.next_validators.clone() {
            let (header, certificate) = (block.proposal.header.clone(), block.certificate.clone());
            self.verifier
                .follow(header, certificate, Some(next))
                .map_err(|error| ("trust goes over to the next set", error.to_string()))?;
        }
        let subscriber = &mut self.subscribers[at];
        let rollup = subscriber.rollup;
        let Some(batch) = block.batches.iter().find(|batch| batch.header().rollup == rollup) else {
            return Ok(());
        };
        let header = batch.header();
        if header.index != subscriber.index.next() || header.previous_head != subscriber.head {
            let what = format!("rollup {rollup} has batch {} after {}", header.index, subscriber.index);
            return broken("batches come without a gap", what);
        }
        let Some(path) = block.heads.path(rollup) else {
            return broken("a batch can be proven", format!("rollup {rollup} has no leaf"));
        };
        let wire = WireBatch {
            header: block.proposal.header.clone(),
            certificate: block.certificate.clone(),
            path,
            batch: *header,
            body: batch.body().clone(),
        };
        let verified =
            self.verifier.batch(wire).map_err(|error| ("a batch can be proven", error.to_string()))?;
        subscriber.index = verified.index();
        subscriber.head = verified.head();
        subscriber.chain.accept(&verified).map_err(|error| ("batches come without a gap", error.to_string()))
    }
}
