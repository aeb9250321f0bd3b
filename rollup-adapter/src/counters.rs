//! What a subscription counts, for whatever metrics system the rollup uses.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counters that only grow. Shared and lock-free; read them with [`Counters::values`].
        #[derive(Debug, Default)]
        pub struct Counters {
            $(pub(crate) $name: AtomicU64,)*
        }

        /// The counters at one moment.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct CounterValues {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// The counters now.
            pub fn values(&self) -> CounterValues {
                CounterValues { $($name: self.$name.load(Relaxed),)* }
            }
        }

        impl CounterValues {
            /// Names and values, for export.
            pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }
        }
    };
}

counters! {
    /// Batches that were verified and are next.
    batches,
    /// Items in them.
    items,
    /// Bytes of their canonical items.
    bytes,
    /// Headers whose certificate was checked here.
    headers_verified,
    /// Headers that another subscription had checked.
    headers_shared,
    /// Streams that were opened.
    sessions,
    /// Times that an endpoint was put aside for something that may pass.
    faults,
    /// Times that an endpoint was put aside for a lie.
    lies,
    /// Acknowledgements by the rollup.
    acks,
    /// Times that the cursor was written.
    cursor_writes,
}

pub(crate) fn add(counter: &AtomicU64, value: u64) {
    counter.fetch_add(value, Relaxed);
}
