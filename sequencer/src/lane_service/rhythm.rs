//! When segments are closed so that the next cut finds what they say.
//!
//! A transaction is ordered by the first cut that holds what a quorum of lanes say of it: its own segment, and then
//! segments of others that refer to that one. Lanes that close their segments whenever an interval is over make the cut
//! wait for the last of them. So they keep time with consensus: two segments before each height begins, the second early
//! enough to be held everywhere by then, the first early enough to be referred to by the second. That is no more
//! segments than without, and nothing depends on it but latency: where heights begin at no foreseeable time, or segments
//! take too long to arrive, the interval alone counts.

use std::time::{Duration, Instant};

/// The least time that a segment is taken to need until the others hold it.
const LEAST_DELAY: Duration = Duration::from_millis(2);
/// Observations older than about so many count little.
const MEMORY: u32 = 16;

/// What is known of the times at which heights begin, and of the way of segments.
#[derive(Debug, Default)]
pub(super) struct Rhythm {
    /// When the last foreseen height begins or began.
    beat: Option<Instant>,
    /// How long after the one before.
    period: Option<Duration>,
    /// How long segments take until they are held here: mean, and mean deviation.
    delay: Duration,
    deviation: Duration,
}

impl Rhythm {
    /// The next height will begin at this time.
    pub(super) fn expect(&mut self, beat: Instant) {
        if self.beat == Some(beat) {
            return;
        }
        self.period = self.beat.map(|before| beat.saturating_duration_since(before));
        self.beat = Some(beat);
    }

    /// A segment took so long until it was held here.
    pub(super) fn observe(&mut self, delay: Duration) {
        let difference = delay.abs_diff(self.delay);
        self.delay = blend(self.delay, delay);
        self.deviation = blend(self.deviation, difference);
    }

    /// When the segment after the one of `last` is closed, if there is something to say. Never later than an interval
    /// and a half.
    pub(super) fn due(&self, last: Instant, interval: Duration) -> Instant {
        // Where segments need long to arrive, for want of processors or for distance, more of them would not help.
        let plain = last + interval.max((4 * self.delay).min(interval * 3 / 2));
        self.slot(last, interval).filter(|slot| *slot <= last + interval * 3 / 2).unwrap_or(plain)
    }

    /// The next time for a segment before a height.
    fn slot(&self, last: Instant, interval: Duration) -> Option<Instant> {
        let (beat, period) = (self.beat?, self.period?);
        let lead = (self.delay + self.deviation).max(LEAST_DELAY);
        if lead > interval / 2 || period < interval {
            return None;
        }
        // Slots that are closer to the last segment than half of their distance have had it.
        let after = last + lead / 2;
        let slots = [beat, beat + period]
            .into_iter()
            .flat_map(|beat| [beat.checked_sub(2 * lead), beat.checked_sub(lead)]);
        slots.flatten().find(|slot| *slot > after)
    }
}

fn blend(before: Duration, now: Duration) -> Duration {
    (before * (MEMORY - 1) + now) / MEMORY
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(20);

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// Heights each 40 ms, the last one foreseen at 40 ms after `start`, segments that take 5 ms.
    fn steady(start: Instant) -> Rhythm {
        let mut rhythm = Rhythm { delay: ms(5), ..Rhythm::default() };
        rhythm.expect(start);
        rhythm.expect(start + ms(40));
        rhythm
    }

    #[test]
    fn two_segments_come_before_each_height() {
        let start = Instant::now();
        let rhythm = steady(start);
        let mut last = start + ms(10);
        let mut closed = Vec::new();
        for _ in 0..4 {
            last = rhythm.due(last, INTERVAL);
            closed.push((last - start).as_millis());
        }
        assert_eq!(closed, [30, 35, 55, 70], "the interval, then before the height after the foreseen one");
        let mut rhythm = steady(start);
        rhythm.expect(start + ms(80));
        assert_eq!(rhythm.due(start + ms(55), INTERVAL), start + ms(70));
    }

    #[test]
    fn without_foresight_the_interval_counts() {
        let now = Instant::now();
        assert_eq!(Rhythm::default().due(now, INTERVAL), now + INTERVAL);
        let mut slow = steady(now);
        (0..200).for_each(|_| slow.observe(ms(50)));
        assert_eq!(slow.due(now + ms(3), INTERVAL), now + ms(33), "segments take too long");
        let long_ago = steady(now);
        assert_eq!(long_ago.due(now + ms(500), INTERVAL), now + ms(520), "consensus stands still");
    }

    #[test]
    fn delays_are_followed_slowly() {
        let mut rhythm = Rhythm::default();
        (0..200).for_each(|_| rhythm.observe(ms(8)));
        assert!(rhythm.delay > ms(7) && rhythm.delay <= ms(8), "{rhythm:?}");
        rhythm.observe(ms(800));
        assert!(rhythm.delay < ms(60), "{rhythm:?}");
    }
}
