//! What goes wrong in a run, and when.

use super::chance;
use crate::disk::{Moment, PersistPoint};
use crate::setup::MS;
use rand::Rng;
use std::fmt;

/// One fault. Times are nanoseconds of virtual time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When it begins.
    pub at: u64,
    /// For how long it lasts: until a validator is up again, a partition heals, a storm is over.
    pub lasts: u64,
    /// What it is.
    pub kind: FaultKind,
}

/// A kind of fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A validator is killed between two events.
    Kill {
        /// Which one.
        validator: usize,
    },
    /// A validator is killed, and its disk is lost or replaced by an old backup.
    LoseDisk {
        /// Which one.
        validator: usize,
        /// How old the backup is, in nanoseconds; `None` is an empty disk.
        backup: Option<u64>,
        /// Whether the backup has the log of votes, where the others can tell that it is old.
        log: bool,
    },
    /// A validator dies at its next sync of a kind.
    KillAtSync {
        /// Which one.
        validator: usize,
        /// Which sync.
        point: PersistPoint,
        /// Before or after the write is durable.
        moment: Moment,
    },
    /// A validator stands still, and goes on as if nothing had happened.
    Freeze {
        /// Which one.
        validator: usize,
    },
    /// Validators on the two sides do not reach each other.
    Partition {
        /// For each validator, whether it is on the second side.
        side: Vec<bool>,
    },
    /// The whole network is bad.
    Storm {
        /// Messages lost, in per cent.
        loss: u8,
        /// Messages that come twice, in per cent.
        duplicates: u8,
        /// The longest further delay, in nanoseconds.
        delay: u64,
    },
    /// A validator's clock jumps.
    ClockJump {
        /// Which one.
        validator: usize,
        /// By how much, in nanoseconds.
        by: i64,
    },
}

impl Fault {
    /// When it is over.
    pub fn ends_at(&self) -> u64 {
        self.at + self.lasts
    }

    /// A name for counts.
    pub fn name(&self) -> &'static str {
        match &self.kind {
            FaultKind::Kill { .. } => "kill",
            FaultKind::LoseDisk { backup: None, .. } => "lose-disk",
            FaultKind::LoseDisk { backup: Some(_), .. } => "restore-backup",
            FaultKind::KillAtSync { moment: Moment::Before, .. } => "kill-before-sync",
            FaultKind::KillAtSync { moment: Moment::After, .. } => "kill-after-sync",
            FaultKind::Freeze { .. } => "freeze",
            FaultKind::Partition { .. } => "partition",
            FaultKind::Storm { .. } => "storm",
            FaultKind::ClockJump { .. } => "clock-jump",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} ms for {} ms: {:?}", self.at / MS, self.lasts / MS, self.kind)
    }
}

/// A schedule for so many validators that is over at `healed_at`. `may_forget` may lose its disk without there being
/// more faulty power than the network bears.
pub(super) fn draw(
    validators: usize,
    may_forget: Option<usize>,
    healed_at: u64,
    random: &mut impl Rng,
) -> Vec<Fault> {
    let count = random.gen_range(0..=8u64);
    let mut faults: Vec<Fault> = (0..count).map(|_| draw_one(validators, healed_at, random)).collect();
    if let Some(validator) = may_forget.filter(|_| chance(random, 40)) {
        let at = random.gen_range(200 * MS..healed_at - 100 * MS);
        let lasts = random.gen_range(10 * MS..=(healed_at - at).min(1_200 * MS));
        let backup = chance(random, 50).then(|| random.gen_range(0..at));
        faults.push(Fault {
            at,
            lasts,
            kind: FaultKind::LoseDisk { validator, backup, log: chance(random, 50) },
        });
    }
    faults.sort_by_key(|fault| fault.at);
    faults
}

fn draw_one(validators: usize, healed_at: u64, random: &mut impl Rng) -> Fault {
    let at = random.gen_range(50 * MS..healed_at - 100 * MS);
    let lasts = random.gen_range(10 * MS..=(healed_at - at).min(1_200 * MS));
    let validator = random.gen_range(0..validators as u64) as usize;
    let kind = match random.gen_range(0..100u8) {
        0..15 => FaultKind::Kill { validator },
        15..50 => FaultKind::KillAtSync {
            validator,
            point: PersistPoint::ALL[random.gen_range(0..PersistPoint::ALL.len() as u64) as usize],
            moment: if chance(random, 50) { Moment::Before } else { Moment::After },
        },
        50..60 => FaultKind::Freeze { validator },
        60..75 => FaultKind::Partition { side: (0..validators).map(|_| chance(random, 50)).collect() },
        75..90 => FaultKind::Storm {
            loss: random.gen_range(5..=60u8),
            duplicates: random.gen_range(0..=30u8),
            delay: random.gen_range(10 * MS..400 * MS),
        },
        _ => FaultKind::ClockJump { validator, by: super::skew(random) },
    };
    Fault { at, lasts, kind }
}
