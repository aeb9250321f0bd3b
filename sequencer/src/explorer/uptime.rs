//! For how much of the last hour each lane grew, as this node saw it. Pure: who looks, and how often, is others' matter.

use std::collections::{BTreeMap, VecDeque};

/// How many looks are remembered: an hour, with one each ten seconds.
pub(super) const LOOKS: usize = 360;

/// A lane: its validator and incarnation.
pub(super) type LaneKey = (Vec<u8>, u32);

/// What was seen of each lane. A validator that is up lets its lane grow all the time, with a heartbeat if nothing else.
#[derive(Debug, Default)]
pub(super) struct Uptime {
    lanes: BTreeMap<LaneKey, Lane>,
}

#[derive(Debug)]
struct Lane {
    head: u64,
    /// Whether it had grown since the look before, oldest first.
    grew: VecDeque<bool>,
}

impl Uptime {
    /// Looks at the lanes that there are now, each with the newest segment's place. Others are forgotten.
    pub(super) fn look(&mut self, lanes: impl IntoIterator<Item = (LaneKey, u64)>) {
        let mut before = std::mem::take(&mut self.lanes);
        for (key, head) in lanes {
            let mut lane = before.remove(&key);
            if let Some(lane) = &mut lane {
                if lane.grew.len() == LOOKS {
                    lane.grew.pop_front();
                }
                lane.grew.push_back(head > lane.head);
                lane.head = head;
            }
            self.lanes.insert(key, lane.unwrap_or_else(|| Lane { head, grew: VecDeque::new() }));
        }
    }

    /// At how many looks a lane had grown, and at how many it was looked at; `None` before the second one.
    pub(super) fn of(&self, key: &LaneKey) -> Option<(usize, usize)> {
        let lane = self.lanes.get(key).filter(|lane| !lane.grew.is_empty())?;
        Some((lane.grew.iter().filter(|grew| **grew).count(), lane.grew.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: u8) -> LaneKey {
        (vec![name], 0)
    }

    #[test]
    fn looks_after_which_a_lane_had_grown_are_counted_for_an_hour() {
        let mut uptime = Uptime::default();
        uptime.look([(key(1), 10), (key(2), 7)]);
        assert_eq!(uptime.of(&key(1)), None, "one look shows no growth");
        for head in 11..=14 {
            uptime.look([(key(1), head), (key(2), 7)]);
        }
        assert_eq!(uptime.of(&key(1)), Some((4, 4)));
        assert_eq!(uptime.of(&key(2)), Some((0, 4)));
        for _ in 0..LOOKS - 1 {
            uptime.look([(key(1), 14), (key(2), 7)]);
        }
        assert_eq!(uptime.of(&key(1)), Some((1, LOOKS)), "what is older than an hour does not count");
    }

    #[test]
    fn a_lane_that_comes_back_begins_anew() {
        let mut uptime = Uptime::default();
        uptime.look([(key(1), 1)]);
        uptime.look([(key(1), 2)]);
        uptime.look([]);
        uptime.look([(key(1), 9)]);
        assert_eq!(uptime.of(&key(1)), None);
        assert_eq!(uptime.of(&key(2)), None);
    }
}
