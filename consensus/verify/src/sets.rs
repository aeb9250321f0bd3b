//! The validator sets that a verifier trusts, and how trust moves from one to the next.
//!
//! Trust starts at genesis, or at a set that was checked in another way. A certified header that announces another
//! set for the next height hands the trust on, once that set is shown. A verifier needs no header between two such
//! changes: it may jump to any height and is told [`HeaderError::UnknownValidators`] when it missed a change.
//!
//! A set whose members have withdrawn their stake has nothing left to lose. Whoever resumes from sets older than the
//! unbonding time must take a newer set from a source that it trusts.

use crate::certificate::{CertificateError, verify_certificate};
use crate::header::VerifiedHeader;
use fairlane_types::{BlockHeader, CommitCertificate, Genesis, Hash32, Height, NetworkId, ValidatorSet};
use std::collections::BTreeMap;

/// How many sets are remembered. With more, the oldest is forgotten.
pub const MAX_SETS: usize = 64;

/// Why a header is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It is from another network.
    #[error("the header is from network {found}, not {expected}")]
    Network {
        /// The verifier's network.
        expected: NetworkId,
        /// The header's.
        found: NetworkId,
    },
    /// It is older than the oldest set that is trusted. Fetching something newer helps.
    #[error("no set is trusted for height {height}: the oldest one decides from height {first} on")]
    BeforeTrust {
        /// The header's height.
        height: Height,
        /// The first height that can be verified.
        first: Height,
    },
    /// Another set decides it than the one that is known for its height. Following the headers that announce
    /// changes, from `since` on, helps ([`TrustedSets::follow`]).
    #[error("height {height} is decided by validators {found}; known since height {since} are {known}")]
    UnknownValidators {
        /// The header's height.
        height: Height,
        /// From which height on the known set decides.
        since: Height,
        /// Hash of the known set.
        known: Hash32,
        /// Hash of the set in the header.
        found: Hash32,
    },
    /// Its certificate is not good.
    #[error("height {height}: {source}")]
    Certificate {
        /// The header's height.
        height: Height,
        /// What is wrong.
        source: CertificateError,
    },
}

/// Why trust is not handed on to a set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdvanceError {
    /// The set is not the one that the header announces.
    #[error("the header of height {height} announces validators {expected}, not {found}")]
    NotAnnounced {
        /// The header's height.
        height: Height,
        /// Hash of the announced set.
        expected: Hash32,
        /// Hash of the set that was shown.
        found: Hash32,
    },
    /// Another set is trusted for that height already: two quorums contradict each other.
    #[error("for height {height} validators {known} are trusted already, {found} contradict them")]
    Conflict {
        /// The first height that the set would decide.
        height: Height,
        /// Hash of the set that is trusted.
        known: Hash32,
        /// Hash of the set that was shown.
        found: Hash32,
    },
    /// The header is from another network.
    #[error("the header is from network {found}, not {expected}")]
    Network {
        /// The verifier's network.
        expected: NetworkId,
        /// The header's.
        found: NetworkId,
    },
    /// The header's height is the largest there is, so that no next height exists.
    #[error("there is no height after {0}")]
    LastHeight(Height),
}

/// Why a header could not be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// The header is not accepted.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The header announces another set, which was not shown. Showing it helps.
    #[error("the header of height {height} announces validators {announced}, which were not shown")]
    SetMissing {
        /// The header's height.
        height: Height,
        /// Hash of the announced set.
        announced: Hash32,
    },
    /// The set that was shown is not accepted.
    #[error(transparent)]
    Advance(#[from] AdvanceError),
}

/// The trusted validator sets of one network, each with the first height that it decides. Keys are decoded once.
#[derive(Clone, Debug)]
pub struct TrustedSets {
    network: NetworkId,
    /// Never empty.
    sets: BTreeMap<Height, ValidatorSet>,
}

impl TrustedSets {
    /// Trusts the set of genesis from the first height on.
    pub fn genesis(genesis: &Genesis) -> Self {
        Self::starting_at(genesis.network(), Height::FIRST, genesis.validators.clone())
    }

    /// Trusts a set, checked in another way, from the height `first` on.
    pub fn starting_at(network: NetworkId, first: Height, set: ValidatorSet) -> Self {
        Self { network, sets: BTreeMap::from([(first, set)]) }
    }

    /// The network.
    pub fn network(&self) -> &NetworkId {
        &self.network
    }

    /// The trusted sets with the first height of each, oldest first: what to write down for a restart.
    pub fn sets(&self) -> impl DoubleEndedIterator<Item = (Height, &ValidatorSet)> {
        self.sets.iter().map(|(first, set)| (*first, set))
    }

    /// The newest set that is known to decide from this height or an earlier one on, with the first height of it.
    pub fn at(&self, height: Height) -> Option<(Height, &ValidatorSet)> {
        self.sets.range(..=height).next_back().map(|(first, set)| (*first, set))
    }

    /// Checks a header and its certificate against the set that is known for its height.
    pub fn verify_header(
        &self,
        header: BlockHeader,
        certificate: CommitCertificate,
    ) -> Result<VerifiedHeader, HeaderError> {
        if header.network != self.network {
            return Err(HeaderError::Network { expected: self.network, found: header.network });
        }
        let height = header.height;
        let Some((since, set)) = self.at(height) else {
            let first = self.sets.keys().next().copied().unwrap_or(Height::FIRST);
            return Err(HeaderError::BeforeTrust { height, first });
        };
        if header.validators_hash != set.hash() {
            let (known, found) = (set.hash(), header.validators_hash);
            return Err(HeaderError::UnknownValidators { height, since, known, found });
        }
        let id = header.id();
        let power = verify_certificate(&certificate, &self.network, height, &id, set)
            .map_err(|source| HeaderError::Certificate { height, source })?;
        Ok(VerifiedHeader::after_checks(header, id, certificate, power))
    }

    /// Hands the trust on to the set that a verified header announces for the next height. Idempotent; a header
    /// that announces its own set changes nothing.
    pub fn advance(&mut self, header: &VerifiedHeader, next: ValidatorSet) -> Result<(), AdvanceError> {
        let (height, header) = (header.height(), header.header());
        if header.network != self.network {
            return Err(AdvanceError::Network { expected: self.network, found: header.network });
        }
        let (expected, found) = (header.next_validators_hash, next.hash());
        if found != expected {
            return Err(AdvanceError::NotAnnounced { height, expected, found });
        }
        if header.validators_hash == expected {
            return Ok(());
        }
        let first = height.checked_add(1).ok_or(AdvanceError::LastHeight(height))?;
        if let Some(known) = self.sets.get(&first).map(ValidatorSet::hash).filter(|known| *known != found) {
            return Err(AdvanceError::Conflict { height: first, known, found });
        }
        self.sets.insert(first, next);
        if self.sets.len() > MAX_SETS {
            self.sets.pop_first();
        }
        Ok(())
    }

    /// [`Self::verify_header`], then [`Self::advance`] when the header announces another set, which must be shown.
    pub fn follow(
        &mut self,
        header: BlockHeader,
        certificate: CommitCertificate,
        next: Option<ValidatorSet>,
    ) -> Result<VerifiedHeader, FollowError> {
        let verified = self.verify_header(header, certificate)?;
        match next {
            Some(next) => self.advance(&verified, next)?,
            None if verified.changes_validators() => {
                let announced = verified.header().next_validators_hash;
                return Err(FollowError::SetMissing { height: verified.height(), announced });
            }
            None => {}
        }
        Ok(verified)
    }
}

#[cfg(test)]
#[path = "sets_tests.rs"]
mod tests;
