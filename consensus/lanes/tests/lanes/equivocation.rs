//! Equivocation scenarios at four validators, where majority and quorum coincide, and at seven, where they differ.

use crate::common::{Author, World, after, at, cut, evidence, insert_all, ready, rules};
use fairlane_lanes::{CutBase, LaneView};
use fairlane_types::{Cut, Evidence, SegmentRef};

/// Lane 0 shows one variant of its second segment to the first honest lanes and another one to the rest; each
/// honest lane references the one that it saw.
struct Split {
    world: World,
    authors: Vec<Author>,
    views: Vec<LaneView>,
    base: CutBase,
    variants: [SegmentRef; 2],
    proof: Evidence,
}

fn split(validators: u8) -> Split {
    let world = World::new(validators);
    let mut authors = world.authors();
    let mut views: Vec<LaneView> = authors.iter().map(|_| world.view()).collect();
    let first: Vec<_> = authors.iter_mut().map(|author| author.plain(1)).collect();
    let mut rival = authors[0].clone();
    let variants = [authors[0].plain(1), rival.plain(2)];
    let half = authors.len().div_ceil(2);
    let mut seconds = Vec::new();
    for (lane, view) in views.iter_mut().enumerate().skip(1) {
        insert_all(view, &first, at(1));
        let seen = &variants[usize::from(lane >= half)];
        view.insert(seen.clone(), at(2));
        seconds.push(authors[lane].write(&[seen.reference()], Vec::new()));
    }
    let mut proofs = Vec::new();
    for view in &mut views[1..] {
        insert_all(view, &seconds, at(3));
        proofs.extend(evidence(&insert_all(view, &variants, at(4))));
    }
    assert_eq!(proofs.len(), usize::from(validators) - 1);
    let proof = proofs.remove(0);
    assert!(proofs.iter().all(|other| *other == proof));
    Split { base: world.base(), world, authors, views, variants: variants.map(|s| s.reference()), proof }
}

#[test]
fn all_honest_lanes_proceed_with_the_evidence() {
    for validators in [4, 7] {
        let case = split(validators);
        let proof = std::slice::from_ref(&case.proof);
        for (at, proposer) in case.views.iter().enumerate().skip(1) {
            let cut = proposer.build_cut(&case.base, proof).expect("honest lanes are a quorum");
            let heads: Vec<u64> = cut.heads().iter().map(|head| head.seq.get()).collect();
            assert_eq!(heads[0], 0, "the equivocator is frozen");
            assert!(heads[1..].iter().all(|head| *head == 2), "n = {validators}, proposer {at}: {heads:?}");
            for judge in &case.views[1..] {
                assert_eq!(judge.check_cut(&case.base, &cut, proof, rules()), Ok(()));
            }
        }
    }
}

#[test]
fn cuts_without_the_evidence_decide_one_variant() {
    for validators in [4, 7] {
        let mut case = split(validators);
        let proposal = case.views[1].build_cut(&case.base, &[]).expect("the first variant is ready here");
        let decided = *proposal.head(&case.world.lane(0)).unwrap();
        assert_eq!(decided, case.variants[0]);
        let base = after(&case.base, &proposal, &[]);
        for (lane, view) in case.views.iter_mut().enumerate().skip(1) {
            while let Err(missing) = view.content(&case.base, &proposal) {
                view.require(&missing);
                let mut author = case.world.author(0);
                let segments = [author.plain(1), author.plain(1)];
                segments.into_iter().for_each(|segment| drop(view.insert(segment, at(5))));
            }
            assert_eq!(view.check_cut(&case.base, &proposal, &[], rules()), Ok(()));
            let referenced = ready(&view.decided(&base, at(6)));
            let saw_rival = lane >= usize::from(validators).div_ceil(2);
            assert_eq!(
                referenced.contains(&decided),
                saw_rival,
                "n = {validators}, lane {lane}: {referenced:?}"
            );
        }
        next_height_proceeds(&mut case, &base);
    }
}

/// An honest lane that referenced an equivocator beyond where evidence freezes it has placed nothing of that run in
/// the decided chain: it has to reference the decided head.
#[test]
fn the_head_of_a_lane_that_freezes_is_referenced_again() {
    let world = World::new(4);
    let mut authors = world.authors();
    let mut view = world.view();
    let base = world.base();
    let run: Vec<_> = (0..3).map(|_| authors[0].plain(1)).collect();
    let others: Vec<_> = authors[1..].iter_mut().map(|author| author.plain(1)).collect();
    let referenced = ready(&insert_all(&mut view, &run, at(1)));
    assert_eq!(referenced.len(), 3, "a lane may write one reference for all of the run");
    insert_all(&mut view, &others, at(1));

    let heads = [run[0].reference(), others[0].reference(), others[1].reference(), others[2].reference()];
    let first = cut(&heads);
    let middle = after(&base, &first, &[]);
    assert_eq!(ready(&view.decided(&middle, at(2))), Vec::new());

    let mut rival = world.author(0);
    let proof = evidence(&view.insert(rival.plain(9), at(3)));
    let seconds: Vec<_> = authors[1..].iter_mut().map(|author| author.plain(1)).collect();
    insert_all(&mut view, &seconds, at(3));
    let second =
        cut(&[run[0].reference(), seconds[0].reference(), seconds[1].reference(), seconds[2].reference()]);
    let frozen = after(&middle, &second, &proof);
    assert_eq!(ready(&view.decided(&frozen, at(4))), vec![run[0].reference()]);
    assert_eq!(ready(&view.decided(&frozen, at(5))), Vec::new(), "once is enough");
}

/// Every honest lane writes on, the equivocator is proven, and all agree on the next cut.
fn next_height_proceeds(case: &mut Split, base: &CutBase) {
    let mut segments = Vec::new();
    for author in &mut case.authors[1..] {
        segments.push(author.write(&[case.variants[0]], Vec::new()));
    }
    let proof = std::slice::from_ref(&case.proof);
    for view in &mut case.views[1..] {
        assert_eq!(ready(&insert_all(view, &segments, at(7))).len(), segments.len());
    }
    let cut = case.views[2].build_cut(base, proof).expect("honest lanes are a quorum");
    assert!(segments.iter().all(|segment| cut.heads().contains(&segment.reference())));
    for view in &mut case.views[1..] {
        assert_eq!(view.check_cut(base, &cut, proof, rules()), Ok(()));
        view.decided(&after(base, &cut, proof), at(8));
        assert!(view.insert(case.authors[0].clone().plain(5), at(9)).iter().all(|effect| {
            matches!(
                effect,
                fairlane_lanes::LaneEffect::Dropped { why: fairlane_lanes::DropReason::Frozen, .. }
            )
        }));
    }
}

#[test]
fn nobody_waits_for_a_variant_that_only_one_lane_saw() {
    let world = World::new(4);
    let [mut a, mut b, mut c, mut d] = world.authors().try_into().ok().unwrap();
    let mut rival = a.clone();
    let (shown, hidden) = (a.plain(1), rival.plain(2));
    let b1 = b.write(&[hidden.reference()], Vec::new());
    let (c1, d1) = (c.plain(1), d.plain(1));
    let mut view = world.view();
    insert_all(&mut view, &[shown, c1.clone(), d1.clone()], at(1));
    assert!(ready(&view.insert(b1.clone(), at(2))).is_empty(), "its past is missing");
    assert_eq!(view.wanted(), [hidden.reference()]);
    let mut other = world.view();
    let proof = evidence(&insert_all(&mut other, &[a.clone().plain(3), a.clone().plain(4)], at(2)));
    assert_eq!(ready(&view.accuse(&proof[0], at(3))), [b1.reference()], "the evidence excuses it");
    let built = view.build_cut(&world.base(), &proof).unwrap();
    assert_eq!(
        built,
        cut(&[SegmentRef::empty(world.lane(0)), b1.reference(), c1.reference(), d1.reference()])
    );
}

#[test]
fn the_fetched_variant_proves_the_equivocation() {
    let world = World::new(4);
    let [mut a, mut b, _, _] = world.authors().try_into().ok().unwrap();
    let mut rival = a.clone();
    let (shown, hidden) = (a.plain(1), rival.plain(2));
    let deeper = rival.plain(0);
    let b1 = b.write(&[deeper.reference()], Vec::new());
    let mut view = world.view();
    insert_all(&mut view, &[shown, b1.clone(), deeper], at(1));
    assert_eq!(view.wanted(), [hidden.reference()]);
    let effects = view.insert(hidden, at(2));
    assert_eq!(evidence(&effects).len(), 1);
    assert_eq!(ready(&effects), [b1.reference()]);
}

#[test]
fn a_late_variant_of_a_decided_place_is_evidence() {
    let world = World::new(4);
    let mut authors = world.authors();
    let rival = authors[0].clone().plain(7);
    let first: Vec<_> = authors.iter_mut().map(|author| author.plain(1)).collect();
    let mut view = world.view();
    insert_all(&mut view, &first, at(1));
    let heads: Vec<_> = first.iter().map(|segment| segment.reference()).collect();
    let decided: Cut = cut(&heads);
    view.decided(&after(&world.base(), &decided, &[]), at(2));
    assert_eq!(evidence(&view.insert(rival, at(3))).len(), 1);
}

#[test]
fn a_decided_variant_replaces_the_ready_one_with_all_that_builds_on_it() {
    let world = World::new(4);
    let mut authors = world.authors();
    let mut rival = authors[0].clone();
    let mine = [authors[0].plain(1), authors[0].plain(1), authors[0].plain(1)];
    let theirs = [rival.plain(2), rival.plain(2)];
    let others: Vec<_> = authors[1..].iter_mut().map(|author| author.plain(0)).collect();
    let mut view = world.view();
    insert_all(&mut view, &mine, at(1));
    insert_all(&mut view, &others, at(1));
    let heads: Vec<_> =
        std::iter::once(&theirs[1]).chain(&others).map(|segment| segment.reference()).collect();
    let base = after(&world.base(), &cut(&heads), &[]);
    view.require(&[theirs[1].reference()]);
    let mut effects = insert_all(&mut view, &[theirs[1].clone(), theirs[0].clone()], at(2));
    assert!(view.content(&world.base(), &base.cut).is_ok());
    effects.extend(view.decided(&base, at(3)));
    assert_eq!(evidence(&effects).len(), 1);
    assert_eq!(ready(&effects), [theirs[0].reference(), theirs[1].reference()]);
    assert!(mine.iter().all(|segment| !view.contains(&segment.digest())), "off the decided chain");
    assert!(theirs.iter().all(|segment| view.contains(&segment.digest())));
}
