//! What a validator may have signed and does not know of when it starts, and when that does not matter any more.
//!
//! A crash leaves on the disk what this validator must know: its decisions, and the log of its votes. A disk that was
//! lost knows nothing, and one that was restored from a backup knows less than was signed. Signing another vote for the
//! same round is slashable. So at each start a quorum of the power, this validator's own included, is asked for the last
//! height that it has decided. Let D be the highest that is told, and S the last height at which this validator signed
//! anything.
//!
//! **S is at most D + 2.** It voted at S only after a quorum had precommitted at S - 1, and whoever did so honestly had
//! S - 2 decided and on disk. A quorum that answers shares F + 1 with that one. A lost or an old disk is one of the
//! faults that the network bears, so liars and this validator together have no more than F, and one of those who
//! answer tells the truth. So a validator without a log only watches until D + 2 is decided. Where all say that nothing
//! is decided, the network begins, and so does everybody's log.
//!
//! **A log of a height L >= D is the last one.** What a crash leaves is always complete: nothing was signed beyond the
//! height of the log, and L - 1 is decided on the same disk. A log of L < D may be complete too, but it may as well
//! come from a backup, so it counts for nothing: the chain has gone on without this validator. No more can be asked
//! of a log. When all stop at once, as in a power failure, those who precommitted at D have logs of D; if these did not
//! count, everybody would watch and nobody vote.
//!
//! A log from a backup is taken for the last one only where the chain has decided nothing since beyond the height of
//! that log: within a moment, or where it stands still. There the lanes tell, which go on: if others hold a segment of
//! this validator that its own disk does not have, the disk is old, whatever its log says.
//!
//! Its limits: what was signed since the copy, while the chain stood still, and with it no segment that anybody holds
//! now. And a validator that watches is one of the faulty until it votes again: where the chain cannot do without it, it
//! stands still.

#[cfg(test)]
mod tests;

use fairlane_types::Height;

/// How far beyond what is told as decided a vote may have been signed.
const BEYOND: u64 = 2;

/// What a validator finds in its own home when it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The last height whose decision is on its disk.
    pub decided: Height,
    /// The height that the log of its votes belongs to; `None` without a log.
    pub log: Option<Height>,
    /// The height up to which anything may have been signed, as kept apart from the log; zero where nothing is kept.
    pub reserved: Height,
}

/// What a quorum of the validators, this one included, says at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The highest height that one of them has decided.
    pub decided: Height,
    /// Whether one of them holds a segment of this validator's lane that its own disk does not have.
    pub lane_ahead: bool,
}

impl Memory {
    /// The last height at which this validator may have signed what it does not know of; zero where there is none.
    pub fn unknown_up_to(&self, told: Told) -> Height {
        let decided = told.decided.max(self.decided);
        let possible = decided.saturating_add(BEYOND);
        // A log beyond the store was not written together with it.
        let log = self.log.filter(|log| *log <= self.decided.next() && !told.lane_ahead);
        let is_known = log.is_some_and(|log| log >= decided);
        let begins = decided.max(self.reserved) == Height::ZERO && !told.lane_ahead;
        match log {
            _ if is_known || begins => Height::ZERO,
            Some(_) => possible,
            None => possible.max(self.reserved).max(self.log.unwrap_or_default()),
        }
    }
}
