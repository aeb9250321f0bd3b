//! What a validator's code touches of the world: its clock, its disk, its messages and timers.
//!
//! A process that dies at a sync does so in the middle of a computation. From that moment nothing it does leaves this
//! shell: writes, messages and timers go nowhere, and the simulation throws the validator's memory away when the
//! event is over.

use crate::disk::{Disk, Moment, PersistPoint, Write};
use crate::machine::CoreInput;
use crate::observe::Observed;
use crate::setup::START;
use crate::wire::{Message, Timer};
use fairlane_types::{Height, Timestamp};

/// A local clock that never goes back, whatever its source does.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    /// By how much the source is ahead of virtual time, in nanoseconds.
    pub(crate) skew: i64,
    last: Timestamp,
}

impl Clock {
    pub(crate) fn ahead_by(skew: i64) -> Self {
        Self { skew, ..Self::default() }
    }

    fn read(&mut self, now: u64) -> Timestamp {
        let source = Timestamp::from_nanos(START.saturating_add(now).saturating_add_signed(self.skew));
        self.last = self.last.max(source);
        self.last
    }
}

/// A message on its way out: to one validator, or to all others.
pub(crate) type Sent = (Option<usize>, Message);

/// The shell of one validator.
pub(crate) struct Shell {
    /// Virtual time, in nanoseconds.
    pub(crate) now: u64,
    pub(crate) clock: Clock,
    pub(crate) disk: Disk,
    dead: bool,
    sent: Vec<Sent>,
    timers: Vec<(u64, Timer)>,
    observed: Vec<Observed>,
    fault: Option<String>,
}

impl Shell {
    pub(crate) fn new(disk: Disk, clock: Clock, now: u64) -> Self {
        Self {
            now,
            clock,
            disk,
            dead: false,
            sent: Vec::new(),
            timers: Vec::new(),
            observed: Vec::new(),
            fault: None,
        }
    }

    /// Whether the process has died at a sync.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead
    }

    /// Local time.
    pub(crate) fn local(&mut self) -> Timestamp {
        self.clock.read(self.now)
    }

    pub(crate) fn send(&mut self, to: usize, message: Message) {
        if !self.dead {
            self.sent.push((Some(to), message));
        }
    }

    pub(crate) fn broadcast(&mut self, message: Message) {
        if !self.dead {
            self.sent.push((None, message));
        }
    }

    /// Asks to be woken after so many nanoseconds.
    pub(crate) fn timer(&mut self, after: u64, timer: Timer) {
        if !self.dead {
            self.timers.push((after, timer));
        }
    }

    /// Tells the invariants what happened.
    pub(crate) fn tell(&mut self, observed: Observed) {
        if !self.dead {
            self.observed.push(observed);
        }
    }

    /// Something went wrong that never should.
    pub(crate) fn note_fault(&mut self, what: String) {
        if !self.dead {
            self.fault.get_or_insert(what);
        }
    }

    /// Writes to the store without waiting.
    pub(crate) fn write(&mut self, write: Write) {
        if !self.dead {
            self.disk.write(write);
        }
    }

    /// Makes what was written to the store durable. The process may die here.
    pub(crate) fn sync(&mut self, point: PersistPoint) {
        if self.dead {
            return;
        }
        let crash = self.disk.crash_at(point);
        if crash != Some(Moment::Before) {
            self.disk.sync();
        }
        self.dead = crash.is_some();
    }

    /// Writes to the store and waits. The process may die here.
    pub(crate) fn persist(&mut self, point: PersistPoint, write: Write) {
        self.write(write);
        self.sync(point);
    }

    /// Begins the log of a height: gives what it had of this height before a crash.
    pub(crate) fn wal_started(&mut self, height: Height) -> Vec<CoreInput> {
        if self.dead { Vec::new() } else { self.disk.wal_started(height) }
    }

    /// Appends to the log of consensus without waiting.
    pub(crate) fn wal_append(&mut self, input: CoreInput) {
        if !self.dead {
            self.disk.wal_append(input);
        }
    }

    /// Makes the log of consensus durable. The process may die here.
    pub(crate) fn flush_wal(&mut self) {
        if self.dead || !self.disk.wal_is_dirty() {
            return;
        }
        let crash = self.disk.crash_at(PersistPoint::Log);
        if crash != Some(Moment::Before) {
            self.disk.wal_sync();
        }
        self.dead = crash.is_some();
    }

    pub(crate) fn take_sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    pub(crate) fn take_timers(&mut self) -> Vec<(u64, Timer)> {
        std::mem::take(&mut self.timers)
    }

    pub(crate) fn take_observed(&mut self) -> Vec<Observed> {
        std::mem::take(&mut self.observed)
    }

    pub(crate) fn take_fault(&mut self) -> Option<String> {
        self.fault.take()
    }
}
