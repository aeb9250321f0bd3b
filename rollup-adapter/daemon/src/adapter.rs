//! The adapter's rounds. Each looks at where the settlement contract stands and takes the one step that comes next; what was
//! done before is found out, never remembered. So it does not matter when the process dies.

use crate::driver::{Heads, RollupDriver, Work};
use crate::error::AdapterError;
use crate::ethereum::{Ethereum, Tips};
use crate::finality::Nodes;
use crate::inbox::Inbox;
use crate::metrics::AdapterMetrics;
use crate::run::{Stepper, Wake};
use crate::status::Status;
use crate::zk::ZkDriver;
use fairlane_l1::B256;
use fairlane_l1::settlement::{self as contract, Finality, Progress, Standing, Transition};
use fairlane_prover::queue::Created;
use fairlane_prover::{Desk, JobId};
use fairlane_types::BatchIndex;
use serde::Serialize;
use std::sync::atomic::Ordering::Relaxed;

/// What one round came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Everything is settled. The next batch has not come.
    Idle,
    /// Others have settled batches that have not come here.
    AwaitingBatch(u64),
    /// A batch was carried out that is settled already.
    Followed(u64),
    /// A batch was carried out, and its proofs are asked for.
    CarriedOut(u64),
    /// Proofs of a batch are being made.
    Proving(u64),
    /// All proofs of a batch are there.
    Proven(u64),
    /// A batch is proven, or executed where nothing is proven. Ethereum does not know that it is final.
    AwaitingCheckpoint(u64),
    /// A unit of gas costs so many wei, and that is too much.
    TooExpensive(u128),
    /// A batch would be settled, for so much gas. This is a dry run.
    WouldSettle(u64, u64),
    /// A batch would become a block of so many transactions. This is a dry run.
    WouldCarryOut(u64, u64),
    /// A piece of a batch was recorded.
    Advanced(u64),
    /// A batch was settled, for so much gas.
    Settled(u64, u64),
    /// A batch is settled for good.
    Confirmed(u64),
    /// Ethereum has changed its mind: all after this batch is carried out again.
    Rewound(u64),
}

impl Step {
    /// Whether there is something to wait for before the next round.
    pub fn waits(&self) -> bool {
        matches!(
            self,
            Self::Idle
                | Self::AwaitingBatch(_)
                | Self::Proving(_)
                | Self::AwaitingCheckpoint(_)
                | Self::TooExpensive(_)
                | Self::WouldSettle(..)
                | Self::WouldCarryOut(..)
        )
    }
}

/// What the batch after the settled ones was carried out on.
type Base = (u64, B256, B256, u64, u64);

fn base(tip: &Standing) -> Base {
    (tip.index, tip.head, tip.root, tip.taken, tip.due)
}

/// The adapter of a rollup that is proven.
pub struct Adapter {
    /// Ethereum.
    pub ethereum: Ethereum,
    /// Where checkpoints come from.
    pub nodes: Nodes,
    /// Batches that came.
    pub inbox: Inbox,
    /// Proofs to make.
    pub desk: Desk,
    /// The rollup.
    pub driver: ZkDriver,
    /// What is counted.
    pub metrics: AdapterMetrics,
    /// Whether nothing is sent.
    pub dry_run: bool,
    base: Option<Base>,
    /// The last batch all proofs of which were there, on this base.
    newest_proven: BatchIndex,
}

impl Adapter {
    /// An adapter that has looked at nothing yet.
    pub fn new(
        ethereum: Ethereum,
        nodes: Nodes,
        inbox: Inbox,
        desk: Desk,
        driver: ZkDriver,
        metrics: AdapterMetrics,
        dry_run: bool,
    ) -> Self {
        Self {
            ethereum,
            nodes,
            inbox,
            desk,
            driver,
            metrics,
            dry_run,
            base: None,
            newest_proven: BatchIndex::default(),
        }
    }

    /// Where the rollup stands.
    pub fn heads(&self) -> Heads {
        self.driver.heads()
    }

    /// One round.
    ///
    /// # Errors
    /// Nothing was done, or what was done shows in the next round. [`AdapterError::is_fatal`] says whether there is a point
    /// in a next one.
    pub async fn step(&mut self) -> Result<Step, AdapterError> {
        let step = self.step_by_one_endpoint().await;
        step.inspect_err(|error| {
            if self.ethereum.turn_away(error) {
                self.metrics.failovers.inc();
            }
        })
    }

    async fn step_by_one_endpoint(&mut self) -> Result<Step, AdapterError> {
        self.ethereum.choose().await?;
        let tips = self.ethereum.tips().await?;
        self.metrics.settled.set(gauge(tips.newest.index));
        self.nodes.look(&self.ethereum.provider, &self.ethereum.deployment.contracts).await?;
        if !self.continues(&tips.newest)? {
            return self.rewind().await;
        }
        let heads = self.driver.heads();
        if heads.soft.index.get() < tips.newest.index {
            return self.follow(heads.soft.index.next()).await;
        }
        if tips.firm.index > heads.settled.index.get() {
            return self.confirm(&tips).await;
        }
        self.settle_next(&tips.newest).await
    }

    /// Whether what was carried out here is what Ethereum goes on from.
    fn continues(&self, tip: &Standing) -> Result<bool, AdapterError> {
        let Heads { soft, settled } = self.driver.heads();
        let index = BatchIndex::new(tip.index);
        if settled.index > index {
            return Err(AdapterError::TakenBack { settled: settled.index });
        }
        let agrees = if soft.index == index {
            B256::new(*soft.head.as_bytes()) == tip.head && B256::new(*soft.state.as_bytes()) == tip.root
        } else {
            soft.index < index || self.base == Some(base(tip))
        };
        match agrees || soft.index > settled.index {
            true => Ok(agrees),
            false => Err(AdapterError::Diverged { index }),
        }
    }

    async fn rewind(&mut self) -> Result<Step, AdapterError> {
        self.driver.rewind().await?;
        self.base = None;
        self.newest_proven = self.driver.heads().settled.index;
        self.metrics.rewinds.inc();
        Ok(Step::Rewound(self.driver.heads().settled.index.get()))
    }

    /// Carries out a batch that is settled already.
    async fn follow(&mut self, index: BatchIndex) -> Result<Step, AdapterError> {
        let Some(batch) = self.inbox.get(index)? else { return Ok(Step::AwaitingBatch(index.get())) };
        let settled = self.ethereum.settled(index.get()).await?;
        let input = self.ethereum.came_with(index).await?;
        let work = self.driver.apply(&batch, &input).await?;
        let same = B256::new(*work.after.head.as_bytes()) == settled.head
            && B256::new(*work.after.state.as_bytes()) == settled.root;
        if !same {
            return Err(AdapterError::Diverged { index });
        }
        Ok(Step::Followed(index.get()))
    }

    /// What has enough confirmations is settled for good: nobody asks for its batch or its proofs any more.
    async fn confirm(&mut self, tips: &Tips) -> Result<Step, AdapterError> {
        let index = BatchIndex::new(tips.firm.index);
        self.driver.settle(index).await?;
        self.inbox.forget(index)?;
        self.desk.run(move |desk| desk.remove(|spec| spec.index <= index)).await?;
        self.metrics.confirmed.set(gauge(index.get()));
        Ok(Step::Confirmed(index.get()))
    }

    async fn settle_next(&mut self, tip: &Standing) -> Result<Step, AdapterError> {
        let index = BatchIndex::new(tip.index).next();
        let Some(batch) = self.inbox.get(index)? else { return Ok(Step::Idle) };
        let is_new = self.driver.heads().soft.index < index;
        let input = self.ethereum.due(tip).await?;
        let work = self.driver.apply(&batch, &input).await?;
        self.base = Some(base(tip));
        self.metrics.carried_out.set(gauge(index.get()));
        self.ask_for_proofs(index, &work).await?;
        if is_new {
            return Ok(Step::CarriedOut(index.get()));
        }
        let Some(transitions) = self.proven(index, &work).await? else {
            return Ok(Step::Proving(index.get()));
        };
        if self.newest_proven < index {
            // A round of its own, so that it is told before a settlement is waited for.
            self.newest_proven = index;
            return Ok(Step::Proven(index.get()));
        }
        let Some(finality) = self.nodes.finality_of(&batch, &self.inbox).await? else {
            return Ok(Step::AwaitingCheckpoint(index.get()));
        };
        let price = fairlane_l1::checkpoint::base_fee(&self.ethereum.provider).await?;
        if price > self.ethereum.sender.max_fee {
            return Ok(Step::TooExpensive(price));
        }
        self.send(index, transitions, finality).await
    }

    /// Creates the jobs that are not there yet, and drops others of the same batch.
    async fn ask_for_proofs(&self, index: BatchIndex, work: &Work) -> Result<(), AdapterError> {
        let ids: Vec<JobId> = work.jobs.iter().map(|job| job.spec.id()).collect();
        let jobs = work.jobs.clone();
        let created = self.desk.run(move |desk| {
            desk.remove(|spec| spec.index == index && !ids.contains(&spec.id()))?;
            for job in jobs {
                if desk.create(job.spec, &job.input)? == Created::Full {
                    break;
                }
            }
            Ok::<_, fairlane_prover::DeskError>(())
        });
        Ok(created.await?)
    }

    /// The batch's transitions, once all have proofs.
    async fn proven(&self, index: BatchIndex, work: &Work) -> Result<Option<Vec<Transition>>, AdapterError> {
        let ids: Vec<JobId> = work.jobs.iter().map(|job| job.spec.id()).collect();
        let proofs = self
            .desk
            .run(move |desk| ids.iter().map(|id| desk.proof(id)).collect::<Result<Option<Vec<_>>, _>>());
        let Some(proofs) = proofs.await? else { return Ok(None) };
        let mut transitions = self.driver.transitions(index);
        for (transition, proof) in transitions.iter_mut().zip(proofs) {
            let proof: &[u8; 256] =
                proof.as_ref().try_into().map_err(|_| AdapterError::Proof(proof.len()))?;
            transition.proof = contract::proof_words(proof);
        }
        Ok(Some(transitions))
    }

    /// Sends what is left of a batch: the next piece, or the last one.
    async fn send(
        &mut self,
        index: BatchIndex,
        transitions: Vec<Transition>,
        finality: Finality,
    ) -> Result<Step, AdapterError> {
        let Ethereum { provider, record, sender, .. } = &self.ethereum;
        let (mut from, mut left) = (contract::at_batch_start(), transitions.into_iter().peekable());
        let recorded = match left.len() {
            0 | 1 => Vec::new(),
            _ => contract::advanced(provider, record, index.get()).await?,
        };
        while let Some(next) = left.next() {
            let after = contract::after_piece(&from, &next);
            let is_last = left.peek().is_none();
            if !is_last && recorded.contains(&after) {
                from = after;
                continue;
            }
            if self.dry_run {
                let rehearsal = rehearsal(&self.ethereum, from, next, is_last.then_some(finality)).await?;
                return Ok(Step::WouldSettle(index.get(), rehearsal));
            }
            let receipt = match is_last {
                true => contract::settle(provider, record, *sender, from, next, finality).await?,
                false => contract::advance(provider, record, *sender, from, next).await?,
            };
            self.metrics.gas.inc_by(receipt.gas_used);
            return Ok(match is_last {
                true => Step::Settled(index.get(), receipt.gas_used),
                false => Step::Advanced(index.get()),
            });
        }
        Ok(Step::Idle)
    }
}

/// The gas that the next transaction would use.
async fn rehearsal(
    ethereum: &Ethereum,
    from: Progress,
    next: Transition,
    finality: Option<Finality>,
) -> Result<u64, AdapterError> {
    let Ethereum { provider, record, sender, .. } = ethereum;
    let transactions = match finality {
        Some(finality) => contract::settling(provider, record, *sender, from, next, finality),
        None => contract::advancing(provider, record, *sender, from, next),
    };
    let rehearsal = transactions.rehearse().await?;
    Ok(rehearsal.steps.iter().map(|step| step.gas).sum())
}

impl Stepper for Adapter {
    async fn step(&mut self) -> Result<Step, AdapterError> {
        Self::step(self).await
    }

    fn heads(&self) -> Heads {
        Self::heads(self)
    }

    fn metrics(&self) -> &AdapterMetrics {
        &self.metrics
    }

    fn wake(&self) -> Wake {
        Wake { jobs: Some(self.desk.watch()), batches: self.inbox.watch() }
    }

    fn show(&self, status: &mut Status) {
        status.proven = Some(self.newest_proven.max(self.driver.heads().settled.index).get());
        let counts = self.desk.counts();
        status.jobs_waiting = counts.waiting;
        status.jobs_leased = counts.leased;
        status.jobs_proven = counts.proven;
        status.jobs_stuck = counts.stuck;
        status.workers = self.desk.counters().workers.load(Relaxed);
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
