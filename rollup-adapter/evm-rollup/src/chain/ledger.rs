//! What is written down of a chain: each block with the batch it was made of, and up to where it is settled.

use crate::derive::Outcome;
use crate::engine::Payload;
use crate::rules::Rules;
use alloy_primitives::B256;
use fairlane_types::{BatchIndex, NetworkId, RollupHead, RollupId};
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Blocks by the index of their batch.
const BLOCKS: TableDefinition<u64, &[u8]> = TableDefinition::new("evm_blocks");
/// Whose they are.
const CHAIN: TableDefinition<(), &[u8]> = TableDefinition::new("evm_chain");

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store failed.
    #[error("the store of blocks failed: {0}")]
    Store(#[from] redb::Error),
    /// A record cannot be read.
    #[error("the store of blocks is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    /// A block is missing that is settled.
    #[error("the store of blocks is damaged: batch {index} is settled, and its block is missing")]
    NoSettled {
        /// The batch.
        index: BatchIndex,
    },
    /// It belongs to another rollup, or the same one with another block zero.
    #[error(
        "the store is of {found}, and the configuration asks for {expected}: use that rollup's data folder"
    )]
    Other {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
}

/// Where a chain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The last batch, and the number of its block; zero before the first.
    pub index: BatchIndex,
    /// The batch's head.
    pub head: RollupHead,
    /// The block's hash.
    pub hash: B256,
    /// The state after it.
    pub state_root: B256,
}

/// A block that was executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// The head of its batch.
    pub head: RollupHead,
    /// The block.
    pub payload: Payload,
    /// How many items of the batch became no transactions, by reason.
    pub skipped: BTreeMap<String, u32>,
}

impl Executed {
    pub(super) fn new(head: RollupHead, payload: Payload, outcomes: &[Outcome]) -> Self {
        let mut skipped = BTreeMap::new();
        for outcome in outcomes {
            if let Outcome::Skipped(skip) = outcome {
                *skipped.entry(skip.name().to_owned()).or_default() += 1;
            }
        }
        Self { head, payload, skipped }
    }

    /// Where the chain stands after it.
    pub fn tip(&self) -> Tip {
        let block = self.payload.as_parent();
        let index = BatchIndex::new(block.number);
        Tip { index, head: self.head, hash: block.hash, state_root: block.state_root }
    }
}

/// A block, as it is written.
#[derive(Serialize, Deserialize)]
struct Record {
    head: B256,
    payload: Payload,
    skipped: BTreeMap<String, u32>,
}

#[derive(Serialize, Deserialize)]
struct About {
    network: B256,
    rollup: u64,
    genesis: B256,
    settled: u64,
}

impl About {
    fn whose(&self) -> String {
        format!("rollup {} of network {:x} with block zero {}", self.rollup, self.network, self.genesis)
    }
}

/// The store. Calls may block on the disk for milliseconds.
#[derive(Debug)]
pub struct Ledger {
    database: Arc<Database>,
    network: NetworkId,
    rollup: RollupId,
    genesis: Tip,
    settled: Tip,
}

impl Ledger {
    /// Opens a rollup's blocks, or begins with none.
    ///
    /// # Errors
    /// The store fails, or is another rollup's.
    pub fn open(
        database: Arc<Database>,
        network: NetworkId,
        rollup: RollupId,
        rules: &Rules,
    ) -> Result<Self, LedgerError> {
        let genesis = Tip {
            index: BatchIndex::ZERO,
            head: RollupHead::default(),
            hash: rules.genesis.hash_slow(),
            state_root: rules.genesis.state_root,
        };
        let mut ledger = Self { database, network, rollup, genesis, settled: genesis };
        match ledger.read_about()? {
            None => ledger.write_about(BatchIndex::ZERO, false)?,
            Some(found) => {
                let (settled, expected) = (BatchIndex::new(found.settled), ledger.about(BatchIndex::ZERO));
                if found.whose() != expected.whose() {
                    return Err(LedgerError::Other { found: found.whose(), expected: expected.whose() });
                }
                ledger.settled = ledger.tip(settled)?.ok_or(LedgerError::NoSettled { index: settled })?;
            }
        }
        Ok(ledger)
    }

    /// The network.
    pub fn network(&self) -> &NetworkId {
        &self.network
    }

    /// The rollup.
    pub fn rollup(&self) -> RollupId {
        self.rollup
    }

    /// Where the chain is settled.
    pub fn settled(&self) -> Tip {
        self.settled
    }

    /// Where the chain stands after a batch, if that is written down.
    ///
    /// # Errors
    /// The store fails.
    pub fn tip(&self, index: BatchIndex) -> Result<Option<Tip>, LedgerError> {
        match index {
            BatchIndex::ZERO => Ok(Some(self.genesis)),
            index => Ok(self.block(index)?.map(|block| block.tip())),
        }
    }

    /// A block.
    ///
    /// # Errors
    /// The store fails.
    pub fn block(&self, index: BatchIndex) -> Result<Option<Executed>, LedgerError> {
        let read = || -> Result<_, redb::Error> {
            let read = self.database.begin_read()?;
            let value = read.open_table(BLOCKS)?.get(index.get())?;
            Ok(value.map(|value| value.value().to_vec()))
        };
        let Some(bytes) = read()? else { return Ok(None) };
        let Record { head, payload, skipped } = serde_json::from_slice(&bytes)?;
        Ok(Some(Executed { head: RollupHead::from_bytes(head.0), payload, skipped }))
    }

    /// Writes a block, in place of another one that was made of another batch. Durable when it returns.
    pub(super) fn put(&self, index: BatchIndex, block: &Executed) -> Result<(), LedgerError> {
        let record = Record {
            head: B256::new(*block.head.as_bytes()),
            payload: block.payload.clone(),
            skipped: block.skipped.clone(),
        };
        let bytes = serde_json::to_vec(&record)?;
        let write = || -> Result<(), redb::Error> {
            let write = self.database.begin_write()?;
            write.open_table(BLOCKS)?.insert(index.get(), bytes.as_slice())?;
            Ok(write.commit()?)
        };
        Ok(write()?)
    }

    /// Writes that a batch and all before it are settled. Never goes back.
    pub(super) fn settle(&mut self, index: BatchIndex) -> Result<(), LedgerError> {
        if index > self.settled.index {
            let tip = self.tip(index)?.ok_or(LedgerError::NoSettled { index })?;
            self.write_about(index, false)?;
            self.settled = tip;
        }
        Ok(())
    }

    /// Forgets all blocks after the settled one.
    pub(super) fn rewind(&self) -> Result<(), LedgerError> {
        self.write_about(self.settled.index, true)
    }

    fn about(&self, settled: BatchIndex) -> About {
        About {
            network: B256::new(*self.network.as_bytes()),
            rollup: self.rollup.get(),
            genesis: self.genesis.hash,
            settled: settled.get(),
        }
    }

    fn read_about(&self) -> Result<Option<About>, LedgerError> {
        let read = || -> Result<_, redb::Error> {
            let write = self.database.begin_write()?;
            write.open_table(BLOCKS)?;
            let value = write.open_table(CHAIN)?.get(())?.map(|value| value.value().to_vec());
            write.commit()?;
            Ok(value)
        };
        Ok(read()?.map(|bytes| serde_json::from_slice(&bytes)).transpose()?)
    }

    fn write_about(&self, settled: BatchIndex, rewind: bool) -> Result<(), LedgerError> {
        let about = serde_json::to_vec(&self.about(settled))?;
        let write = || -> Result<(), redb::Error> {
            let write = self.database.begin_write()?;
            write.open_table(CHAIN)?.insert((), about.as_slice())?;
            let mut blocks = write.open_table(BLOCKS)?;
            if rewind {
                blocks.retain(|index, _| index <= settled.get())?;
            }
            drop(blocks);
            Ok(write.commit()?)
        };
        Ok(write()?)
    }
}
