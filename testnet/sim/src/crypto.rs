//! Real ed25519, each signature checked once in a run.
//!
//! Verification is a function of its arguments, and many validators ask the same, so answers are shared.

use fairlane_agreement::{SignatureCheck, StrictVerifier};
use fairlane_types::Signature;
use fairlane_types::crypto::PublicKey;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A key, what it is said to have signed, and the signature.
type Question = ([u8; 32], [u8; 47], [u8; 64]);

/// The strict rule's answers so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remembered(Arc<Mutex<BTreeMap<Question, bool>>>);

/// Verifies what validators signed on the simulated network.
pub(crate) type Verifier = StrictVerifier<Remembered>;

impl SignatureCheck for Remembered {
    fn is_valid(&self, key: &PublicKey, message: &[u8; 47], signature: &Signature) -> bool {
        let question = (key.as_dalek().to_bytes(), *message, *signature.as_bytes());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(question).or_insert_with(|| key.verify(message, signature))
    }
}
