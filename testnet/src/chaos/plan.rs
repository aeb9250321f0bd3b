//! What happens to whom: a seeded schedule of faults, and nothing else.
//!
//! Each track strikes one validator at a time and has validators of its own, so that as many tracks as the network
//! bears faulty validators never make one more faulty. A track deals its kinds of faults like a deck of cards: all of
//! them come up before one comes up again. The same seed gives the same faults, victims and lengths; when the next one
//! begins depends on how fast the last victim recovers.

use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::fmt;
use std::time::Duration;

/// The pause before a strike, in milliseconds.
const PAUSE: std::ops::Range<u64> = 200..1_500;
/// How long a fault lasts, in milliseconds.
const HOLD: std::ops::Range<u64> = 500..5_000;

/// What can happen to a validator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// SIGKILL, and started again later.
    Kill,
    /// SIGSTOP, and SIGCONT later.
    Freeze,
    /// Its network cable is pulled, and plugged in later.
    CutOff,
    /// Its disk is full, and has room again later.
    FullDisk,
    /// Its disk takes some writes a second only, and is fast again later.
    SlowDisk,
    /// SIGKILL, and half a write at the end of consensus's log.
    TornLog,
    /// SIGKILL, and the end of its store is overwritten.
    DamagedStore,
    /// SIGKILL, and its data is put back to what it was some seconds before, with the log of votes or without.
    OldBackup,
    /// SIGKILL, and all that it has written is gone.
    LostDisk,
}

impl Fault {
    /// All kinds.
    pub(super) const ALL: [Self; 9] = [
        Self::Kill,
        Self::Freeze,
        Self::CutOff,
        Self::FullDisk,
        Self::SlowDisk,
        Self::TornLog,
        Self::DamagedStore,
        Self::OldBackup,
        Self::LostDisk,
    ];
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kill => "killed",
            Self::Freeze => "frozen",
            Self::CutOff => "cut off",
            Self::FullDisk => "full disk",
            Self::SlowDisk => "slow disk",
            Self::TornLog => "torn log",
            Self::DamagedStore => "damaged store",
            Self::OldBackup => "old backup",
            Self::LostDisk => "lost disk",
        })
    }
}

/// One fault of one validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Strike {
    /// How long to wait before it.
    pub(super) pause: Duration,
    /// Whom it hits.
    pub(super) victim: usize,
    /// What happens.
    pub(super) fault: Fault,
    /// How long it lasts.
    pub(super) hold: Duration,
    /// Chance for details, such as what garbage is written.
    pub(super) salt: u64,
}

/// What is possible where the network runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arena {
    /// How many validators there are.
    pub(super) validators: usize,
    /// Whether validators can be cut off.
    pub(super) can_cut: bool,
    /// The validator whose disk can be filled, if any.
    pub(super) small_disk: Option<usize>,
    /// The validator whose disk can be slowed down, if any.
    pub(super) slow_disk: Option<usize>,
}

impl Arena {
    /// How many faulty validators the network bears.
    pub(super) fn bearable(&self) -> usize {
        self.validators.saturating_sub(1) / 3
    }

    /// The tracks of a seed: as many as validators may be faulty at once.
    pub(super) fn tracks(&self, seed: u64) -> Vec<Track> {
        let count = self.bearable();
        (0..count).map(|track| Track::new(self, seed, track, count)).collect()
    }
}

/// An endless sequence of strikes, one after another.
#[derive(Clone, Debug)]
pub(super) struct Track {
    rng: ChaCha8Rng,
    victims: Vec<usize>,
    small_disk: Option<usize>,
    slow_disk: Option<usize>,
    kinds: Vec<Fault>,
    deck: Vec<Fault>,
}

impl Track {
    fn new(arena: &Arena, seed: u64, track: usize, of: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(track as u64);
        let victims: Vec<usize> = (0..arena.validators).filter(|index| index % of == track).collect();
        let [small_disk, slow_disk] =
            [arena.small_disk, arena.slow_disk].map(|disk| disk.filter(|index| victims.contains(index)));
        let possible = |fault: &Fault| match fault {
            Fault::CutOff => arena.can_cut,
            Fault::FullDisk => small_disk.is_some(),
            Fault::SlowDisk => slow_disk.is_some(),
            _ => true,
        };
        let kinds = Fault::ALL.into_iter().filter(possible).collect();
        Self { rng, victims, small_disk, slow_disk, kinds, deck: Vec::new() }
    }
}

impl Iterator for Track {
    type Item = Strike;

    fn next(&mut self) -> Option<Strike> {
        if self.deck.is_empty() {
            self.deck.clone_from(&self.kinds);
            self.deck.shuffle(&mut self.rng);
        }
        let fault = self.deck.pop()?;
        let drawn = *self.victims.choose(&mut self.rng)?;
        let victim = match fault {
            Fault::FullDisk => self.small_disk?,
            Fault::SlowDisk => self.slow_disk?,
            _ => drawn,
        };
        Some(Strike {
            pause: Duration::from_millis(self.rng.gen_range(PAUSE)),
            victim,
            fault,
            hold: Duration::from_millis(self.rng.gen_range(HOLD)),
            salt: self.rng.r#gen(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const SEVEN: Arena = Arena { validators: 7, can_cut: true, small_disk: Some(5), slow_disk: Some(6) };

    fn strikes(track: Track) -> Vec<Strike> {
        track.take(80).collect()
    }

    #[test]
    fn a_seed_gives_the_same_strikes_again_and_another_seed_gives_others() {
        let of = |seed| SEVEN.tracks(seed).into_iter().map(strikes).collect::<Vec<_>>();
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }

    #[test]
    fn tracks_never_share_a_victim() {
        let tracks: Vec<BTreeSet<usize>> = SEVEN
            .tracks(1)
            .into_iter()
            .map(|track| strikes(track).iter().map(|s| s.victim).collect())
            .collect();
        assert_eq!(tracks.len(), 2);
        assert!(tracks[0].is_disjoint(&tracks[1]));
        assert_eq!(tracks[0].len() + tracks[1].len(), 7);
    }

    #[test]
    fn every_kind_comes_up_before_one_comes_up_again() {
        let four = Arena { validators: 4, can_cut: true, small_disk: Some(2), slow_disk: Some(3) };
        let all = strikes(four.tracks(3).remove(0));
        for round in all.chunks_exact(Fault::ALL.len()) {
            assert_eq!(
                round.iter().map(|strike| strike.fault).collect::<BTreeSet<_>>().len(),
                Fault::ALL.len()
            );
        }
        let filled = all.iter().filter(|strike| strike.fault == Fault::FullDisk);
        assert!(filled.into_iter().all(|strike| strike.victim == 2));
        let mut slowed = all.iter().filter(|strike| strike.fault == Fault::SlowDisk);
        assert!(slowed.all(|strike| strike.victim == 3));
    }

    #[test]
    fn what_is_not_possible_does_not_happen() {
        let bare = Arena { validators: 4, can_cut: false, small_disk: None, slow_disk: None };
        let kinds: BTreeSet<Fault> =
            strikes(bare.tracks(3).remove(0)).iter().map(|strike| strike.fault).collect();
        assert_eq!(kinds.len(), 6);
        assert!(![Fault::CutOff, Fault::FullDisk, Fault::SlowDisk].iter().any(|kind| kinds.contains(kind)));
    }
}
