use super::*;
use crate::testing::genesis;
use fairlane_types::{BlockHeader, BlockId, Cut, Hash32, Height, SegmentRef, Timestamp, evidence};
use fairlane_types::{GroupId, RollupId, RollupRules};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

const CLOCK: EpochClock = EpochClock { start_block: 100, epoch_length: NonZeroU32::new(10).unwrap() };
/// A height at which the anchor may be moved.
const TURN: Height = Height::new(MOVE_EVERY);
/// The epoch of the genesis set.
const FIRST: u32 = 3;

fn rule() -> AnchorRule {
    AnchorRule::new(CLOCK, &Genesis { l1_chain_id: 1, l1_epoch: FIRST, ..genesis(&[1, 2, 3, 4]) })
}

fn set(seeds: &[u8]) -> ValidatorSet {
    genesis(seeds).validators
}

fn anchor(number: u64) -> L1Anchor {
    L1Anchor { number, hash: Hash32::from_bytes([number as u8; 32]) }
}

fn in_force(l1_anchor: L1Anchor) -> InForce {
    let genesis = genesis(&[1, 2, 3, 4]);
    let rollups = genesis.rollups.iter().map(|rollup| (rollup.id, rollup.rules)).collect();
    InForce { validators: genesis.validators, l1_anchor, rollups: Arc::new(rollups) }
}

/// What is seen when epochs have begun that bring these sets.
fn view(begun: &[(u32, Option<ValidatorSet>)]) -> L1View {
    let start = |(epoch, validators): &(u32, Option<ValidatorSet>)| {
        let block = anchor(CLOCK.first_block(Epoch(*epoch)));
        let (validators, registrations) = (validators.clone(), Registrations::default());
        (Epoch(*epoch), EpochStart { block, validators, registrations, seen: Instant::now() })
    };
    let starts: BTreeMap<_, _> = begun.iter().map(start).collect();
    L1View { block: anchor(150), epoch: Epoch(5), sets: BTreeMap::new(), starts, checkpoint: None }
}

/// A proposal as far as anchors are judged.
fn proposal(l1_anchor: L1Anchor, next_validators: Option<ValidatorSet>) -> Proposal {
    let present = set(&[1, 2, 3, 4]);
    let heads = present.members().iter().map(|member| SegmentRef::empty(member.lane())).collect();
    let header = BlockHeader {
        network: genesis(&[1]).network(),
        height: Height::FIRST,
        time: Timestamp::ZERO,
        parent: BlockId::ZERO,
        cut_root: Hash32::ZERO,
        heads_root: Hash32::ZERO,
        evidence_root: evidence::root(&[]),
        state_root: Hash32::ZERO,
        ordered_count: 0,
        capped: false,
        validators_hash: present.hash(),
        next_validators_hash: next_validators.as_ref().unwrap_or(&present).hash(),
        l1_anchor,
        rollups_root: RollupChanges::default().root(),
    };
    let rollups = RollupChanges::default();
    Proposal { header, cut: Cut::new(heads).unwrap(), evidence: Vec::new(), next_validators, rollups }
}

fn seen(view: L1View, lead: Duration) -> (Anchors, watch::Sender<Option<L1View>>) {
    let (sender, views) = watch::channel(Some(view));
    (Anchors::Seen(Sight { rule: rule(), views, lead }), sender)
}

#[test]
fn anchors_go_from_epoch_to_epoch() {
    let rule = rule();
    assert_eq!(
        rule.next_epoch(&L1Anchor::default()),
        Epoch(FIRST + 1),
        "the first follows the genesis set's"
    );
    assert_eq!(rule.next_epoch(&anchor(140)), Epoch(5));
    assert_eq!(rule.first_block(Epoch(5)), 150);
}

#[test]
fn a_move_is_right_if_ethereum_says_so() {
    let (other, view) = (set(&[1, 2, 3, 5]), view(&[(4, Some(set(&[1, 2, 3, 5])))]));
    let check = |found: L1Anchor, next: Option<ValidatorSet>, view: Option<&L1View>| {
        rule().check(&in_force(L1Anchor::default()), &proposal(found, next), view)
    };
    assert_eq!(check(anchor(140), Some(other.clone()), Some(&view)), Ok(()));
    let stays = check(anchor(140), None, Some(&view));
    assert_eq!(stays, Err(AnchorRefusal::OtherValidators { epoch: Epoch(4) }));
    let third = check(anchor(140), Some(set(&[1, 2])), Some(&view));
    assert_eq!(third, Err(AnchorRefusal::OtherValidators { epoch: Epoch(4) }));
    let fork = L1Anchor { hash: Hash32::from_bytes([9; 32]), ..anchor(140) };
    assert_eq!(check(fork, Some(other.clone()), Some(&view)), Err(AnchorRefusal::OtherBlock { number: 140 }));
    assert_eq!(check(anchor(140), Some(other.clone()), None), Err(AnchorRefusal::NotSeen { number: 140 }));
    for found in [141, 150, 130] {
        let refusal = AnchorRefusal::NotFirst { epoch: Epoch(4), wanted: 140, found };
        assert_eq!(check(anchor(found), Some(other.clone()), Some(&view)), Err(refusal));
    }
}

#[test]
fn an_empty_or_unchanged_set_is_not_carried() {
    for brings in [None, Some(set(&[1, 2, 3, 4]))] {
        let view = view(&[(4, brings)]);
        let check =
            |next| rule().check(&in_force(L1Anchor::default()), &proposal(anchor(140), next), Some(&view));
        assert_eq!(check(None), Ok(()));
        assert!(matches!(check(Some(set(&[1, 2]))), Err(AnchorRefusal::OtherValidators { .. })));
    }
}

/// The changes that open and close these rollups.
fn rollups(opened: &[u64], closed: &[u64]) -> RollupChanges {
    let opened = opened.iter().map(|id| (RollupId::new(*id), RollupRules::default())).collect();
    RollupChanges::new(&opened, &closed.iter().copied().map(RollupId::new).collect())
}

#[test]
fn an_epoch_brings_the_rollups_that_it_is_the_first_to_count() {
    let in_force = in_force(L1Anchor::default());
    let [genesis_has, new] = [*in_force.rollups.keys().next().unwrap(), RollupId::new(u64::MAX)];
    let mut view = view(&[(4, None)]);
    view.starts.get_mut(&Epoch(4)).unwrap().registrations = Registrations {
        registered: [(genesis_has, RollupRules::new(GroupId::new(9))), (new, RollupRules::default())].into(),
        closed: BTreeSet::from([genesis_has]),
    };
    let check = |rollups: RollupChanges| {
        rule().check(&in_force, &Proposal { rollups, ..proposal(anchor(140), None) }, Some(&view))
    };
    assert_eq!(check(rollups(&[new.get()], &[])), Ok(()));
    for wrong in [rollups(&[], &[]), rollups(&[new.get()], &[genesis_has.get()]), rollups(&[1, 77], &[])] {
        assert_eq!(check(wrong), Err(AnchorRefusal::OtherRollups { epoch: Epoch(4) }));
    }
}

#[test]
fn each_registration_is_counted_by_one_epoch() {
    let rule = rule();
    assert_eq!(rule.counts(Epoch(FIRST + 1)), 100..=119, "all that came before the first anchor");
    assert_eq!(rule.counts(Epoch(5)), 120..=129);
    for epoch in FIRST + 1..FIRST + 20 {
        let (this, next) = (rule.counts(Epoch(epoch)), rule.counts(Epoch(epoch + 1)));
        assert_eq!(this.end() + 1, *next.start());
        assert_eq!(CLOCK.epoch_of(*this.end()), Some(Epoch(epoch - 3)));
    }
}

#[tokio::test]
async fn a_proposer_gives_the_others_time_to_see_the_block() {
    let (anchors, _views) = seen(view(&[(4, Some(set(&[1, 2, 3])))]), Duration::from_secs(3600));
    let in_force = in_force(L1Anchor::default());
    assert_eq!(anchors.next(TURN, &in_force), None);
    let leaving = set(&[4]).members()[0].id;
    assert!(anchors.is_leaving(&in_force, &leaving), "it is known before it is proposed");
    assert!(!anchors.is_leaving(&in_force, &set(&[3]).members()[0].id));
    let (anchors, _views) = seen(view(&[(4, Some(set(&[1, 2, 3])))]), Duration::ZERO);
    let step = Step {
        anchor: anchor(140),
        next_validators: Some(set(&[1, 2, 3])),
        rollups: RollupChanges::default(),
    };
    assert_eq!(anchors.next(TURN, &in_force), Some(step));
    assert_eq!(anchors.next(TURN.next(), &in_force), None, "not at every height");
}

#[tokio::test]
async fn what_is_not_seen_yet_is_waited_for_a_little() {
    let (anchors, views) = seen(view(&[]), Duration::ZERO);
    let (in_force, proposal) = (in_force(L1Anchor::default()), proposal(anchor(140), None));
    let refused = anchors.check(&in_force, &proposal, true).await;
    assert_eq!(refused, Err(AnchorRefusal::NotSeen { number: 140 }));
    assert_eq!(anchors.check(&in_force, &proposal, false).await, Ok(()), "a quorum has seen it");
    let waiting = anchors.check(&in_force, &proposal, true);
    let later = async {
        tokio::time::sleep(PATIENCE / 2).await;
        views.send_replace(Some(view(&[(4, None)])));
    };
    assert_eq!(tokio::join!(waiting, later).0, Ok(()));
}

#[tokio::test]
async fn who_does_not_see_ethereum_goes_on_with_the_last_anchor() {
    let moved = proposal(anchor(140), None);
    let (last, stays) = (in_force(anchor(140)), proposal(anchor(140), None));
    for anchors in [Anchors::None, Anchors::Unseen, seen(view(&[]), Duration::ZERO).0] {
        assert_eq!(anchors.next(TURN, &last), None);
        assert_eq!(anchors.check(&last, &stays, true).await, Ok(()));
        let brings = proposal(anchor(140), Some(set(&[1])));
        assert_eq!(anchors.check(&last, &brings, true).await, Err(AnchorRefusal::NotAnchored));
        let brings = Proposal { rollups: rollups(&[77], &[]), ..stays.clone() };
        assert_eq!(anchors.check(&last, &brings, true).await, Err(AnchorRefusal::NotAnchored));
    }
    let first = in_force(L1Anchor::default());
    assert_eq!(Anchors::None.check(&first, &moved, false).await, Err(AnchorRefusal::NoL1));
    let unseen = Anchors::Unseen.check(&first, &moved, true).await;
    assert_eq!(unseen, Err(AnchorRefusal::NotSeen { number: 140 }));
    assert_eq!(Anchors::Unseen.check(&first, &moved, false).await, Ok(()));
}
