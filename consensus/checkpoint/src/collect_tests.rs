use super::*;
use crate::testing::{MEMBERS, NETWORK, checkpoint, id_at, secret_at, set, signed};
use crate::verify::{verify_certificate, verify_conflict};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

fn collector() -> Collector {
    Collector::new(NETWORK, set())
}

fn certificates(effects: &[Effect]) -> Vec<CheckpointCertificate> {
    let one = |effect: &Effect| match effect {
        Effect::Certified(certificate) => Some(*certificate),
        _ => None,
    };
    effects.iter().filter_map(one).collect()
}

#[test]
fn a_quorum_makes_one_certificate() {
    let mut collector = collector();
    let own = checkpoint(10, 1);
    assert_eq!(collector.open(own), Ok(vec![]));
    for place in [3, 1] {
        let signed = signed(place, own);
        assert_eq!(collector.receive(signed), Ok(vec![Effect::Gossip(signed)]));
    }
    let effects = collector.receive(signed(0, own)).unwrap();
    let [certificate] = certificates(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(certificate.checkpoint, own);
    assert_eq!(certificate.signers.iter().collect::<Vec<_>>(), [0, 1, 3]);
    assert_eq!(verify_certificate(&certificate, &NETWORK, &set()).map(|power| power.get()), Ok(30));
    // The last one is handed on, and changes nothing.
    assert_eq!(collector.receive(signed(2, own)), Ok(vec![Effect::Gossip(signed(2, own))]));
    assert_eq!(collector.receive(signed(2, own)), Err(Refusal::Known));
    assert_eq!(collector.open(own), Err(Refusal::Known));
}

#[test]
fn what_comes_early_waits() {
    let mut collector = collector();
    let own = checkpoint(10, 1);
    for place in 0..3 {
        let early = signed(place, own);
        assert_eq!(collector.receive(early), Ok(vec![Effect::Gossip(early)]));
        assert_eq!(collector.receive(early), Err(Refusal::Known));
    }
    // One member is further ahead, and its earlier signature is given up.
    assert!(collector.receive(signed(0, checkpoint(20, 1))).is_ok());
    assert_eq!(collector.receive(signed(0, own)), Err(Refusal::Closed(Height::new(10))));
    assert_eq!(certificates(&collector.open(own).unwrap()), []);
    assert_eq!(certificates(&collector.receive(signed(0, own)).unwrap()).len(), 1);
    // What waits for another height still does.
    collector.receive(signed(1, checkpoint(20, 1))).unwrap();
    collector.receive(signed(3, checkpoint(20, 1))).unwrap();
    assert_eq!(certificates(&collector.open(checkpoint(20, 1)).unwrap()).len(), 1);
}

#[test]
fn who_signs_two_is_shown() {
    for early in [true, false] {
        let mut collector = collector();
        if !early {
            collector.open(checkpoint(10, 1)).unwrap();
        }
        collector.receive(signed(2, checkpoint(10, 1))).unwrap();
        let mut other = checkpoint(10, 2);
        // Of another set, even.
        other.validators_hash = other.block.into();
        let effects = collector.receive(signed(2, other)).unwrap();
        let [Effect::Conflict(conflict)] = &effects[..] else { panic!("{effects:?}") };
        assert_eq!(verify_conflict(conflict, &NETWORK), Ok(()));
        assert_eq!(conflict.validator, id_at(2));
        assert_eq!(conflict.key, secret_at(2).public().to_bytes());
        let mut forged = signed(2, checkpoint(10, 3));
        forged.signature = secret_at(1).sign(&forged.checkpoint);
        let refused = CheckpointError::Signature(Height::new(10));
        assert_eq!(collector.receive(forged), Err(Refusal::Invalid(refused)));
    }
}

#[test]
fn only_the_own_checkpoint_is_certified() {
    let mut collector = collector();
    collector.open(checkpoint(10, 1)).unwrap();
    for place in 0..4 {
        assert_eq!(certificates(&collector.receive(signed(place, checkpoint(10, 2))).unwrap()), []);
    }
}

#[test]
fn invalid_signatures_change_nothing() {
    let mut collector = collector();
    let own = checkpoint(10, 1);
    collector.open(own).unwrap();
    let mut forged = signed(1, own);
    forged.signature = secret_at(0).sign(&own);
    assert!(matches!(collector.receive(forged), Err(Refusal::Invalid(_))));
    assert!(collector.receive(signed(1, own)).is_ok());
    forged = signed(1, own);
    forged.validator = fairlane_types::ValidatorId::from_bytes([9; 32]);
    assert!(matches!(collector.receive(forged), Err(Refusal::Invalid(CheckpointError::NotAMember(_)))));
}

#[test]
fn few_heights_are_open_at_once() {
    let mut collector = collector();
    let bound = MAX_OPEN as u64;
    for height in 1..=bound + 3 {
        collector.open(checkpoint(height, 1)).unwrap();
    }
    assert_eq!(collector.open.len(), MAX_OPEN);
    for height in 1..=3 {
        let closed = Refusal::Closed(Height::new(height));
        assert_eq!(collector.receive(signed(0, checkpoint(height, 1))), Err(closed.clone()));
        assert_eq!(collector.open(checkpoint(height, 1)), Err(closed));
    }
    assert!(collector.receive(signed(0, checkpoint(4, 1))).is_ok());
}

/// In any order, with repetitions, forgeries and one member that signs two forks: honest heights are certified once each, and
/// the liar is shown.
#[test]
fn any_order_gives_the_same() {
    for seed in 0..20 {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let mut messages = Vec::new();
        for height in [10, 20, 30] {
            messages.push((None, checkpoint(height, 1)));
            messages.extend((0..usize::from(MEMBERS)).map(|place| (Some(place), checkpoint(height, 1))));
            messages.push((Some(3), checkpoint(height, 2)));
        }
        let repeated = messages.clone();
        messages.extend(repeated);
        for i in (1..messages.len()).rev() {
            messages.swap(i, dice.next_u32() as usize % (i + 1));
        }
        let mut collector = collector();
        let mut effects = Vec::new();
        let mut openings: Vec<Checkpoint> = Vec::new();
        for (who, statement) in messages {
            let taken = match who {
                None => {
                    openings.push(statement);
                    collector.open(statement)
                }
                Some(place) => collector.receive(signed(place, statement)),
            };
            effects.extend(taken.unwrap_or_default());
        }
        // What was refused for coming too early or late is offered again, as gossip does.
        for height in [10, 20, 30] {
            for place in 0..usize::from(MEMBERS) {
                effects.extend(collector.receive(signed(place, checkpoint(height, 1))).unwrap_or_default());
            }
        }
        let certified = certificates(&effects);
        let mut heights: Vec<u64> = certified.iter().map(|one| one.checkpoint.height.get()).collect();
        heights.sort_unstable();
        assert_eq!(heights, [10, 20, 30], "seed {seed}");
        assert!(certified.iter().all(|one| verify_certificate(one, &NETWORK, &set()).is_ok()), "seed {seed}");
        let liars: Vec<_> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Conflict(conflict) => Some(conflict.validator),
                _ => None,
            })
            .collect();
        assert!(!liars.is_empty() && liars.iter().all(|liar| *liar == id_at(3)), "seed {seed}: {liars:?}");
    }
}
