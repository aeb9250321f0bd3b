//! The messages of value sync: where peers stand, and ranges of decided values.

use super::{Wire, unknown_tag};
use arc_malachitebft_app::types::PeerId;
use arc_malachitebft_app::types::sync::{RawDecidedValue, Request, Response, Status};
use arc_malachitebft_sync::{ValueRequest, ValueResponse};
use fairlane_agreement::{
    BlockHeight, FairlaneContext, MAX_PAYLOAD_BYTES, decided_certificate, extended_certificate,
};
use fairlane_types::CommitCertificate;
use fairlane_types::codec::{Decode as _, DecodeError, Encode as _, Reader, Writer};

/// The most values in one request or response.
pub(crate) const MAX_VALUES: usize = 256;
/// Bytes of the longest peer id.
const MAX_PEER_ID_BYTES: usize = 128;
/// Bytes of a value with nothing in it.
const MIN_VALUE_BYTES: usize = 4 + 8 + 4 + 32 + 4;

impl Wire for Status<FairlaneContext> {
    fn write(&self, out: &mut Writer) {
        out.var_bytes(&self.peer_id.to_bytes());
        self.tip_height.write(out);
        self.history_min_height.write(out);
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        let peer = input.var_bytes("peer id", MAX_PEER_ID_BYTES)?;
        let peer_id = PeerId::from_bytes(&peer)
            .map_err(|_| DecodeError::Invalid { what: "peer id", why: "it is no multihash of a key" })?;
        Ok(Self {
            peer_id,
            tip_height: BlockHeight::read(input)?,
            history_min_height: BlockHeight::read(input)?,
        })
    }
}

impl Wire for Request<FairlaneContext> {
    fn write(&self, out: &mut Writer) {
        let Self::ValueRequest(request) = self;
        out.u8(0);
        request.range.start().write(out);
        request.range.end().write(out);
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        let 0 = input.take_u8()? else {
            return Err(unknown_tag("sync request"));
        };
        let (start, end) = (BlockHeight::read(input)?, BlockHeight::read(input)?);
        match end.0.get().checked_sub(start.0.get()) {
            Some(more) if more < MAX_VALUES as u64 => Ok(Self::ValueRequest(ValueRequest::new(start..=end))),
            Some(more) => Err(DecodeError::TooLarge {
                what: "requested values",
                found: more.saturating_add(1),
                limit: MAX_VALUES as u64,
            }),
            None => Err(DecodeError::Invalid { what: "requested values", why: "the range is empty" }),
        }
    }
}

impl Wire for RawDecidedValue<FairlaneContext> {
    fn write(&self, out: &mut Writer) {
        out.var_bytes(&self.value_bytes);
        decided_certificate(&self.certificate.trim_vote_extensions()).encode(out);
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        let value = input.var_bytes("decided value", MAX_PAYLOAD_BYTES)?;
        let certificate = CommitCertificate::decode(input)?;
        if !certificate.signatures.is_sorted_by(|one, next| one.validator < next.validator) {
            return Err(DecodeError::Invalid {
                what: "decided certificate",
                why: "its signers do not ascend",
            });
        }
        Ok(Self::new(value, extended_certificate(&certificate)))
    }
}

impl Wire for Response<FairlaneContext> {
    fn write(&self, out: &mut Writer) {
        let Self::ValueResponse(response) = self;
        out.u8(0);
        response.start_height.write(out);
        super::write_list(&response.values, out);
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        let 0 = input.take_u8()? else {
            return Err(unknown_tag("sync response"));
        };
        let start = BlockHeight::read(input)?;
        let values = super::read_list(input, "decided values", MAX_VALUES, MIN_VALUE_BYTES)?;
        Ok(Self::ValueResponse(ValueResponse::new(start, values)))
    }
}

/// How long the encoding of a response is, without making it.
pub(super) fn response_len(response: &Response<FairlaneContext>) -> usize {
    let Response::ValueResponse(response) = response;
    let value_len = |value: &RawDecidedValue<FairlaneContext>| {
        MIN_VALUE_BYTES + value.value_bytes.len() + 96 * value.certificate.commit_signatures.len()
    };
    1 + 8 + 4 + response.values.iter().map(value_len).sum::<usize>()
}
