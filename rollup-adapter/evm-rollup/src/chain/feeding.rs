//! Brings clients to where the rollup is, from wherever they are: new, behind, back at an old block, or ahead of what is
//! written down.

use super::Chain;
use super::error::ChainError;
use crate::engine::{At, Client, Verdict};
use alloy_primitives::B256;
use fairlane_types::BatchIndex;

/// How many blocks at most a client is taken back at first, when it does not know the state that it says it has.
const FIRST_STEP_BACK: u64 = 4;

impl Chain {
    /// Brings all clients to a block that is written down, from wherever they are, makes it their newest, and tells them
    /// what is settled.
    ///
    /// # Errors
    /// A client is away, or another one than it should be.
    pub async fn bring_all(&mut self, to: BatchIndex) -> Result<(), ChainError> {
        if !self.checked {
            for client in self.clients() {
                if let Some(method) = client.lacks().await? {
                    return Err(ChainError::Lacks { client: client.name().to_owned(), method });
                }
            }
            self.checked = true;
        }
        let (hash, news) = (self.hash_of(to)?, (to, self.ledger.settled().index));
        for client in self.clients() {
            let newest = client.block(At::Latest).await?;
            let is_there = newest.is_some_and(|newest| newest.hash == hash);
            if !is_there || self.told != Some(news) {
                self.bring(client, to, newest.map_or(0, |newest| newest.number())).await?;
            }
        }
        self.told = Some(news);
        Ok(())
    }

    /// Makes a block the newest of all clients. They have executed it.
    pub(super) async fn advance(&mut self, to: BatchIndex) -> Result<(), ChainError> {
        for client in self.clients() {
            self.follow(client, to).await?;
        }
        self.told = Some((to, self.ledger.settled().index));
        Ok(())
    }

    async fn bring(&self, client: &Client, to: BatchIndex, newest: u64) -> Result<(), ChainError> {
        let mut known = self.shared(client, newest.min(to.get())).await?;
        let mut step = FIRST_STEP_BACK;
        loop {
            match self.feed(client, known, to).await {
                // It has the block, but not the state after it: it was killed in between.
                Err(ChainError::Behind { .. }) if known > BatchIndex::ZERO => {
                    known = BatchIndex::new(known.get().saturating_sub(step));
                    step = step.saturating_mul(2);
                }
                outcome => return outcome,
            }
        }
    }

    /// The last block until `newest` that a client shares with what is written down.
    async fn shared(&self, client: &Client, newest: u64) -> Result<BatchIndex, ChainError> {
        let name = || client.name().to_owned();
        let (mut number, mut step) = (newest, 1);
        loop {
            let index = BatchIndex::new(number);
            let found = client.block(At::Number(number)).await?.map(|block| block.hash);
            let expected = self.hash_of(index)?;
            match found {
                Some(found) if found == expected => return Ok(index),
                Some(found) if number == 0 => {
                    return Err(ChainError::OtherGenesis { client: name(), found, expected });
                }
                None if number == 0 => return Err(ChainError::Behind { client: name(), index }),
                _ => {}
            }
            number = number.saturating_sub(step);
            step *= 2;
        }
    }

    /// Gives a client all blocks after `known`, and makes each its newest.
    async fn feed(&self, client: &Client, known: BatchIndex, to: BatchIndex) -> Result<(), ChainError> {
        if known == to {
            return self.follow(client, to).await;
        }
        tracing::info!(client = client.name(), from = %known.next(), %to, "a client is given blocks");
        let mut index = known;
        while index < to {
            index = index.next();
            let payload = self.written(index)?.payload;
            self.executed_by(client, &payload, index).await?;
            self.follow(client, index).await?;
        }
        Ok(())
    }

    async fn follow(&self, client: &Client, newest: BatchIndex) -> Result<(), ChainError> {
        let settled = self.ledger.settled();
        // While a client is fed, it may be behind what is settled; of block zero nobody needs to be told.
        let finalized = match settled.index > newest || settled.index == BatchIndex::ZERO {
            true => B256::ZERO,
            false => settled.hash,
        };
        let name = || client.name().to_owned();
        match client.follow(self.hash_of(newest)?, finalized).await? {
            Verdict::Valid => Ok(()),
            Verdict::Waiting => Err(ChainError::Behind { client: name(), index: newest }),
            Verdict::Invalid(why) => Err(ChainError::Invalid { client: name(), index: newest, why }),
        }
    }
}
