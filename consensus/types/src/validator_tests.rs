//! Which members make a set, and what follows from their powers.

use super::*;
use crate::crypto::SigningKey;

fn member(seed: u8, power: u64) -> Validator {
    let id = SigningKey::from_seed(&[seed; 32]).validator();
    Validator { id, power: VotingPower::new(power), incarnation: Incarnation::ZERO }
}

#[test]
fn members_are_found_whatever_their_order_was() {
    let members = [member(3, 30), member(1, 10), member(2, 20)];
    let set = ValidatorSet::new(members.to_vec()).unwrap();
    assert_eq!(set, ValidatorSet::new(members.iter().rev().copied().collect()).unwrap());
    assert!(set.members().is_sorted_by_key(|member| member.id));
    for member in members {
        assert_eq!(set.get(&member.id), Some(&member));
        assert_eq!(set.key(&member.id), PublicKey::decode(&member.id).ok().as_ref());
        assert_eq!(set.powers()[set.index_of(&member.id).unwrap()], member.power);
        assert_eq!(member.lane().validator, member.id);
    }
    let stranger = member(9, 1).id;
    assert_eq!((set.get(&stranger), set.key(&stranger), set.index_of(&stranger)), (None, None, None));
    assert_eq!(set.len(), 3);
}

#[test]
fn each_unusable_set_is_refused_by_its_reason() {
    let judge = |members: Vec<Validator>| ValidatorSet::new(members).unwrap_err();
    assert_eq!(judge(Vec::new()), ValidatorSetError::Size(0));
    assert_eq!(judge(vec![member(1, 1); 1025]), ValidatorSetError::Size(1025));
    let again = member(1, 2);
    assert_eq!(judge(vec![member(1, 1), member(2, 1), again]), ValidatorSetError::Repeated(again.id));
    assert_eq!(judge(vec![member(1, 1), member(2, 0)]), ValidatorSetError::NoPower(member(2, 0).id));
    assert_eq!(judge(vec![member(1, u64::MAX), member(2, 1)]), ValidatorSetError::PowerOverflow);
    assert_eq!(judge(vec![member(1, u64::MAX / 3 + 1)]), ValidatorSetError::PowerOverflow);
    let weak = Validator { id: ValidatorId::ZERO, ..member(1, 1) };
    assert!(matches!(judge(vec![weak]), ValidatorSetError::Key { id: ValidatorId::ZERO, .. }));
}

#[test]
fn only_sorted_members_are_canonical() {
    let set = ValidatorSet::new(vec![member(1, 1), member(2, 1)]).unwrap();
    let mut swapped = Writer::new();
    swapped.list(&[set.members()[1], set.members()[0]]);
    let expected = DecodeError::Invalid { what: "validator set", why: "members must be sorted by id" };
    assert_eq!(ValidatorSet::from_bytes(swapped.into_vec()), Err(expected));
    let mut powerless = Writer::new();
    powerless.list(&[Validator { power: VotingPower::ZERO, ..member(1, 1) }]);
    let expected = DecodeError::Invalid { what: "validator set", why: "keys or powers are not usable" };
    assert_eq!(ValidatorSet::from_bytes(powerless.into_vec()), Err(expected));
}

#[test]
fn thresholds_of_small_sets() {
    // total: faulty, quorum, majority
    for (total, faulty, quorum, majority) in
        [(1, 0, 1, 1), (2, 0, 2, 2), (3, 0, 3, 2), (4, 1, 3, 3), (5, 1, 4, 3), (7, 2, 5, 4), (10, 3, 7, 6)]
    {
        assert_eq!(Quorums::of_total(total), Some(Quorums { total, faulty, quorum, majority }));
    }
    assert_eq!(Quorums::of_total(0), None);
    assert_eq!(Quorums::of_total(u64::MAX / 3 + 1), None);
}

#[test]
fn the_hash_covers_every_field() {
    let base = ValidatorSet::new(vec![member(1, 1), member(2, 1)]).unwrap();
    let again = Validator { incarnation: Incarnation::new(1), ..member(2, 1) };
    for other in [vec![member(1, 1)], vec![member(1, 1), member(2, 2)], vec![member(1, 1), again]] {
        assert_ne!(ValidatorSet::new(other).unwrap().hash(), base.hash());
    }
}
