//! Waking at a time, and not up to a millisecond after it.
//!
//! The runtime's timers count whole milliseconds and ring at the end of one, which is late by half of one or more. A
//! segment that is to be with the others three milliseconds later feels that. So one thread sleeps until the time and
//! wakes the task then.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// What wakes one task at times that it names.
pub(super) struct Alarm(Arc<Shared>);

struct Shared {
    set: Mutex<Setting>,
    changed: Condvar,
    rung: Notify,
}

#[derive(Clone, Copy)]
enum Setting {
    Nothing,
    At(Instant),
    /// Nobody waits any more.
    Over,
}

impl Alarm {
    /// Starts the thread. It ends when the alarm is dropped.
    pub(super) fn start() -> io::Result<Self> {
        let set = Mutex::new(Setting::Nothing);
        let shared = Arc::new(Shared { set, changed: Condvar::new(), rung: Notify::new() });
        let sleeper = shared.clone();
        std::thread::Builder::new().name("lane-alarm".to_owned()).spawn(move || sleeper.run())?;
        Ok(Self(shared))
    }

    /// Waits until a time; forever without one. What was waited for before does not count any more.
    pub(super) async fn until(&self, time: Option<Instant>) {
        let Some(time) = time else { return std::future::pending().await };
        while time > Instant::now() {
            self.0.wake_by(time);
            self.0.rung.notified().await;
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        *self.0.setting() = Setting::Over;
        self.0.changed.notify_one();
    }
}

impl Shared {
    fn setting(&self) -> MutexGuard<'_, Setting> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that the alarm rings by then. One that was set to an earlier time rings then, too: to wake the task
    /// once too often is cheaper than to wake the thread each time that the next input moves the time away.
    fn wake_by(&self, time: Instant) {
        let mut setting = self.setting();
        if !matches!(*setting, Setting::At(set) if set <= time) {
            *setting = Setting::At(time);
            self.changed.notify_one();
        }
    }

    fn run(&self) {
        let mut setting = self.setting();
        loop {
            setting = match *setting {
                Setting::Over => return,
                Setting::Nothing => self.changed.wait(setting).unwrap_or_else(PoisonError::into_inner),
                Setting::At(time) => match time.checked_duration_since(Instant::now()) {
                    Some(left) if !left.is_zero() => {
                        let waited = self.changed.wait_timeout(setting, left);
                        waited.unwrap_or_else(PoisonError::into_inner).0
                    }
                    _ => {
                        *setting = Setting::Nothing;
                        self.rung.notify_one();
                        setting
                    }
                },
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Weak;
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn it_wakes_at_the_time_and_not_before() {
        let alarm = Alarm::start().unwrap();
        let start = Instant::now();
        for part in 1..=20 {
            let time = start + Duration::from_micros(700) * part;
            alarm.until(Some(time)).await;
            assert!(Instant::now() >= time);
        }
        alarm.until(Some(start)).await;
    }

    #[tokio::test]
    async fn the_time_can_be_moved_both_ways() {
        let alarm = Alarm::start().unwrap();
        let soon = Instant::now() + Duration::from_millis(20);
        for given_up in [soon + LONG, soon - Duration::from_millis(15)] {
            tokio::select! {
                biased;
                () = alarm.until(Some(given_up)) => panic!("it was given up at once"),
                () = std::future::ready(()) => {}
            }
        }
        tokio::time::timeout(LONG / 2, alarm.until(Some(soon))).await.unwrap();
        assert!(Instant::now() >= soon, "the earlier time does not count any more");
        tokio::select! {
            () = alarm.until(None) => panic!("nothing was waited for"),
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
    }

    #[tokio::test]
    async fn its_thread_ends_with_it() {
        let alarm = Alarm::start().unwrap();
        let shared: Weak<Shared> = Arc::downgrade(&alarm.0);
        tokio::select! {
            biased;
            () = alarm.until(Some(Instant::now() + LONG)) => panic!("a minute is over at once"),
            () = std::future::ready(()) => {}
        }
        drop(alarm);
        let gone = async {
            while shared.strong_count() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG / 2, gone).await.unwrap();
    }
}
