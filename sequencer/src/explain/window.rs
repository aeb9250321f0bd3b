//! The decided segments of the blocks up to one, reduced to what tells of a few transactions.

use super::ExplainError;
use crate::store::Store;
use bytes::Bytes;
use fairlane_chain::OrderedEntry;
use fairlane_types::{
    BlockHeader, Cut, Event, Genesis, GroupId, Height, LaneId, LaneSeq, Proposal, RollupId, RollupTable,
    Segment, SegmentRef, Timestamp, TxId,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// How far before a transaction's `lo` the window begins, in nanoseconds: lanes of honest validators tell of what was
/// decided within a few segments.
const WINDOW_NANOS: u64 = 5_000_000_000;
/// The most blocks.
const WINDOW_BLOCKS: usize = 512;
/// The most bytes of segments.
const WINDOW_BYTES: usize = 64 << 20;
/// Blocks that are read at a time.
const STEP: u64 = 32;

/// A decided segment, without the transactions that nobody asks for.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// Its name.
    pub(super) at: SegmentRef,
    /// The block that decided it.
    pub(super) height: Height,
    /// Chain time before that block.
    pub(super) clock: Timestamp,
    /// What the lane received, and when.
    pub(super) events: Vec<(Event, Timestamp)>,
    /// Of its transactions those that are wanted: which place in the segment, and which one.
    pub(super) hits: Vec<(u32, usize)>,
}

/// The decided segments of some blocks that follow each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// The first of the blocks.
    pub(super) from: Height,
    /// By lane, ascending and without gaps.
    pub(super) lanes: BTreeMap<LaneId, Vec<Piece>>,
    /// The rollups of each transaction that is wanted.
    rollups: Vec<Vec<RollupId>>,
}

impl Window {
    /// The segment of a lane at a place.
    pub(super) fn piece(&self, lane: &LaneId, seq: LaneSeq) -> Option<&Piece> {
        let pieces = self.lanes.get(lane)?;
        let first = pieces.first()?.at.seq.get();
        pieces.get(usize::try_from(seq.get().checked_sub(first)?).ok()?)
    }

    /// Whether two of the transactions share an ordering group. Those of rollups that are not open any more count as
    /// sharing one.
    pub(super) fn share_group(&self, a: usize, b: usize, rollups: &RollupTable) -> bool {
        let of = |which: usize| -> Option<Vec<GroupId>> {
            self.rollups
                .get(which)?
                .iter()
                .map(|rollup| rollups.get(rollup).map(|rules| rules.group))
                .collect()
        };
        match (of(a), of(b)) {
            (Some(a), Some(b)) => a.iter().any(|group| b.contains(group)) || a.is_empty() || b.is_empty(),
            _ => true,
        }
    }
}

/// Reads the window that ends with a block, and begins before lanes told of one of its transactions.
pub(super) fn read(
    store: &Store,
    genesis: &Genesis,
    last: &BlockHeader,
    entry: &OrderedEntry,
    wanted: &[TxId],
) -> Result<Window, ExplainError> {
    let begin = entry.lo.min(last.time).saturating_sub(WINDOW_NANOS);
    let blocks = decisions(store, last.height, begin)?;
    let mut reader = Reader {
        store,
        genesis,
        wanted: (0..).zip(wanted).map(|(number, id)| (*id, number)).collect(),
        window: Window { rollups: vec![Vec::new(); wanted.len()], ..Window::default() },
        bytes: 0,
    };
    for pair in blocks.windows(2) {
        let [newer, older] = pair else { continue };
        if reader.bytes > WINDOW_BYTES {
            break;
        }
        reader.block(newer, Some(older))?;
    }
    if let Some(first) = blocks.last()
        && first.header.height == Height::new(1)
        && reader.bytes <= WINDOW_BYTES
    {
        reader.block(first, None)?;
    }
    for pieces in reader.window.lanes.values_mut() {
        pieces.reverse();
    }
    Ok(reader.window)
}

/// The decisions from a block backwards, down to one before a time, or as far as they are kept and wanted.
fn decisions(store: &Store, last: Height, begin: Timestamp) -> Result<Vec<Arc<Proposal>>, ExplainError> {
    let mut found: Vec<Arc<Proposal>> = Vec::new();
    let mut to = last;
    while to >= store.min_height() && to > Height::ZERO && found.len() <= WINDOW_BLOCKS {
        let from = to.saturating_sub(STEP - 1).max(store.min_height()).max(Height::new(1));
        let read = store.decisions(from..=to)?;
        let first = read.first().map(|(proposal, _)| proposal.header.height);
        found.extend(read.into_iter().rev().map(|(proposal, _)| proposal));
        let is_enough = found.last().is_some_and(|oldest| oldest.header.time < begin);
        if is_enough || first != Some(from) {
            break;
        }
        to = from.saturating_sub(1);
    }
    if found.is_empty() {
        return Err(ExplainError::Pruned { height: last, first: store.min_height() });
    }
    Ok(found)
}

/// Puts a window together, from its last block to its first.
struct Reader<'a> {
    store: &'a Store,
    genesis: &'a Genesis,
    wanted: HashMap<TxId, usize>,
    window: Window,
    bytes: usize,
}

impl Reader<'_> {
    /// Adds what a block decided beyond the one before it; `None` before the first.
    fn block(&mut self, block: &Proposal, before: Option<&Proposal>) -> Result<(), ExplainError> {
        let clock = before.map_or(Timestamp::ZERO, |before| before.header.time);
        for head in block.cut.heads() {
            let after = decided(before.map(|before| &before.cut), &head.lane);
            let segments = self.store.lane_range(head, after, WINDOW_BYTES)?;
            for bytes in segments.into_iter().rev() {
                self.bytes = self.bytes.saturating_add(bytes.len());
                self.segment(bytes, &block.header, clock)?;
            }
        }
        self.window.from = block.header.height;
        Ok(())
    }

    fn segment(&mut self, bytes: Bytes, block: &BlockHeader, clock: Timestamp) -> Result<(), ExplainError> {
        let segment = Segment::decode_trusted(bytes, block.network, &self.genesis.params)?;
        let latest = block.time.saturating_add(self.genesis.params.expiry_bound);
        let mut hits = Vec::new();
        for (place, transaction) in (0u32..).zip(segment.transactions()) {
            // What expires too late is ignored when the segment is decided, and for all lanes.
            let Some(&number) =
                self.wanted.get(&transaction.id()).filter(|_| transaction.expires_at() <= latest)
            else {
                continue;
            };
            hits.push((place, number));
            if let Some(rollups) = self.window.rollups.get_mut(number) {
                *rollups = transaction.legs().iter().map(|leg| leg.rollup).collect();
            }
        }
        let events = segment.events().iter().map(|event| (*event, segment.event_time(event))).collect();
        let at = segment.reference();
        let piece = Piece { at, height: block.height, clock, events, hits };
        self.window.lanes.entry(at.lane).or_default().push(piece);
        Ok(())
    }
}

/// Up to where a cut decided a lane.
fn decided(cut: Option<&Cut>, lane: &LaneId) -> LaneSeq {
    cut.and_then(|cut| cut.head(lane)).map_or(LaneSeq::ZERO, |head| head.seq)
}
