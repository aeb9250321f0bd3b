//! How the validator set changes in a run: which sets Ethereum fixes, and when each validator sees it.

use super::chance;
use crate::byzantine::Vices;
use crate::setup::MS;
use rand::Rng;

/// An epoch of Ethereum, with the set that is fixed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// The power of each validator by its place; zero for who is not in the set.
    pub powers: Vec<u64>,
    /// When each validator sees that it begins, in nanoseconds of virtual time; `None` where it never looks.
    pub seen: Vec<Option<u64>>,
}

/// What the sets of a run must bear.
pub(super) struct Sets<'a> {
    /// The powers at genesis.
    pub(super) genesis: &'a [u64],
    pub(super) villains: &'a [(usize, Vices)],
    /// Who may lose its disk.
    pub(super) forgetful: Option<usize>,
    pub(super) weighted: bool,
    pub(super) healed_at: u64,
}

impl Sets<'_> {
    /// One to four epochs, each with a set of its own, unless none is found that bears its liars.
    pub(super) fn draw(&self, random: &mut impl Rng) -> Vec<Epoch> {
        let mut powers = self.genesis.to_vec();
        let mut at = random.gen_range(100 * MS..self.healed_at / 2);
        let mut epochs = Vec::new();
        for _ in 0..random.gen_range(1..=4u8) {
            let next = self.next(&powers, random);
            if self.bears_its_liars(&next) {
                powers = next;
            }
            let seen = powers.iter().map(|_| sees(at, random)).collect();
            epochs.push(Epoch { powers: powers.clone(), seen });
            at += random.gen_range(100 * MS..1_200 * MS);
        }
        epochs
    }

    /// Most stay, some leave, some come or come back.
    fn next(&self, powers: &[u64], random: &mut impl Rng) -> Vec<u64> {
        let draw = |power: &u64| {
            let stays = chance(random, if *power > 0 { 80 } else { 50 });
            let new = if self.weighted { random.gen_range(1..=5u64) } else { 1 };
            if stays { new } else { 0 }
        };
        powers.iter().map(draw).collect()
    }

    /// Whether there are some members, and those who lie or forget have no more power than may be faulty.
    fn bears_its_liars(&self, powers: &[u64]) -> bool {
        let total: u64 = powers.iter().sum();
        let faulty = self.villains.iter().map(|(place, _)| *place).chain(self.forgetful);
        let power: u64 = faulty.map(|place| powers[place]).sum();
        powers.iter().filter(|power| **power > 0).count() >= 3 && power < total.div_ceil(3)
    }
}

fn sees(at: u64, random: &mut impl Rng) -> Option<u64> {
    let later = random.gen_range(0..300 * MS);
    (!chance(random, 5)).then_some(at + later)
}
