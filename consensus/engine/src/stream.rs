//! The stream that carries a proposed value: one message, as a part always holds the whole value.

use arc_malachitebft_app::streaming::{StreamContent, StreamId, StreamMessage};
use fairlane_agreement::ProposalPart;
use fairlane_types::codec::{Encode as _, Writer};

/// The stream of one message that carries the part.
pub(crate) fn stream(part: ProposalPart) -> StreamMessage<ProposalPart> {
    let mut id = Writer::with_capacity(12);
    part.height.encode(&mut id);
    part.round.encode(&mut id);
    StreamMessage::new(StreamId::new(id.into_vec().into()), 0, StreamContent::Data(part))
}
