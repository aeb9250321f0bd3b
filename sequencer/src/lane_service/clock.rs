//! Local time that never goes back, whatever the system's clock does.

use fairlane_types::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The system's clock, in nanoseconds since the Unix epoch.
pub(super) fn system_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// A clock that stands still while the system's goes back.
#[derive(Debug, Default)]
pub(super) struct Clock {
    last: Timestamp,
}

impl Clock {
    pub(super) fn now(&mut self) -> Timestamp {
        self.last = self.last.max(system_time());
        self.last
    }
}
