//! The queue with its store: each change is durable before anybody learns of it.
//!
//! Inputs are kept with their jobs, and proofs with those that have one, in tables of a redb file that may have others
//! too. All calls may block on the disk: async code makes them by [`Desk::run`].

use crate::job::{JobId, JobSpec};
use crate::queue::{Changes, Counts, Created, Lease, Limits, Queue, Record, Token, Verdict, Worker};
use bytes::Bytes;
use fairlane_types::crypto::sha256;
use fairlane_types::{Decode, DecodeError, Encode, Hash32};
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, WriteTransaction};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// The largest input of a job.
pub const MAX_INPUT_BYTES: usize = 4 << 20;

type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// Jobs by id.
const JOBS: Table = TableDefinition::new("prover_jobs");
/// Inputs by the job's id.
const INPUTS: Table = TableDefinition::new("prover_inputs");
/// Proofs by the job's id.
const PROOFS: Table = TableDefinition::new("prover_proofs");
/// The next lease's number.
const TOKEN: TableDefinition<(), u64> = TableDefinition::new("prover_token");

/// Why the desk did not do something. Nothing has changed then, as far as anybody was told.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The store failed. What is in memory may be ahead of it, so all later calls fail: restart.
    #[error("the store of proving jobs failed: {0}")]
    Store(#[from] redb::Error),
    /// The store failed before.
    #[error("the store of proving jobs has failed: restart")]
    Broken,
    /// A record cannot be read.
    #[error("the store of proving jobs is damaged: {0}")]
    Damaged(#[from] DecodeError),
    /// The input is not the one that the job names, or too large.
    #[error("the input of job {0} is too large, or another one than the job names")]
    Input(JobId),
}

/// What happened since the start.
#[derive(Debug, Default)]
pub struct DeskCounters {
    /// Leases that were given.
    pub leases: AtomicU64,
    /// Jobs whose lease ran out.
    pub expired: AtomicU64,
    /// Jobs that workers said they failed at.
    pub failed: AtomicU64,
    /// Jobs that were given back.
    pub given_back: AtomicU64,
    /// Proofs that counted.
    pub accepted: AtomicU64,
    /// Valid proofs that came second.
    pub duplicates: AtomicU64,
    /// Proofs that did not verify.
    pub invalid: AtomicU64,
    /// Workers that are connected.
    pub workers: AtomicU64,
}

/// The durable queue. Cheap to clone.
#[derive(Clone)]
pub struct Desk(Arc<Shared>);

struct Shared {
    database: Arc<Database>,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    counters: DeskCounters,
    limits: Limits,
}

struct State {
    queue: Queue,
    broken: bool,
}

impl Desk {
    /// Reads what is there, and gives stuck jobs all their attempts again: whoever restarts has looked into it.
    pub fn open(database: Arc<Database>, limits: Limits) -> Result<Self, DeskError> {
        let write = database.begin_write().map_err(redb::Error::from)?;
        let (records, token) = read_all(&write)?;
        write.commit().map_err(redb::Error::from)?;
        let queue = Queue::restore(limits, records, token.max(1));
        let state = Mutex::new(State { queue, broken: false });
        let (changed, _) = watch::channel(0);
        let counters = DeskCounters::default();
        let desk = Self(Arc::new(Shared { database, state, changed, counters, limits }));
        desk.change(Queue::rearm, |_| Ok(()))?;
        Ok(desk)
    }

    /// The limits.
    pub fn limits(&self) -> Limits {
        self.0.limits
    }

    /// What happened since the start.
    pub fn counters(&self) -> &DeskCounters {
        &self.0.counters
    }

    /// Changes whenever a job does.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    /// Runs calls where they may block.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> T + Send + 'static) -> T {
        let desk = self.clone();
        match tokio::task::spawn_blocking(move || work(&desk)).await {
            Ok(value) => value,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // Only a runtime that is shutting down cancels blocking work: nobody waits for the value any more.
            Err(_) => std::future::pending().await,
        }
    }

    /// Adds a job with its input. A job that is there stays as it is.
    pub fn create(&self, spec: JobSpec, input: &[u8]) -> Result<Created, DeskError> {
        let id = spec.id();
        if input.len() > MAX_INPUT_BYTES || sha256(&[input]) != spec.input {
            return Err(DeskError::Input(id));
        }
        self.change(
            |queue| queue.create(spec),
            |write| {
                write.open_table(INPUTS)?.insert(id.0.as_bytes().as_slice(), input)?;
                Ok(())
            },
        )
    }

    /// The input with a hash, if a job that is there has it.
    pub fn input(&self, hash: &Hash32) -> Result<Option<Bytes>, DeskError> {
        let job =
            self.look(|queue| queue.jobs().find(|(_, record)| record.spec.input == *hash).map(|(id, _)| *id));
        job.map_or(Ok(None), |id| self.read(INPUTS, &id))
    }

    /// The proof of a job, once it has one.
    pub fn proof(&self, id: &JobId) -> Result<Option<Bytes>, DeskError> {
        self.read(PROOFS, id)
    }

    /// One job.
    pub fn job(&self, id: &JobId) -> Option<Record> {
        self.look(|queue| queue.job(id).cloned())
    }

    /// All jobs, in the order of creation.
    pub fn jobs(&self) -> Vec<Record> {
        self.look(|queue| queue.jobs().map(|(_, record)| record.clone()).collect())
    }

    /// How many jobs there are.
    pub fn counts(&self) -> Counts {
        self.look(Queue::counts)
    }

    /// Leases jobs, after ending leases that ran out.
    pub fn lease(&self, worker: &Worker, room: usize) -> Result<Option<Lease>, DeskError> {
        self.expire()?;
        let lease = self.change(|queue| queue.lease(worker, room, now()), |_| Ok(()))?;
        self.count(|counters| &counters.leases, u64::from(lease.is_some()));
        Ok(lease)
    }

    /// Ends leases that ran out.
    pub fn expire(&self) -> Result<(), DeskError> {
        let expired = self.change(|queue| queue.expire(now()), |_| Ok(()))?;
        self.count(|counters| &counters.expired, expired as u64);
        Ok(())
    }

    /// Prolongs a lease; `false` if it is not held any more.
    pub fn keep(&self, token: Token) -> bool {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.queue.keep(token, now())
    }

    /// Takes a proof that was checked.
    pub fn judge(&self, token: Token, id: &JobId, proof: &[u8], valid: bool) -> Result<Verdict, DeskError> {
        let (hash, now) = (sha256(&[proof]), now());
        let verdict = self.change(
            |queue| queue.judge(token, id, hash, valid, now),
            |write| {
                if valid {
                    write.open_table(PROOFS)?.insert(id.0.as_bytes().as_slice(), proof)?;
                }
                Ok(())
            },
        )?;
        match verdict {
            Verdict::Accepted { first: true, .. } => self.count(|counters| &counters.accepted, 1),
            Verdict::Accepted { first: false, .. } => self.count(|counters| &counters.duplicates, 1),
            Verdict::Invalid => self.count(|counters| &counters.invalid, 1),
            Verdict::Unknown => {}
        }
        Ok(verdict)
    }

    /// The holder of a lease has failed at a job.
    pub fn fail(&self, token: Token, id: &JobId) -> Result<(), DeskError> {
        let held = self.change(|queue| queue.fail(token, id, now()), |_| Ok(()))?;
        self.count(|counters| &counters.failed, u64::from(held));
        Ok(())
    }

    /// Takes a lease back with what is left of it.
    pub fn give_back(&self, token: Token) -> Result<(), DeskError> {
        let given = self.change(|queue| queue.give_back(token, now()), |_| Ok(()))?;
        self.count(|counters| &counters.given_back, given as u64);
        Ok(())
    }

    /// Removes jobs that nobody needs a proof of any more.
    pub fn remove(&self, which: impl Fn(&JobSpec) -> bool) -> Result<usize, DeskError> {
        let remove = |queue: &mut Queue| {
            let ids: Vec<JobId> =
                queue.jobs().filter(|(_, record)| which(&record.spec)).map(|(id, _)| *id).collect();
            ids.iter().filter(|id| queue.remove(id)).count()
        };
        self.change(remove, |_| Ok(()))
    }

    fn count(&self, counter: impl FnOnce(&DeskCounters) -> &AtomicU64, by: u64) {
        counter(&self.0.counters).fetch_add(by, Relaxed);
    }

    fn look<T>(&self, look: impl FnOnce(&Queue) -> T) -> T {
        look(&self.0.state.lock().unwrap_or_else(PoisonError::into_inner).queue)
    }

    fn read(&self, table: Table, id: &JobId) -> Result<Option<Bytes>, DeskError> {
        let get = || -> Result<_, redb::Error> {
            let read = self.0.database.begin_read()?;
            let value = read.open_table(table)?.get(id.0.as_bytes().as_slice())?;
            Ok(value.map(|value| Bytes::copy_from_slice(value.value())))
        };
        Ok(get()?)
    }

    /// Changes the queue, and makes that durable, with what `beside` writes where anything changed.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Queue) -> T,
        beside: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<T, DeskError> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.broken {
            return Err(DeskError::Broken);
        }
        let value = change(&mut state.queue);
        let changes = state.queue.take_changes();
        if changes == Changes::default() {
            return Ok(value);
        }
        if let Err(error) = self.write(&state.queue, &changes, beside) {
            state.broken = true;
            return Err(error.into());
        }
        drop(state);
        self.0.changed.send_modify(|count| *count += 1);
        Ok(value)
    }

    fn write(
        &self,
        queue: &Queue,
        changes: &Changes,
        beside: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), redb::Error> {
        let write = self.0.database.begin_write()?;
        {
            let mut jobs = write.open_table(JOBS)?;
            for (id, record) in changes.changed.iter().filter_map(|id| Some((id, queue.job(id)?))) {
                jobs.insert(id.0.as_bytes().as_slice(), record.to_bytes().as_slice())?;
            }
            let (mut inputs, mut proofs) = (write.open_table(INPUTS)?, write.open_table(PROOFS)?);
            for id in &changes.gone {
                let id = id.0.as_bytes().as_slice();
                jobs.remove(id)?;
                inputs.remove(id)?;
                proofs.remove(id)?;
            }
            write.open_table(TOKEN)?.insert((), queue.next_token())?;
        }
        beside(&write)?;
        Ok(write.commit()?)
    }
}

fn read_all(write: &WriteTransaction) -> Result<(Vec<Record>, u64), DeskError> {
    let read = || -> Result<_, redb::Error> {
        let jobs = write.open_table(JOBS)?;
        write.open_table(INPUTS)?;
        write.open_table(PROOFS)?;
        let token = write.open_table(TOKEN)?.get(())?.map_or(0, |token| token.value());
        let records = jobs.iter()?.map(|entry| Ok(Record::from_bytes(entry?.1.value().to_vec())));
        Ok((records.collect::<Result<Vec<_>, redb::Error>>()?, token))
    };
    let (records, token) = read()?;
    Ok((records.into_iter().collect::<Result<_, _>>()?, token))
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
