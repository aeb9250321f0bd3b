//! The proposer's policy.

use crate::common::{Author, World, after, at, cut, insert_all, rules, transaction};
use fairlane_lanes::{CutBase, LaneView};
use fairlane_types::{Segment, SegmentRef};
use std::sync::Arc;

fn heads(view: &LaneView, base: &CutBase) -> Option<Vec<u64>> {
    let cut = view.build_cut(base, &[])?;
    assert_eq!(view.check_cut(base, &cut, &[], rules()), Ok(()));
    Some(cut.heads().iter().map(|head| head.seq.get()).collect())
}

fn all(authors: &mut [Author]) -> Vec<Arc<Segment>> {
    authors.iter_mut().map(|author| author.plain(1)).collect()
}

#[test]
fn a_cut_takes_what_a_quorum_references() {
    let world = World::new(4);
    let mut authors = world.authors();
    let mut view = world.view();
    view.set_tail_bytes(0);
    let first = all(&mut authors);
    let references: Vec<SegmentRef> = first.iter().map(|segment| segment.reference()).collect();
    insert_all(&mut view, &first, at(1));
    assert_eq!(heads(&view, &world.base()), None, "nobody references anything yet");
    for (lane, author) in authors.iter_mut().enumerate().take(3) {
        let others: Vec<_> = references.iter().copied().filter(|at| at.lane != world.lane(lane)).collect();
        view.insert(author.write(&others, Vec::new()), at(2));
    }
    assert_eq!(heads(&view, &world.base()), Some(vec![1, 1, 1, 1]));
    view.set_tail_bytes(10_000);
    assert_eq!(heads(&view, &world.base()), Some(vec![2, 2, 2, 1]), "and a little of the newest");
}

#[test]
fn what_has_long_been_ready_is_taken_without_references() {
    let world = World::new(4);
    let mut authors = world.authors();
    let mut view = world.view();
    view.set_tail_bytes(0);
    let first = all(&mut authors);
    insert_all(&mut view, &first, at(0));
    view.insert(authors[0].plain(1), at(250));
    assert_eq!(heads(&view, &world.base()), None, "half of the bound has passed, not more");
    view.insert(authors[1].plain(1), at(251));
    assert_eq!(heads(&view, &world.base()), Some(vec![1, 1, 1, 1]));
}

#[test]
fn transactions_await_a_quorum_of_references() {
    let world = World::new(4);
    let mut authors = world.authors();
    let mut view = world.view();
    view.insert(authors[3].plain(0), at(1));
    assert!(!view.awaits_references(at(9)), "nobody waits for a heartbeat");
    let carrying = authors[0].plain(2);
    let place = carrying.reference();
    view.insert(carrying, at(2));
    assert!(view.awaits_references(at(2)));
    assert!(!view.awaits_references(at(1)), "they were not ready by then");
    view.insert(authors[1].write(&[place], Vec::new()), at(3));
    assert!(view.awaits_references(at(2)), "two of four lanes");
    view.insert(authors[2].write(&[place], Vec::new()), at(4));
    assert!(!view.awaits_references(at(9)), "three of four; and what they wrote carries none");
    let cut = view.build_cut(&world.base(), &[]).unwrap();
    view.decided(&after(&world.base(), &cut, &[]), at(5));
    assert!(!view.awaits_references(at(9)), "decided");
}

#[test]
fn nothing_is_awaited_of_an_equivocator() {
    let world = World::new(4);
    let mut author = world.author(0);
    let mut view = world.view();
    let rival = author.clone().plain(1);
    view.insert(author.plain(2), at(1));
    assert!(view.awaits_references(at(1)));
    view.insert(rival, at(1));
    assert!(!view.awaits_references(at(1)));
}

#[test]
fn seven_lanes_need_five() {
    let world = World::new(7);
    let mut authors = world.authors();
    let mut view = world.view();
    view.set_tail_bytes(0);
    let first = all(&mut authors);
    let references: Vec<SegmentRef> = first.iter().map(|segment| segment.reference()).collect();
    insert_all(&mut view, &first, at(1));
    for (lane, author) in authors.iter_mut().enumerate().take(5) {
        let others: Vec<_> = references.iter().copied().filter(|at| at.lane != world.lane(lane)).collect();
        view.insert(author.write(&others, Vec::new()), at(2));
        let built = heads(&view, &world.base());
        if lane < 3 {
            assert_eq!(built, None, "{lane}");
        } else if lane == 4 {
            assert_eq!(built, Some(vec![1; 7]));
        }
    }
}

#[test]
fn closure_pulls_in_what_no_quorum_references() {
    let world = World::new(4);
    let [mut a, mut b, mut c, mut d] = world.authors().try_into().ok().unwrap();
    let a1 = a.plain(1);
    let b1 = b.write(&[a1.reference()], Vec::new());
    let (c1, d1) = (c.write(&[b1.reference()], Vec::new()), d.write(&[b1.reference()], Vec::new()));
    let ack_b = [&c1, &d1].map(|segment| segment.reference());
    let b2 = b.write(&ack_b, Vec::new());
    let c2 = c.write(&[d1.reference(), b2.reference()], Vec::new());
    let d2 = d.write(&[c1.reference(), b2.reference()], Vec::new());
    let mut view = world.view();
    view.set_tail_bytes(0);
    insert_all(&mut view, &[a1, b1, c1, d1, b2, c2, d2], at(1));
    assert_eq!(heads(&view, &world.base()), Some(vec![1, 2, 1, 1]), "a1 has one reference only");
}

#[test]
fn the_tail_keeps_its_budget() {
    let world = World::new(4);
    let mut authors = world.authors();
    let mut view = world.view();
    let small = all(&mut authors);
    insert_all(&mut view, &small, at(1));
    let large = authors[1].write(&[], vec![transaction(1, b"t", 1, 50_000)]);
    view.insert(large, at(1));
    view.set_tail_bytes(10_000);
    assert_eq!(heads(&view, &world.base()), Some(vec![1, 1, 1, 1]));
    view.set_tail_bytes(100_000);
    assert_eq!(heads(&view, &world.base()), Some(vec![1, 2, 1, 1]));
}

#[test]
fn lanes_share_a_scarce_block() {
    let mut world = World::new(4);
    world.params.max_block_group_transactions = 24;
    let mut authors = world.authors();
    let mut view = world.view();
    let mut base = world.base();
    for author in &mut authors[1..] {
        let segments: Vec<_> = (0..2).map(|_| author.plain(4)).collect();
        insert_all(&mut view, &segments, at(1));
    }
    let flood: Vec<_> = (0..20).map(|_| authors[0].plain(4)).collect();
    insert_all(&mut view, &flood, at(1));
    let first = heads(&view, &base).unwrap();
    assert_eq!(first.iter().sum::<u64>(), 6, "24 transactions are six segments");
    assert!(first[0] <= 2 && first[1..].iter().all(|head| *head >= 1), "{first:?}");

    base = after(&base, &view.build_cut(&base, &[]).unwrap(), &[]);
    view.decided(&base, at(2));
    for author in &mut authors[1..] {
        view.insert(author.plain(0), at(2));
    }
    assert!(heads(&view, &base).is_some());
}

#[test]
fn a_flood_that_all_reference_does_not_halt_the_chain() {
    let mut world = World::new(4);
    world.params.max_block_group_transactions = 10;
    let mut authors = world.authors();
    let mut view = world.view();
    let flood: Vec<_> = (0..9).map(|_| authors[0].plain(8)).collect();
    insert_all(&mut view, &flood, at(1));
    for author in &mut authors[1..] {
        let segment = author.write(&[flood[8].reference()], Vec::new());
        view.insert(segment, at(1));
    }
    let built = heads(&view, &world.base()).expect("a minimal cut is valid whatever it includes");
    assert_eq!(built.iter().filter(|head| **head > 0).count(), 3);
}

#[test]
fn no_cut_is_built_on_a_base_that_the_view_is_not_at() {
    let world = World::new(4);
    let mut authors = world.authors();
    let mut view = world.view();
    let first = all(&mut authors);
    insert_all(&mut view, &first, at(1));
    let heads: Vec<_> = first.iter().map(|segment| segment.reference()).collect();
    let later = after(&world.base(), &cut(&heads), &[]);
    assert_eq!(view.build_cut(&later, &[]), None);
    assert!(view.build_cut(&world.base(), &[]).is_some());
    view.decided(&later, at(2));
    assert_eq!(view.build_cut(&world.base(), &[]), None);
}
