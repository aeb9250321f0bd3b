//! Which lanes advanced in the last blocks: what proposer selection goes by.
//!
//! A pure function of the last committed cuts, so that every node and every restart comes to the same answer.

use fairlane_types::{Cut, LaneId};
use std::collections::VecDeque;

/// Over how many blocks a lane must stand still before its validator is passed over (K).
///
/// A rule of the protocol, no setting: nodes with different windows would disagree about who proposes.
pub(crate) const WINDOW: usize = 10;

/// The cuts of the last `WINDOW + 1` blocks, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    cuts: VecDeque<Cut>,
}

impl Activity {
    /// How many cuts one needs to know.
    pub const CUTS: usize = WINDOW + 1;

    /// Takes in the next block's cut.
    pub fn push(&mut self, cut: Cut) {
        self.cuts.push_back(cut);
        while self.cuts.len() > Self::CUTS {
            self.cuts.pop_front();
        }
    }

    /// Whether a lane moved within the window. In the chain's first blocks, and for a lane that is new in the
    /// set, there is no reason to pass anybody over yet.
    pub fn is_active(&self, lane: &LaneId) -> bool {
        let (Some(oldest), Some(newest)) = (self.cuts.front(), self.cuts.back()) else {
            return true;
        };
        if self.cuts.len() < Self::CUTS {
            return true;
        }
        match (oldest.head(lane), newest.head(lane)) {
            (Some(before), Some(after)) => before != after,
            _ => true,
        }
    }
}
