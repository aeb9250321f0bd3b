//! The canonical encodings: whatever is read has exactly the bytes that it was read from.

use bytes::Bytes;
use fairlane_types::{
    Batch, BatchHeader, CommitCertificate, Cut, Decode, Encode, Event, Evidence, HeadPath, NetworkId,
    Proposal, ProtocolParams, Segment, Transaction,
};
use fairlane_verify::verify_evidence;
use std::fmt::Debug;

/// Reads a value and, if it is one, writes it again.
fn canonical<T: Decode + Encode + PartialEq + Debug>(data: &[u8]) -> Option<T> {
    let value = T::from_bytes(Bytes::copy_from_slice(data)).ok()?;
    assert_eq!(value.to_bytes(), data, "two encodings of one value");
    Some(value)
}

/// Segments. The network is whatever the bytes say, so that inputs get past it.
pub fn segment(data: &[u8]) {
    let Some(network) = data.first_chunk::<32>() else { return };
    let network = NetworkId::from_bytes(*network);
    let params = ProtocolParams::default();
    let bytes = Bytes::copy_from_slice(data);
    let checked = Segment::decode(bytes.clone(), network, &params);
    let Ok(segment) = Segment::decode_trusted(bytes, network, &params) else {
        assert!(checked.is_err(), "the full check takes what the lesser one refuses");
        return;
    };
    assert_eq!(segment.bytes()[..], *data);
    let own = |event: &Event| if let Event::Own { count, .. } = event { u64::from(*count) } else { 0 };
    let counted: u64 = segment.events().iter().map(own).sum();
    assert_eq!(counted, segment.transactions().len() as u64, "events and transactions differ");
    let times: Vec<_> = segment.events().iter().map(|event| segment.event_time(event)).collect();
    assert!(times.is_sorted() && times.last().is_none_or(|last| *last <= segment.header().timestamp));
}

/// Envelopes of transactions.
pub fn transaction(data: &[u8]) {
    let Ok(transaction) = Transaction::from_envelope(Bytes::copy_from_slice(data)) else { return };
    assert_eq!(transaction.envelope()[..], *data);
    let legs = transaction.legs().to_vec();
    let again = Transaction::new(legs, transaction.expires_at(), *transaction.salt());
    assert_eq!(again.expect("it was read").id(), transaction.id());
}

/// Proposals.
pub fn proposal(data: &[u8]) {
    canonical::<Proposal>(data);
}

/// Cuts.
pub fn cut(data: &[u8]) {
    if let Some(cut) = canonical::<Cut>(data) {
        assert!(cut.heads().is_sorted_by_key(|head| head.lane));
    }
}

/// Commit certificates.
pub fn certificate(data: &[u8]) {
    canonical::<CommitCertificate>(data);
}

/// Batch headers, and bodies that have to fit them.
pub fn batch(data: &[u8]) {
    let Some((header, body)) = data.split_at_checked(BatchHeader::BYTES) else { return };
    let Some(header) = canonical::<BatchHeader>(header) else { return };
    let Ok(batch) = Batch::from_parts(header, Bytes::copy_from_slice(body)) else { return };
    let again = Batch::new(header, batch.items().to_vec());
    assert_eq!((again.header(), &again.body()[..]), (&header, body));
}

/// Evidence: what is accepted names the one who signed both statements.
pub fn evidence(data: &[u8]) {
    let Some(evidence) = canonical::<Evidence>(data) else { return };
    let network = match &evidence {
        Evidence::LaneEquivocation(pair) => pair[0].header.network,
        _ => NetworkId::from_bytes([0; 32]),
    };
    if verify_evidence(&evidence, &network).is_ok()
        && let Evidence::LaneEquivocation(pair) = &evidence
    {
        assert_ne!(pair[0].header.digest(), pair[1].header.digest(), "one statement convicts nobody");
        assert_eq!(pair[0].header.lane, pair[1].header.lane);
        assert_eq!(pair[0].header.seq, pair[1].header.seq);
    }
}

/// Ways to the heads root.
pub fn heads(data: &[u8]) {
    if let Some(path) = canonical::<HeadPath>(data) {
        path.root();
    }
}
