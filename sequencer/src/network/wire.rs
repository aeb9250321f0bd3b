//! Requests between nodes as domain values, and their checked conversions.

use fairlane_proto::ConvertError;
use fairlane_proto::convert::{array, canonical, to_field};
use fairlane_proto::v1;
use fairlane_types::{Incarnation, LaneId, LaneSeq, SegmentRef, ValidatorId};

/// The most segments that one request names.
pub(super) const MAX_NAMES: usize = 256;
/// The longest request: all names, with room for the framing of each.
pub(super) const MAX_REQUEST_BYTES: usize = MAX_NAMES * (SegmentRef::BYTES + 8) + 64;

/// What a fetch asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchWant {
    /// Single segments; at most 256.
    Names(Vec<SegmentRef>),
    /// The segments of one lane after a sequence, up to this one, ascending.
    Range {
        /// The segment that the range ends with.
        last: SegmentRef,
        /// The sequence after which it begins.
        after: LaneSeq,
    },
    /// The segment with the highest sequence of this lane.
    Head(LaneId),
}

impl From<&FetchWant> for v1::FetchRequest {
    fn from(want: &FetchWant) -> Self {
        use v1::fetch_request::Want;
        let want = match want {
            FetchWant::Names(names) => {
                let references = names.iter().take(MAX_NAMES).map(to_field).collect();
                Want::Names(v1::SegmentNames { references })
            }
            FetchWant::Range { last, after } => {
                Want::Range(v1::LaneRange { last: to_field(last), after_seq: after.get() })
            }
            FetchWant::Head(lane) => Want::Head(v1::LaneHead {
                validator: to_field(&lane.validator),
                incarnation: lane.incarnation.get(),
            }),
        };
        Self { want: Some(want) }
    }
}

impl TryFrom<v1::FetchRequest> for FetchWant {
    type Error = ConvertError;

    fn try_from(request: v1::FetchRequest) -> Result<Self, ConvertError> {
        use v1::fetch_request::Want;
        match request.want.ok_or(ConvertError::Missing("want"))? {
            Want::Names(names) => {
                let (found, wanted) = (names.references.len(), MAX_NAMES);
                if found > wanted {
                    return Err(ConvertError::Length { field: "references", found, wanted });
                }
                let names = names.references.iter().map(|name| canonical("references", name));
                Ok(Self::Names(names.collect::<Result<_, _>>()?))
            }
            Want::Range(range) => Ok(Self::Range {
                last: canonical("last", &range.last)?,
                after: LaneSeq::new(range.after_seq),
            }),
            Want::Head(head) => Ok(Self::Head(LaneId {
                validator: ValidatorId::from_bytes(array("validator", &head.validator)?),
                incarnation: Incarnation::new(head.incarnation),
            })),
            Want::Checkpoints(_) => Err(ConvertError::Missing("segments")),
        }
    }
}
