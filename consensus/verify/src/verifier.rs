//! A verifier with a short memory: batches of one block share header and certificate, which are checked once.

use crate::batch::{BatchError, VerifiedBatch, WireBatch, verify_batch};
use crate::header::VerifiedHeader;
use crate::sets::{FollowError, HeaderError, TrustedSets};
use fairlane_types::{BlockHeader, CommitCertificate, ValidatorSet};
use std::collections::VecDeque;

/// How many verified headers are remembered.
pub const MEMORY: usize = 16;

/// The trusted sets, and the headers that were verified last.
#[derive(Clone, Debug)]
pub struct Verifier {
    sets: TrustedSets,
    recent: VecDeque<VerifiedHeader>,
}

impl Verifier {
    /// A verifier that remembers no header yet.
    pub fn new(sets: TrustedSets) -> Self {
        Self { sets, recent: VecDeque::with_capacity(MEMORY) }
    }

    /// The trusted sets.
    pub fn sets(&self) -> &TrustedSets {
        &self.sets
    }

    /// [`TrustedSets::verify_header`], or the same header from memory, with the certificate that was checked then.
    pub fn header(
        &mut self,
        header: BlockHeader,
        certificate: CommitCertificate,
    ) -> Result<VerifiedHeader, HeaderError> {
        let id = header.id();
        if let Some(known) = self.recent.iter().rev().find(|known| known.id() == id) {
            return Ok(known.clone());
        }
        let verified = self.sets.verify_header(header, certificate)?;
        self.remember(verified.clone());
        Ok(verified)
    }

    /// [`TrustedSets::follow`].
    pub fn follow(
        &mut self,
        header: BlockHeader,
        certificate: CommitCertificate,
        next: Option<ValidatorSet>,
    ) -> Result<VerifiedHeader, FollowError> {
        let verified = self.sets.follow(header, certificate, next)?;
        self.remember(verified.clone());
        Ok(verified)
    }

    /// Checks a batch with all that proves it.
    pub fn batch(&mut self, wire: WireBatch) -> Result<VerifiedBatch, BatchError> {
        let block = self.header(wire.header, wire.certificate)?;
        verify_batch(&block, &wire.path, wire.batch, wire.body)
    }

    fn remember(&mut self, header: VerifiedHeader) {
        if self.recent.len() >= MEMORY {
            self.recent.pop_front();
        }
        self.recent.push_back(header);
    }
}

#[cfg(test)]
#[path = "verifier_tests.rs"]
mod tests;
