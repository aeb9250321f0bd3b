//! Every way in which a certificate can fall short of a quorum's precommits.

use super::*;
use crate::fixture::{certify, header, keys, network, set, set_with_powers};
use fairlane_types::{CommitSignature, Hash32, Round, Signature, SigningKey};

fn judge(
    certificate: &CommitCertificate,
    validators: &ValidatorSet,
) -> Result<VotingPower, CertificateError> {
    let header = header(5, validators, Hash32::ZERO);
    verify_certificate(certificate, &network(), header.height, &header.id(), validators)
}

fn good() -> (Vec<SigningKey>, ValidatorSet, CommitCertificate) {
    let keys = keys(1..5);
    let validators = set(&keys);
    let certificate = certify(&header(5, &validators, Hash32::ZERO), &keys);
    (keys, validators, certificate)
}

#[test]
fn a_quorum_certifies_and_less_does_not() {
    let (keys, validators, certificate) = good();
    assert_eq!(judge(&certificate, &validators), Ok(VotingPower::new(40)));
    let header = header(5, &validators, Hash32::ZERO);
    assert_eq!(judge(&certify(&header, &keys[..3]), &validators), Ok(VotingPower::new(30)));
    assert_eq!(
        judge(&certify(&header, &keys[..2]), &validators),
        Err(CertificateError::NoQuorum { power: 20, quorum: 27 })
    );
    assert_eq!(
        judge(&certify(&header, &[]), &validators),
        Err(CertificateError::NoQuorum { power: 0, quorum: 27 })
    );
}

#[test]
fn power_counts_and_not_heads() {
    let keys = keys(1..5);
    let powers = [70, 10, 10, 10];
    let members: Vec<_> = keys.iter().cloned().zip(powers).collect();
    let validators = set_with_powers(&members);
    let header = header(5, &validators, Hash32::ZERO);
    assert_eq!(judge(&certify(&header, &keys[..1]), &validators), Ok(VotingPower::new(70)));
    assert_eq!(
        judge(&certify(&header, &keys[1..]), &validators),
        Err(CertificateError::NoQuorum { power: 30, quorum: 67 })
    );
}

#[test]
fn height_and_block_must_be_the_headers() {
    let (_, validators, good) = good();
    let mut certificate = good.clone();
    certificate.height = Height::new(6);
    let (expected, found) = (Height::new(5), Height::new(6));
    assert_eq!(judge(&certificate, &validators), Err(CertificateError::Height { expected, found }));

    let mut certificate = good.clone();
    certificate.block = BlockId::ZERO;
    let (expected, found) = (good.block, BlockId::ZERO);
    assert_eq!(judge(&certificate, &validators), Err(CertificateError::Block { expected, found }));
}

#[test]
fn strangers_and_repetitions_are_refused_even_beyond_a_quorum() {
    let (keys, validators, good) = good();
    let stranger = SigningKey::from_seed(&[99; 32]);
    let mut signers = keys.clone();
    signers.push(stranger.clone());
    let certificate = certify(&header(5, &validators, Hash32::ZERO), &signers);
    assert_eq!(judge(&certificate, &validators), Err(CertificateError::UnknownSigner(stranger.validator())));

    let mut certificate = good;
    let first: CommitSignature = certificate.signatures[0];
    certificate.signatures.push(first);
    assert_eq!(judge(&certificate, &validators), Err(CertificateError::RepeatedSigner(first.validator)));
}

#[test]
fn every_signature_must_be_good() {
    let (keys, validators, good) = good();
    for (at, key) in keys.iter().enumerate() {
        let mut certificate = good.clone();
        certificate.signatures[at].signature = Signature::from_bytes([3; 64]);
        let expected = CertificateError::Signature(key.validator());
        assert_eq!(judge(&certificate, &validators), Err(expected));
    }
}

#[test]
fn votes_for_another_round_or_network_do_not_count() {
    let (keys, validators, good) = good();
    let mut certificate = good.clone();
    certificate.round = Round::new(3);
    let expected = Err(CertificateError::Signature(keys[0].validator()));
    assert_eq!(judge(&certificate, &validators), expected);

    let header = header(5, &validators, Hash32::ZERO);
    let other = NetworkId::from_bytes([8; 32]);
    assert_eq!(verify_certificate(&good, &other, header.height, &header.id(), &validators), expected);
}

#[test]
fn the_power_behind_a_certificate_is_that_of_valid_precommits_of_members() {
    let (keys, validators, certificate) = good();
    let power = |certificate: &CommitCertificate| power_behind(certificate, &network(), &validators).get();
    assert_eq!(power(&certificate), 40);
    let mut twice = certificate.clone();
    twice.signatures.push(twice.signatures[0]);
    assert_eq!(power(&twice), 40, "a member counts once");
    let mut other = certificate.clone();
    other.height = Height::new(6);
    assert_eq!(power(&other), 0, "the precommits are for another height");
    let mut bad = certificate.clone();
    bad.signatures[1].signature = bad.signatures[0].signature;
    assert_eq!(power(&bad), 30);
    let smaller = set(&keys[..3]);
    assert_eq!(power_behind(&certificate, &network(), &smaller).get(), 30, "strangers may stand there");
}
