//! Batches: what one block has for one rollup, chained by their heads.
//!
//! Both commitments cover whole items: `tx_root` for proofs about single items, `payload_hash` (linear) for
//! circuits that read the whole batch.

use crate::codec::{Decode, DecodeError, Encode, Reader, Writer};
use crate::crypto::{Domain, Hash32, sha256};
use crate::ids::{BatchIndex, Height, NetworkId, RollupHead, RollupId, Timestamp, TxId};
use crate::merkle;
use crate::transaction::MAX_LEGS;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// The most items that a decoded batch can have.
pub const MAX_ITEMS: usize = 1 << 22;

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// A transaction for this rollup alone.
    Transaction,
    /// A leg of an atomic bundle: void outside its bundle.
    BundleLeg,
}

/// One leg, as it stands in a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchItem {
    /// The transaction that the leg belongs to.
    pub transaction: TxId,
    /// Which of its legs this is, from 0.
    pub leg_index: u8,
    /// How many legs the transaction has.
    pub leg_count: u8,
    /// Opaque bytes for the rollup.
    pub payload: Bytes,
}

impl BatchItem {
    /// Bytes of the encoding besides the payload.
    pub const FIXED_BYTES: usize = 1 + 32 + 1 + 1 + 4;

    /// What the item is, by its number of legs.
    pub fn kind(&self) -> ItemKind {
        if self.leg_count > 1 { ItemKind::BundleLeg } else { ItemKind::Transaction }
    }
}

impl Encode for BatchItem {
    fn encode(&self, out: &mut Writer) {
        out.u8(match self.kind() {
            ItemKind::Transaction => 0,
            ItemKind::BundleLeg => 1,
        });
        self.transaction.encode(out);
        out.u8(self.leg_index);
        out.u8(self.leg_count);
        out.var_bytes(&self.payload);
    }
}

impl Decode for BatchItem {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        let kind = input.take_u8()?;
        let item = Self {
            transaction: Decode::decode(input)?,
            leg_index: input.take_u8()?,
            leg_count: input.take_u8()?,
            payload: input.var_bytes("item payload", usize::MAX)?,
        };
        if item.leg_index >= item.leg_count || usize::from(item.leg_count) > MAX_LEGS {
            return Err(DecodeError::Invalid {
                what: "batch item",
                why: "its leg index or count is out of range",
            });
        }
        if kind != u8::from(item.leg_count > 1) {
            return Err(DecodeError::Invalid {
                what: "batch item",
                why: "its kind and its leg count disagree",
            });
        }
        Ok(item)
    }
}

/// What a batch's head commits to, besides network and previous head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// The rollup.
    pub rollup: RollupId,
    /// The place in the rollup's chain of batches, from 1.
    pub index: BatchIndex,
    /// The block that it comes from.
    pub height: Height,
    /// That block's chain time.
    pub time: Timestamp,
    /// How many items it has.
    pub count: u32,
    /// RFC 6962 root over the items.
    pub tx_root: Hash32,
    /// SHA-256 over the count, then each item's length and bytes.
    pub payload_hash: Hash32,
    /// The head before this batch; zero at index 1.
    pub previous_head: RollupHead,
}

impl BatchHeader {
    /// Bytes of the encoding.
    pub const BYTES: usize = 8 + 8 + 8 + 8 + 4 + 3 * 32;

    /// The head after this batch.
    pub fn head(&self, network: &NetworkId) -> RollupHead {
        let mut out = Writer::with_capacity(32 + Self::BYTES);
        network.encode(&mut out);
        self.rollup.encode(&mut out);
        self.previous_head.encode(&mut out);
        self.index.encode(&mut out);
        self.height.encode(&mut out);
        self.time.encode(&mut out);
        out.u32(self.count);
        self.tx_root.encode(&mut out);
        self.payload_hash.encode(&mut out);
        Domain::BATCH.hash(&[out.as_slice()]).into()
    }
}

impl Encode for BatchHeader {
    fn encode(&self, out: &mut Writer) {
        self.rollup.encode(out);
        self.index.encode(out);
        self.height.encode(out);
        self.time.encode(out);
        out.u32(self.count);
        self.tx_root.encode(out);
        self.payload_hash.encode(out);
        self.previous_head.encode(out);
    }
}

impl Decode for BatchHeader {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            rollup: Decode::decode(input)?,
            index: Decode::decode(input)?,
            height: Decode::decode(input)?,
            time: Decode::decode(input)?,
            count: input.take_u32()?,
            tx_root: Decode::decode(input)?,
            payload_hash: Decode::decode(input)?,
            previous_head: Decode::decode(input)?,
        })
    }
}

/// A rollup's part of one block. One that exists has commitments that match its items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    header: BatchHeader,
    items: Vec<BatchItem>,
    /// The canonical bytes of the items: count, then length and bytes of each.
    body: Bytes,
}

impl Batch {
    /// Commits to the items. `header`'s count, root and hash are computed, whatever they were.
    pub fn new(mut header: BatchHeader, items: Vec<BatchItem>) -> Self {
        let (body, leaves) = encode_items(&items);
        header.count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        header.tx_root = merkle::root(&leaves);
        header.payload_hash = sha256(&[&body]);
        Self { header, items, body }
    }

    /// Reads the items of a batch and checks them against its header.
    pub fn from_parts(header: BatchHeader, body: Bytes) -> Result<Self, DecodeError> {
        let mut input = Reader::new(body.clone());
        let count = input.count("batch items", MAX_ITEMS, 4 + BatchItem::FIXED_BYTES)?;
        let mut items = Vec::with_capacity(count);
        let mut leaves = Vec::with_capacity(count);
        for _ in 0..count {
            let bytes = input.var_bytes("batch item", usize::MAX)?;
            leaves.push(merkle::leaf_hash(&bytes));
            items.push(BatchItem::from_bytes(bytes)?);
        }
        input.finish()?;
        let mismatch = |why| Err(DecodeError::Invalid { what: "batch", why });
        if header.count as usize != items.len() {
            return mismatch("its header counts another number of items");
        }
        if header.tx_root != merkle::root(&leaves) || header.payload_hash != sha256(&[&body]) {
            return mismatch("its header commits to other items");
        }
        Ok(Self { header, items, body })
    }

    /// What the head commits to.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The items, in order.
    pub fn items(&self) -> &[BatchItem] {
        &self.items
    }

    /// The canonical bytes of the items.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The leaf hashes of the items: for inclusion proofs against `tx_root`.
    pub fn item_leaves(&self) -> Vec<Hash32> {
        encode_items(&self.items).1
    }
}

fn encode_items(items: &[BatchItem]) -> (Bytes, Vec<Hash32>) {
    let payloads: usize = items.iter().map(|item| item.payload.len()).sum();
    let fixed = items.len().saturating_mul(4 + BatchItem::FIXED_BYTES).saturating_add(4);
    let mut out = Writer::with_capacity(payloads.saturating_add(fixed));
    let mut leaves = Vec::with_capacity(items.len());
    out.count(items.len());
    for item in items {
        out.count(item.payload.len().saturating_add(BatchItem::FIXED_BYTES));
        let start = out.as_slice().len();
        item.encode(&mut out);
        let bytes = out.as_slice().get(start..).unwrap_or_default();
        leaves.push(Hash32::from_bytes(Sha256::new_with_prefix([0]).chain_update(bytes).finalize().into()));
    }
    (Bytes::from(out.into_vec()), leaves)
}
