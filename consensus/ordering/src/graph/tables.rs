//! For one block of columns: in each lane, which of the columns stand before a given rank.

use super::planes::{COLUMNS, Mask};

/// The rank of something that a lane does not hold. Above every rank, so "before" needs no special case.
pub(super) const ABSENT: u32 = u32::MAX;

/// Ranks of a group's nodes in each lane: `stride` nodes for each lane, lane after lane.
pub(super) struct Ranks {
    pub(super) stride: usize,
    pub(super) ranks: Vec<u32>,
}

impl Ranks {
    /// The ranks in one lane, by node.
    pub(super) fn lane(&self, lane: usize) -> &[u32] {
        &self.ranks[lane * self.stride..(lane + 1) * self.stride]
    }

    /// The rank of one node in one lane.
    pub(super) fn get(&self, lane: usize, node: usize) -> u32 {
        self.ranks[lane * self.stride + node]
    }
}

/// One lane's part of [`Tables`].
#[derive(Clone, Copy, Default)]
struct LaneTable {
    /// The masks of the lane start here; the k-th holds the first k columns of the lane.
    masks: u32,
    /// How many of the columns the lane holds.
    count: u32,
    /// The least rank of a column.
    first: u32,
    /// Ranks `first..first + span` are listed in `before`.
    span: u32,
    /// Where that list starts.
    before: u32,
}

/// The tables of one block. Reused from block to block.
#[derive(Default)]
pub(super) struct Tables {
    lanes: Vec<LaneTable>,
    masks: Vec<Mask>,
    /// How many columns stand before each rank of the span.
    before: Vec<u16>,
    column_at: Vec<u16>,
}

impl Tables {
    /// Fills the tables for these columns.
    pub(super) fn fill(&mut self, ranks: &Ranks, lanes: usize, columns: std::ops::Range<usize>) {
        self.lanes.clear();
        self.masks.clear();
        self.before.clear();
        for lane in 0..lanes {
            let table = self.lane(&ranks.lane(lane)[columns.clone()]);
            self.lanes.push(table);
        }
    }

    fn lane(&mut self, columns: &[u32]) -> LaneTable {
        let held = columns.iter().copied().filter(|&rank| rank != ABSENT);
        let masks = self.masks.len() as u32;
        let mut mask: Mask = [0; 4];
        self.masks.push(mask);
        let Some((first, last)) = held.fold(None, |range: Option<(u32, u32)>, rank| {
            Some(range.map_or((rank, rank), |(low, high)| (low.min(rank), high.max(rank))))
        }) else {
            return LaneTable { masks, ..LaneTable::default() };
        };
        let span = last - first + 1;
        const EMPTY: u16 = COLUMNS as u16;
        self.column_at.clear();
        self.column_at.resize(span as usize, EMPTY);
        for (column, &rank) in columns.iter().enumerate().filter(|&(_, &rank)| rank != ABSENT) {
            self.column_at[(rank - first) as usize] = column as u16;
        }
        let before = self.before.len() as u32;
        let mut count = 0u16;
        for &column in &self.column_at {
            self.before.push(count);
            if column != EMPTY {
                count += 1;
                mask[usize::from(column) / 64] |= 1 << (column % 64);
                self.masks.push(mask);
            }
        }
        LaneTable { masks, count: u32::from(count), first, span, before }
    }

    /// For rows `rows` of one lane, which mask to use: written to `picks[k * stride]` for the k-th row.
    pub(super) fn pick(&self, lane: usize, rows: &[u32], picks: &mut [u32], stride: usize) {
        let table = self.lanes[lane];
        let before = &self.before[table.before as usize..(table.before + table.span) as usize];
        for (&rank, pick) in rows.iter().zip(picks.iter_mut().step_by(stride)) {
            let past = if rank > table.first && rank != ABSENT { table.count } else { 0 };
            let at = rank.wrapping_sub(table.first) as usize;
            *pick = table.masks + before.get(at).map_or(past, |&count| u32::from(count));
        }
    }

    /// The mask that [`Tables::pick`] chose.
    #[inline(always)]
    pub(super) fn mask(&self, pick: u32) -> &Mask {
        &self.masks[pick as usize]
    }

    /// All columns that a lane holds; `None` when it holds none.
    pub(super) fn all(&self, lane: usize) -> Option<&Mask> {
        let table = self.lanes[lane];
        (table.count != 0).then(|| &self.masks[(table.masks + table.count) as usize])
    }
}
