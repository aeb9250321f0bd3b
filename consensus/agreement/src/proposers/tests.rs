//! Whose turn it is, and heights at their limits.

use crate::activity::{Activity, WINDOW};
use crate::testing::{keys, lane, proposers, validators};
use crate::{BlockHeight, ProposerSet};
use arc_malachitebft_core_types::Height as _;
use fairlane_types::{Cut, Height, LaneSeq, Round, SegmentDigest, SegmentRef, SigningKey, ValidatorId};
use std::collections::BTreeSet;

fn turn(set: &ProposerSet, height: u64, round: u32) -> ValidatorId {
    set.proposer(Height::new(height), Round::new(round)).address.0
}

#[test]
fn everybody_proposes_in_turn_by_height_and_round() {
    let keys = keys(4);
    let set = proposers(&keys);
    for height in 1..20 {
        let by_round: BTreeSet<_> = (0..4).map(|round| turn(&set, height, round)).collect();
        assert_eq!(by_round.len(), 4, "four rounds of height {height} have four proposers");
        assert_ne!(turn(&set, height, 0), turn(&set, height + 1, 0), "the next height has another one");
        assert_eq!(
            turn(&set, height, 1),
            turn(&set, height + 1, 0),
            "a round moves the turn as a height does"
        );
    }
}

#[test]
fn idle_validators_are_passed_over_until_all_active_ones_have_failed() {
    let keys = keys(4);
    let idle = lane(&keys[1]);
    let set = ProposerSet::new(validators(&keys), |lane| *lane != idle);
    for height in 1..20 {
        let first_rounds: BTreeSet<_> = (0..3).map(|round| turn(&set, height, round)).collect();
        assert_eq!(first_rounds.len(), 3, "the three active ones take turns");
        assert!(!first_rounds.contains(&idle.validator), "height {height} asks an idle validator");
        let later: BTreeSet<_> = (3..7).map(|round| turn(&set, height, round)).collect();
        assert_eq!(later.len(), 4, "afterwards everybody takes turns");
    }
}

#[test]
fn a_set_without_active_lanes_still_has_proposers() {
    let keys = keys(4);
    let set = ProposerSet::new(validators(&keys), |_| false);
    let all: BTreeSet<_> = (0..4).map(|round| turn(&set, 1, round)).collect();
    assert_eq!(all.len(), 4);
}

#[test]
fn selection_is_defined_at_the_largest_height_and_round() {
    let keys = keys(3);
    let set = proposers(&keys);
    assert!(keys.iter().any(|key| key.validator() == turn(&set, u64::MAX, u32::MAX)));
}

#[test]
fn sets_with_other_proposers_differ() {
    let keys = keys(4);
    let idle = lane(&keys[0]);
    let passed_over = ProposerSet::new(validators(&keys), |lane| *lane != idle);
    assert_ne!(passed_over, proposers(&keys));
    assert_eq!(proposers(&keys), proposers(&keys));
}

#[test]
fn heights_stay_at_their_limits() {
    let last = BlockHeight(Height::MAX);
    assert_eq!(last.increment_by(5), last);
    assert_eq!(BlockHeight::ZERO.decrement_by(1), None);
    assert_eq!(BlockHeight(Height::new(7)).decrement_by(3), Some(BlockHeight(Height::new(4))));
}

/// A cut in which the lanes of `moving` stand at `seq` and the others at 1.
fn cut(keys: &[SigningKey], moving: &[usize], seq: u64) -> Cut {
    let head = |(place, key): (usize, &SigningKey)| {
        let seq = if moving.contains(&place) { seq } else { 1 };
        let digest = SegmentDigest::from_bytes([seq as u8; 32]);
        SegmentRef { lane: lane(key), seq: LaneSeq::new(seq), digest }
    };
    Cut::new(keys.iter().enumerate().map(head).collect()).expect("lanes differ")
}

#[test]
fn a_lane_that_stood_still_over_the_window_is_not_active() {
    let keys = keys(4);
    let mut activity = Activity::default();
    for height in 0..WINDOW as u64 {
        activity.push(cut(&keys, &[0, 1, 2], 1 + height));
        assert!(activity.is_active(&lane(&keys[3])), "{height} blocks are too few to tell");
    }
    activity.push(cut(&keys, &[0, 1, 2], 100));
    assert!(!activity.is_active(&lane(&keys[3])));
    assert!(activity.is_active(&lane(&keys[0])));

    activity.push(cut(&keys, &[0, 1, 2, 3], 101));
    assert!(activity.is_active(&lane(&keys[3])), "it moved again");
}

#[test]
fn activity_depends_on_the_last_cuts_alone() {
    let keys = keys(4);
    let cuts: Vec<Cut> =
        (1..40).map(|at| cut(&keys, if at < 25 { &[0, 1, 2, 3] } else { &[1, 2, 3] }, at)).collect();
    let mut always = Activity::default();
    cuts.iter().cloned().for_each(|cut| always.push(cut));
    let mut restarted = Activity::default();
    cuts[cuts.len() - Activity::CUTS..].iter().cloned().for_each(|cut| restarted.push(cut));
    for key in &keys {
        assert_eq!(always.is_active(&lane(key)), restarted.is_active(&lane(key)));
    }
    assert!(!always.is_active(&lane(&keys[0])));
}
