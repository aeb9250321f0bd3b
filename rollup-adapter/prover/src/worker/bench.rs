//! What a worker has before it: jobs to prove, one that is being proven, and proofs that the adapter may not have yet.
//!
//! It outlives streams. Nothing is on disk: a worker that is killed loses its leases in time, and others get the jobs.

use super::Prove;
use crate::job::JobId;
use crate::queue::Token;
use bytes::Bytes;
use fairlane_proto::convert::array;
use fairlane_proto::v1::work_response::Message as Incoming;
use fairlane_proto::v1::{LeaseOffer, ProofVerdict, WorkResponse};
use fairlane_types::Hash32;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use tokio::task::JoinHandle;

/// A leased job.
#[derive(Clone, Copy, Debug)]
struct Task {
    token: Token,
    id: JobId,
    input: Hash32,
}

/// A proof, or why there is none.
type Made = Result<Vec<u8>, String>;
/// What a finished job came to.
pub(super) type Finished = (u64, JobId, Made);

pub(super) struct Bench {
    prover: Arc<dyn Prove>,
    waiting: VecDeque<Task>,
    proving: Option<(Task, JoinHandle<Made>)>,
    done: BTreeMap<JobId, (Token, Vec<u8>)>,
}

impl Bench {
    pub(super) fn new(prover: Arc<dyn Prove>) -> Self {
        Self { prover, waiting: VecDeque::new(), proving: None, done: BTreeMap::new() }
    }

    pub(super) fn keys(&self) -> Vec<crate::ProofKey> {
        self.prover.keys()
    }

    /// The leases of all that is here.
    pub(super) fn tokens(&self) -> Vec<u64> {
        let waiting = self.waiting.iter().map(|task| task.token);
        let proving = self.proving.iter().map(|(task, _)| task.token);
        let done = self.done.values().map(|(token, _)| *token);
        let all: BTreeSet<Token> = waiting.chain(proving).chain(done).collect();
        all.into_iter().map(|token| token.0).collect()
    }

    /// The leases that have anything left to prove.
    pub(super) fn unfinished(&self) -> BTreeSet<u64> {
        let proving = self.proving.iter().map(|(task, _)| task.token.0);
        self.waiting.iter().map(|task| task.token.0).chain(proving).collect()
    }

    /// Proofs without a receipt.
    pub(super) fn proofs(&self) -> Vec<(u64, JobId, Vec<u8>)> {
        self.done.iter().map(|(id, (token, proof))| (token.0, *id, proof.clone())).collect()
    }

    /// The input of the next job; `None` while one is under way, or where there is none.
    pub(super) fn next_input(&self) -> Option<Hash32> {
        if self.proving.is_some() {
            return None;
        }
        self.waiting.front().map(|task| task.input)
    }

    /// Proves the next job, from its input.
    pub(super) fn start(&mut self, input: Bytes) {
        let Some(task) = self.waiting.pop_front() else { return };
        let prover = self.prover.clone();
        tracing::info!(job = %task.id, "proving");
        self.proving = Some((task, tokio::task::spawn_blocking(move || prover.prove(&input))));
    }

    /// Nobody needs the next job any more.
    pub(super) fn skip(&mut self) {
        self.waiting.pop_front();
    }

    /// The job under way, once it is finished. Cancel safe; waits for ever where none is under way.
    pub(super) async fn finished(&mut self) -> Finished {
        let Some((task, handle)) = &mut self.proving else { return std::future::pending().await };
        let (task, outcome) = (*task, handle.await);
        self.proving = None;
        let outcome = outcome.unwrap_or_else(|error| Err(format!("the prover broke off: {error}")));
        if let Ok(proof) = &outcome {
            self.done.insert(task.id, (task.token, proof.clone()));
        }
        (task.token.0, task.id, outcome)
    }

    /// What the adapter says.
    pub(super) fn hear(&mut self, message: WorkResponse) {
        match message.message {
            Some(Incoming::Offer(offer)) => self.accept(offer),
            Some(Incoming::Receipt(receipt)) => {
                let verdict = ProofVerdict::try_from(receipt.verdict).unwrap_or_default();
                tracing::info!(verdict = verdict.as_str_name(), "the adapter has a proof");
                if let Some(id) = job_id(&receipt.job_id) {
                    self.done.remove(&id);
                }
            }
            Some(Incoming::Cancelled(cancelled)) => {
                if let Some(id) = job_id(&cancelled.job_id) {
                    self.waiting.retain(|task| task.id != id);
                    self.done.remove(&id);
                }
            }
            Some(Incoming::Kept(kept)) if !kept.held => {
                // What is under way or done is still worth its proof; what has not begun is another's.
                self.waiting.retain(|task| task.token.0 != kept.token);
            }
            Some(Incoming::Kept(_) | Incoming::Registered(_)) | None => {}
        }
    }

    fn accept(&mut self, offer: LeaseOffer) {
        for job in offer.jobs {
            let (id, input) = (job_id(&job.job_id), array("input_hash", &job.input_hash));
            let Some((id, input)) = id.zip(input.ok().map(Hash32::from_bytes)) else { continue };
            let token = Token(offer.token);
            self.waiting.retain(|task| task.id != id);
            // What is under way or done goes on under the new lease.
            if let Some((task, _)) = self.proving.as_mut().filter(|(task, _)| task.id == id) {
                task.token = token;
            } else if let Some((of, _)) = self.done.get_mut(&id) {
                *of = token;
            } else {
                self.waiting.push_back(Task { token, id, input });
            }
        }
    }
}

fn job_id(bytes: &[u8]) -> Option<JobId> {
    array("job_id", bytes).ok().map(|bytes| JobId(Hash32::from_bytes(bytes)))
}
