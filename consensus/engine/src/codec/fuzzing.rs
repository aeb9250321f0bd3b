//! The codec's way in for fuzzing, which lives in a workspace of its own, and for replaying what fuzzing kept. No node is
//! built with it.

use super::{Wire, WireCodec};
use arc_malachitebft_app::consensus::LivenessMsg;
use arc_malachitebft_app::streaming::StreamMessage;
use arc_malachitebft_app::types::codec::Codec;
use arc_malachitebft_app::types::core::{PolkaCertificate, ValidatorProof};
use arc_malachitebft_app::types::{ProposedValue, SignedConsensusMsg, sync};
use bytes::Bytes;
use fairlane_agreement::{FairlaneContext, ProposalPart};
use fairlane_types::DecodeError;

/// Reads bytes as one of the messages, and panics if what was read is written differently.
pub fn read(kind: u8, bytes: &[u8]) {
    match kind % 10 {
        0 => check::<ProposalPart>(bytes),
        1 => check::<StreamMessage<ProposalPart>>(bytes),
        2 => check::<SignedConsensusMsg<FairlaneContext>>(bytes),
        3 => check::<LivenessMsg<FairlaneContext>>(bytes),
        4 => check::<PolkaCertificate<FairlaneContext>>(bytes),
        5 => check::<ProposedValue<FairlaneContext>>(bytes),
        6 => check::<ValidatorProof<FairlaneContext>>(bytes),
        7 => check::<sync::Status<FairlaneContext>>(bytes),
        8 => check::<sync::Request<FairlaneContext>>(bytes),
        _ => check::<sync::Response<FairlaneContext>>(bytes),
    }
}

fn check<T: Wire>(bytes: &[u8])
where
    WireCodec: Codec<T, Error = DecodeError>,
{
    let Ok(message) = WireCodec.decode(Bytes::copy_from_slice(bytes)) else { return };
    let again = WireCodec.encode(&message).expect("writing never fails");
    assert_eq!(again, bytes, "two encodings of one message");
}
