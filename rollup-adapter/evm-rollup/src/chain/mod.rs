//! The rollup's chain of blocks: one for each batch, built by one client, executed again by all others, and kept.
//!
//! A block is written down once every client has executed it and found it right, and before any is told that it is the
//! newest. So a client that lost something, or was away, is fed from what is written, from the last block that it shares with
//! it; and what was not written is derived again, to the same block. Block number and batch index are the same.

mod error;
mod feeding;
mod halving;
mod ledger;

pub use error::ChainError;
pub use ledger::{Executed, Ledger, LedgerError, Tip};

use crate::derive::{self, Candidates, Outcome, Parent, Plan};
use crate::engine::{Client, Payload, RpcError, Verdict};
use crate::rules::Rules;
use alloy_primitives::B256;
use fairlane_types::{Batch, BatchIndex};
use std::collections::BTreeSet;

/// A rollup's chain.
#[derive(Debug)]
pub struct Chain {
    rules: Rules,
    ledger: Ledger,
    builder: Client,
    followers: Vec<Client>,
    /// Whether all clients were found to speak what is needed.
    checked: bool,
    /// The newest block and the settled one that all clients were told of.
    told: Option<(BatchIndex, BatchIndex)>,
}

impl Chain {
    /// A chain as the ledger has it. No client is asked yet.
    pub fn new(rules: Rules, ledger: Ledger, builder: Client, followers: Vec<Client>) -> Self {
        Self { rules, ledger, builder, followers, checked: false, told: None }
    }

    /// What is written down.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// All clients; the one that builds is the first.
    pub fn clients(&self) -> impl Iterator<Item = &Client> {
        std::iter::once(&self.builder).chain(&self.followers)
    }

    /// What a batch after the last block would become. No client is changed.
    ///
    /// # Errors
    /// The client that builds cannot be asked for the accounts.
    pub async fn plan(&self, batch: &Batch, after: BatchIndex) -> Result<Plan, ChainError> {
        let parent = self.parent(after)?;
        let candidates = Candidates::of(&self.rules, batch);
        self.plan_without(batch, &parent, &candidates, &BTreeSet::new()).await
    }

    async fn plan_without(
        &self,
        batch: &Batch,
        parent: &Parent,
        candidates: &Candidates,
        refused: &BTreeSet<usize>,
    ) -> Result<Plan, ChainError> {
        let accounts = self.builder.accounts(&candidates.senders(), parent.hash).await?;
        let (rules, network) = (&self.rules, self.ledger.network());
        Ok(derive::derive(rules, network, batch.header(), candidates, parent, &accounts, refused))
    }

    fn parent(&self, index: BatchIndex) -> Result<Parent, ChainError> {
        match index {
            BatchIndex::ZERO => Ok(Parent::from(&self.rules.genesis)),
            index => Ok(self.written(index)?.payload.as_parent()),
        }
    }

    fn written(&self, index: BatchIndex) -> Result<Executed, ChainError> {
        self.ledger.block(index)?.ok_or(ChainError::Missing { index })
    }

    /// Makes the next batch's block, or finds the one that was made of it. `after` is the index of the batch before.
    ///
    /// # Errors
    /// Nothing is written. [`ChainError::is_final`] says whether there is a point in trying again.
    pub async fn carry_out(&mut self, batch: &Batch, after: BatchIndex) -> Result<Executed, ChainError> {
        let header = batch.header();
        let head = header.head(self.ledger.network());
        if let Some(known) = self.ledger.block(header.index)?
            && known.head == head
        {
            return Ok(known);
        }
        self.bring_all(after).await?;
        let parent = self.parent(after)?;
        let (plan, payload) = self.build(batch, &parent).await?;
        payload.check(&plan).map_err(|source| ChainError::Built {
            client: self.builder.name().to_owned(),
            index: header.index,
            source,
        })?;
        for client in self.clients() {
            self.executed_by(client, &payload, header.index).await?;
        }
        let executed = Executed::new(head, payload, &plan.outcomes);
        self.ledger.put(header.index, &executed)?;
        self.advance(header.index).await?;
        Ok(executed)
    }

    /// Derives the block and has it built. What the client refuses against the known rules is left out.
    async fn build(&self, batch: &Batch, parent: &Parent) -> Result<(Plan, Payload), ChainError> {
        let candidates = Candidates::of(&self.rules, batch);
        let mut refused = BTreeSet::new();
        loop {
            let plan = self.plan_without(batch, parent, &candidates, &refused).await?;
            let built = self.builder.build(&plan.attributes, &plan.transactions).await;
            let error = match built {
                Ok(payload) => return Ok((plan, payload)),
                Err(error) => error,
            };
            let is_refusal = matches!(error.source, RpcError::Refused { .. });
            let place = match is_refusal {
                true => halving::refused_place(&self.builder, &plan).await?,
                false => None,
            };
            let Some(place) = place else { return Err(error.into()) };
            let included =
                plan.outcomes.iter().enumerate().filter(|(_, outcome)| **outcome == Outcome::Included);
            let item = included.map(|(item, _)| item).nth(place);
            refused.extend(item);
            let index = batch.header().index;
            tracing::error!(%index, ?item, "the client refuses a transaction that the rules allow: a defect");
        }
    }

    /// Has a client execute a block whose parent it has executed.
    async fn executed_by(
        &self,
        client: &Client,
        payload: &Payload,
        index: BatchIndex,
    ) -> Result<(), ChainError> {
        let name = || client.name().to_owned();
        match client.execute(payload).await? {
            Verdict::Valid => Ok(()),
            Verdict::Waiting => Err(ChainError::Behind { client: name(), index }),
            Verdict::Invalid(why) => Err(ChainError::Invalid { client: name(), index, why }),
        }
    }

    /// Writes that a batch, and all before it, are settled. Durable when it returns; clients are told by
    /// [`Self::bring_all`], or with the next block.
    ///
    /// # Errors
    /// The store fails.
    pub fn settle(&mut self, index: BatchIndex) -> Result<(), ChainError> {
        Ok(self.ledger.settle(index)?)
    }

    /// Forgets all blocks after the settled one.
    ///
    /// # Errors
    /// The store fails.
    pub fn rewind(&mut self) -> Result<(), ChainError> {
        Ok(self.ledger.rewind()?)
    }

    /// The hash of a block that is written down.
    fn hash_of(&self, index: BatchIndex) -> Result<B256, ChainError> {
        Ok(self.parent(index)?.hash)
    }
}

#[cfg(test)]
mod tests;
