//! What clients do: single transactions, bundles, the same transaction through several validators, repetitions after
//! it was ordered, short-lived ones, floods, and nonsense.

use super::chance;
use crate::setup::{MS, START};
use crate::wire::Submission;
use bytes::Bytes;
use fairlane_types::{Leg, RollupId, Timestamp, Transaction};
use rand::Rng;
use std::sync::Arc;

/// The registered rollups, their ordering groups, and how many bytes their legs have, where they have all the same.
pub(super) const ROLLUPS: [(u64, u32, u32); 4] = [(1, 0, 0), (2, 0, 0), (3, 1, 0), (4, 2, 40)];
/// A rollup that is not registered.
const UNKNOWN: u64 = 99;

struct Clients<'a, R> {
    random: &'a mut R,
    validators: usize,
    expiry_bound: u64,
    made: u64,
    load: Vec<Submission>,
}

/// The submissions of a run, by time.
pub(super) fn draw(
    validators: usize,
    until: u64,
    expiry_bound: u64,
    random: &mut impl Rng,
) -> Vec<Submission> {
    let count = random.gen_range(20..=160u64);
    let mut clients = Clients { random, validators, expiry_bound, made: 0, load: Vec::new() };
    for _ in 0..count {
        clients.one(until);
    }
    if chance(clients.random, 20) {
        clients.flood(until);
    }
    let mut load = clients.load;
    load.sort_by_key(|submission| submission.at);
    load
}

impl<R: Rng> Clients<'_, R> {
    fn one(&mut self, until: u64) {
        let at = self.random.gen_range(0..until);
        let short = chance(self.random, 10);
        let transaction = self.transaction(at, short);
        let first = self.anyone();
        self.hand_in(at, first, &transaction);
        match self.random.gen_range(0..10u8) {
            // The client sends it to everybody, as who wants to be ordered early does.
            0 | 1 => {
                for to in (0..self.validators).filter(|to| *to != first) {
                    let later = at + self.random.gen_range(0..30 * MS);
                    self.hand_in(later, to, &transaction);
                }
            }
            // Somebody repeats it, perhaps after it was ordered, and perhaps shortly before it expires.
            2 | 3 => {
                let later = at + self.random.gen_range(0..self.expiry_bound.min(4_000 * MS));
                let to = self.anyone();
                self.hand_in(later, to, &transaction);
            }
            _ => {}
        }
    }

    /// Many at once through one validator.
    fn flood(&mut self, until: u64) {
        let (at, to) = (self.random.gen_range(0..until), self.anyone());
        for _ in 0..self.random.gen_range(50..=150u64) {
            let at = at + self.random.gen_range(0..40 * MS);
            let transaction = self.transaction(at, false);
            self.hand_in(at, to, &transaction);
        }
    }

    fn anyone(&mut self) -> usize {
        self.random.gen_range(0..self.validators as u64) as usize
    }

    fn hand_in(&mut self, at: u64, to: usize, transaction: &Arc<Transaction>) {
        self.load.push(Submission { at, to, transaction: transaction.clone() });
    }

    fn transaction(&mut self, at: u64, short: bool) -> Arc<Transaction> {
        let legs = if chance(self.random, 15) { self.random.gen_range(2..=4u64) } else { 1 };
        let legs = (0..legs).map(|_| self.leg()).collect();
        let life = if short {
            self.random.gen_range(20 * MS..300 * MS)
        } else {
            self.random.gen_range(self.expiry_bound * 8 / 10..self.expiry_bound * 96 / 100)
        };
        self.made += 1;
        let mut salt = [0; 16];
        salt[8..].copy_from_slice(&self.made.to_be_bytes());
        let expires = Timestamp::from_nanos(START + at + life);
        Arc::new(Transaction::new(legs, expires, salt).expect("one to four short legs make a transaction"))
    }

    fn leg(&mut self) -> Leg {
        let rollup = if chance(self.random, 2) {
            UNKNOWN
        } else {
            let among = if chance(self.random, 70) { 2 } else { ROLLUPS.len() as u64 };
            ROLLUPS[self.random.gen_range(0..among) as usize].0
        };
        // Now and then not of the length that the rollup wants.
        let length = self.random.gen_range(0..64u64) as usize;
        let length = if rollup == 4 && length < 58 { 40 } else { length };
        let payload = vec![0x5a; length];
        Leg { rollup: RollupId::new(rollup), payload: Bytes::from(payload) }
    }
}
