use super::*;
use crate::keys::sum_signatures;
use crate::set::CheckpointSetError;
use crate::testing::{
    MEMBERS, NETWORK, block, checkpoint, id_at, secret, secret_at, set, signed, validators,
};

fn certificate(checkpoint: Checkpoint, places: &[usize]) -> CheckpointCertificate {
    let mut signers = Signers::NONE;
    places.iter().for_each(|place| signers.insert(*place));
    let signatures: Vec<_> = places.iter().map(|place| secret_at(*place).sign(&checkpoint)).collect();
    CheckpointCertificate { checkpoint, signers, signature: sum_signatures(&signatures).unwrap() }
}

#[test]
fn a_checkpoint_follows_from_the_header() {
    let header = block(9, 3);
    let made = Checkpoint::of(&header);
    assert_eq!((made.network, made.height, made.block), (NETWORK, header.height, header.id()));
    assert_eq!(made.heads_root, header.heads_root);
    assert_eq!((made.validators_hash, made.next_validators_hash), (set().hash(), set().hash()));
}

#[test]
fn each_quorum_certifies_and_nothing_less() {
    let statement = checkpoint(5, 1);
    for bits in 1usize..1 << MEMBERS {
        let places: Vec<usize> = (0..usize::from(MEMBERS)).filter(|place| bits >> place & 1 == 1).collect();
        let power = 10 * places.len() as u64;
        let expected = if places.len() >= 3 {
            Ok(VotingPower::new(power))
        } else {
            Err(CheckpointError::NoQuorum { power, quorum: 27 })
        };
        assert_eq!(verify_certificate(&certificate(statement, &places), &NETWORK, &set()), expected);
    }
}

#[test]
fn other_signers_than_those_who_signed_are_refused() {
    let good = certificate(checkpoint(5, 1), &[0, 1, 2]);
    for places in [vec![0, 1, 3], vec![0, 1, 2, 3], vec![1, 2, 3]] {
        let mut signers = Signers::NONE;
        places.into_iter().for_each(|place| signers.insert(place));
        let bent = CheckpointCertificate { signers, ..good };
        assert_eq!(
            verify_certificate(&bent, &NETWORK, &set()),
            Err(CheckpointError::Signature(Height::new(5)))
        );
    }
    for place in [4, 100, 255] {
        let mut bent = good;
        bent.signers.insert(place);
        let refused = verify_certificate(&bent, &NETWORK, &set());
        assert_eq!(refused, Err(CheckpointError::UnknownSigner { signers: bent.signers, members: 4 }));
    }
}

#[test]
fn what_was_signed_elsewhere_is_refused() {
    let good = certificate(checkpoint(5, 1), &[0, 1, 2]);
    let other = NetworkId::from_bytes([8; 32]);
    let refused = verify_certificate(&good, &other, &set());
    assert_eq!(refused, Err(CheckpointError::Network { expected: other, found: NETWORK }));

    let mut bent = good;
    bent.checkpoint.network = other;
    assert_eq!(verify_certificate(&bent, &other, &set()), Err(CheckpointError::Signature(Height::new(5))));
    let found = Hash32::from_bytes([0xee; 32]);
    bent = good;
    bent.checkpoint.validators_hash = found;
    assert_eq!(
        verify_certificate(&bent, &NETWORK, &set()),
        Err(CheckpointError::ValidatorSet { height: Height::new(5), expected: set().hash(), found })
    );
    bent = good;
    bent.checkpoint.heads_root = found;
    assert_eq!(verify_certificate(&bent, &NETWORK, &set()), Err(CheckpointError::Signature(Height::new(5))));
}

#[test]
fn members_sign_for_themselves() {
    let good = signed(2, checkpoint(5, 1));
    assert_eq!(verify_signed(&good, &NETWORK, &set()), Ok(2));
    let stolen = SignedCheckpoint { validator: id_at(1), ..good };
    assert_eq!(verify_signed(&stolen, &NETWORK, &set()), Err(CheckpointError::Signature(Height::new(5))));
    let stranger = ValidatorId::from_bytes([9; 32]);
    let strange = SignedCheckpoint { validator: stranger, ..good };
    assert_eq!(verify_signed(&strange, &NETWORK, &set()), Err(CheckpointError::NotAMember(stranger)));
}

fn conflict(first: Checkpoint, second: Checkpoint) -> CheckpointConflict {
    let key = secret_at(0);
    CheckpointConflict {
        validator: id_at(0),
        key: key.public().to_bytes(),
        statements: Box::new([(first, key.sign(&first)), (second, key.sign(&second))]),
    }
}

#[test]
fn two_checkpoints_of_one_height_are_a_conflict() {
    let good = conflict(checkpoint(5, 1), checkpoint(5, 2));
    assert_eq!(verify_conflict(&good, &NETWORK), Ok(()));
    let (first, second) = (Height::new(5), Height::new(6));
    assert_eq!(
        verify_conflict(&conflict(checkpoint(5, 1), checkpoint(6, 2)), &NETWORK),
        Err(CheckpointError::NoConflict { first, second })
    );
    assert_eq!(
        verify_conflict(&conflict(checkpoint(5, 1), checkpoint(5, 1)), &NETWORK),
        Err(CheckpointError::NoConflict { first, second: first })
    );
    let other = NetworkId::from_bytes([8; 32]);
    assert_eq!(
        verify_conflict(&good, &other),
        Err(CheckpointError::Network { expected: other, found: NETWORK })
    );
    let framed = CheckpointConflict { key: secret(99).public().to_bytes(), ..good.clone() };
    assert_eq!(verify_conflict(&framed, &NETWORK), Err(CheckpointError::Signature(first)));
    let neutral = fairlane_types::CheckpointPublicKey::from_bytes([0; 96]);
    let broken = CheckpointConflict { key: neutral, ..good };
    assert_eq!(verify_conflict(&broken, &NETWORK), Err(CheckpointError::Key(id_at(0))));
}

#[test]
fn a_set_has_all_keys() {
    let missing = id_at(2);
    let refused = CheckpointSet::new(validators(), |id| (*id != missing).then(|| secret(1).public()));
    assert_eq!(refused.unwrap_err(), CheckpointSetError::NoKey(missing));
}
