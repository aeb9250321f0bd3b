//! The proven rollup's driver (docs/rollups/zk.md).
//!
//! What comes in from Ethereum before a batch is its deposits: the contract fixes them when the batch before is settled, so
//! there is never more than one batch after what is settled on Ethereum.
//!
//! Durable are the accounts at the settled head, and the calls that pay withdrawals. The soft state is in memory: it follows
//! from the batches.

mod store;
mod withdrawals;

pub use store::{StoreError, Withdrawal};

use crate::driver::{DriverError, Head, Heads, NewJob, RollupDriver, Work};
use fairlane_l1::settlement::{self as contract, Transition};
use fairlane_l1::{B256, U256};
use fairlane_prover::{ProofKey, zk};
use fairlane_types::{Batch, BatchIndex, Hash32};
use fairlane_zk_rollup::{Applied, Context, Deposit, PublicKey, Rollup, Shape, State, Statement, field};
use redb::Database;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Store;

/// A batch that was applied and is not settled for good.
struct Carried {
    input: Vec<Deposit>,
    work: Work,
    statements: Vec<Statement>,
    withdrawals: Vec<Withdrawal>,
    /// The rollup after it.
    after: Rollup,
}

/// The proven rollup.
pub struct ZkDriver {
    store: Store,
    key: ProofKey,
    settled: Rollup,
    settled_index: BatchIndex,
    carried: BTreeMap<BatchIndex, Carried>,
}

impl ZkDriver {
    /// Opens the rollup, new or as it was settled last. `key` is what the contract verifies with.
    ///
    /// # Errors
    /// The store fails, or is another rollup's.
    pub fn open(
        database: Arc<Database>,
        context: Context,
        shape: Shape,
        key: ProofKey,
    ) -> Result<Self, StoreError> {
        let store = Store::new(database);
        let (settled, settled_index) = match store.load(&context)? {
            Some(found) => (Rollup::resume(context, shape, found.state, found.head), found.index),
            None => (Rollup::new(context, shape), BatchIndex::ZERO),
        };
        Ok(Self { store, key, settled, settled_index, carried: BTreeMap::new() })
    }

    /// The root without accounts, with which a contract is deployed.
    pub fn first_root() -> B256 {
        B256::new(field::to_bytes(&State::default().root()))
    }

    /// The state after the last batch that was carried out.
    pub fn state(&self) -> &State {
        self.carried.values().next_back().map_or(&self.settled, |carried| &carried.after).state()
    }

    /// What the settlement contract is to be told of a batch, without the proofs: one for each job.
    pub fn transitions(&self, index: BatchIndex) -> Vec<Transition> {
        let Some(carried) = self.carried.get(&index) else { return Vec::new() };
        let mut deposits: Vec<_> = carried.input.iter().map(to_contract).collect();
        let transition = |statement: &Statement| Transition {
            root: B256::new(field::to_bytes(&statement.new_root)),
            position: B256::new(statement.new_position.to_bytes()),
            first: statement.first,
            withdrawals: statement.withdrawals,
            // They come with the first.
            deposits: std::mem::take(&mut deposits),
            proof: [U256::ZERO; 8],
        };
        carried.statements.iter().map(transition).collect()
    }

    /// Withdrawals of batches that are settled for good, newest first, at most so many.
    ///
    /// # Errors
    /// The store fails.
    pub fn withdrawals(database: &Arc<Database>, most: usize) -> Result<Vec<Withdrawal>, StoreError> {
        Store::new(database.clone()).withdrawals(most)
    }

    fn settled_head(&self) -> Head {
        head_of(&self.settled, self.settled_index)
    }

    fn refuse(&self, batch: &Batch, soft: &Head) -> DriverError {
        let (expected, found) = (soft.index.next(), batch.header().index);
        match found > expected {
            true => DriverError::Gap { expected, found },
            false => DriverError::OtherHistory { index: found },
        }
    }

    fn carry(&self, batch: &Batch, input: &[Deposit]) -> Result<Carried, DriverError> {
        let index = batch.header().index;
        let mut after =
            self.carried.values().next_back().map_or_else(|| self.settled.clone(), |last| last.after.clone());
        let applied = after
            .apply(batch, input)
            .map_err(|error| DriverError::Impossible { index, why: error.to_string() })?;
        let withdrawals = withdrawals::of(batch, &applied);
        let Applied { jobs, .. } = applied;
        let new_job = |job: &fairlane_zk_rollup::Job| {
            let (spec, input) = zk::describe(job, index, &self.key);
            NewJob { spec, input }
        };
        let work = Work { after: head_of(&after, index), jobs: jobs.iter().map(new_job).collect() };
        let statements = jobs.into_iter().map(|job| job.statement).collect();
        Ok(Carried { input: input.to_vec(), work, statements, withdrawals, after })
    }
}

fn head_of(rollup: &Rollup, index: BatchIndex) -> Head {
    let state = Hash32::from_bytes(field::to_bytes(&rollup.state().root()));
    Head { index, head: rollup.head(), state }
}

/// A deposit as the contract tells of it. `None` where the key is none that the contract takes.
pub fn from_contract(deposit: &contract::Deposit) -> Option<Deposit> {
    let coordinate = |value: U256| field::from_bytes(&value.to_be_bytes());
    let key = PublicKey { x: coordinate(deposit.x)?, y: coordinate(deposit.y)? };
    Some(Deposit { account: deposit.account, key, amount: deposit.amount })
}

fn to_contract(deposit: &Deposit) -> contract::Deposit {
    let coordinate = |value| U256::from_be_bytes(field::to_bytes(value));
    contract::Deposit {
        account: deposit.account,
        x: coordinate(&deposit.key.x),
        y: coordinate(&deposit.key.y),
        amount: deposit.amount,
    }
}

impl RollupDriver for ZkDriver {
    type Input = Vec<Deposit>;

    fn heads(&self) -> Heads {
        let settled = self.settled_head();
        let soft = self.carried.values().next_back().map_or(settled, |last| last.work.after);
        Heads { soft, settled }
    }

    async fn apply(&mut self, batch: &Batch, input: &Vec<Deposit>) -> Result<Work, DriverError> {
        let (header, heads) = (batch.header(), self.heads());
        let head = header.head(&self.settled.context().network);
        if let Some(known) = self.carried.get(&header.index) {
            return match known.work.after.head == head && known.input == *input {
                true => Ok(known.work.clone()),
                false => Err(DriverError::OtherHistory { index: header.index }),
            };
        }
        if header.index <= heads.settled.index {
            let known = header.index < heads.settled.index || head == heads.settled.head;
            let work = Work { after: heads.settled, jobs: Vec::new() };
            return known.then_some(work).ok_or(DriverError::OtherHistory { index: header.index });
        }
        if header.index != heads.soft.index.next() || header.previous_head != heads.soft.head {
            return Err(self.refuse(batch, &heads.soft));
        }
        let carried = self.carry(batch, input)?;
        let work = carried.work.clone();
        self.carried.insert(header.index, carried);
        Ok(work)
    }

    async fn settle(&mut self, index: BatchIndex) -> Result<(), DriverError> {
        // All of them or none.
        if index > self.heads().soft.index {
            return Err(DriverError::NotApplied { index });
        }
        while self.settled_index < index {
            let next = self.settled_index.next();
            let carried = self.carried.get(&next).ok_or(DriverError::NotApplied { index })?;
            self.store
                .settle(next, &self.settled, &carried.after, &carried.withdrawals)
                .map_err(|error| DriverError::Failed(Box::new(error)))?;
            if let Some(carried) = self.carried.remove(&next) {
                (self.settled, self.settled_index) = (carried.after, next);
            }
        }
        Ok(())
    }

    async fn rewind(&mut self) -> Result<(), DriverError> {
        self.carried.clear();
        Ok(())
    }
}
