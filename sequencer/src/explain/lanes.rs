//! Walking decided lanes as the ordering rule does: where does each validator first tell of a transaction?

use super::window::{Piece, Window};
use fairlane_types::{Event, Height, LaneId, LaneSeq, SegmentRef, Timestamp, ValidatorId, ValidatorSet};
use std::collections::BTreeMap;

/// Where a lane tells of a transaction for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// When the validator received it, by its own clock.
    pub received: Timestamp,
    /// The time that counts: not before chain time when the segment was decided. To within the nanoseconds by which the
    /// rule keeps apart what came at once.
    pub counted: Timestamp,
    /// The lane's segment that tells so.
    pub segment: SegmentRef,
    /// The block that decided this segment.
    pub height: Height,
    /// The segment that carries the transaction: the same one where a client gave it to this validator.
    pub carrier: SegmentRef,
    /// Its place among what this lane tells of, for comparing.
    pub(super) rank: u64,
}

/// What one validator tells of each wanted transaction.
pub(super) type Row = Vec<Option<Sighting>>;

/// What the members of a set tell, in the set's order, of `wanted` transactions.
pub(super) fn walk(window: &Window, validators: &ValidatorSet, wanted: usize) -> Vec<Row> {
    validators.members().iter().map(|member| Walk::of(window, member.id, wanted)).collect()
}

/// One validator's lanes, one after the other: what it held before it registered again, it holds.
struct Walk<'a> {
    window: &'a Window,
    row: Row,
    /// Up to where it has referenced the other lanes, within the window.
    referenced: BTreeMap<LaneId, LaneSeq>,
    rank: u64,
}

impl<'a> Walk<'a> {
    fn of(window: &'a Window, validator: ValidatorId, wanted: usize) -> Row {
        let mut walk = Self { window, row: vec![None; wanted], referenced: BTreeMap::new(), rank: 0 };
        for (_, pieces) in window.lanes.iter().filter(|(lane, _)| lane.validator == validator) {
            for piece in pieces {
                walk.segment(piece);
            }
        }
        walk.row
    }

    fn segment(&mut self, piece: &'a Piece) {
        let mut own = 0u32;
        for (event, time) in &piece.events {
            match event {
                Event::Own { count, .. } => {
                    let end = own.saturating_add(*count);
                    for (place, number) in &piece.hits {
                        if (own..end).contains(place) {
                            self.place(*number, piece, piece, *time);
                        }
                    }
                    own = end;
                }
                Event::Peer { segment, .. } => self.reference(piece, segment, *time),
            }
        }
    }

    /// A reference stands for all segments of a lane up to one. It counts if the chain holds that one by then.
    fn reference(&mut self, piece: &'a Piece, to: &SegmentRef, time: Timestamp) {
        let Some(last) = self.window.piece(&to.lane, to.seq) else { return };
        if last.at.digest != to.digest || last.height > piece.height {
            return;
        }
        let before = self.referenced.get(&to.lane).copied().unwrap_or_default();
        let first = self.window.lanes.get(&to.lane).and_then(|pieces| pieces.first());
        let from = first.map_or(to.seq, |first| first.at.seq).max(before.next());
        for seq in from.get()..=to.seq.get() {
            let Some(carrier) = self.window.piece(&to.lane, LaneSeq::new(seq)) else { continue };
            for (_, number) in &carrier.hits {
                self.place(*number, piece, carrier, time);
            }
        }
        self.referenced.insert(to.lane, to.seq.max(before));
    }

    fn place(&mut self, number: usize, by: &Piece, carrier: &Piece, received: Timestamp) {
        let Some(slot @ None) = self.row.get_mut(number) else { return };
        self.rank = self.rank.saturating_add(1);
        *slot = Some(Sighting {
            received,
            counted: received.max(by.clock),
            segment: by.at,
            height: by.height,
            carrier: carrier.at,
            rank: self.rank,
        });
    }
}
