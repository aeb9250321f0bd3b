//! Inclusion proofs: that an item stands in a rollup's batch, and that all legs of a bundle do, in one block.
//!
//! A bundle proof is one certificate and, for each leg, the rollup's head path and the item's path. A leg is void
//! outside its bundle, so whoever acts on a leg asks for the whole proof.

use crate::batch::{BatchError, check_leaf};
use crate::header::VerifiedHeader;
use crate::heads::HeadProofError;
use fairlane_types::merkle::{self, Tree};
use fairlane_types::{Batch, BatchHeader, BatchItem, Encode, Hash32, HeadPath, Height, RollupId, TxId};

/// One item's way to a heads root. Holding one says nothing about its validity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemProof {
    /// The item.
    pub item: BatchItem,
    /// Its place in the batch.
    pub position: u32,
    /// Siblings from the item up to the batch's `tx_root`.
    pub path: Vec<Hash32>,
    /// The batch that has the item.
    pub batch: BatchHeader,
    /// The way from the rollup's leaf to the heads root.
    pub head_path: HeadPath,
}

/// Why an item is not shown to be in a batch of a certified block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// The rollup's leaf does not lead to the header's heads root.
    #[error(transparent)]
    HeadPath(#[from] HeadProofError),
    /// The batch is not the one that the leaf commits to.
    #[error(transparent)]
    Batch(BatchError),
    /// The item's path does not lead to the batch's root.
    #[error("item {position} of {count} does not lead to the batch's root")]
    Path {
        /// The place that is claimed.
        position: u32,
        /// The batch's number of items.
        count: u32,
    },
}

/// An item that a quorum has decided, at this place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedItem {
    batch: BatchHeader,
    position: u32,
    item: BatchItem,
}

impl VerifiedItem {
    /// The batch that has it.
    pub fn batch(&self) -> &BatchHeader {
        &self.batch
    }

    /// The place in the batch.
    pub fn position(&self) -> u32 {
        self.position
    }

    /// The item.
    pub fn item(&self) -> &BatchItem {
        &self.item
    }
}

impl ItemProof {
    /// Proves the item at `position` of a batch; `None` when there is no such item.
    pub fn new(batch: &Batch, position: u32, head_path: HeadPath) -> Option<Self> {
        let at = usize::try_from(position).ok()?;
        let item = batch.items().get(at)?.clone();
        let path = Tree::new(batch.item_leaves()).path(at)?;
        Some(Self { item, position, path, batch: *batch.header(), head_path })
    }

    /// Checks the item against a certified header after whose block the batch is still the rollup's last.
    pub fn verify(self, block: &VerifiedHeader) -> Result<VerifiedItem, ItemError> {
        let head = block.head(&self.head_path)?;
        check_leaf(&block.header().network, head.leaf(), &self.batch).map_err(ItemError::Batch)?;
        let leaf = merkle::leaf_hash(&self.item.to_bytes());
        let (position, count) = (self.position, self.batch.count);
        let root = merkle::root_from_path(leaf, u64::from(position), u64::from(count), &self.path);
        if root != Some(self.batch.tx_root) {
            return Err(ItemError::Path { position, count });
        }
        Ok(VerifiedItem { batch: self.batch, position, item: self.item })
    }
}

/// The legs of one transaction, each with its proof, in the transaction's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleProof {
    /// The transaction.
    pub transaction: TxId,
    /// A proof for each leg.
    pub legs: Vec<ItemProof>,
}

/// Why a transaction is not shown to be in a block with all its legs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// There is no leg.
    #[error("the proof of transaction {0} has no leg")]
    Empty(TxId),
    /// A leg's proof is not valid.
    #[error("leg {leg}: {source}")]
    Leg {
        /// The leg's index.
        leg: usize,
        /// What is wrong.
        source: ItemError,
    },
    /// A leg is another transaction's.
    #[error("leg {leg} belongs to transaction {found}, not {expected}")]
    Transaction {
        /// The leg's index.
        leg: usize,
        /// The transaction in question.
        expected: TxId,
        /// The item's transaction.
        found: TxId,
    },
    /// Legs are missing, too many, or not in order.
    #[error("place {place} of {shown} has leg {found} of {count}")]
    Legs {
        /// The place in the proof.
        place: usize,
        /// How many legs are shown.
        shown: usize,
        /// The leg's index in its transaction.
        found: u8,
        /// How many legs the transaction has.
        count: u8,
    },
    /// Legs stand in different blocks, which no valid block allows.
    #[error("leg {leg} is from height {found}, the first leg from height {expected}")]
    Height {
        /// The leg's index.
        leg: usize,
        /// The first leg's height.
        expected: Height,
        /// This leg's.
        found: Height,
    },
}

/// A transaction that a quorum has decided with all its legs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedBundle {
    transaction: TxId,
    height: Height,
    legs: Vec<VerifiedItem>,
}

impl VerifiedBundle {
    /// The transaction.
    pub fn transaction(&self) -> TxId {
        self.transaction
    }

    /// The block that orders it.
    pub fn height(&self) -> Height {
        self.height
    }

    /// The legs, in the transaction's order.
    pub fn legs(&self) -> &[VerifiedItem] {
        &self.legs
    }

    /// The rollups of the legs, in the transaction's order.
    pub fn rollups(&self) -> impl Iterator<Item = RollupId> {
        self.legs.iter().map(|leg| leg.batch.rollup)
    }
}

impl BundleProof {
    /// Checks that all legs are there, each once and in order, in batches of one block.
    pub fn verify(self, block: &VerifiedHeader) -> Result<VerifiedBundle, BundleError> {
        let (transaction, shown) = (self.transaction, self.legs.len());
        let height = self.legs.first().ok_or(BundleError::Empty(transaction))?.batch.height;
        let mut legs = Vec::with_capacity(shown);
        for (leg, proof) in self.legs.into_iter().enumerate() {
            check_place(transaction, leg, shown, &proof.item)?;
            if proof.batch.height != height {
                return Err(BundleError::Height { leg, expected: height, found: proof.batch.height });
            }
            legs.push(proof.verify(block).map_err(|source| BundleError::Leg { leg, source })?);
        }
        Ok(VerifiedBundle { transaction, height, legs })
    }
}

fn check_place(transaction: TxId, leg: usize, shown: usize, item: &BatchItem) -> Result<(), BundleError> {
    if item.transaction != transaction {
        return Err(BundleError::Transaction { leg, expected: transaction, found: item.transaction });
    }
    if usize::from(item.leg_index) != leg || usize::from(item.leg_count) != shown {
        let (found, count) = (item.leg_index, item.leg_count);
        return Err(BundleError::Legs { place: leg, shown, found, count });
    }
    Ok(())
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;
