//! The values of the tables that hold more than canonical bytes of one thing.

use super::StoreError;
use super::handover::Handover;
use bytes::Bytes;
use fairlane_engine::StoredProposal;
use fairlane_types::codec::{Decode as _, DecodeError, Encode as _, Reader, Writer};
use fairlane_types::{
    Batch, BatchHeader, CommitCertificate, HeadPath, Height, NetworkId, Proposal, RollupHead, Round, TxId,
};
use std::sync::Arc;

/// A decided proposal and its certificate.
pub(super) fn encode_decided(proposal: &Proposal, certificate: &CommitCertificate) -> Vec<u8> {
    let mut out = Writer::new();
    certificate.encode(&mut out);
    proposal.encode(&mut out);
    out.into_vec()
}

pub(super) fn decode_decided(bytes: &[u8]) -> Result<(Arc<Proposal>, CommitCertificate), StoreError> {
    read("a decision", bytes, |input| {
        let certificate = CommitCertificate::decode(input)?;
        Ok((Arc::new(Proposal::decode(input)?), certificate))
    })
}

/// The block that hands over to another set; `None` where the set stays.
pub(super) fn handover(proposal: &Proposal, certificate: &CommitCertificate) -> Option<Handover> {
    let validators = proposal.next_validators.clone()?;
    Some(Handover { header: proposal.header.clone(), certificate: certificate.clone(), validators })
}

/// The ids that a block ordered.
pub(super) fn encode_ids(ids: &[TxId]) -> Vec<u8> {
    let mut out = Writer::with_capacity(ids.len() * 32 + 4);
    out.list(ids);
    out.into_vec()
}

pub(super) fn decode_ids(bytes: &[u8]) -> Result<Vec<TxId>, StoreError> {
    read("ids that a block ordered", bytes, |input| input.list("ids", usize::MAX, 32))
}

/// A proposal for a round.
pub(super) fn encode_proposal(stored: &StoredProposal) -> Vec<u8> {
    let mut out = Writer::new();
    stored.round.encode(&mut out);
    out.u8(u8::from(stored.valid_round.is_some()));
    stored.valid_round.unwrap_or_default().encode(&mut out);
    stored.proposer.encode(&mut out);
    stored.proposal.encode(&mut out);
    out.into_vec()
}

pub(super) fn decode_proposal(bytes: &[u8]) -> Result<StoredProposal, StoreError> {
    read("a proposal", bytes, |input| {
        let round = Round::decode(input)?;
        let has_valid_round = input.take_u8()? != 0;
        let valid_round = Round::decode(input)?;
        Ok(StoredProposal {
            round,
            valid_round: has_valid_round.then_some(valid_round),
            proposer: fairlane_types::ValidatorId::decode(input)?,
            proposal: Arc::new(Proposal::decode(input)?),
        })
    })
}

/// A batch without its body.
pub(super) struct BatchRecord {
    /// The head after the batch.
    pub(super) head: RollupHead,
    pub(super) header: BatchHeader,
    pub(super) path: HeadPath,
}

pub(super) fn encode_batch(batch: &Batch, path: &HeadPath, network: &NetworkId) -> Vec<u8> {
    let mut out = Writer::new();
    batch.header().head(network).encode(&mut out);
    batch.header().encode(&mut out);
    path.encode(&mut out);
    out.into_vec()
}

pub(super) fn decode_batch(bytes: &[u8]) -> Result<BatchRecord, StoreError> {
    read("a batch", bytes, |input| {
        Ok(BatchRecord {
            head: RollupHead::decode(input)?,
            header: BatchHeader::decode(input)?,
            path: HeadPath::decode(input)?,
        })
    })
}

/// Rollup and index of each batch of a block.
pub(super) fn encode_block_batches(batches: &[Batch]) -> Vec<u8> {
    let mut out = Writer::new();
    for batch in batches {
        batch.header().rollup.encode(&mut out);
        batch.header().index.encode(&mut out);
    }
    out.into_vec()
}

pub(super) fn decode_block_batches(bytes: &[u8]) -> Result<Vec<(u64, u64)>, StoreError> {
    read("a block's batches", bytes, |input| {
        let mut keys = Vec::with_capacity(input.remaining() / 16);
        while input.remaining() > 0 {
            keys.push((input.take_u64()?, input.take_u64()?));
        }
        Ok(keys)
    })
}

/// The first height kept, and the last finalized one.
pub(super) fn encode_bounds(min: Height, tip: Height) -> Vec<u8> {
    let mut out = Writer::new();
    min.encode(&mut out);
    tip.encode(&mut out);
    out.into_vec()
}

pub(super) fn decode_bounds(bytes: &[u8]) -> Result<(Height, Height), StoreError> {
    read("bounds", bytes, |input| Ok((Height::decode(input)?, Height::decode(input)?)))
}

fn read<T>(
    what: &'static str,
    bytes: &[u8],
    take: impl FnOnce(&mut Reader) -> Result<T, DecodeError>,
) -> Result<T, StoreError> {
    let mut input = Reader::new(Bytes::copy_from_slice(bytes));
    let value = take(&mut input).map_err(StoreError::damaged(what))?;
    input.finish().map_err(StoreError::damaged(what))?;
    Ok(value)
}
