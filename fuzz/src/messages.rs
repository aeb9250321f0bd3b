//! Protobuf messages of peers and clients, and their conversions to domain values.

use crate::wire::FetchWant;
use bytes::Bytes;
use fairlane_proto::convert::{CertifiedHeader, UnverifiedBatch};
use fairlane_proto::v1;
use fairlane_types::{Receipt, Transaction};
use prost::Message;

/// Everything that a node of the segment network reads. The first byte says what is meant.
pub fn peers(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else { return };
    let data = Bytes::copy_from_slice(data);
    match kind % 5 {
        0 => drop(v1::SegmentMessage::decode(data)),
        1 => drop(v1::FetchResponse::decode(data)),
        2 => drop(v1::Hello::decode(data)),
        3 => drop(v1::HelloReply::decode(data)),
        _ => {
            let Ok(request) = v1::FetchRequest::decode(data) else { return };
            let Ok(want) = FetchWant::try_from(request) else { return };
            let again = FetchWant::try_from(v1::FetchRequest::from(&want));
            assert_eq!(again.expect("what was read can be asked for"), want);
        }
    }
}

/// What a node reads of clients, and clients of a node. The first byte says what is meant.
pub fn clients(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else { return };
    let data = Bytes::copy_from_slice(data);
    match kind % 7 {
        0 => {
            let request = v1::SubmitRequest::decode(data);
            drop(request.map(|request| Transaction::try_from(request).map(|found| found.id())));
        }
        1 => drop(v1::SubmitStreamRequest::decode(data)),
        2 => drop(v1::SubscribeRequest::decode(data)),
        3 => drop(v1::GetRangeRequest::decode(data)),
        4 => {
            let Ok(wire) = v1::Receipt::decode(data) else { return };
            let Ok(receipt) = Receipt::try_from(wire) else { return };
            let again = Receipt::try_from(v1::Receipt::from(&receipt)).expect("it was read");
            assert_eq!(again, receipt);
        }
        5 => {
            let Ok(wire) = v1::CertifiedHeader::decode(data) else { return };
            let Ok(block) = CertifiedHeader::try_from(wire) else { return };
            let again = CertifiedHeader::try_from(v1::CertifiedHeader::from(&block)).expect("it was read");
            assert_eq!(again.header, block.header);
        }
        _ => {
            let Ok(wire) = v1::VerifiableBatch::decode(data) else { return };
            let Ok(batch) = UnverifiedBatch::try_from(wire) else { return };
            let again = v1::VerifiableBatch::from(batch.clone());
            let again = UnverifiedBatch::try_from(again).expect("it was read");
            assert_eq!((again.header, again.body), (batch.header, batch.body));
        }
    }
}
