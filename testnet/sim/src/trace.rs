//! The history of a run as a hash: the same seed gives the same one, on every machine.

use fairlane_types::Hash32;
use sha2::{Digest as _, Sha256};

/// The canonical log of events, hashed as it grows, and printed if asked for.
pub(crate) struct Trace {
    hash: Sha256,
    events: u64,
    prints: bool,
}

impl Trace {
    pub(crate) fn new(prints: bool) -> Self {
        Self { hash: Sha256::new(), events: 0, prints }
    }

    /// Adds an event: when, at whom, what kind, and what tells it apart from others of its kind.
    pub(crate) fn event(&mut self, at: u64, place: usize, kind: &str, detail: [u8; 8]) {
        self.hash.update(at.to_be_bytes());
        self.hash.update((place as u64).to_be_bytes());
        self.hash.update((kind.len() as u64).to_be_bytes());
        self.hash.update(kind.as_bytes());
        self.hash.update(detail);
        self.events += 1;
        if self.prints {
            let (ms, rest) = (at / 1_000_000, at % 1_000_000);
            println!("{ms:>6}.{rest:06} validator {place} {kind} {}", hex::encode(detail));
        }
    }

    /// How many events there were.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    /// The hash of all events so far.
    pub(crate) fn hash(&self) -> Hash32 {
        let digest: [u8; 32] = self.hash.clone().finalize().into();
        Hash32::from_bytes(digest)
    }
}
