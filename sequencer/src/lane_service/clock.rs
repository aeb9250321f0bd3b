//! Local time that never goes back, whatever the system's clock does.

use crate::clock::system_time;
use fairlane_types::Timestamp;

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
