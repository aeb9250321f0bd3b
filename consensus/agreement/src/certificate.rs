//! Commit certificates between Malachite's form and ours.

use crate::{Address, BlockHeight, FairlaneContext, domain_round, malachite_round};
use arc_malachitebft_core_types::{
    CommitCertificate as MalachiteCertificate, ExtendedCommitCertificate, ExtendedCommitSignature,
};
use fairlane_types::{CommitCertificate, CommitSignature, Round};

/// A certificate of Malachite's in our form, its signatures sorted by validator.
///
/// A decision always has a round; a certificate of a peer's that has none becomes one for round 0 and fails
/// verification there.
pub fn decided_certificate(certificate: &MalachiteCertificate<FairlaneContext>) -> CommitCertificate {
    let mut signatures: Vec<CommitSignature> = certificate
        .commit_signatures
        .iter()
        .map(|signed| CommitSignature { validator: signed.address.0, signature: signed.signature })
        .collect();
    signatures.sort_by_key(|signed| signed.validator);
    CommitCertificate {
        height: certificate.height.0,
        round: domain_round(certificate.round).unwrap_or(Round::ZERO),
        block: certificate.value_id,
        signatures,
    }
}

/// A certificate of ours as value sync carries it; there are no vote extensions.
pub fn extended_certificate(certificate: &CommitCertificate) -> ExtendedCommitCertificate<FairlaneContext> {
    ExtendedCommitCertificate {
        height: BlockHeight(certificate.height),
        round: malachite_round(Some(certificate.round)),
        value_id: certificate.block,
        commit_signatures: certificate
            .signatures
            .iter()
            .map(|signed| ExtendedCommitSignature::new(Address(signed.validator), signed.signature, None))
            .collect(),
    }
}
