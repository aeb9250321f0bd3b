//! A validator that has started only watches, until nothing that it may have signed and does not know of can matter.
//! With the log that a crash leaves, that is when a quorum was heard.

use super::Node;
use super::heights::Phase;
use fairlane_types::Height;

impl Node {
    /// Whether it was told that it may have signed what it does not know of, and waits for the chain to get beyond it.
    pub(crate) fn watches(&self) -> bool {
        let doubt = self.doubt.as_ref();
        doubt.is_some_and(|doubt| doubt.last().is_some() && !doubt.is_over(self.chain.height()))
    }

    /// A peer says which height it has decided last.
    pub(super) fn hear_of(&mut self, from: usize, decided: Height) {
        let Some(doubt) = &mut self.doubt else { return };
        doubt.hear(&self.base.validators, self.setup.validator(from), decided);
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
