//! The network between validators: delays, losses, repetitions, partitions and storms.

use crate::scenario::Links;
use crate::setup::MS;
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

/// How long a message takes to be sent again once the network has healed, in nanoseconds.
const RESENT: u64 = 200 * MS;

/// A storm that rages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storm {
    pub(crate) loss: u8,
    pub(crate) duplicates: u8,
    pub(crate) delay: u64,
}

/// What became of messages.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fates {
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    pub(crate) resent: u64,
    pub(crate) duplicated: u64,
    pub(crate) cut_off: u64,
}

/// The network. What a link loses is gone until all faults are over; from then on it comes late, as over TCP: nobody
/// promises progress where messages are lost for ever.
pub(crate) struct Network {
    links: Links,
    healed_at: u64,
    random: ChaCha8Rng,
    /// Partitions by the number of their fault.
    partitions: Vec<(usize, Vec<bool>)>,
    storms: Vec<(usize, Storm)>,
    pub(crate) fates: Fates,
}

impl Network {
    pub(crate) fn new(links: Links, healed_at: u64, random: ChaCha8Rng) -> Self {
        Self { links, healed_at, random, partitions: Vec::new(), storms: Vec::new(), fates: Fates::default() }
    }

    pub(crate) fn part(&mut self, fault: usize, side: Vec<bool>) {
        self.partitions.push((fault, side));
    }

    pub(crate) fn storm(&mut self, fault: usize, storm: Storm) {
        self.storms.push((fault, storm));
    }

    /// The partition or storm of this fault is over.
    pub(crate) fn calm(&mut self, fault: usize) {
        self.partitions.retain(|(of, _)| *of != fault);
        self.storms.retain(|(of, _)| *of != fault);
    }

    /// After how many nanoseconds each copy of a message that is sent `now` arrives; none does when it is lost.
    pub(crate) fn carry(&mut self, now: u64, from: usize, to: usize) -> Vec<u64> {
        // Every message draws the same numbers, so that a fault that is left out does not shift all others.
        let (lost, doubled): (u16, u16) = (self.random.gen_range(0..1000), self.random.gen_range(0..1000));
        let jitters: [u64; 2] = [self.random.r#gen(), self.random.r#gen()];
        if self.partitions.iter().any(|(_, side)| side[from] != side[to]) {
            self.fates.cut_off += 1;
            return Vec::new();
        }
        let worst = |of: fn(&Storm) -> u64| self.storms.iter().map(|(_, storm)| of(storm)).max().unwrap_or(0);
        let loss = u64::from(self.links.loss).max(worst(|storm| u64::from(storm.loss) * 10));
        let duplicates =
            u64::from(self.links.duplicates).max(worst(|storm| u64::from(storm.duplicates) * 10));
        let spread = self.links.jitter + worst(|storm| storm.delay);
        let is_lost = u64::from(lost) < loss;
        if is_lost && now < self.healed_at {
            self.fates.lost += 1;
            return Vec::new();
        }
        let late = if is_lost { RESENT } else { 0 };
        self.fates.resent += u64::from(is_lost);
        let copies = if u64::from(doubled) < duplicates { 2 } else { 1 };
        self.fates.duplicated += copies - 1;
        self.fates.delivered += copies;
        jitters.iter().take(copies as usize).map(|jitter| late + self.links.delay + jitter % spread).collect()
    }
}
