//! The contracts' clock (docs/protocol.md, "Epochs"): epochs are stretches of Ethereum's blocks.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

/// How many epochs lie between the beginning of the epoch that fixes a set and the beginning of the one that
/// uses it.
const LEAD: u32 = 2;
/// A transaction of epoch e counts from epoch e and so many on.
const DELAY: u32 = LEAD + 1;

/// An epoch, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Where epochs begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochClock {
    /// The first block of epoch 0: the one that created the StakeManager.
    pub start_block: u64,
    /// Blocks in an epoch.
    pub epoch_length: NonZeroU32,
}

impl EpochClock {
    /// The epoch of a block; `None` before the first, and past what 32 bits count.
    pub fn epoch_of(&self, block: u64) -> Option<Epoch> {
        let since = block.checked_sub(self.start_block)?;
        u32::try_from(since / u64::from(self.epoch_length.get())).ok().map(Epoch)
    }

    /// The first block of an epoch.
    pub fn first_block(&self, epoch: Epoch) -> u64 {
        self.start_block.saturating_add(u64::from(epoch.0) * u64::from(self.epoch_length.get()))
    }

    /// The blocks whose transactions `epoch` is the first to count; for epochs 0 to 2, which count none, the first block.
    pub fn changed_in(&self, epoch: Epoch) -> RangeInclusive<u64> {
        match epoch.0.checked_sub(DELAY) {
            None => self.start_block..=self.start_block,
            Some(of) => {
                self.first_block(Epoch(of))..=self.first_block(Epoch(of.saturating_add(1))).saturating_sub(1)
            }
        }
    }

    /// The block after which the set of `epoch` never changes: the last one before epoch `epoch - 2` begins.
    /// The sets of epochs 0 to 2 are empty from the start, so for them it is the first block of all.
    pub fn fixed_after(&self, epoch: Epoch) -> u64 {
        match epoch.0.checked_sub(LEAD) {
            None | Some(0) => self.start_block,
            Some(fixing) => self.first_block(Epoch(fixing)).saturating_sub(1),
        }
    }
}

#[cfg(test)]
#[path = "epoch_tests.rs"]
mod tests;
