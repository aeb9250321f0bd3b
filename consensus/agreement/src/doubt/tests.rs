//! How long a validator without a log only watches.

use super::Doubt;
use crate::testing::{keys, validators};
use fairlane_types::Height;

fn height(height: u64) -> Height {
    Height::new(height)
}

#[test]
fn nothing_is_signed_that_may_have_been_signed_before() {
    let keys = keys(4);
    let set = validators(&keys);
    let mut doubt = Doubt::new(&set, keys[0].validator());
    doubt.hear(&set, keys[1].validator(), height(40));
    assert_eq!(doubt.last(), None, "two of four are no quorum");
    assert!(!doubt.is_over(height(100)));
    doubt.hear(&set, keys[2].validator(), height(38));
    assert_eq!(doubt.last(), Some(height(42)));
    assert!(!doubt.is_over(height(41)), "height 42 may be its own, too");
    assert!(doubt.is_over(height(42)));
}

#[test]
fn words_that_come_later_do_not_move_the_end() {
    let keys = keys(4);
    let set = validators(&keys);
    let mut doubt = Doubt::new(&set, keys[0].validator());
    for decided in 10..20 {
        doubt.hear(&set, keys[1].validator(), height(decided));
    }
    doubt.hear(&set, keys[3].validator(), height(12));
    doubt.hear(&set, keys[2].validator(), height(99));
    assert_eq!(doubt.last(), Some(height(21)));
}

#[test]
fn strangers_and_this_validator_itself_count_for_nothing_more() {
    let keys = keys(5);
    let set = validators(&keys[..4]);
    let mut doubt = Doubt::new(&set, keys[0].validator());
    doubt.hear(&set, keys[4].validator(), height(9));
    doubt.hear(&set, keys[0].validator(), height(9));
    doubt.hear(&set, keys[1].validator(), height(7));
    assert_eq!(doubt.last(), None);
}

#[test]
fn a_network_begins_without_logs() {
    let keys = keys(4);
    let set = validators(&keys);
    let mut doubt = Doubt::new(&set, keys[0].validator());
    doubt.hear(&set, keys[1].validator(), Height::ZERO);
    doubt.hear(&set, keys[2].validator(), Height::ZERO);
    assert!(doubt.is_over(Height::ZERO));
}

#[test]
fn a_validator_that_is_a_quorum_by_itself_waits_for_nobody() {
    let keys = keys(1);
    let set = validators(&keys);
    assert!(Doubt::new(&set, keys[0].validator()).is_over(Height::ZERO));
}
