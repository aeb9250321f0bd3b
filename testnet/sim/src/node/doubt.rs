//! A validator that has started only watches, until nothing that it may have signed and does not know of can matter.
//! With the log that a crash leaves, that is when a quorum has answered.

use super::Node;
use super::heights::Phase;
use fairlane_agreement::{Memory, Told};
use fairlane_types::Height;

/// What may have been signed and is not known.
#[derive(Debug)]
pub(super) struct Doubt {
    memory: Memory,
    /// The last height at which something unknown may have been signed, once a quorum has answered.
    last: Option<Height>,
}

impl Doubt {
    pub(super) fn new(memory: Memory) -> Self {
        Self { memory, last: None }
    }

    fn is_over(&self, decided: Height) -> bool {
        self.last.is_some_and(|last| decided >= last)
    }
}

impl Node {
    /// Whether it was told that it may have signed what it does not know of, and waits for the chain to get beyond it.
    pub(crate) fn watches(&self) -> bool {
        let doubt = self.doubt.as_ref();
        doubt.is_some_and(|doubt| doubt.last.is_some() && !doubt.is_over(self.chain.height()))
    }

    /// The validators have answered; `None` where this one needs nobody else to decide.
    pub(super) fn be_told(&mut self, told: Option<Told>) {
        let Some(doubt) = self.doubt.as_mut().filter(|doubt| doubt.last.is_none()) else { return };
        let last = told.map_or(Height::ZERO, |told| doubt.memory.unknown_up_to(told));
        doubt.last = Some(last);
        if doubt.is_over(self.chain.height()) && self.heights.phase != Phase::Committing {
            self.enter_height();
        }
    }

    /// Lets consensus vote from the next height on, if that is safe by now.
    pub(super) fn vote_if_safe(&mut self) {
        if self.doubt.as_ref().is_some_and(|doubt| doubt.is_over(self.chain.height())) {
            self.doubt = None;
            self.machine = self.machine.voting();
        }
    }
}
