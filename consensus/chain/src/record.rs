//! What a block says about its order: for storage and explanation, and for metrics.

use fairlane_ordering::Ordered;
use fairlane_types::{Decode, DecodeError, Encode, GroupId, Reader, Timestamp, TxId, Writer};

/// The most entries that a decoded record can have.
const MAX_ENTRIES: usize = 1 << 22;

/// Why one transaction stands where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderedEntry {
    /// The transaction.
    pub id: TxId,
    /// By this time lanes of more than half the power had it.
    pub key: Timestamp,
    /// The lower end of the interval in which honest lanes received it.
    pub lo: Timestamp,
    /// The upper end of that interval.
    pub hi: Timestamp,
    /// Which of the block's components it belongs to, from 0. Members of one component stood on cycles of
    /// contradicting evidence.
    pub component: u32,
}

impl OrderedEntry {
    /// Bytes of the encoding.
    pub const BYTES: usize = 32 + 3 * 8 + 4;
}

impl Encode for OrderedEntry {
    fn encode(&self, out: &mut Writer) {
        self.id.encode(out);
        self.key.encode(out);
        self.lo.encode(out);
        self.hi.encode(out);
        out.u32(self.component);
    }
}

impl Decode for OrderedEntry {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            id: Decode::decode(input)?,
            key: Decode::decode(input)?,
            lo: Decode::decode(input)?,
            hi: Decode::decode(input)?,
            component: input.take_u32()?,
        })
    }
}

/// The transactions of one block in the order in which it orders them. An entry's place is its global index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderRecord {
    /// The entries, in order.
    pub entries: Vec<OrderedEntry>,
}

impl OrderRecord {
    pub(crate) fn of(ordered: &Ordered) -> Self {
        let mut entries = Vec::with_capacity(ordered.txs().count());
        for (component, members) in (0u32..).zip(&ordered.components) {
            for tx in &members.txs {
                entries.push(OrderedEntry { id: tx.id, key: tx.key, lo: tx.lo, hi: tx.hi, component });
            }
        }
        Self { entries }
    }

    /// The ids, in order: what the replay window keeps of the block, and what restoring a snapshot asks for.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = TxId> {
        self.entries.iter().map(|entry| entry.id)
    }
}

impl Encode for OrderRecord {
    fn encode(&self, out: &mut Writer) {
        out.list(&self.entries);
    }
}

impl Decode for OrderRecord {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self { entries: input.list("order record", MAX_ENTRIES, OrderedEntry::BYTES)? })
    }
}

/// How the order of one block came out: for metrics and for judging fairness.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderingReport {
    /// Chain time.
    pub clock: Timestamp,
    /// Keys below it are final.
    pub omega: Timestamp,
    /// The size of each component, in order. A size above one is a cycle of contradicting evidence.
    pub component_sizes: Vec<u32>,
    /// Final transactions that are held back, because something unfinished may still precede them.
    pub blocked: usize,
    /// Transactions that were seen and are not final.
    pub pending: usize,
    /// Transactions that expired in this block without having been ordered.
    pub dropped: usize,
    /// Groups that exceeded their cap so that the fairness promise is weakened in this block.
    pub capped: Vec<GroupId>,
}

impl OrderingReport {
    pub(crate) fn of(ordered: &Ordered) -> Self {
        let size = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        Self {
            clock: ordered.clock,
            omega: ordered.omega,
            component_sizes: ordered.components.iter().map(|members| size(members.txs.len())).collect(),
            blocked: ordered.blocked,
            pending: ordered.pending,
            dropped: ordered.dropped.len(),
            capped: ordered.capped.clone(),
        }
    }
}
