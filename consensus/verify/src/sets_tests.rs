//! Trust starts at a set, is handed on by certified headers only, and never without the announced set.

use super::*;
use crate::fixture::{certify, header, keys, network, set};
use fairlane_types::{ProtocolParams, RollupId, RollupSpec, SigningKey, Timestamp};

struct Sets {
    old_keys: Vec<SigningKey>,
    old: ValidatorSet,
    new_keys: Vec<SigningKey>,
    new: ValidatorSet,
    trusted: TrustedSets,
}

fn sets() -> Sets {
    let (old_keys, new_keys) = (keys(1..5), keys(11..18));
    let (old, new) = (set(&old_keys), set(&new_keys));
    let trusted = TrustedSets::starting_at(network(), Height::new(3), old.clone());
    Sets { old_keys, old, new_keys, new, trusted }
}

/// The header of `height`, decided by the old set, that announces the new one.
fn change(sets: &Sets, height: u64) -> (BlockHeader, CommitCertificate) {
    let mut header = header(height, &sets.old, Hash32::ZERO);
    header.next_validators_hash = sets.new.hash();
    let certificate = certify(&header, &sets.old_keys);
    (header, certificate)
}

#[test]
fn genesis_is_where_trust_starts() {
    let validators = set(&keys(1..5));
    let genesis = Genesis {
        name: "test".to_owned(),
        time: Timestamp::ZERO,
        params: ProtocolParams::default(),
        validators: validators.clone(),
        rollups: vec![RollupSpec::new(RollupId::new(1), Default::default())],
        l1_chain_id: 0,
        stake_manager: [0; 20],
        l1_epoch: 0,
    };
    let trusted = TrustedSets::genesis(&genesis);
    assert_eq!(*trusted.network(), genesis.network());
    assert_eq!(trusted.at(Height::FIRST), Some((Height::FIRST, &validators)));
    assert_eq!(trusted.at(Height::ZERO), None);
}

#[test]
fn a_certified_header_is_verified() {
    let sets = sets();
    let header = header(9, &sets.old, Hash32::ZERO);
    let certificate = certify(&header, &sets.old_keys[1..]);
    let verified = sets.trusted.verify_header(header.clone(), certificate.clone()).unwrap();
    assert_eq!((verified.header(), verified.id()), (&header, header.id()));
    assert_eq!((verified.certificate(), verified.power().get()), (&certificate, 30));
    assert!(!verified.changes_validators());
}

#[test]
fn each_refusal_names_its_reason() {
    let sets = sets();
    let judge = |header: BlockHeader| {
        let certificate = certify(&header, &sets.old_keys);
        sets.trusted.verify_header(header, certificate).map(|_| ())
    };
    let good = header(9, &sets.old, Hash32::ZERO);

    let other = BlockHeader { network: NetworkId::ZERO, ..good.clone() };
    let (expected, found) = (network(), NetworkId::ZERO);
    assert_eq!(judge(other), Err(HeaderError::Network { expected, found }));

    let early = BlockHeader { height: Height::new(2), ..good.clone() };
    let (height, first) = (Height::new(2), Height::new(3));
    assert_eq!(judge(early), Err(HeaderError::BeforeTrust { height, first }));

    let strange = BlockHeader { validators_hash: sets.new.hash(), ..good.clone() };
    let (known, found) = (sets.old.hash(), sets.new.hash());
    let (height, since) = (Height::new(9), Height::new(3));
    assert_eq!(judge(strange), Err(HeaderError::UnknownValidators { height, since, known, found }));

    let certificate = certify(&good, &sets.old_keys[..1]);
    let source = CertificateError::NoQuorum { power: 10, quorum: 27 };
    assert_eq!(
        sets.trusted.verify_header(good, certificate),
        Err(HeaderError::Certificate { height, source })
    );
}

#[test]
fn trust_moves_to_the_announced_set_at_the_next_height() {
    let mut sets = sets();
    let (announcing, certificate) = change(&sets, 8);
    let verified = sets.trusted.follow(announcing, certificate, Some(sets.new.clone())).unwrap();
    assert!(verified.changes_validators());

    for (height, keys, set) in [(8, &sets.old_keys, &sets.old), (9, &sets.new_keys, &sets.new)] {
        let header = header(height, set, Hash32::ZERO);
        let certificate = certify(&header, keys);
        assert!(sets.trusted.verify_header(header, certificate).is_ok(), "height {height}");
    }
    let stale = header(9, &sets.old, Hash32::ZERO);
    let certificate = certify(&stale, &sets.old_keys);
    assert!(matches!(
        sets.trusted.verify_header(stale, certificate),
        Err(HeaderError::UnknownValidators { since, .. }) if since == Height::new(9)
    ));
}

#[test]
fn a_change_without_its_set_is_refused() {
    let mut sets = sets();
    let (header, certificate) = change(&sets, 8);
    let (height, announced) = (Height::new(8), sets.new.hash());
    assert_eq!(
        sets.trusted.follow(header.clone(), certificate.clone(), None),
        Err(FollowError::SetMissing { height, announced })
    );
    let third = set(&keys(20..24));
    let (expected, found) = (sets.new.hash(), third.hash());
    assert_eq!(
        sets.trusted.follow(header, certificate, Some(third)),
        Err(FollowError::Advance(AdvanceError::NotAnnounced { height, expected, found }))
    );
    assert_eq!(sets.trusted.sets().count(), 1);
}

#[test]
fn an_uncertified_change_moves_nothing() {
    let mut sets = sets();
    let (header, _) = change(&sets, 8);
    let forged = certify(&header, &sets.new_keys);
    assert!(matches!(
        sets.trusted.follow(header, forged, Some(sets.new.clone())),
        Err(FollowError::Header(HeaderError::Certificate { .. }))
    ));
    assert_eq!(sets.trusted.sets().count(), 1);
}

#[test]
fn a_header_that_announces_its_own_set_changes_nothing() {
    let mut sets = sets();
    let header = header(8, &sets.old, Hash32::ZERO);
    let certificate = certify(&header, &sets.old_keys);
    sets.trusted.follow(header.clone(), certificate.clone(), None).unwrap();
    sets.trusted.follow(header, certificate, Some(sets.old.clone())).unwrap();
    assert_eq!(sets.trusted.sets().count(), 1);
}

#[test]
fn advancing_twice_is_idempotent_and_contradiction_is_an_error() {
    let mut sets = sets();
    let (header, certificate) = change(&sets, 8);
    let verified = sets.trusted.verify_header(header.clone(), certificate).unwrap();
    sets.trusted.advance(&verified, sets.new.clone()).unwrap();
    sets.trusted.advance(&verified, sets.new.clone()).unwrap();
    assert_eq!(sets.trusted.sets().count(), 2);

    let third = set(&keys(20..24));
    let other = BlockHeader { next_validators_hash: third.hash(), ..header };
    let certificate = certify(&other, &sets.old_keys);
    let verified = sets.trusted.verify_header(other, certificate).unwrap();
    let (known, found) = (sets.new.hash(), third.hash());
    let expected = AdvanceError::Conflict { height: Height::new(9), known, found };
    assert_eq!(sets.trusted.advance(&verified, third), Err(expected));
}

#[test]
fn a_header_of_another_network_and_the_last_height_hand_nothing_on() {
    let mut sets = sets();
    let mut last = change(&sets, 8).0;
    last.height = Height::MAX;
    let certificate = certify(&last, &sets.old_keys);
    let verified = sets.trusted.verify_header(last, certificate).unwrap();
    assert_eq!(sets.trusted.advance(&verified, sets.new.clone()), Err(AdvanceError::LastHeight(Height::MAX)));
    let mut elsewhere = TrustedSets::starting_at(NetworkId::ZERO, Height::FIRST, sets.old.clone());
    let (expected, found) = (NetworkId::ZERO, network());
    assert_eq!(
        elsewhere.advance(&verified, sets.new.clone()),
        Err(AdvanceError::Network { expected, found })
    );
}

#[test]
fn the_memory_is_bounded_and_forgets_the_oldest() {
    let (a_keys, b_keys) = (keys(1..5), keys(11..15));
    let (a, b) = (set(&a_keys), set(&b_keys));
    let mut trusted = TrustedSets::starting_at(network(), Height::FIRST, a.clone());
    for height in 1..=(2 * MAX_SETS as u64) {
        let odd = height % 2 == 1;
        let (keys, current, next) = if odd { (&a_keys, &a, &b) } else { (&b_keys, &b, &a) };
        let mut header = header(height, current, Hash32::ZERO);
        header.next_validators_hash = next.hash();
        let certificate = certify(&header, keys);
        trusted.follow(header, certificate, Some(next.clone())).unwrap();
    }
    assert_eq!(trusted.sets().count(), MAX_SETS);
    assert_eq!(trusted.at(Height::FIRST), None);
    assert_eq!(trusted.sets().next_back().unwrap().0, Height::new(2 * MAX_SETS as u64 + 1));
}
