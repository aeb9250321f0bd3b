//! When segments are closed so that the next cut finds what they say.
//!
//! A transaction is ordered by the first cut that holds what a quorum of lanes say of it: its own segment, and then
//! segments of others that refer to that one. Lanes that close their segments whenever an interval is over make the cut
//! wait for the last of them. So they keep time with consensus: two segments before each height begins, the second early
//! enough to be held by most others by then, the first early enough to be referred to by the second. The first carries ten
//! times as many transactions, which all wait for another height where it comes too late, so it has more time than it
//! usually needs; and the segment in between heights comes late, so that less is left for the first. Who makes the cut
//! closes its own second one at the last moment: the others have it before they have the proposal. That is no more segments
//! than without, and nothing depends on it but latency: where heights begin at no foreseeable time, or segments take too
//! long to arrive, the interval alone counts.

use std::time::{Duration, Instant};

/// The least time that a segment is taken to need until the others hold it.
const LEAST_DELAY: Duration = Duration::from_millis(1);
/// The least time that the first segment before a height is given to be referred to by the second.
const LEAST_SPACING: Duration = Duration::from_millis(3);
/// The least time that closing a segment is taken to need.
const LEAST_CLOSING: Duration = Duration::from_millis(1);
/// Observations older than about so many count little.
const MEMORY: u32 = 16;

/// What is known of the times at which heights begin, and of the way of segments.
#[derive(Debug, Default)]
pub(super) struct Rhythm {
    /// The last foreseen height.
    beat: Option<Beat>,
    /// How long after the one before.
    period: Option<Duration>,
    /// How long segments take until they are held here.
    delay: Spread,
    /// How long closing one takes until it is held here.
    closing: Spread,
}

#[derive(Clone, Copy, Debug)]
struct Beat {
    /// When the height begins or began.
    at: Instant,
    /// Whether this node makes its cut.
    ours: bool,
}

/// Mean, and mean deviation.
#[derive(Debug, Default)]
struct Spread {
    mean: Duration,
    deviation: Duration,
}

impl Spread {
    /// Takes in a value. One that is far off counts as if it were less so: a single pause of a machine tells little.
    fn observe(&mut self, value: Duration) {
        let value = value.min(2 * self.most() + Duration::from_millis(1));
        let difference = value.abs_diff(self.mean);
        self.mean = blend(self.mean, value);
        self.deviation = blend(self.deviation, difference);
    }

    /// What most values are below.
    fn most(&self) -> Duration {
        self.mean + self.deviation
    }

    /// What hardly any value is above.
    fn nearly_all(&self) -> Duration {
        self.mean + 3 * self.deviation
    }
}

impl Rhythm {
    /// The next height will begin at this time, with a cut that this node makes or not.
    pub(super) fn expect(&mut self, at: Instant, ours: bool) {
        if self.beat.is_some_and(|beat| beat.at == at) {
            return;
        }
        self.period = self.beat.map(|before| at.saturating_duration_since(before.at));
        self.beat = Some(Beat { at, ours });
    }

    /// A segment took so long until it was held here.
    pub(super) fn observe(&mut self, delay: Duration) {
        self.delay.observe(delay);
    }

    /// Closing an own segment took so long.
    pub(super) fn sealed(&mut self, taken: Duration) {
        self.closing.observe(taken);
    }

    /// When the segment after the one of `last` is closed, if there is something to say. Never later than an interval
    /// and a half.
    pub(super) fn due(&self, last: Instant, interval: Duration) -> Instant {
        // Where segments need long to arrive, for want of processors or for distance, more of them would not help.
        let latest = last + interval * 3 / 2;
        let plain = (last + interval.max(4 * self.delay.mean)).min(latest);
        match self.slot(last, interval) {
            Some(slot) if slot <= latest => slot,
            // There is one more before it. The less comes after that one, the less is left for the slot.
            Some(slot) => plain.max(latest.min(slot - interval / 2)),
            None => plain,
        }
    }

    /// How long before a height a segment is closed that is to be held by most others when it begins.
    pub(super) fn lead(&self) -> Duration {
        self.delay.most().max(LEAST_DELAY)
    }

    /// The next time for a segment before a height.
    fn slot(&self, last: Instant, interval: Duration) -> Option<Instant> {
        let (Beat { at, ours }, period) = (self.beat?, self.period?);
        let lead = self.lead();
        if lead > interval / 2 || period < interval {
            return None;
        }
        let latest = if ours { self.closing.most().clamp(LEAST_CLOSING, lead) } else { lead };
        let first = lead + self.delay.nearly_all().max(LEAST_SPACING);
        // Slots that are closer to the last segment than half of a segment's way have had it.
        let after = last + lead / 2;
        let slots = [at.checked_sub(first), at.checked_sub(latest)];
        let next = [(at + period).checked_sub(first), (at + period).checked_sub(lead)];
        slots.into_iter().chain(next).flatten().find(|slot| *slot > after)
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
        let delay = Spread { mean: ms(5), deviation: Duration::ZERO };
        let mut rhythm = Rhythm { delay, ..Rhythm::default() };
        rhythm.expect(start, false);
        rhythm.expect(start + ms(40), false);
        rhythm
    }

    #[test]
    fn two_segments_come_before_each_height() {
        let start = Instant::now();
        let closed = |rhythm: &Rhythm| {
            let mut last = start + ms(10);
            [(); 4].map(|()| {
                last = rhythm.due(last, INTERVAL);
                (last - start).as_millis()
            })
        };
        let mut rhythm = steady(start);
        assert_eq!(
            closed(&rhythm),
            [30, 35, 60, 70],
            "then half an interval before the first one before the height after the foreseen one"
        );
        rhythm.expect(start + ms(80), false);
        assert_eq!(rhythm.due(start + ms(55), INTERVAL), start + ms(70));
    }

    #[test]
    fn the_first_one_has_more_time_where_times_differ() {
        let start = Instant::now();
        let mut rhythm = steady(start);
        rhythm.expect(start + ms(80), false);
        rhythm.delay.deviation = ms(1);
        let first = rhythm.due(start + ms(55), INTERVAL);
        assert_eq!((first - start).as_millis(), 66, "eight milliseconds before the second one");
        assert_eq!((rhythm.due(first, INTERVAL) - start).as_millis(), 74, "six before the height");
    }

    #[test]
    fn who_makes_the_cut_closes_its_last_segment_just_before() {
        let start = Instant::now();
        let mut rhythm = steady(start);
        rhythm.expect(start + ms(80), true);
        assert_eq!(rhythm.due(start + ms(70), INTERVAL), start + ms(79));
        (0..200).for_each(|_| rhythm.sealed(ms(3)));
        let due = rhythm.due(start + ms(70), INTERVAL);
        assert!(due > start + ms(76) && due <= start + ms(77), "closing takes 3 ms");
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
        assert!(rhythm.delay.mean > ms(7) && rhythm.delay.mean <= ms(8), "{rhythm:?}");
        rhythm.observe(ms(800));
        assert!(rhythm.delay.mean < ms(10), "a pause of a machine: {rhythm:?}");
        (0..200).for_each(|_| rhythm.observe(ms(80)));
        assert!(rhythm.delay.mean > ms(70), "a longer way: {rhythm:?}");
    }
}
