//! Refusals as gRPC statuses: every error a client sees carries a reason for programs and a text for people.
//!
//! The reason travels in the `fairlane-refusal` metadata entry and whether retrying can help in `fairlane-retry`,
//! so that clients in any language can read them without decoding further messages.

use crate::v1::Refusal;
use tonic::{Code, Status};

/// Metadata key of the reason, the name of a [`Refusal`] value.
pub const REASON_KEY: &str = "fairlane-refusal";
/// Metadata key that says whether the same request may succeed later: `true` or `false`.
pub const RETRY_KEY: &str = "fairlane-retry";

/// The gRPC code that fits a reason.
pub fn code(reason: Refusal) -> Code {
    match reason {
        Refusal::Malformed
        | Refusal::TooLarge
        | Refusal::WrongSize
        | Refusal::ExpiryTooFar
        | Refusal::Protocol => Code::InvalidArgument,
        Refusal::Expired | Refusal::HeadMismatch | Refusal::WrongNetwork | Refusal::TierUnavailable => {
            Code::FailedPrecondition
        }
        Refusal::UnknownRollup | Refusal::NotFound => Code::NotFound,
        Refusal::Duplicate => Code::AlreadyExists,
        Refusal::LaneFull | Refusal::RateLimited => Code::ResourceExhausted,
        Refusal::NotReady | Refusal::ShuttingDown => Code::Unavailable,
        Refusal::Ahead | Refusal::Pruned => Code::OutOfRange,
        Refusal::Internal | Refusal::Unspecified => Code::Internal,
    }
}

/// Whether the same request may succeed later.
pub fn may_retry(reason: Refusal) -> bool {
    matches!(
        reason,
        Refusal::LaneFull
            | Refusal::RateLimited
            | Refusal::NotReady
            | Refusal::ShuttingDown
            | Refusal::Internal
    )
}

/// The status for a refusal. `message` says what is wrong and what to do.
pub fn status(reason: Refusal, message: impl Into<String>) -> Status {
    let mut status = Status::new(code(reason), message);
    let metadata = status.metadata_mut();
    if let Ok(name) = reason.as_str_name().parse() {
        metadata.insert(REASON_KEY, name);
    }
    let retry = if may_retry(reason) { "true" } else { "false" };
    metadata.insert(RETRY_KEY, tonic::metadata::MetadataValue::from_static(retry));
    status
}

/// The reason that a status carries, if it is one of ours.
pub fn reason_of(status: &Status) -> Option<Refusal> {
    Refusal::from_str_name(status.metadata().get(REASON_KEY)?.to_str().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_survives_the_way_through_a_status() {
        for number in 0..=Refusal::TierUnavailable as i32 {
            let reason = Refusal::try_from(number).unwrap();
            let status = status(reason, "text");
            assert_eq!(reason_of(&status), Some(reason));
            assert_ne!(status.code(), Code::Ok);
        }
    }

    #[test]
    fn a_foreign_status_has_no_reason() {
        assert_eq!(reason_of(&Status::internal("other")), None);
    }
}
