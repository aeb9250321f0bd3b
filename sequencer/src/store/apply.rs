//! What each request writes, within the writer's transaction.

use super::StoreError;
use super::handover::Handover;
use super::queue::Write;
use super::records::{
    decode_proposal, encode_batch, encode_block_batches, encode_bounds, encode_decided, encode_proposal,
    handover,
};
use super::tables::{META_BOUNDS, Tables, lane_key, segment_key};
use super::writer::Outcome;
use fairlane_engine::{FinalizedBlock, StoredProposal};
use fairlane_types::{
    CommitCertificate, Decode as _, DecodeError, Encode as _, Height, NetworkId, Proposal, Segment,
    SegmentRef,
};
use redb::ReadableTable as _;

/// How many snapshots are kept: the last one, and the one before in case it cannot be used.
const SNAPSHOTS_KEPT: usize = 2;

/// Why a request was not applied.
pub(super) enum ApplyError {
    /// The request asks for something that must not be. Nothing of it was written.
    Refused(StoreError),
    /// The store fails; the whole transaction must be given up.
    Failed(StoreError),
}

impl<E: Into<StoreError>> From<E> for ApplyError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Applies what the journal held when the file was opened. Some or all of it is in the file already.
pub(super) fn replay(
    tables: &mut Tables<'_>,
    writes: &[Write],
    network: &NetworkId,
    outcome: &mut Outcome,
) -> Result<(), StoreError> {
    for write in writes {
        let is_over = match write {
            Write::Proposal(height, _) => *height <= outcome.tip,
            Write::Decided(proposal, _) => proposal.header.height <= outcome.tip,
            _ => false,
        };
        if is_over {
            continue;
        }
        match apply(tables, write, network, outcome) {
            // An own segment before the newest one: it was kept in its time.
            Ok(()) | Err(ApplyError::Refused(_)) => {}
            Err(ApplyError::Failed(error)) => return Err(error),
        }
    }
    Ok(())
}

/// Applies one request.
pub(super) fn apply(
    tables: &mut Tables<'_>,
    write: &Write,
    network: &NetworkId,
    outcome: &mut Outcome,
) -> Result<(), ApplyError> {
    match write {
        Write::Segments(segments) => {
            for segment in segments {
                put_segment(tables, segment, outcome)?;
            }
            Ok(())
        }
        Write::OwnSegment(segment) => put_own_segment(tables, segment, outcome),
        Write::Proposal(height, proposal) => Ok(put_proposal(tables, *height, proposal, outcome)?),
        Write::Decided(proposal, certificate) => Ok(put_decided(tables, proposal, certificate, outcome)?),
        Write::Finalized(block) => put_finalized(tables, block, network, outcome),
        Write::Nothing => Ok(()),
    }
}

fn put_segment(tables: &mut Tables<'_>, segment: &Segment, outcome: &mut Outcome) -> Result<(), StoreError> {
    tables.segments.insert(&segment_key(&segment.reference()), segment.bytes().as_ref())?;
    outcome.bytes += segment.bytes().len() as u64;
    Ok(())
}

/// The safety rule of lanes: a place is signed once. The newest place is durable with the segment itself.
fn put_own_segment(
    tables: &mut Tables<'_>,
    segment: &Segment,
    outcome: &mut Outcome,
) -> Result<(), ApplyError> {
    let at = segment.reference();
    let lane = lane_key(&at.lane);
    let newest = match tables.own.get(&lane)? {
        Some(newest) => Some(
            SegmentRef::from_bytes(newest.value().to_vec()).map_err(StoreError::damaged("a segment name"))?,
        ),
        None => None,
    };
    match newest {
        Some(newest) if newest == at => return Ok(()),
        Some(newest) if newest.seq >= at.seq => {
            return Err(ApplyError::Refused(StoreError::WouldEquivocate {
                found: at.seq,
                newest: newest.seq,
            }));
        }
        _ => {}
    }
    tables.own.insert(&lane, &segment_key(&at))?;
    Ok(put_segment(tables, segment, outcome)?)
}

fn put_proposal(
    tables: &mut Tables<'_>,
    height: Height,
    proposal: &StoredProposal,
    outcome: &mut Outcome,
) -> Result<(), StoreError> {
    let (height, round) = (height.get(), proposal.round.get());
    let mut number = 0;
    for entry in tables.proposals.range((height, round, 0)..=(height, round, u32::MAX))? {
        let (key, value) = entry?;
        if decode_proposal(value.value())?.proposal.header == proposal.proposal.header {
            number = key.value().2;
            break;
        }
        number = key.value().2.saturating_add(1);
    }
    let value = encode_proposal(proposal);
    outcome.bytes += value.len() as u64;
    tables.proposals.insert((height, round, number), value.as_slice())?;
    Ok(())
}

fn put_decided(
    tables: &mut Tables<'_>,
    proposal: &Proposal,
    certificate: &CommitCertificate,
    outcome: &mut Outcome,
) -> Result<(), StoreError> {
    let value = encode_decided(proposal, certificate);
    outcome.bytes += value.len() as u64;
    tables.decided.insert(proposal.header.height.get(), value.as_slice())?;
    if let Some(handover) = handover(proposal, certificate) {
        put_handover(tables, &handover)?;
    }
    Ok(())
}

/// Keeps a block that hands over to another set, and the set by its hash.
pub(super) fn put_handover(tables: &mut Tables<'_>, handover: &Handover) -> Result<(), StoreError> {
    let next = &handover.validators;
    tables.sets.insert(next.hash().as_bytes(), next.to_bytes().as_slice())?;
    tables.handovers.insert(handover.header.height.get(), handover.to_bytes().as_slice())?;
    Ok(())
}

fn put_finalized(
    tables: &mut Tables<'_>,
    block: &FinalizedBlock,
    network: &NetworkId,
    outcome: &mut Outcome,
) -> Result<(), ApplyError> {
    let height = block.height();
    if height <= outcome.tip {
        // Told again after a restart: only the certificate may have grown.
        return Ok(put_decided(tables, &block.proposal, &block.certificate, outcome)?);
    }
    if outcome.tip != Height::ZERO && height != outcome.tip.next() {
        let (found, tip) = (height.get(), outcome.tip.get());
        return Err(ApplyError::Refused(StoreError::OutOfOrder { found, tip }));
    }
    put_decided(tables, &block.proposal, &block.certificate, outcome)?;
    put_batches(tables, block, network, outcome)?;
    if !block.order.entries.is_empty() {
        let order = block.order.to_bytes();
        outcome.bytes += order.len() as u64;
        tables.orders.insert(height.get(), order.as_slice())?;
    }
    if let Some(snapshot) = &block.snapshot {
        put_snapshot(tables, height, snapshot, outcome)?;
    }
    tables.proposals.retain_in(..=(height.get(), u32::MAX, u32::MAX), |_, _| false)?;
    outcome.tip = height;
    if outcome.min == Height::ZERO {
        outcome.min = height;
    }
    tables.meta.insert(META_BOUNDS, encode_bounds(outcome.min, outcome.tip).as_slice())?;
    Ok(())
}

fn put_batches(
    tables: &mut Tables<'_>,
    block: &FinalizedBlock,
    network: &NetworkId,
    outcome: &mut Outcome,
) -> Result<(), StoreError> {
    if block.batches.is_empty() {
        return Ok(());
    }
    for batch in &block.batches {
        let header = batch.header();
        let key = (header.rollup.get(), header.index.get());
        let path = block.heads.path(header.rollup).ok_or_else(|| {
            let what = "a batch";
            let source = DecodeError::Invalid { what, why: "its rollup is not in the heads tree" };
            StoreError::Damaged { what, source }
        })?;
        tables.batches.insert(key, encode_batch(batch, &path, network).as_slice())?;
        tables.bodies.insert(key, batch.body().as_ref())?;
        outcome.bytes += batch.body().len() as u64;
    }
    let keys = encode_block_batches(&block.batches);
    tables.block_batches.insert(block.height().get(), keys.as_slice())?;
    Ok(())
}

fn put_snapshot(
    tables: &mut Tables<'_>,
    height: Height,
    snapshot: &[u8],
    outcome: &mut Outcome,
) -> Result<(), StoreError> {
    tables.snapshots.insert(height.get(), snapshot)?;
    outcome.bytes += snapshot.len() as u64;
    let mut kept = Vec::new();
    for entry in tables.snapshots.range::<u64>(..)? {
        kept.push(entry?.0.value());
    }
    for old in kept.iter().rev().skip(SNAPSHOTS_KEPT) {
        tables.snapshots.remove(*old)?;
    }
    Ok(())
}
