//! A change of the validator set.

use super::Core;
use crate::lane::{Lane, NEVER};
use crate::params::PowersError;
use fairlane_types::VotingPower;

impl Core {
    /// This state under another validator set.
    pub(super) fn changed(
        &self,
        powers: &[VotingPower],
        from_old: &[Option<usize>],
    ) -> Result<Self, PowersError> {
        if powers.len() != from_old.len() {
            return Err(PowersError::Mismatch { powers: powers.len(), lanes: from_old.len() });
        }
        let mut core = Self::new(powers, self.params)?;
        let room = self.lanes.iter().map(|lane| lane.times.len()).max().unwrap_or(0);
        let mut taken = vec![false; self.lanes.len()];
        core.lanes = from_old.iter().map(|old| self.inherit(*old, &mut taken)).collect::<Result<_, _>>()?;
        core.clock = self.clock;
        core.live = self.live.clone();
        // A fresh lane has no times yet, and room is made for all lanes alike.
        core.lanes.iter_mut().for_each(|lane| lane.times.resize(room, NEVER));
        core.evaluate_again();
        Ok(core)
    }

    fn inherit(&self, old: Option<usize>, taken: &mut [bool]) -> Result<Lane, PowersError> {
        let Some(old) = old else { return Ok(Lane::default()) };
        match (self.lanes.get(old), taken.get_mut(old)) {
            (Some(lane), Some(taken)) if !*taken => {
                *taken = true;
                Ok(lane.clone())
            }
            _ => Err(PowersError::OldLane(old)),
        }
    }

    /// Computes N and the quantiles of everything from the lanes.
    pub(crate) fn evaluate_again(&mut self) {
        self.live.power.fill(0);
        let all: Vec<_> = self.live.iter().collect();
        for slot in all {
            self.live.touch(slot);
        }
        for (lane, &power) in self.lanes.iter().zip(&self.powers) {
            for &slot in &lane.order {
                self.live.held_by(slot, power);
            }
        }
        self.refresh();
    }
}
