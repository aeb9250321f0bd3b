//! The queue against random histories, with a crash after any of them.

use super::*;
use fairlane_types::{BatchIndex, Decode as _, Encode as _, RollupId};
use proptest::prelude::*;

const LIMITS: Limits = Limits {
    lease: 100,
    attempts: 2,
    fallback_attempts: 2,
    pause: 10,
    longest_pause: 1_000,
    open_jobs: 12,
    range: 3,
};

fn hash(byte: u8) -> Hash32 {
    Hash32::from_bytes([byte; 32])
}

fn key() -> ProofKey {
    ProofKey { system: "test".into(), vk: hash(200) }
}

/// The job of a number: it begins where the one before ends.
fn spec(number: u8) -> JobSpec {
    JobSpec {
        rollup: RollupId::new(1),
        index: BatchIndex::new(number.into()),
        key: key(),
        old_head: hash(number),
        new_head: hash(number + 1),
        old_state: hash(100 + number),
        input: hash(50 + number),
    }
}

fn worker(fallback: bool) -> Worker {
    Worker { keys: [key()].into(), fallback }
}

fn queue() -> Queue {
    Queue::restore(LIMITS, [], 1)
}

/// What a history did, told by hand: which jobs there must be, and the proof that each has.
#[derive(Clone, Debug, Default)]
struct Ledger {
    there: BTreeMap<JobId, Option<Hash32>>,
    tokens: Vec<Token>,
}

#[derive(Clone, Debug)]
enum Op {
    Create(u8),
    Lease { fallback: bool, room: usize },
    Keep(usize),
    Prove { job: u8, proof: u8, valid: bool, lease: usize },
    Fail { job: u8, lease: usize },
    GiveBack(usize),
    Remove(u8),
    Wait(u64),
    Rearm,
    Crash,
}

fn op() -> impl Strategy<Value = Op> {
    let (job, lease) = (0u8..16, 0usize..8);
    prop_oneof![
        4 => job.clone().prop_map(Op::Create),
        4 => (any::<bool>(), 0usize..5).prop_map(|(fallback, room)| Op::Lease { fallback, room }),
        1 => lease.clone().prop_map(Op::Keep),
        3 => (job.clone(), any::<u8>(), any::<bool>(), lease.clone())
            .prop_map(|(job, proof, valid, lease)| Op::Prove { job, proof, valid, lease }),
        2 => (job.clone(), lease.clone()).prop_map(|(job, lease)| Op::Fail { job, lease }),
        1 => lease.prop_map(Op::GiveBack),
        1 => job.prop_map(Op::Remove),
        3 => (0u64..150).prop_map(Op::Wait),
        1 => Just(Op::Rearm),
        1 => Just(Op::Crash),
    ]
}

/// What the store would hold: it has seen nothing but the changes.
#[derive(Default)]
struct Disk(BTreeMap<JobId, Vec<u8>>, u64);

impl Disk {
    fn write(&mut self, queue: &mut Queue) {
        let changes = queue.take_changes();
        for id in &changes.changed {
            self.0.insert(*id, queue.job(id).unwrap().to_bytes());
        }
        self.0.retain(|id, _| !changes.gone.contains(id));
        self.1 = queue.next_token();
    }

    fn read(&self) -> Queue {
        let records = self.0.values().map(|bytes| Record::from_bytes(bytes.clone()).unwrap());
        Queue::restore(LIMITS, records, self.1.max(1))
    }
}

fn apply(queue: &mut Queue, ledger: &mut Ledger, now: &mut u64, op: &Op) {
    let token = |lease: usize| {
        let behind = ledger.tokens.len().checked_sub(1 + lease);
        behind.and_then(|at| ledger.tokens.get(at)).copied().unwrap_or(Token(u64::MAX))
    };
    match op {
        Op::Create(number) => {
            let id = spec(*number).id();
            match queue.create(spec(*number)) {
                Created::New => assert!(ledger.there.insert(id, None).is_none()),
                Created::Known => assert!(ledger.there.contains_key(&id)),
                Created::Full => {
                    let open = ledger.there.values().filter(|proof| proof.is_none()).count();
                    assert!(!ledger.there.contains_key(&id) && open >= LIMITS.open_jobs);
                }
            }
        }
        Op::Lease { fallback, room } => {
            if let Some(lease) = queue.lease(&worker(*fallback), *room, *now) {
                assert!(!lease.jobs.is_empty() && lease.jobs.len() <= (*room).min(LIMITS.range));
                assert!(lease.jobs.iter().all(|id| ledger.there.get(id) == Some(&None)));
                assert!(ledger.tokens.last().is_none_or(|last| *last < lease.token));
                ledger.tokens.push(lease.token);
            }
        }
        Op::Keep(lease) => {
            queue.keep(token(*lease), *now);
        }
        Op::Prove { job, proof, valid, lease } => {
            let id = spec(*job).id();
            let verdict = queue.judge(token(*lease), &id, hash(*proof), *valid, *now);
            match (ledger.there.get_mut(&id), valid) {
                (None, _) => assert_eq!(verdict, Verdict::Unknown),
                (Some(_), false) => assert_eq!(verdict, Verdict::Invalid),
                (Some(Some(first)), true) => {
                    assert_eq!(verdict, Verdict::Accepted { proof: *first, first: false });
                }
                (Some(none), true) => {
                    assert_eq!(verdict, Verdict::Accepted { proof: hash(*proof), first: true });
                    *none = Some(hash(*proof));
                }
            }
        }
        Op::Fail { job, lease } => {
            queue.fail(token(*lease), &spec(*job).id(), *now);
        }
        Op::GiveBack(lease) => {
            queue.give_back(token(*lease), *now);
        }
        Op::Remove(job) => {
            let id = spec(*job).id();
            assert_eq!(queue.remove(&id), ledger.there.remove(&id).is_some());
        }
        Op::Wait(millis) => {
            *now += millis;
            queue.expire(*now);
        }
        Op::Rearm => {
            queue.rearm();
        }
        Op::Crash => {}
    }
}

/// What must hold whatever happened.
fn check(queue: &Queue, ledger: &Ledger) {
    assert_eq!(queue.jobs().count(), ledger.there.len(), "a job is lost, or one too many");
    let mut leases: BTreeMap<Token, Vec<&JobSpec>> = BTreeMap::new();
    for (id, record) in queue.jobs() {
        let proof = match record.phase {
            Phase::Proven { proof } => Some(proof),
            _ => None,
        };
        assert_eq!(ledger.there.get(id), Some(&proof), "another proof counts");
        assert!(record.attempts <= LIMITS.attempts + LIMITS.fallback_attempts);
        let used_up = record.attempts == LIMITS.attempts + LIMITS.fallback_attempts;
        assert!(used_up || record.phase != Phase::Stuck);
        if let Phase::Leased { token, .. } = record.phase {
            assert!(ledger.tokens.contains(&token));
            leases.entry(token).or_default().push(&record.spec);
        }
    }
    assert!(leases.values().all(|jobs| jobs.len() <= LIMITS.range));
}

/// From any state, one honest fallback worker proves all there is, once somebody has rearmed what is stuck.
fn finish(mut queue: Queue, ledger: &Ledger, mut now: u64) {
    for _ in 0..3 {
        // The last lease may run out with the last attempt.
        now += LIMITS.longest_pause;
        queue.expire(now);
        queue.rearm();
        now += LIMITS.longest_pause;
        while let Some(lease) = queue.lease(&worker(true), LIMITS.range, now) {
            for id in lease.jobs {
                let verdict = queue.judge(lease.token, &id, hash(1), true, now);
                assert!(matches!(verdict, Verdict::Accepted { first: true, .. }));
            }
        }
    }
    assert_eq!(queue.counts().proven, ledger.there.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_job_is_lost_and_none_is_proven_twice(ops in prop::collection::vec(op(), 0..80)) {
        let (mut queue, mut ledger, mut now) = (queue(), Ledger::default(), 1_000);
        let mut disk = Disk::default();
        for op in &ops {
            apply(&mut queue, &mut ledger, &mut now, op);
            disk.write(&mut queue);
            if matches!(op, Op::Crash) {
                queue = disk.read();
            }
            check(&queue, &ledger);
            check(&disk.read(), &ledger);
        }
        finish(disk.read(), &ledger, now);
    }
}

#[test]
fn a_lease_has_consecutive_jobs_and_no_more_than_fit() {
    let mut queue = queue();
    for number in [0, 1, 2, 3, 7, 8] {
        assert_eq!(queue.create(spec(number)), Created::New);
        assert_eq!(queue.create(spec(number)), Created::Known);
    }
    let ids = |numbers: &[u8]| numbers.iter().map(|number| spec(*number).id()).collect::<Vec<_>>();
    assert_eq!(queue.lease(&worker(false), 0, 0), None);
    assert_eq!(queue.lease(&worker(false), 2, 0).unwrap().jobs, ids(&[0, 1]));
    assert_eq!(queue.lease(&worker(false), 9, 0).unwrap().jobs, ids(&[2, 3]), "7 does not follow");
    assert_eq!(queue.lease(&worker(false), 9, 0).unwrap().jobs, ids(&[7, 8]));
    let other = Worker { keys: [ProofKey { system: "other".into(), ..key() }].into(), fallback: true };
    assert_eq!(queue.create(spec(9)), Created::New);
    assert_eq!(queue.lease(&other, 9, 0), None);
}

#[test]
fn who_lost_a_lease_cannot_harm_the_next_one_but_may_be_first() {
    let mut queue = queue();
    let id = spec(1).id();
    queue.create(spec(1));
    let old = queue.lease(&worker(false), 1, 0).unwrap().token;
    assert!(queue.keep(old, 50) && queue.expire(149) == 0);
    assert_eq!(queue.expire(150), 1);
    let new = queue.lease(&worker(false), 1, 160).unwrap().token;
    assert!(new > old && !queue.keep(old, 160) && !queue.fail(old, &id, 160));
    assert_eq!(queue.give_back(old, 160), 0);
    assert_eq!(queue.judge(old, &id, hash(1), false, 160), Verdict::Invalid);
    assert!(matches!(queue.job(&id).unwrap().phase, Phase::Leased { token, .. } if token == new));
    assert_eq!(queue.judge(old, &id, hash(1), true, 160), Verdict::Accepted { proof: hash(1), first: true });
    assert_eq!(queue.judge(new, &id, hash(2), true, 160), Verdict::Accepted { proof: hash(1), first: false });
}

#[test]
fn attempts_are_bounded_then_fallback_workers_try_and_then_people() {
    let mut queue = queue();
    let (id, mut now) = (spec(1).id(), 0);
    queue.create(spec(1));
    for fallback in [false, false, true, true] {
        assert!(fallback || queue.lease(&worker(fallback), 1, now).is_some());
        let lease = if fallback {
            assert_eq!(queue.lease(&worker(false), 1, now), None);
            queue.lease(&worker(true), 1, now).unwrap().token
        } else {
            let Phase::Leased { token, .. } = queue.job(&id).unwrap().phase else { panic!() };
            token
        };
        assert!(queue.fail(lease, &id, now));
        assert_eq!(queue.lease(&worker(true), 1, now), None, "it rests");
        now += 1_000;
    }
    assert_eq!(queue.job(&id).unwrap().phase, Phase::Stuck);
    assert_eq!(queue.lease(&worker(true), 1, now), None);
    assert_eq!(queue.rearm(), 1);
    assert!(queue.lease(&worker(false), 1, now).is_some());
}

#[test]
fn what_is_given_back_is_no_attempt() {
    let mut queue = queue();
    for number in 1..4 {
        assert_eq!(queue.create(spec(number)), Created::New);
    }
    let lease = queue.lease(&worker(false), 3, 0).unwrap();
    queue.judge(lease.token, &lease.jobs[0], hash(1), true, 0);
    assert_eq!(queue.give_back(lease.token, 0), 2, "a smaller range than asked for");
    assert!(queue.jobs().all(|(_, record)| record.attempts == 0));
    assert_eq!(queue.lease(&worker(false), 3, 10).unwrap().jobs, lease.jobs[1..]);
}
