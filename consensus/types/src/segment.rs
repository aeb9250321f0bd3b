//! Segments: the pieces of a lane, signed by its validator.
//!
//! A segment carries bodies of transactions that clients gave to this validator, and references to the segments
//! of others in the order in which it received them. Its validity is a pure function of its bytes, the network's
//! parameters and the lane's key: a [`Segment`] that exists is valid. Everything else (expired, unknown rollup,
//! duplicate) is skipped when ordering, never judged here.

use crate::codec::{Decode, DecodeError, Encode, Reader, Writer};
use crate::crypto::{Domain, Hash32, PublicKey, Signature, SigningKey, sha256};
use crate::cut::SegmentRef;
use crate::ids::{LaneId, LaneSeq, NetworkId, SegmentDigest, Timestamp};
use crate::merkle;
use crate::params::ProtocolParams;
use crate::transaction::{Transaction, TransactionError};
use bytes::Bytes;

/// One entry of a lane: what its validator received, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The next `count` transactions of this segment, received from clients.
    Own {
        /// How many, at least one.
        count: u32,
        /// Nanoseconds from here to the segment's timestamp.
        age: u64,
    },
    /// Here the validator held this segment of another lane, with all that it builds on.
    Peer {
        /// The segment. It stands for all earlier ones of its chain that were not referenced yet.
        segment: SegmentRef,
        /// Nanoseconds from here to the segment's timestamp.
        age: u64,
    },
}

impl Event {
    const OWN: u8 = 0;
    const PEER: u8 = 1;
    /// Bytes of the shortest event.
    const MIN_BYTES: usize = 1 + 8 + 4;

    /// Nanoseconds from the event to its segment's timestamp.
    pub fn age(&self) -> u64 {
        match self {
            Self::Own { age, .. } | Self::Peer { age, .. } => *age,
        }
    }
}

impl Encode for Event {
    fn encode(&self, out: &mut Writer) {
        match self {
            Self::Own { count, age } => {
                out.u8(Self::OWN);
                out.u64(*age);
                out.u32(*count);
            }
            Self::Peer { segment, age } => {
                out.u8(Self::PEER);
                out.u64(*age);
                segment.encode(out);
            }
        }
    }
}

impl Decode for Event {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        let tag = input.take_u8()?;
        let age = input.take_u64()?;
        match tag {
            Self::OWN => Ok(Self::Own { count: input.take_u32()?, age }),
            Self::PEER => Ok(Self::Peer { segment: Decode::decode(input)?, age }),
            _ => Err(DecodeError::Invalid { what: "segment event", why: "its tag is neither 0 nor 1" }),
        }
    }
}

/// The fixed-width header that a validator signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The network.
    pub network: NetworkId,
    /// The lane.
    pub lane: LaneId,
    /// The place in the lane, from 1.
    pub seq: LaneSeq,
    /// The segment before; zero at sequence 1.
    pub parent: SegmentDigest,
    /// When the segment was closed: the lane's head time.
    pub timestamp: Timestamp,
    /// SHA-256 of the encoded events.
    pub events_hash: Hash32,
    /// How many transactions it carries.
    pub transaction_count: u32,
    /// RFC 6962 root over the ids of its transactions.
    pub transactions_root: Hash32,
}

impl SegmentHeader {
    /// Bytes of the encoding.
    pub const BYTES: usize = 32 + 36 + 8 + 32 + 8 + 32 + 4 + 32;

    /// SHA-256 of the encoding: the segment's digest.
    pub fn digest(&self) -> SegmentDigest {
        sha256(&[&self.to_bytes()]).into()
    }

    /// The 47 bytes that the validator signs.
    pub fn sign_bytes(&self) -> [u8; 47] {
        Domain::SEGMENT.sign_bytes_of_digest(&self.digest().into())
    }

    /// What names the segment.
    pub fn reference(&self) -> SegmentRef {
        SegmentRef { lane: self.lane, seq: self.seq, digest: self.digest() }
    }

    /// Sequences start at 1, and the first segment alone has no parent.
    fn check_place(&self) -> Result<(), DecodeError> {
        if self.seq == LaneSeq::ZERO {
            return Err(DecodeError::Invalid {
                what: "segment sequence",
                why: "the first segment has sequence 1",
            });
        }
        if (self.seq.get() == 1) != (self.parent == SegmentDigest::ZERO) {
            return Err(DecodeError::Invalid {
                what: "segment parent",
                why: "only the first segment has none",
            });
        }
        Ok(())
    }
}

impl Encode for SegmentHeader {
    fn encode(&self, out: &mut Writer) {
        self.network.encode(out);
        self.lane.encode(out);
        self.seq.encode(out);
        self.parent.encode(out);
        self.timestamp.encode(out);
        self.events_hash.encode(out);
        out.u32(self.transaction_count);
        self.transactions_root.encode(out);
    }
}

impl Decode for SegmentHeader {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        let header = Self {
            network: Decode::decode(input)?,
            lane: Decode::decode(input)?,
            seq: Decode::decode(input)?,
            parent: Decode::decode(input)?,
            timestamp: Decode::decode(input)?,
            events_hash: Decode::decode(input)?,
            transaction_count: input.take_u32()?,
            transactions_root: Decode::decode(input)?,
        };
        header.check_place()?;
        Ok(header)
    }
}

/// Why bytes are no valid segment of this network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// The bytes are longer than the network allows.
    #[error("the segment has {bytes} bytes, the network allows {limit}")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The network's limit.
        limit: usize,
    },
    /// The bytes are not canonical.
    #[error("the segment's bytes are not canonical: {0}")]
    Malformed(#[from] DecodeError),
    /// It belongs to another network.
    #[error("the segment belongs to network {0}")]
    WrongNetwork(NetworkId),
    /// Events or transactions are not the ones that the header commits to.
    #[error("the segment's {0} are not those that its header commits to")]
    BodyMismatch(&'static str),
    /// Events contradict each other or the header.
    #[error("the segment's events are not valid: {0}")]
    Events(&'static str),
    /// A transaction is not well formed or too large.
    #[error("transaction {index} of the segment: {source}")]
    Transaction {
        /// Its place in the segment.
        index: usize,
        /// What is wrong.
        source: TransactionError,
    },
    /// The signature is not the lane's.
    #[error("the segment's signature is not valid for its lane's key")]
    Signature,
}

/// What a validator wants to say next in its lane, before it signs.
#[derive(Clone, Debug)]
pub struct SegmentDraft {
    /// The lane.
    pub lane: LaneId,
    /// The place in the lane.
    pub seq: LaneSeq,
    /// The segment before.
    pub parent: SegmentDigest,
    /// When the segment was closed.
    pub timestamp: Timestamp,
    /// What was received, in order.
    pub events: Vec<Event>,
    /// The transactions that the `Own` events count.
    pub transactions: Vec<Transaction>,
}

impl SegmentDraft {
    /// Commits to the content, signs it, and checks the result as any receiver would. The key must be the lane's.
    pub fn seal(
        self,
        network: NetworkId,
        params: &ProtocolParams,
        key: &SigningKey,
    ) -> Result<Segment, SegmentError> {
        if key.validator() != self.lane.validator {
            return Err(SegmentError::Signature);
        }
        let header = SegmentHeader {
            network,
            lane: self.lane,
            seq: self.seq,
            parent: self.parent,
            timestamp: self.timestamp,
            events_hash: events_hash(&self.events),
            transaction_count: u32::try_from(self.transactions.len()).unwrap_or(u32::MAX),
            transactions_root: transactions_root(&self.transactions),
        };
        header.check_place()?;
        let digest = header.digest();
        let signature = key.sign(&Domain::SEGMENT.sign_bytes_of_digest(&digest.into()));
        let bytes = encode_segment(&header, &signature, &self.events, &self.transactions);
        let segment = Segment {
            header,
            digest,
            signature,
            events: self.events,
            transactions: self.transactions,
            bytes,
        };
        segment.check_limits(params)?;
        segment.check_events()?;
        Ok(segment)
    }
}

/// A valid, signed piece of a lane.
#[derive(Clone, Debug)]
pub struct Segment {
    header: SegmentHeader,
    digest: SegmentDigest,
    signature: Signature,
    events: Vec<Event>,
    transactions: Vec<Transaction>,
    bytes: Bytes,
}

impl Segment {
    /// Reads and fully checks a segment: limits, commitments, events, and the signature by the lane's key.
    pub fn decode(bytes: Bytes, network: NetworkId, params: &ProtocolParams) -> Result<Self, SegmentError> {
        let segment = Self::decode_trusted(bytes, network, params)?;
        let key = PublicKey::decode(&segment.header.lane.validator)?;
        if !key.verify(&Domain::SEGMENT.sign_bytes_of_digest(&segment.digest.into()), &segment.signature) {
            return Err(SegmentError::Signature);
        }
        Ok(segment)
    }

    /// Like [`Self::decode`] without the signature check: for bytes that this node checked before and stored.
    pub fn decode_trusted(
        bytes: Bytes,
        network: NetworkId,
        params: &ProtocolParams,
    ) -> Result<Self, SegmentError> {
        check_size(bytes.len(), params)?;
        let mut input = Reader::new(bytes.clone());
        let header = SegmentHeader::decode(&mut input)?;
        if header.network != network {
            return Err(SegmentError::WrongNetwork(header.network));
        }
        let signature = Signature::decode(&mut input)?;
        let events: Vec<Event> =
            input.list("segment events", params.max_segment_events as usize, Event::MIN_BYTES)?;
        let limit = params.max_segment_transactions as usize;
        let count = input.count("segment transactions", limit, 4)?;
        let mut transactions = Vec::with_capacity(count);
        for index in 0..count {
            let envelope = input.var_bytes("transaction", params.max_transaction_bytes as usize)?;
            let transaction = Transaction::from_envelope(envelope)
                .map_err(|source| SegmentError::Transaction { index, source })?;
            transactions.push(transaction);
        }
        input.finish()?;
        let digest = header.digest();
        let segment = Self { header, digest, signature, events, transactions, bytes };
        segment.check_limits(params)?;
        segment.check_commitments()?;
        segment.check_events()?;
        Ok(segment)
    }

    fn check_limits(&self, params: &ProtocolParams) -> Result<(), SegmentError> {
        check_size(self.bytes.len(), params)?;
        let too_many = |what, found: usize, limit: u32| {
            let error = DecodeError::TooLarge { what, found: found as u64, limit: u64::from(limit) };
            (found > limit as usize).then_some(SegmentError::Malformed(error)).map_or(Ok(()), Err)
        };
        too_many("segment events", self.events.len(), params.max_segment_events)?;
        too_many("segment transactions", self.transactions.len(), params.max_segment_transactions)?;
        for (index, transaction) in self.transactions.iter().enumerate() {
            transaction.check_limits(params).map_err(|source| SegmentError::Transaction { index, source })?;
        }
        Ok(())
    }

    fn check_commitments(&self) -> Result<(), SegmentError> {
        if self.header.transaction_count as usize != self.transactions.len()
            || self.header.transactions_root != transactions_root(&self.transactions)
        {
            return Err(SegmentError::BodyMismatch("transactions"));
        }
        if self.header.events_hash != events_hash(&self.events) {
            return Err(SegmentError::BodyMismatch("events"));
        }
        Ok(())
    }

    fn check_events(&self) -> Result<(), SegmentError> {
        let mut own = 0u64;
        let mut last_age = self.header.timestamp.as_nanos();
        for event in &self.events {
            if event.age() > last_age {
                return Err(SegmentError::Events("ages must not increase nor reach beyond the epoch"));
            }
            last_age = event.age();
            match event {
                Event::Own { count: 0, .. } => return Err(SegmentError::Events("an own event counts none")),
                Event::Own { count, .. } => own = own.saturating_add(u64::from(*count)),
                Event::Peer { segment, .. } if segment.lane == self.header.lane => {
                    return Err(SegmentError::Events("a lane does not reference itself"));
                }
                Event::Peer { segment, .. }
                    if segment.seq == LaneSeq::ZERO || segment.digest == SegmentDigest::ZERO =>
                {
                    return Err(SegmentError::Events("a reference names no segment"));
                }
                Event::Peer { .. } => {}
            }
        }
        if own != self.transactions.len() as u64 {
            return Err(SegmentError::Events("own events do not count the transactions"));
        }
        Ok(())
    }

    /// The signed header.
    pub fn header(&self) -> &SegmentHeader {
        &self.header
    }

    /// The digest.
    pub fn digest(&self) -> SegmentDigest {
        self.digest
    }

    /// What names the segment.
    pub fn reference(&self) -> SegmentRef {
        SegmentRef { lane: self.header.lane, seq: self.header.seq, digest: self.digest }
    }

    /// The reference of the segment before it; the empty head at sequence 1.
    pub fn parent(&self) -> SegmentRef {
        SegmentRef {
            lane: self.header.lane,
            seq: self.header.seq.saturating_sub(1),
            digest: self.header.parent,
        }
    }

    /// The lane's signature.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// What was received, in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The transactions that the `Own` events count.
    pub fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    /// The canonical bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The time of an event in this segment.
    pub fn event_time(&self, event: &Event) -> Timestamp {
        self.header.timestamp.saturating_sub(event.age())
    }
}

impl PartialEq for Segment {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Segment {}

fn check_size(bytes: usize, params: &ProtocolParams) -> Result<(), SegmentError> {
    let limit = params.max_segment_bytes as usize;
    if bytes > limit {
        return Err(SegmentError::TooLarge { bytes, limit });
    }
    Ok(())
}

fn events_hash(events: &[Event]) -> Hash32 {
    let mut out = Writer::new();
    out.list(events);
    sha256(&[out.as_slice()])
}

/// The leaf hashes over the ids of transactions: a receipt's path leads from one of them to the root.
pub fn transaction_leaves(transactions: &[Transaction]) -> Vec<Hash32> {
    transactions.iter().map(|transaction| merkle::leaf_hash(transaction.id().as_bytes())).collect()
}

fn transactions_root(transactions: &[Transaction]) -> Hash32 {
    merkle::root(&transaction_leaves(transactions))
}

fn encode_segment(
    header: &SegmentHeader,
    signature: &Signature,
    events: &[Event],
    transactions: &[Transaction],
) -> Bytes {
    let bodies: usize = transactions.iter().map(|transaction| transaction.envelope().len()).sum();
    let capacity = bodies.saturating_add(events.len().saturating_mul(88)).saturating_add(512);
    let mut out = Writer::with_capacity(capacity.saturating_add(transactions.len().saturating_mul(4)));
    header.encode(&mut out);
    signature.encode(&mut out);
    out.list(events);
    out.count(transactions.len());
    for transaction in transactions {
        out.var_bytes(transaction.envelope());
    }
    Bytes::from(out.into_vec())
}

#[cfg(test)]
#[path = "segment_tests.rs"]
mod tests;
