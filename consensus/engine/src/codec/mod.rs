//! The wire and log forms of Malachite's messages, in the canonical encoding of `fairlane-types`.
//!
//! Every byte here may come from a stranger. Reading is total: lengths are checked against the bytes that are
//! really there and against the limits of the protocol before anything is allocated, and a vote, a proposal or a
//! certificate without a round, or with one that no chain reaches, is refused. The same forms stand in the
//! write-ahead log, so changing one needs a new log.

mod consensus;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod sync;
#[cfg(test)]
mod tests;

pub(crate) use sync::MAX_VALUES as MAX_SYNC_VALUES;

use arc_malachitebft_app::consensus::LivenessMsg;
use arc_malachitebft_app::streaming::{StreamContent, StreamId, StreamMessage};
use arc_malachitebft_app::types::codec::{Codec, HasEncodedLen};
use arc_malachitebft_app::types::core::{PolkaCertificate, Round as MalachiteRound, ValidatorProof};
use arc_malachitebft_app::types::{ProposedValue, SignedConsensusMsg, sync as malachite_sync};
use bytes::Bytes;
use fairlane_agreement::{
    Address, BlockHeight, FairlaneContext, MAX_PAYLOAD_BYTES, ProposalPart, domain_round, malachite_round,
};
use fairlane_types::codec::{Decode as _, DecodeError, Encode as _, Reader, Writer};
use fairlane_types::{Height, Round, ValidatorId};

/// No chain gets to this round of one height: at the shortest timeouts it would take days.
const MAX_ROUND: u32 = 1 << 20;
/// The nil round.
const NIL_ROUND: u32 = u32::MAX;
/// The longest stream id.
const MAX_STREAM_ID_BYTES: usize = 64;

/// A message with a canonical form.
pub(crate) trait Wire: Sized {
    /// Appends the canonical form.
    fn write(&self, out: &mut Writer);
    /// Reads one message and leaves the rest.
    fn read(input: &mut Reader) -> Result<Self, DecodeError>;
}

/// The codec that Malachite's network and log use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WireCodec;

macro_rules! codec_for {
    ($($message:ty),* $(,)?) => {$(
        impl Codec<$message> for WireCodec {
            type Error = DecodeError;

            fn decode(&self, bytes: Bytes) -> Result<$message, DecodeError> {
                let mut input = Reader::new(bytes);
                let message = <$message as Wire>::read(&mut input)?;
                input.finish()?;
                Ok(message)
            }

            fn encode(&self, message: &$message) -> Result<Bytes, DecodeError> {
                let mut out = Writer::new();
                message.write(&mut out);
                Ok(out.into_vec().into())
            }
        }
    )*};
}

codec_for!(
    ProposalPart,
    StreamMessage<ProposalPart>,
    SignedConsensusMsg<FairlaneContext>,
    LivenessMsg<FairlaneContext>,
    PolkaCertificate<FairlaneContext>,
    ProposedValue<FairlaneContext>,
    ValidatorProof<FairlaneContext>,
    malachite_sync::Status<FairlaneContext>,
    malachite_sync::Request<FairlaneContext>,
    malachite_sync::Response<FairlaneContext>,
);

impl HasEncodedLen<malachite_sync::Response<FairlaneContext>> for WireCodec {
    fn encoded_len(
        &self,
        response: &malachite_sync::Response<FairlaneContext>,
    ) -> Result<usize, DecodeError> {
        Ok(sync::response_len(response))
    }
}

/// Appends a list: its count and each item.
fn write_list<T: Wire>(items: &[T], out: &mut Writer) {
    out.count(items.len());
    items.iter().for_each(|item| item.write(out));
}

/// Reads a list of at most `limit` items of at least `item_bytes` bytes each.
fn read_list<T: Wire>(
    input: &mut Reader,
    what: &'static str,
    limit: usize,
    item_bytes: usize,
) -> Result<Vec<T>, DecodeError> {
    let count = input.count(what, limit, item_bytes)?;
    (0..count).map(|_| T::read(input)).collect()
}

impl Wire for BlockHeight {
    fn write(&self, out: &mut Writer) {
        self.0.encode(out);
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        Height::decode(input).map(Self)
    }
}

impl Wire for Address {
    fn write(&self, out: &mut Writer) {
        self.0.encode(out);
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        ValidatorId::decode(input).map(Self)
    }
}

impl Wire for MalachiteRound {
    fn write(&self, out: &mut Writer) {
        out.u32(domain_round(*self).map_or(NIL_ROUND, Round::get));
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        match input.take_u32()? {
            NIL_ROUND => Ok(Self::Nil),
            round if round <= MAX_ROUND => Ok(Self::new(round)),
            _ => Err(DecodeError::Invalid { what: "round", why: "no chain gets there" }),
        }
    }
}

/// Reads a round that is not nil.
fn read_defined_round(input: &mut Reader) -> Result<Round, DecodeError> {
    let nil = DecodeError::Invalid { what: "round", why: "it must not be nil" };
    domain_round(MalachiteRound::read(input)?).ok_or(nil)
}

/// Reads an enumeration's tag.
fn unknown_tag(what: &'static str) -> DecodeError {
    DecodeError::Invalid { what, why: "its tag is not known" }
}

impl Wire for ProposalPart {
    fn write(&self, out: &mut Writer) {
        self.height.encode(out);
        self.round.encode(out);
        malachite_round(self.valid_round).write(out);
        self.proposer.encode(out);
        out.var_bytes(&self.payload);
        self.signature.encode(out);
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            height: Height::decode(input)?,
            round: read_defined_round(input)?,
            valid_round: domain_round(MalachiteRound::read(input)?),
            proposer: ValidatorId::decode(input)?,
            payload: input.var_bytes("proposal", MAX_PAYLOAD_BYTES)?,
            signature: fairlane_types::Signature::decode(input)?,
        })
    }
}

impl Wire for StreamMessage<ProposalPart> {
    fn write(&self, out: &mut Writer) {
        out.var_bytes(&self.stream_id.to_bytes());
        out.u64(self.sequence);
        match &self.content {
            StreamContent::Fin => out.u8(0),
            StreamContent::Data(part) => {
                out.u8(1);
                part.write(out);
            }
        }
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        let stream = StreamId::new(input.var_bytes("stream id", MAX_STREAM_ID_BYTES)?);
        let sequence = input.take_u64()?;
        let content = match input.take_u8()? {
            0 => StreamContent::Fin,
            1 => StreamContent::Data(ProposalPart::read(input)?),
            _ => return Err(unknown_tag("stream content")),
        };
        Ok(Self::new(stream, sequence, content))
    }
}
