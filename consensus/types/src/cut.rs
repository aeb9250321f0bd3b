//! Cuts: one head for each lane, which is all that a proposal says about content.

use crate::codec::{Decode, DecodeError, Encode, Reader, Writer};
use crate::crypto::{Domain, Hash32};
use crate::ids::{LaneId, LaneSeq, SegmentDigest};
use crate::validator::MAX_VALIDATORS;

/// Names one segment: its lane, its place there, and its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentRef {
    /// The lane.
    pub lane: LaneId,
    /// The place in the lane; 0 stands for "nothing yet".
    pub seq: LaneSeq,
    /// The segment's digest; zero at sequence 0.
    pub digest: SegmentDigest,
}

impl SegmentRef {
    /// Bytes of the encoding.
    pub const BYTES: usize = 36 + 8 + 32;

    /// The head of a lane that has no segment yet.
    pub fn empty(lane: LaneId) -> Self {
        Self { lane, seq: LaneSeq::ZERO, digest: SegmentDigest::ZERO }
    }
}

impl Encode for SegmentRef {
    fn encode(&self, out: &mut Writer) {
        self.lane.encode(out);
        self.seq.encode(out);
        self.digest.encode(out);
    }
}

impl Decode for SegmentRef {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        let at = Self {
            lane: Decode::decode(input)?,
            seq: Decode::decode(input)?,
            digest: Decode::decode(input)?,
        };
        if (at.seq == LaneSeq::ZERO) != (at.digest == SegmentDigest::ZERO) {
            return Err(DecodeError::Invalid {
                what: "segment reference",
                why: "only sequence 0 has digest zero",
            });
        }
        Ok(at)
    }
}

/// One head for each lane of the validator set, sorted by lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    heads: Vec<SegmentRef>,
}

impl Cut {
    /// Sorts the heads by lane. A lane that stands there twice is refused.
    pub fn new(mut heads: Vec<SegmentRef>) -> Result<Self, DecodeError> {
        heads.sort_by_key(|head| head.lane);
        Self::from_sorted(heads)
    }

    fn from_sorted(heads: Vec<SegmentRef>) -> Result<Self, DecodeError> {
        if heads.is_empty() || heads.len() > MAX_VALIDATORS {
            return Err(DecodeError::Invalid { what: "cut", why: "it has 1 to 1024 lanes" });
        }
        if !heads.iter().zip(heads.iter().skip(1)).all(|(a, b)| a.lane < b.lane) {
            return Err(DecodeError::Invalid { what: "cut", why: "lanes must be sorted, each once" });
        }
        Ok(Self { heads })
    }

    /// The heads, sorted by lane.
    pub fn heads(&self) -> &[SegmentRef] {
        &self.heads
    }

    /// The head of one lane.
    pub fn head(&self, lane: &LaneId) -> Option<&SegmentRef> {
        let at = self.heads.binary_search_by_key(lane, |head| head.lane).ok()?;
        self.heads.get(at)
    }

    /// The hash that headers carry.
    pub fn root(&self) -> Hash32 {
        Domain::CUT.hash(&[&self.to_bytes()])
    }
}

impl Encode for Cut {
    fn encode(&self, out: &mut Writer) {
        out.list(&self.heads);
    }
}

impl Decode for Cut {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Self::from_sorted(input.list("cut heads", MAX_VALIDATORS, SegmentRef::BYTES)?)
    }
}
