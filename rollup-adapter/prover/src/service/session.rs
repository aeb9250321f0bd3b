//! One worker's stream.

use super::{CheckProof, ServiceLimits};
use crate::desk::{Desk, DeskError};
use crate::job::{JobId, MAX_SYSTEM_BYTES, ProofKey};
use crate::queue::{Token, Verdict, Worker};
use fairlane_proto::convert::{array, to_field};
use fairlane_proto::v1::work_request::Message as Incoming;
use fairlane_proto::v1::work_response::Message as Outgoing;
use fairlane_proto::v1::{
    JobCancelled, LeaseKept, LeaseOffer, ProofJob, ProofReceipt, ProofVerdict, RegisterWorker, SubmitProof,
    WorkRequest, WorkResponse, WorkerRegistered,
};
use fairlane_types::Hash32;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

/// The most bytes of a worker's name.
const MAX_NAME: usize = 64;
/// The most keys of a worker.
const MAX_KEYS: usize = 16;
/// How often leases and rests are looked at that end by themselves.
const TICK: Duration = Duration::from_millis(500);

/// What a stream is refused with when the store fails.
pub(super) fn failed(error: DeskError) -> Status {
    tracing::error!(%error, "a worker cannot be served");
    Status::internal("the adapter's store failed")
}

pub(super) struct Session {
    desk: Desk,
    check: Arc<dyn CheckProof>,
    limits: ServiceLimits,
    outbox: mpsc::Sender<Result<WorkResponse, Status>>,
    name: String,
    worker: Worker,
    slots: usize,
    /// What this worker has, by its lease.
    has: BTreeMap<JobId, Token>,
    window: (Instant, u32),
    invalid: u32,
}

impl Session {
    pub(super) fn new(
        desk: Desk,
        check: Arc<dyn CheckProof>,
        limits: ServiceLimits,
        outbox: mpsc::Sender<Result<WorkResponse, Status>>,
    ) -> Self {
        Self {
            desk,
            check,
            limits,
            outbox,
            name: String::new(),
            worker: Worker { keys: BTreeSet::new(), fallback: false },
            slots: 0,
            has: BTreeMap::new(),
            window: (Instant::now(), 0),
            invalid: 0,
        }
    }

    /// Serves until the stream ends. Leases stay: who comes back goes on, and who does not loses them in time.
    pub(super) async fn run(mut self, mut inbound: Streaming<WorkRequest>, stop: CancellationToken) {
        let ended = tokio::select! {
            ended = self.serve(&mut inbound) => ended,
            () = stop.cancelled() => Ok(()),
        };
        if let Err(status) = ended {
            tracing::warn!(worker = %self.name, why = status.message(), "a worker's stream ends");
            // Who is gone already needs no reason.
            self.outbox.send(Err(status)).await.ok();
        }
    }

    async fn serve(&mut self, inbound: &mut Streaming<WorkRequest>) -> Result<(), Status> {
        let first = tokio::time::timeout(self.limits.register_within, inbound.message()).await;
        let first = first.map_err(|_| Status::deadline_exceeded("register first, and at once"))??;
        let Some(Incoming::Register(register)) = first.and_then(|first| first.message) else {
            return Err(Status::failed_precondition("the first message registers the worker"));
        };
        self.register(register).await?;
        let mut changed = self.desk.watch();
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                message = inbound.message() => match message? {
                    Some(message) => self.take(message).await?,
                    None => return Ok(()),
                },
                moved = changed.changed() => if moved.is_err() { return Ok(()) },
                _ = tick.tick() => {}
            }
            self.tell_of_cancelled().await?;
            self.offer().await?;
        }
    }

    async fn register(&mut self, register: RegisterWorker) -> Result<(), Status> {
        let refuse = |why: &str| Err(Status::invalid_argument(why));
        if register.name.len() > MAX_NAME || register.keys.len() > MAX_KEYS {
            return refuse("the name or the list of keys is too long");
        }
        if register.slots == 0 || register.slots > self.limits.slots {
            return refuse(&format!("slots must be from 1 to {}", self.limits.slots));
        }
        for key in register.keys {
            if key.system.len() > MAX_SYSTEM_BYTES {
                return refuse("the proof system's name is too long");
            }
            let vk = hash("verification_key_hash", &key.verification_key_hash)?;
            self.worker.keys.insert(ProofKey { system: key.system, vk });
        }
        self.worker.fallback = register.fallback;
        (self.name, self.slots) = (register.name, register.slots as usize);
        // What it still has counts from the start, so that it is not offered more than it has room for.
        for record in self.desk.jobs() {
            if let crate::queue::Phase::Leased { token, .. } = record.phase
                && register.held.contains(&token.0)
            {
                self.has.insert(record.spec.id(), token);
            }
        }
        tracing::info!(worker = %self.name, slots = self.slots, "a worker registered");
        let lease_millis = self.desk.limits().lease;
        self.send(Outgoing::Registered(WorkerRegistered { lease_millis })).await
    }

    async fn take(&mut self, message: WorkRequest) -> Result<(), Status> {
        self.count_message()?;
        match message.message {
            Some(Incoming::Keep(keep)) => {
                let held = self.desk.keep(Token(keep.token));
                self.send(Outgoing::Kept(LeaseKept { token: keep.token, held })).await
            }
            Some(Incoming::Proof(proof)) => self.judge(proof).await,
            Some(Incoming::Failure(failure)) => {
                let (token, id) = (Token(failure.token), JobId(hash("job_id", &failure.job_id)?));
                let reason: String = failure.reason.chars().take(200).collect();
                tracing::warn!(worker = %self.name, job = %id, ?reason, "a worker failed at a job");
                self.has.remove(&id);
                self.desk.run(move |desk| desk.fail(token, &id)).await.map_err(failed)
            }
            Some(Incoming::Return(back)) => {
                let token = Token(back.token);
                self.has.retain(|_, of| *of != token);
                self.desk.run(move |desk| desk.give_back(token)).await.map_err(failed)
            }
            Some(Incoming::Register(_)) => Err(Status::failed_precondition("a worker registers once")),
            None => Err(Status::invalid_argument("an empty message")),
        }
    }

    fn count_message(&mut self) -> Result<(), Status> {
        let (since, count) = &mut self.window;
        if since.elapsed() >= Duration::from_secs(1) {
            (*since, *count) = (Instant::now(), 0);
        }
        *count += 1;
        match *count > self.limits.messages_per_second {
            true => Err(Status::resource_exhausted("too many messages: slow down")),
            false => Ok(()),
        }
    }

    async fn judge(&mut self, submitted: SubmitProof) -> Result<(), Status> {
        let (token, id) = (Token(submitted.token), JobId(hash("job_id", &submitted.job_id)?));
        let check = self.check.clone();
        let verdict = self.desk.run(move |desk| -> Result<Verdict, DeskError> {
            let Some(record) = desk.job(&id) else { return Ok(Verdict::Unknown) };
            let Some(input) = desk.input(&record.spec.input)? else { return Ok(Verdict::Unknown) };
            let valid = check.holds(&record.spec, &input, &submitted.proof);
            desk.judge(token, &id, &submitted.proof, valid)
        });
        let verdict = verdict.await.map_err(failed)?;
        self.has.remove(&id);
        let (verdict, proof_hash) = match verdict {
            Verdict::Accepted { proof, .. } => (ProofVerdict::Accepted, to_field(&proof)),
            Verdict::Invalid => (ProofVerdict::Invalid, Default::default()),
            Verdict::Unknown => (ProofVerdict::UnknownJob, Default::default()),
        };
        tracing::info!(worker = %self.name, job = %id, verdict = verdict.as_str_name(), "a proof came");
        let receipt = ProofReceipt { job_id: to_field(&id.0), verdict: verdict.into(), proof_hash };
        self.send(Outgoing::Receipt(receipt)).await?;
        if verdict == ProofVerdict::Invalid {
            self.invalid += 1;
            if self.invalid >= self.limits.invalid_proofs {
                return Err(Status::permission_denied("too many proofs that do not verify"));
            }
        }
        Ok(())
    }

    /// Jobs that this worker has and nobody needs any more.
    async fn tell_of_cancelled(&mut self) -> Result<(), Status> {
        let gone: Vec<JobId> = self.has.keys().filter(|id| self.desk.job(id).is_none()).copied().collect();
        for id in gone {
            self.has.remove(&id);
            self.send(Outgoing::Cancelled(JobCancelled { job_id: to_field(&id.0) })).await?;
        }
        Ok(())
    }

    async fn offer(&mut self) -> Result<(), Status> {
        // What was lost to time is not this worker's any more.
        let desk = self.desk.clone();
        self.has.retain(|id, token| {
            let phase = desk.job(id).map(|record| record.phase);
            matches!(phase, Some(crate::queue::Phase::Leased { token: of, .. }) if of == *token)
        });
        let room = self.slots.saturating_sub(self.has.len());
        if room == 0 || self.outbox.capacity() == 0 {
            return Ok(());
        }
        let worker = self.worker.clone();
        let lease = self.desk.run(move |desk| desk.lease(&worker, room)).await.map_err(failed)?;
        let Some(lease) = lease else { return Ok(()) };
        let jobs = lease.jobs.iter().filter_map(|id| self.desk.job(id)).map(|record| wire(&record.spec));
        let offer = LeaseOffer { token: lease.token.0, jobs: jobs.collect() };
        tracing::info!(worker = %self.name, lease = lease.token.0, jobs = lease.jobs.len(), "leased");
        self.has.extend(lease.jobs.into_iter().map(|id| (id, lease.token)));
        self.send(Outgoing::Offer(offer)).await
    }

    async fn send(&self, message: Outgoing) -> Result<(), Status> {
        let message = WorkResponse { message: Some(message) };
        self.outbox.send(Ok(message)).await.map_err(|_| Status::cancelled("the worker is gone"))
    }
}

fn hash(field: &'static str, bytes: &[u8]) -> Result<Hash32, Status> {
    let bytes = array(field, bytes).map_err(|error| Status::invalid_argument(error.to_string()))?;
    Ok(Hash32::from_bytes(bytes))
}

fn wire(spec: &crate::JobSpec) -> ProofJob {
    ProofJob {
        job_id: to_field(&spec.id().0),
        rollup_id: spec.rollup.get(),
        index: spec.index.get(),
        key: Some(fairlane_proto::v1::ProofKey {
            system: spec.key.system.clone(),
            verification_key_hash: to_field(&spec.key.vk),
        }),
        old_head: to_field(&spec.old_head),
        new_head: to_field(&spec.new_head),
        old_state: to_field(&spec.old_state),
        input_hash: to_field(&spec.input),
    }
}
