//! Deleting old blocks, a few at a time, along with other commits.
//!
//! A block goes only when nothing needs it: it is older than the policy keeps, and no kept snapshot needs it to be
//! restored (the blocks after a snapshot are replayed, the ids of the blocks within the replay window before it are part
//! of the state, and who proposes next follows from the last cuts). Blocks that hand over to another validator set leave
//! what shows that behind, for ever.

use super::StoreError;
use super::records::{decode_block_batches, decode_decided, encode_bounds};
use super::tables::{META_BOUNDS, Tables, lane_key, lane_keys};
use super::writer::Outcome;
use crate::config::Pruning;
use fairlane_engine::Activity;
use fairlane_types::{Cut, Decode as _, Height, LaneSeq, SegmentRef, Timestamp};
use redb::ReadableTable as _;
use std::time::Duration;

/// The most blocks deleted in one transaction.
const BLOCKS_PER_STEP: u64 = 32;

/// How long blocks are kept. Both limits must have passed before a block is deleted. The default keeps all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// At least this many; 0 keeps all.
    pub keep_blocks: u64,
    /// At least this long, by chain time.
    pub keep_for: Duration,
}

impl From<Pruning> for Retention {
    fn from(policy: Pruning) -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        match policy {
            Pruning::Archive => Self::default(),
            Pruning::Default => Self { keep_blocks: 1_000, keep_for: hours(7 * 24) },
            Pruning::Minimal => Self { keep_blocks: 200, keep_for: hours(1) },
        }
    }
}

/// Deletes the oldest blocks that may go.
pub(super) fn step(
    tables: &mut Tables<'_>,
    outcome: &mut Outcome,
    retention: &Retention,
    expiry_bound: u64,
) -> Result<(), StoreError> {
    let before = outcome.min;
    if retention.keep_blocks == 0 || before == Height::ZERO {
        return Ok(());
    }
    let Some(limits) = Limits::read(tables, outcome.tip, retention, expiry_bound)? else {
        return Ok(());
    };
    for _ in 0..BLOCKS_PER_STEP {
        if outcome.min >= limits.height || !delete(tables, outcome.min, limits.time)? {
            break;
        }
        outcome.min = outcome.min.next();
        outcome.pruned += 1;
    }
    if outcome.min != before {
        tables.meta.insert(META_BOUNDS, encode_bounds(outcome.min, outcome.tip).as_slice())?;
    }
    Ok(())
}

/// A block may go when it is below the height and before the time.
struct Limits {
    height: Height,
    time: Timestamp,
}

impl Limits {
    /// `None` while nothing may go.
    fn read(
        tables: &Tables<'_>,
        tip: Height,
        retention: &Retention,
        expiry_bound: u64,
    ) -> Result<Option<Self>, StoreError> {
        let Some(snapshot) = tables.snapshots.first()?.map(|(height, _)| Height::new(height.value())) else {
            return Ok(None);
        };
        let last_cuts = snapshot.saturating_sub(Activity::CUTS as u64 - 1);
        let height = last_cuts.min(tip.saturating_sub(retention.keep_blocks));
        let (Some(tip_time), Some(snapshot_time)) = (time_of(tables, tip)?, time_of(tables, snapshot)?)
        else {
            return Ok(None);
        };
        let kept = u64::try_from(retention.keep_for.as_nanos()).unwrap_or(u64::MAX);
        let time = tip_time.saturating_sub(kept).min(snapshot_time.saturating_sub(expiry_bound));
        Ok(Some(Self { height, time }))
    }
}

fn time_of(tables: &Tables<'_>, height: Height) -> Result<Option<Timestamp>, StoreError> {
    let Some(value) = tables.decided.get(height.get())? else { return Ok(None) };
    Ok(Some(decode_decided(value.value())?.0.header.time))
}

/// Deletes one block if it is before `time`, and says whether it did. With it goes what a snapshot brought of blocks before
/// the first one kept.
fn delete(tables: &mut Tables<'_>, height: Height, time: Timestamp) -> Result<bool, StoreError> {
    let decided = match tables.decided.get(height.get())? {
        Some(value) => Some(decode_decided(value.value())?.0),
        None => None,
    };
    if let Some(proposal) = decided {
        if proposal.header.time >= time {
            return Ok(false);
        }
        delete_segments(tables, &proposal.cut)?;
    }
    tables.decided.retain_in(..=height.get(), |_, _| false)?;
    tables.ordered_before.retain_in(..=height.get(), |_, _| false)?;
    let batches = match tables.block_batches.remove(height.get())? {
        Some(value) => decode_block_batches(value.value())?,
        None => Vec::new(),
    };
    for key in batches {
        tables.batches.remove(key)?;
        tables.bodies.remove(key)?;
    }
    tables.orders.remove(height.get())?;
    Ok(true)
}

/// Deletes the segments up to the cut, in whatever variants; but never the newest of an own lane.
fn delete_segments(tables: &mut Tables<'_>, cut: &Cut) -> Result<(), StoreError> {
    for head in cut.heads() {
        let newest_own = match tables.own.get(&lane_key(&head.lane))? {
            Some(name) => SegmentRef::from_bytes(name.value().to_vec())
                .map_err(StoreError::damaged("a segment name"))?
                .seq
                .saturating_sub(1),
            None => LaneSeq::MAX,
        };
        let (first, last) = lane_keys(head.lane, LaneSeq::ZERO, head.seq.min(newest_own));
        tables.segments.retain_in::<&[u8; SegmentRef::BYTES], _>(&first..=&last, |_, _| false)?;
    }
    Ok(())
}
