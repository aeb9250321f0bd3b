//! The tables of the file, and their keys.
//!
//! Keys sort the way things are read and pruned: segments by lane and place, batches by rollup and index, the rest
//! by height. No table is keyed by hashes alone, whose random places would make every write touch another page.

use fairlane_types::codec::{Encode as _, Writer};
use fairlane_types::{LaneId, LaneSeq, SegmentDigest, SegmentRef};
use redb::{Table, TableDefinition, TableError, WriteTransaction};

/// The format of the file. Raised when older software could not read what is written.
pub(super) const FORMAT: u32 = 5;

/// Bytes of a lane id.
const LANE_BYTES: usize = 36;

/// A segment reference in canonical form.
pub(super) type SegmentKey = [u8; SegmentRef::BYTES];
/// A lane id in canonical form.
pub(super) type LaneKey = [u8; LANE_BYTES];
/// Height, round, and number within the round.
pub(super) type ProposalKey = (u64, u32, u32);
/// Rollup and index.
pub(super) type BatchKey = (u64, u64);

/// Settings of the file: see the `META_*` names.
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Segments of all lanes, in canonical bytes.
pub(super) const SEGMENTS: TableDefinition<'_, &SegmentKey, &[u8]> = TableDefinition::new("segments");
/// The newest segment of each lane that this node wrote.
pub(super) const OWN: TableDefinition<'_, &LaneKey, &SegmentKey> = TableDefinition::new("own_segments");
/// Proposals of heights that are not finalized.
pub(super) const PROPOSALS: TableDefinition<'_, ProposalKey, &[u8]> = TableDefinition::new("proposals");
/// Decided proposals with their certificates.
pub(super) const DECIDED: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("decided");
/// The blocks by which one validator set handed over to another, with the next set. Never deleted: with them,
/// anybody can follow the sets from genesis.
pub(super) const HANDOVERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("handovers");
/// What blocks before the first one kept have ordered, in a store that began with a snapshot: its replay window.
pub(super) const ORDERED_BEFORE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("ordered_before");
/// Order records of blocks that ordered something.
pub(super) const ORDERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("orders");
/// The batches of a block: rollup and index of each.
pub(super) const BLOCK_BATCHES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("block_batches");
/// Head, header and head path of each batch.
pub(super) const BATCHES: TableDefinition<'_, BatchKey, &[u8]> = TableDefinition::new("batches");
/// The canonical items of each batch.
pub(super) const BODIES: TableDefinition<'_, BatchKey, &[u8]> = TableDefinition::new("bodies");
/// Validator sets that decided blocks brought, by their hashes.
pub(super) const SETS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("validator_sets");
/// Snapshots of the chain state.
pub(super) const SNAPSHOTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("snapshots");

/// Four bytes: the format.
pub(super) const META_FORMAT: &str = "format";
/// The network id.
pub(super) const META_NETWORK: &str = "network";
/// Sixteen random bytes: which file this is.
pub(super) const META_ID: &str = "id";
/// Two heights: the first one kept, and the last finalized one.
pub(super) const META_BOUNDS: &str = "bounds";

/// All tables, open in one write transaction.
pub(super) struct Tables<'t> {
    pub(super) meta: Table<'t, &'static str, &'static [u8]>,
    pub(super) segments: Table<'t, &'static SegmentKey, &'static [u8]>,
    pub(super) own: Table<'t, &'static LaneKey, &'static SegmentKey>,
    pub(super) proposals: Table<'t, ProposalKey, &'static [u8]>,
    pub(super) decided: Table<'t, u64, &'static [u8]>,
    pub(super) handovers: Table<'t, u64, &'static [u8]>,
    pub(super) ordered_before: Table<'t, u64, &'static [u8]>,
    pub(super) orders: Table<'t, u64, &'static [u8]>,
    pub(super) block_batches: Table<'t, u64, &'static [u8]>,
    pub(super) batches: Table<'t, BatchKey, &'static [u8]>,
    pub(super) bodies: Table<'t, BatchKey, &'static [u8]>,
    pub(super) sets: Table<'t, &'static [u8; 32], &'static [u8]>,
    pub(super) snapshots: Table<'t, u64, &'static [u8]>,
}

impl<'t> Tables<'t> {
    /// Opens all tables; makes those that are not there yet.
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, TableError> {
        Ok(Self {
            meta: transaction.open_table(META)?,
            segments: transaction.open_table(SEGMENTS)?,
            own: transaction.open_table(OWN)?,
            proposals: transaction.open_table(PROPOSALS)?,
            decided: transaction.open_table(DECIDED)?,
            handovers: transaction.open_table(HANDOVERS)?,
            ordered_before: transaction.open_table(ORDERED_BEFORE)?,
            orders: transaction.open_table(ORDERS)?,
            block_batches: transaction.open_table(BLOCK_BATCHES)?,
            batches: transaction.open_table(BATCHES)?,
            bodies: transaction.open_table(BODIES)?,
            sets: transaction.open_table(SETS)?,
            snapshots: transaction.open_table(SNAPSHOTS)?,
        })
    }
}

/// The key of a segment.
pub(super) fn segment_key(at: &SegmentRef) -> SegmentKey {
    let mut out = Writer::with_capacity(SegmentRef::BYTES);
    at.encode(&mut out);
    fixed(&out)
}

/// The key of a lane.
pub(super) fn lane_key(lane: &LaneId) -> LaneKey {
    let mut out = Writer::with_capacity(LANE_BYTES);
    lane.encode(&mut out);
    fixed(&out)
}

/// The smallest and the largest key of a lane's places from `first` to `last`.
pub(super) fn lane_keys(lane: LaneId, first: LaneSeq, last: LaneSeq) -> (SegmentKey, SegmentKey) {
    let at = |seq, digest| segment_key(&SegmentRef { lane, seq, digest });
    (at(first, SegmentDigest::ZERO), at(last, SegmentDigest::from_bytes([0xff; 32])))
}

fn fixed<const N: usize>(out: &Writer) -> [u8; N] {
    out.as_slice().try_into().expect("the encoding of a key has a fixed width")
}
