//! Reading segments, batches and headers. Each call sees one consistent state of the file.

use super::records::{decode_batch, decode_block_batches, decode_decided};
use super::tables::{
    BATCHES, BLOCK_BATCHES, BODIES, DECIDED, OWN, SEGMENTS, SETS, lane_key, lane_keys, segment_key,
};
use super::{Store, StoreError};
use bytes::Bytes;
use fairlane_proto::convert::{CertifiedHeader, UnverifiedBatch};
use fairlane_types::{
    BatchIndex, Decode as _, Height, LaneId, LaneSeq, Reader, RollupHead, RollupId, SegmentDigest,
    SegmentHeader, SegmentRef, ValidatorSet,
};
use redb::{ReadOnlyTable, ReadableDatabase as _};

type SegmentTable = ReadOnlyTable<&'static [u8; SegmentRef::BYTES], &'static [u8]>;

impl Store {
    /// The newest segment that this node wrote in a lane.
    pub fn last_own_segment(&self, lane: &LaneId) -> Result<Option<Bytes>, StoreError> {
        let transaction = self.0.database.begin_read()?;
        let own = transaction.open_table(OWN)?;
        let Some(name) = own.get(&lane_key(lane))? else { return Ok(None) };
        let segments = transaction.open_table(SEGMENTS)?;
        Ok(segments.get(name.value())?.map(|value| Bytes::copy_from_slice(value.value())))
    }

    /// A segment by name.
    pub fn segment(&self, at: &SegmentRef) -> Result<Option<Bytes>, StoreError> {
        let segments = self.segments()?;
        Ok(segments.get(&segment_key(at))?.map(|value| Bytes::copy_from_slice(value.value())))
    }

    /// The segment with the highest place in a lane; one of them where there are several.
    pub fn newest_segment(&self, lane: &LaneId) -> Result<Option<Bytes>, StoreError> {
        let segments = self.segments()?;
        let (first, last) = lane_keys(*lane, LaneSeq::ZERO, LaneSeq::MAX);
        let newest = segments.range::<&[u8; SegmentRef::BYTES]>(&first..=&last)?.next_back().transpose()?;
        Ok(newest.map(|(_, value)| Bytes::copy_from_slice(value.value())))
    }

    /// All segments of a lane after a place, ascending, every variant of each place; cut short beyond `max_bytes`.
    pub fn lane_tail(
        &self,
        lane: &LaneId,
        after: LaneSeq,
        max_bytes: usize,
    ) -> Result<Vec<Bytes>, StoreError> {
        let segments = self.segments()?;
        let (first, last) = lane_keys(*lane, after.next(), LaneSeq::MAX);
        let mut found = Vec::new();
        let mut bytes = 0;
        for entry in segments.range::<&[u8; SegmentRef::BYTES]>(&first..=&last)? {
            let (_, value) = entry?;
            bytes += value.value().len();
            if bytes > max_bytes && !found.is_empty() {
                break;
            }
            found.push(Bytes::copy_from_slice(value.value()));
        }
        Ok(found)
    }

    /// The segments of the chain that ends with `last`, those after the place `after`, ascending. Cut short at its
    /// end beyond `max_bytes`, and empty where the chain is not held down to `after`.
    pub fn lane_range(
        &self,
        last: &SegmentRef,
        after: LaneSeq,
        max_bytes: usize,
    ) -> Result<Vec<Bytes>, StoreError> {
        if last.seq <= after {
            return Ok(Vec::new());
        }
        let segments = self.segments()?;
        match straight_range(&segments, last, after, max_bytes)? {
            Some(found) => Ok(found),
            None => walked_range(&segments, last, after, max_bytes),
        }
    }

    fn segments(&self) -> Result<SegmentTable, StoreError> {
        Ok(self.0.database.begin_read()?.open_table(SEGMENTS)?)
    }

    /// A finalized block's header with its certificate.
    pub fn certified_header(&self, height: Height) -> Result<Option<CertifiedHeader>, StoreError> {
        if height > self.tip() {
            return Ok(None);
        }
        let decided = self.0.database.begin_read()?.open_table(DECIDED)?;
        let Some(value) = decided.get(height.get())? else { return Ok(None) };
        Ok(Some(certified(value.value())?))
    }

    /// The set that decides the block at a height; `None` where the block is not kept.
    pub fn validators_at(&self, height: Height) -> Result<Option<ValidatorSet>, StoreError> {
        let Some(block) = self.certified_header(height)? else { return Ok(None) };
        let hash = block.header.validators_hash;
        if hash == self.0.validators.hash() {
            return Ok(Some(self.0.validators.clone()));
        }
        let sets = self.0.database.begin_read()?.open_table(SETS)?;
        let Some(value) = sets.get(hash.as_bytes())? else { return Ok(None) };
        let set = ValidatorSet::from_bytes(value.value().to_vec());
        Ok(Some(set.map_err(StoreError::damaged("a validator set"))?))
    }

    /// The first and the last batch of a rollup that are kept.
    pub fn rollup_bounds(&self, rollup: RollupId) -> Result<Option<(BatchIndex, BatchIndex)>, StoreError> {
        let batches = self.0.database.begin_read()?.open_table(BATCHES)?;
        let mut range = batches.range(whole(rollup))?;
        let Some(first) = range.next().transpose()? else { return Ok(None) };
        let first = first.0.value().1;
        let last = range.next_back().transpose()?.map_or(first, |(key, _)| key.value().1);
        Ok(Some((BatchIndex::new(first), BatchIndex::new(last))))
    }

    /// A rollup's batches from one on, without gap; at most `max`, and cut short beyond `max_bytes` of bodies.
    pub fn batches_from(
        &self,
        rollup: RollupId,
        from: BatchIndex,
        max: usize,
        max_bytes: usize,
    ) -> Result<Vec<UnverifiedBatch>, StoreError> {
        let transaction = self.0.database.begin_read()?;
        let (batches, bodies) = (transaction.open_table(BATCHES)?, transaction.open_table(BODIES)?);
        let decided = transaction.open_table(DECIDED)?;
        let mut found = Vec::new();
        let mut bytes = 0;
        let keys = (rollup.get(), from.get())..=(rollup.get(), u64::MAX);
        for (wanted, entry) in (from.get()..).zip(batches.range(keys)?).take(max) {
            let (key, value) = entry?;
            let key = key.value();
            let record = decode_batch(value.value())?;
            let block = decided.get(record.header.height.get())?;
            let (Some(body), Some(block)) = (bodies.get(key)?, block) else { break };
            bytes += body.value().len();
            if key.1 != wanted || (bytes > max_bytes && !found.is_empty()) {
                break;
            }
            found.push(UnverifiedBatch {
                block: certified(block.value())?,
                head_path: record.path,
                header: record.header,
                body: Bytes::copy_from_slice(body.value()),
            });
        }
        Ok(found)
    }

    /// The batches of a block, each with its proof; none where the block had none or is not kept.
    pub fn batches_of(&self, height: Height) -> Result<Vec<UnverifiedBatch>, StoreError> {
        let transaction = self.0.database.begin_read()?;
        let (batches, bodies) = (transaction.open_table(BATCHES)?, transaction.open_table(BODIES)?);
        let (decided, blocks) = (transaction.open_table(DECIDED)?, transaction.open_table(BLOCK_BATCHES)?);
        let (Some(block), Some(keys)) = (decided.get(height.get())?, blocks.get(height.get())?) else {
            return Ok(Vec::new());
        };
        let block = certified(block.value())?;
        let mut found = Vec::new();
        for key in decode_block_batches(keys.value())? {
            let (Some(record), Some(body)) = (batches.get(key)?, bodies.get(key)?) else { continue };
            let record = decode_batch(record.value())?;
            found.push(UnverifiedBatch {
                block: block.clone(),
                head_path: record.path,
                header: record.header,
                body: Bytes::copy_from_slice(body.value()),
            });
        }
        Ok(found)
    }

    /// The head on which a batch builds; `None` where neither it nor the batch before is kept.
    pub fn head_before(&self, rollup: RollupId, index: BatchIndex) -> Result<Option<RollupHead>, StoreError> {
        if index <= BatchIndex::new(1) {
            return Ok(Some(RollupHead::ZERO));
        }
        let batches = self.0.database.begin_read()?.open_table(BATCHES)?;
        if let Some(value) = batches.get((rollup.get(), index.get() - 1))? {
            return Ok(Some(decode_batch(value.value())?.head));
        }
        let Some(value) = batches.get((rollup.get(), index.get()))? else { return Ok(None) };
        Ok(Some(decode_batch(value.value())?.header.previous_head))
    }
}

fn whole(rollup: RollupId) -> std::ops::RangeInclusive<(u64, u64)> {
    (rollup.get(), 0)..=(rollup.get(), u64::MAX)
}

fn certified(value: &[u8]) -> Result<CertifiedHeader, StoreError> {
    let (proposal, certificate) = decode_decided(value)?;
    let next_validators = proposal.next_validators.clone();
    Ok(CertifiedHeader { header: proposal.header.clone(), certificate, next_validators })
}

/// The range read forward, or `None` when a place has variants or is missing so that only the chain itself tells.
fn straight_range(
    segments: &SegmentTable,
    last: &SegmentRef,
    after: LaneSeq,
    max_bytes: usize,
) -> Result<Option<Vec<Bytes>>, StoreError> {
    let (first_key, last_key) = lane_keys(last.lane, after.next(), last.seq);
    let mut found: Vec<Bytes> = Vec::new();
    let mut bytes = 0;
    let mut parent: Option<SegmentDigest> = None;
    let mut wanted = after;
    for entry in segments.range::<&[u8; SegmentRef::BYTES]>(&first_key..=&last_key)? {
        let (key, value) = entry?;
        let at =
            SegmentRef::from_bytes(key.value().to_vec()).map_err(StoreError::damaged("a segment name"))?;
        wanted = wanted.next();
        let is_linked =
            parent.is_none_or(|parent| header_of(value.value()).is_ok_and(|h| h.parent == parent));
        if at.seq != wanted || !is_linked {
            return Ok(None);
        }
        bytes += value.value().len();
        if bytes > max_bytes && !found.is_empty() {
            // What was read is one chain so far; whether it leads to `last` shows when the rest is asked for.
            return Ok(Some(found));
        }
        parent = Some(at.digest);
        found.push(Bytes::copy_from_slice(value.value()));
    }
    Ok((wanted == last.seq && parent == Some(last.digest)).then_some(found))
}

/// The range found by walking from its end to its beginning.
fn walked_range(
    segments: &SegmentTable,
    last: &SegmentRef,
    after: LaneSeq,
    max_bytes: usize,
) -> Result<Vec<Bytes>, StoreError> {
    let mut names = Vec::new();
    let mut at = *last;
    while at.seq > after {
        let Some(value) = segments.get(&segment_key(&at))? else { return Ok(Vec::new()) };
        names.push(at);
        let digest = header_of(value.value())?.parent;
        at = SegmentRef { lane: at.lane, seq: at.seq.saturating_sub(1), digest };
    }
    let mut found: Vec<Bytes> = Vec::new();
    let mut bytes = 0;
    for name in names.iter().rev() {
        let Some(value) = segments.get(&segment_key(name))? else { break };
        bytes += value.value().len();
        if bytes > max_bytes && !found.is_empty() {
            break;
        }
        found.push(Bytes::copy_from_slice(value.value()));
    }
    Ok(found)
}

fn header_of(segment: &[u8]) -> Result<SegmentHeader, StoreError> {
    let front = segment.get(..SegmentHeader::BYTES).unwrap_or_default();
    SegmentHeader::decode(&mut Reader::new(Bytes::copy_from_slice(front)))
        .map_err(StoreError::damaged("a segment"))
}
