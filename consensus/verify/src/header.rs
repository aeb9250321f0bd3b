//! Headers that a quorum certified, and how one follows another.

use fairlane_types::{
    BlockHeader, BlockId, CommitCertificate, Hash32, Height, NetworkId, Timestamp, VotingPower,
};
use std::sync::Arc;

/// A header that a quorum of a trusted validator set has certified. Cheap to clone.
///
/// Only [`crate::TrustedSets::verify_header`] makes one.
#[derive(Clone, Debug)]
pub struct VerifiedHeader(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    header: BlockHeader,
    id: BlockId,
    certificate: CommitCertificate,
    power: VotingPower,
}

impl VerifiedHeader {
    /// To be called after the certificate was found good for this header, and nowhere else.
    pub(crate) fn after_checks(
        header: BlockHeader,
        id: BlockId,
        certificate: CommitCertificate,
        power: VotingPower,
    ) -> Self {
        Self(Arc::new(Inner { header, id, certificate, power }))
    }

    /// The header.
    pub fn header(&self) -> &BlockHeader {
        &self.0.header
    }

    /// The block id.
    pub fn id(&self) -> BlockId {
        self.0.id
    }

    /// The certificate that was checked.
    pub fn certificate(&self) -> &CommitCertificate {
        &self.0.certificate
    }

    /// The power of its signers, at least a quorum.
    pub fn power(&self) -> VotingPower {
        self.0.power
    }

    /// The height.
    pub fn height(&self) -> Height {
        self.0.header.height
    }

    /// Whether another set than this block's decides the next block.
    pub fn changes_validators(&self) -> bool {
        self.0.header.next_validators_hash != self.0.header.validators_hash
    }
}

impl PartialEq for VerifiedHeader {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for VerifiedHeader {}

/// Why a header does not follow another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// They are of different networks.
    #[error("the header is from network {found}, its parent from {expected}")]
    Network {
        /// The parent's network.
        expected: NetworkId,
        /// The child's.
        found: NetworkId,
    },
    /// Its height is not the next.
    #[error("the header has height {found}, its parent {parent}")]
    Height {
        /// The parent's height.
        parent: Height,
        /// The child's.
        found: Height,
    },
    /// It names another parent.
    #[error("the header names parent {found}, not {expected}")]
    Parent {
        /// The parent's id.
        expected: BlockId,
        /// The parent that the child names.
        found: BlockId,
    },
    /// Chain time ran backwards.
    #[error("the header has time {found}, its parent {parent}")]
    Time {
        /// The parent's time.
        parent: Timestamp,
        /// The child's.
        found: Timestamp,
    },
    /// It is decided by another set than its parent announced.
    #[error("the header is decided by validators {found}, its parent announced {expected}")]
    Validators {
        /// The set that the parent announced.
        expected: Hash32,
        /// The set that the child names.
        found: Hash32,
    },
}

/// Checks that `child` is a possible next header after `parent`.
///
/// A certificate for a header vouches for all headers that lead to it by such links, so a chain of headers is
/// verified by its last certificate alone.
pub fn check_link(parent: &BlockHeader, child: &BlockHeader) -> Result<(), LinkError> {
    if child.network != parent.network {
        return Err(LinkError::Network { expected: parent.network, found: child.network });
    }
    if parent.height.checked_add(1) != Some(child.height) {
        return Err(LinkError::Height { parent: parent.height, found: child.height });
    }
    let expected = parent.id();
    if child.parent != expected {
        return Err(LinkError::Parent { expected, found: child.parent });
    }
    if child.time < parent.time {
        return Err(LinkError::Time { parent: parent.time, found: child.time });
    }
    if child.validators_hash != parent.next_validators_hash {
        let (expected, found) = (parent.next_validators_hash, child.validators_hash);
        return Err(LinkError::Validators { expected, found });
    }
    Ok(())
}

#[cfg(test)]
#[path = "header_tests.rs"]
mod tests;
