//! What a seed stands for: validators and their powers, who lies how, the network, clients' load, and the schedule of
//! faults.
//!
//! A scenario is drawn once, before anything runs. Each fault stands by itself (it says when it ends, too), so that
//! any part of a schedule is a schedule: that is what [`crate::minimise`] lives on.

mod faults;
mod load;
mod sets;

pub use faults::{Fault, FaultKind};
pub use sets::Epoch;

use crate::byzantine::{Report, Vices};
use crate::setup::{Begins, MS, START, Setup};
use crate::wire::Submission;
use fairlane_types::{
    Genesis, GroupId, Hash32, Incarnation, L1Anchor, ProtocolParams, RollupId, RollupRules, RollupSpec,
    SigningKey, Timestamp, Validator, ValidatorSet, VotingPower,
};
use rand::{Rng, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sets::Sets;

/// How good the network is when nothing is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Links {
    /// The least one-way delay, in nanoseconds.
    pub delay: u64,
    /// By how much it varies, in nanoseconds.
    pub jitter: u64,
    /// Messages lost, in per mille.
    pub loss: u16,
    /// Messages that come twice, in per mille.
    pub duplicates: u16,
}

/// One run, before it runs.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The seed that it was drawn from, and from which everything random in the run follows.
    pub seed: u64,
    /// The power of each validator at genesis; zero for who is not in the set yet.
    pub powers: Vec<u64>,
    /// The epochs of Ethereum that begin in the run, in their order.
    pub epochs: Vec<Epoch>,
    /// Who lies, and how; together no more than may be faulty.
    pub villains: Vec<(usize, Vices)>,
    /// By how much each validator's clock is ahead at the start, in nanoseconds.
    pub skews: Vec<i64>,
    /// The network.
    pub links: Links,
    /// How far ahead of chain time a transaction may expire, in nanoseconds.
    pub expiry_bound: u64,
    /// How many segments a lane may run ahead of its decided head.
    pub lane_window: u32,
    /// How many transactions of a group are compared in one height.
    pub group_cap: u32,
    /// What goes wrong, by time.
    pub faults: Vec<Fault>,
    /// When all faults have ended, in nanoseconds of virtual time. Villains go on lying.
    pub healed_at: u64,
    /// What clients do.
    pub(crate) load: Vec<Submission>,
}

/// The parts of a run that draw random numbers, each from a stream of its own: a fault that is left out must not
/// change what the others draw.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Scenario,
    Network,
    Disks,
    Villain(usize),
    Subscribers,
    Sets,
}

/// The generator of a stream.
pub(crate) fn stream(seed: u64, of: Stream) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(match of {
        Stream::Scenario => 0,
        Stream::Network => 1,
        Stream::Disks => 2,
        Stream::Subscribers => 3,
        Stream::Sets => 4,
        Stream::Villain(place) => 16 + place as u64,
    });
    random
}

impl Scenario {
    /// The scenario of a seed.
    pub fn draw(seed: u64) -> Self {
        let random = &mut stream(seed, Stream::Scenario);
        let sets = &mut stream(seed, Stream::Sets);
        let changes = chance(sets, 40);
        let members = random.gen_range(4..=7u64) as usize;
        let weighted = chance(random, 40);
        let mut powers: Vec<u64> =
            (0..members).map(|_| if weighted { random.gen_range(1..=5u64) } else { 1 }).collect();
        let villains = draw_villains(&powers, random);
        if changes {
            powers.resize((members + sets.gen_range(0..=2u64) as usize).min(8), 0);
        }
        let count = powers.len();
        let skews = (0..count).map(|_| if chance(random, 50) { skew(random) } else { 0 }).collect();
        let links = Links {
            delay: random.gen_range(500_000..8 * MS),
            jitter: random.gen_range(500_000..15 * MS),
            loss: if chance(random, 50) { random.gen_range(0..=30u16) } else { 0 },
            duplicates: if chance(random, 50) { random.gen_range(0..=50u16) } else { 0 },
        };
        let expiry_bound = if chance(random, 50) { 2_500 * MS } else { 30_000 * MS };
        let lane_window = if chance(random, 25) { random.gen_range(12..=40u32) } else { 512 };
        let group_cap = if chance(random, 15) { random.gen_range(12..=60u32) } else { 20_000 };
        let healed_at = random.gen_range(1_500..=3_000u64) * MS;
        let forgetful = may_forget(&powers[..members], &villains, random);
        let faults = faults::draw(count, forgetful, healed_at, random);
        let bounds = Sets { genesis: &powers, villains: &villains, forgetful, weighted, healed_at };
        let epochs = if changes { bounds.draw(sets) } else { Vec::new() };
        let load = load::draw(count, healed_at, expiry_bound, random);
        Self {
            seed,
            powers,
            epochs,
            villains,
            skews,
            links,
            expiry_bound,
            lane_window,
            group_cap,
            faults,
            healed_at,
            load,
        }
    }

    /// The same run without anything that goes wrong: honest validators and delays.
    pub fn calm(seed: u64) -> Self {
        let mut scenario = Self::draw(seed);
        scenario.villains.clear();
        scenario.faults.clear();
        scenario.epochs.clear();
        scenario.skews.iter_mut().for_each(|skew| *skew = 0);
        scenario.links.loss = 0;
        scenario.links.duplicates = 0;
        scenario
    }

    /// Who lies, by place.
    pub fn is_villain(&self, place: usize) -> bool {
        self.villains.iter().any(|(villain, _)| *villain == place)
    }

    /// Genesis, keys and epochs.
    pub(crate) fn setup(&self) -> Setup {
        let mut keys: Vec<SigningKey> =
            (0..self.powers.len()).map(|at| SigningKey::from_seed(&[at as u8 + 1; 32])).collect();
        keys.sort_by_key(SigningKey::validator);
        let mut registrations = Registrations { keys: &keys, last: vec![None; keys.len()] };
        let genesis_set = registrations.set(&self.powers);
        let begins = |(number, epoch): (u64, &Epoch)| Begins {
            anchor: L1Anchor { number, hash: Hash32::from_bytes([number as u8; 32]) },
            set: registrations.set(&epoch.powers),
            seen: epoch.seen.clone(),
        };
        let epochs = (1..).zip(&self.epochs).map(begins).collect();
        let params = ProtocolParams {
            lane_window_segments: self.lane_window,
            group_cap: self.group_cap,
            expiry_bound: self.expiry_bound,
            ..ProtocolParams::default()
        };
        let rollups = load::ROLLUPS.map(|(id, group, leg_bytes)| RollupSpec {
            id: RollupId::new(id),
            rules: RollupRules { group: GroupId::new(group), leg_bytes },
        });
        let genesis = Genesis {
            name: format!("simulation {}", self.seed),
            time: Timestamp::from_nanos(START),
            params,
            validators: genesis_set,
            rollups: rollups.to_vec(),
            l1_chain_id: 0,
            stake_manager: [0; 20],
            l1_epoch: 0,
        };
        Setup::new(genesis, keys, epochs)
    }
}

/// Who was in the set before, and as which registration.
struct Registrations<'a> {
    keys: &'a [SigningKey],
    /// By place: whether it is in the set now, and its last registration.
    last: Vec<Option<(bool, Incarnation)>>,
}

impl Registrations<'_> {
    /// The next set. Who comes back has registered again.
    fn set(&mut self, powers: &[u64]) -> ValidatorSet {
        let mut members = Vec::new();
        for ((key, power), last) in self.keys.iter().zip(powers).zip(&mut self.last) {
            let incarnation = match *last {
                None => Incarnation::ZERO,
                Some((true, incarnation)) => incarnation,
                Some((false, incarnation)) => incarnation.next(),
            };
            if *power > 0 {
                *last = Some((true, incarnation));
                members.push(Validator { id: key.validator(), power: VotingPower::new(*power), incarnation });
            } else if let Some((is_member, _)) = last {
                *is_member = false;
            }
        }
        ValidatorSet::new(members).expect("keys are usable and powers above zero")
    }
}

pub(crate) fn chance(random: &mut impl Rng, per_cent: u8) -> bool {
    random.gen_range(0..100u8) < per_cent
}

/// Mostly small, sometimes seconds, both ways.
fn skew(random: &mut impl Rng) -> i64 {
    let most = if chance(random, 25) { 2_000 } else { 50 };
    random.gen_range(-most..=most) * MS as i64
}

/// Some validators whose power together is at most what may be faulty.
fn draw_villains(powers: &[u64], random: &mut impl Rng) -> Vec<(usize, Vices)> {
    let total: u64 = powers.iter().sum();
    let mut left = total.div_ceil(3) - 1;
    let mut villains = Vec::new();
    if chance(random, 30) {
        return villains;
    }
    let first = random.gen_range(0..powers.len() as u64) as usize;
    for place in (0..powers.len()).map(|offset| (first + offset) % powers.len()) {
        if powers[place] <= left && (villains.is_empty() || chance(random, 60)) {
            left -= powers[place];
            villains.push((place, draw_vices(random)));
        }
    }
    villains
}

/// Somebody honest whose power, together with the liars', is at most what may be faulty.
fn may_forget(powers: &[u64], villains: &[(usize, Vices)], random: &mut impl Rng) -> Option<usize> {
    let total: u64 = powers.iter().sum();
    let lying: u64 = villains.iter().map(|(place, _)| powers[*place]).sum();
    let place = random.gen_range(0..powers.len() as u64) as usize;
    let honest = villains.iter().all(|(villain, _)| *villain != place);
    (honest && lying + powers[place] < total.div_ceil(3)).then_some(place)
}

fn draw_vices(random: &mut impl Rng) -> Vices {
    let report = match random.gen_range(0..8u8) {
        0 | 1 => Report::Reversed,
        2 | 3 => Report::Random,
        4 => Report::OwnFirst,
        5 => Report::Deaf,
        _ => Report::Honest,
    };
    Vices {
        equivocates_from: chance(random, 40).then(|| random.gen_range(100..2_000u64) * MS),
        report,
        time_lie: if chance(random, 30) { skew(random) } else { 0 },
        withholds: if chance(random, 30) { random.gen_range(5..=100u8) } else { 0 },
        double_votes: if chance(random, 40) { random.gen_range(5..=60u8) } else { 0 },
        false_proposals: if chance(random, 60) { random.gen_range(10..=100u8) } else { 0 },
    }
}
