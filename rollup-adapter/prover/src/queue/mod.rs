//! The rules of the queue, without clock, disk or network: who gets which job, and what becomes of it.
//!
//! Invariants:
//! - A job that was created is there until somebody cancels or forgets it: waiting, leased, proven, or stuck.
//! - A job has at most one lease, and tokens of leases only grow: who held a lease that is another's now cannot keep it,
//!   fail it or give it back.
//! - The first valid proof counts, whoever sends it and whatever lease there is. It is never replaced.
//! - Each lease that ends without a proof and was not given back is an attempt. After `attempts` of them only fallback
//!   workers get the job, and after `fallback_attempts` more nobody does: it is stuck, until it is rearmed.
//!
//! Every change is data ([`Changes`]): the shell makes it durable before it tells anybody.

mod record;
#[cfg(test)]
mod tests;

pub use record::{Phase, Record};

use crate::job::{JobId, JobSpec, ProofKey};
use fairlane_types::Hash32;
use std::collections::{BTreeMap, BTreeSet};

/// Milliseconds since 1970.
pub type Millis = u64;

/// The number of a lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token(pub u64);

/// How much, how long and how often. Times are milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a lease holds that is not kept.
    pub lease: Millis,
    /// How many attempts ordinary workers have.
    pub attempts: u32,
    /// How many fallback workers have after that.
    pub fallback_attempts: u32,
    /// How long a job rests after a first failed attempt; twice as long after each more.
    pub pause: Millis,
    /// The longest such time.
    pub longest_pause: Millis,
    /// How many jobs there may be that are not proven.
    pub open_jobs: usize,
    /// How many consecutive jobs one lease has at most.
    pub range: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lease: 60_000,
            attempts: 3,
            fallback_attempts: 3,
            pause: 1_000,
            longest_pause: 60_000,
            open_jobs: 256,
            range: 4,
        }
    }
}

/// Who wants a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// What it can prove.
    pub keys: BTreeSet<ProofKey>,
    /// Whether it takes what others have failed at.
    pub fallback: bool,
}

/// What creating a job came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is new.
    New,
    /// It was there.
    Known,
    /// There are too many: it has to be created later.
    Full,
}

/// A worker's right to some consecutive jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Its number.
    pub token: Token,
    /// The jobs, in their order.
    pub jobs: Vec<JobId>,
}

/// What a proof came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is valid; this proof counts, which may be an earlier one.
    Accepted {
        /// SHA-256 of the proof that counts.
        proof: Hash32,
        /// Whether it is this one, and came now.
        first: bool,
    },
    /// It does not verify.
    Invalid,
    /// The job is not there.
    Unknown,
}

/// What has to be made durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Jobs that changed.
    pub changed: BTreeSet<JobId>,
    /// Jobs that are gone.
    pub gone: BTreeSet<JobId>,
}

/// How many jobs there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Waiting.
    pub waiting: usize,
    /// Leased.
    pub leased: usize,
    /// Proven.
    pub proven: usize,
    /// Stuck.
    pub stuck: usize,
}

/// All jobs.
#[derive(Clone, Debug)]
pub struct Queue {
    limits: Limits,
    jobs: BTreeMap<JobId, Record>,
    order: BTreeMap<u64, JobId>,
    next_place: u64,
    next_token: u64,
    changes: Changes,
}

impl Queue {
    /// The queue with these jobs. `next_token` is greater than any token that was ever given.
    pub fn restore(limits: Limits, records: impl IntoIterator<Item = Record>, next_token: u64) -> Self {
        let jobs: BTreeMap<JobId, Record> =
            records.into_iter().map(|record| (record.spec.id(), record)).collect();
        let order: BTreeMap<u64, JobId> = jobs.iter().map(|(id, record)| (record.place, *id)).collect();
        let next_place = order.keys().next_back().map_or(0, |place| place.saturating_add(1));
        Self { limits, jobs, order, next_place, next_token, changes: Changes::default() }
    }

    /// The number of the next lease.
    pub fn next_token(&self) -> u64 {
        self.next_token
    }

    /// One job.
    pub fn job(&self, id: &JobId) -> Option<&Record> {
        self.jobs.get(id)
    }

    /// All jobs, in the order of creation.
    pub fn jobs(&self) -> impl Iterator<Item = (&JobId, &Record)> {
        self.order.values().filter_map(|id| self.jobs.get(id).map(|record| (id, record)))
    }

    /// How many jobs there are.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for record in self.jobs.values() {
            let count = match record.phase {
                Phase::Waiting { .. } => &mut counts.waiting,
                Phase::Leased { .. } => &mut counts.leased,
                Phase::Proven { .. } => &mut counts.proven,
                Phase::Stuck => &mut counts.stuck,
            };
            *count = count.saturating_add(1);
        }
        counts
    }

    /// What changed since this was asked for last.
    pub fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// Adds a job.
    pub fn create(&mut self, spec: JobSpec) -> Created {
        let id = spec.id();
        if self.jobs.contains_key(&id) {
            return Created::Known;
        }
        let open = self.jobs.values().filter(|record| !matches!(record.phase, Phase::Proven { .. }));
        if open.count() >= self.limits.open_jobs {
            return Created::Full;
        }
        let (place, phase) = (self.next_place, Phase::Waiting { not_before: 0 });
        self.next_place = place.saturating_add(1);
        self.order.insert(place, id);
        self.jobs.insert(id, Record { spec, place, attempts: 0, phase });
        self.changes.gone.remove(&id);
        self.changes.changed.insert(id);
        Created::New
    }

    /// Leases the oldest job that the worker can prove, with those that follow directly, at most `room` of them.
    pub fn lease(&mut self, worker: &Worker, room: usize, now: Millis) -> Option<Lease> {
        let room = room.min(self.limits.range);
        let mut jobs: Vec<JobId> = Vec::new();
        let mut last: Option<&JobSpec> = None;
        for (id, record) in self.jobs() {
            if jobs.len() >= room {
                break;
            }
            let follows = last.is_none_or(|last| record.spec.follows(last));
            if follows && self.may_have(worker, record, now) {
                jobs.push(*id);
                last = Some(&record.spec);
            } else if last.is_some() {
                break;
            }
        }
        if jobs.is_empty() {
            return None;
        }
        let (token, expires) = (Token(self.next_token), now.saturating_add(self.limits.lease));
        self.next_token = self.next_token.saturating_add(1);
        for id in &jobs {
            self.set(id, Phase::Leased { token, expires });
        }
        Some(Lease { token, jobs })
    }

    fn may_have(&self, worker: &Worker, record: &Record, now: Millis) -> bool {
        let Phase::Waiting { not_before } = record.phase else { return false };
        not_before <= now
            && worker.keys.contains(&record.spec.key)
            && (worker.fallback || record.attempts < self.limits.attempts)
    }

    /// Prolongs a lease; `false` if it is not held any more. Not durable: after a restart the lease ends as it was given.
    pub fn keep(&mut self, token: Token, now: Millis) -> bool {
        let until = now.saturating_add(self.limits.lease);
        let mut held = false;
        for record in self.jobs.values_mut() {
            if let Phase::Leased { token: of, expires } = &mut record.phase
                && *of == token
            {
                (*expires, held) = (until, true);
            }
        }
        held
    }

    /// Ends the leases that were not kept. Says how many jobs that were.
    pub fn expire(&mut self, now: Millis) -> usize {
        let is_over = |phase| matches!(phase, Phase::Leased { expires, .. } if expires <= now);
        let over: Vec<JobId> =
            self.jobs.iter().filter(|(_, record)| is_over(record.phase)).map(|(id, _)| *id).collect();
        over.iter().for_each(|id| self.count_attempt(id, now));
        over.len()
    }

    /// Takes a proof that was checked.
    pub fn judge(&mut self, token: Token, id: &JobId, proof: Hash32, valid: bool, now: Millis) -> Verdict {
        let Some(record) = self.jobs.get(id) else { return Verdict::Unknown };
        match record.phase {
            Phase::Proven { proof } if valid => Verdict::Accepted { proof, first: false },
            _ if valid => {
                self.set(id, Phase::Proven { proof });
                Verdict::Accepted { proof, first: true }
            }
            _ => {
                self.fail(token, id, now);
                Verdict::Invalid
            }
        }
    }

    /// The holder of a lease has failed at a job. Says whether the lease was held.
    pub fn fail(&mut self, token: Token, id: &JobId, now: Millis) -> bool {
        let held = self.jobs.get(id).is_some_and(|record| record.is_held(token));
        if held {
            self.count_attempt(id, now);
        }
        held
    }

    /// Takes a lease back with what is left of it. That is no attempt; the jobs rest a little, so that others get them first.
    pub fn give_back(&mut self, token: Token, now: Millis) -> usize {
        let held: Vec<JobId> =
            self.jobs.iter().filter(|(_, record)| record.is_held(token)).map(|(id, _)| *id).collect();
        let not_before = now.saturating_add(self.limits.pause);
        held.iter().for_each(|id| self.set(id, Phase::Waiting { not_before }));
        held.len()
    }

    /// Removes a job, proven or not: nobody needs the proof any more. Says whether it was there.
    pub fn remove(&mut self, id: &JobId) -> bool {
        let Some(record) = self.jobs.remove(id) else { return false };
        self.order.remove(&record.place);
        self.changes.changed.remove(id);
        self.changes.gone.insert(*id);
        true
    }

    /// Gives stuck jobs all their attempts again. Says how many there were.
    pub fn rearm(&mut self) -> usize {
        let stuck: Vec<JobId> =
            self.jobs.iter().filter(|(_, record)| record.phase == Phase::Stuck).map(|(id, _)| *id).collect();
        for id in &stuck {
            if let Some(record) = self.jobs.get_mut(id) {
                record.attempts = 0;
            }
            self.set(id, Phase::Waiting { not_before: 0 });
        }
        stuck.len()
    }

    fn count_attempt(&mut self, id: &JobId, now: Millis) {
        let limits = self.limits;
        let Some(record) = self.jobs.get_mut(id) else { return };
        record.attempts = record.attempts.saturating_add(1);
        let attempts = record.attempts;
        let doubled = 2u64.saturating_pow(attempts.saturating_sub(1).min(30));
        let pause = limits.pause.saturating_mul(doubled).min(limits.longest_pause);
        let phase = match attempts >= limits.attempts.saturating_add(limits.fallback_attempts) {
            true => Phase::Stuck,
            false => Phase::Waiting { not_before: now.saturating_add(pause) },
        };
        self.set(id, phase);
    }

    fn set(&mut self, id: &JobId, phase: Phase) {
        if let Some(record) = self.jobs.get_mut(id) {
            record.phase = phase;
            self.changes.changed.insert(*id);
        }
    }
}
