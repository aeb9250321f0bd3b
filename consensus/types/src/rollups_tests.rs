use super::*;
use crate::ids::Timestamp;

fn changes(opened: &[(u64, u32)], closed: &[u64]) -> RollupChanges {
    let opened = opened
        .iter()
        .map(|(id, group)| (RollupId::new(*id), RollupRules::new(GroupId::new(*group))))
        .collect();
    RollupChanges::new(&opened, &closed.iter().copied().map(RollupId::new).collect())
}

/// A registration of a rollup whose legs have so many bytes.
fn fixed(id: u64, leg_bytes: u32) -> RollupChanges {
    let rules = RollupRules { group: GroupId::ZERO, leg_bytes };
    RollupChanges::new(&[(RollupId::new(id), rules)].into(), &BTreeSet::new())
}

#[test]
fn a_leg_has_a_group_where_its_rollup_is_ordered_for_and_its_length_is_the_rollups() {
    let any = RollupRules::new(GroupId::new(4));
    let fixed = RollupRules { group: GroupId::new(5), leg_bytes: 3 };
    let table = RollupTable::from([(RollupId::new(1), any), (RollupId::new(2), fixed)]);
    let groups = |legs: &[(u64, usize)]| -> Vec<Option<u32>> {
        let leg = |(rollup, bytes): &(u64, usize)| Leg {
            rollup: RollupId::new(*rollup),
            payload: vec![0; *bytes].into(),
        };
        let legs = legs.iter().map(leg).collect();
        let transaction = Transaction::new(legs, Timestamp::from_nanos(1), [0; 16]).unwrap();
        groups_of(&transaction, &table).map(|group| group.map(GroupId::get)).collect()
    };
    assert_eq!(groups(&[(1, 0)]), [Some(4)]);
    assert_eq!(groups(&[(2, 3)]), [Some(5)]);
    assert_eq!(groups(&[(2, 2)]), [None]);
    assert_eq!(groups(&[(2, 4)]), [None]);
    assert_eq!(groups(&[(3, 3)]), [None]);
    assert_eq!(groups(&[(1, 7), (2, 3), (2, 0)]), [Some(4), Some(5), None]);
}

#[test]
fn the_root_depends_on_what_changes() {
    let all = [
        RollupChanges::default(),
        changes(&[(1, 0), (3, 1)], &[2, 9]),
        changes(&[(1, 0)], &[]),
        changes(&[(1, 1)], &[]),
        changes(&[], &[1]),
        fixed(1, 96),
        fixed(1, 97),
    ];
    let roots: BTreeSet<Hash32> = all.iter().map(RollupChanges::root).collect();
    assert_eq!(roots.len(), all.len());
    assert_eq!(all.iter().filter(|changes| changes.is_empty()).count(), 1);
}

#[test]
fn what_opens_and_closes_at_once_does_not_change() {
    assert_eq!(changes(&[(1, 0), (2, 0)], &[2, 3]), changes(&[(1, 0)], &[3]));
}

#[test]
fn bytes_that_are_not_sorted_or_name_a_rollup_twice_are_refused() {
    let good = changes(&[(1, 0), (2, 0)], &[3]);
    assert_eq!(RollupChanges::from_bytes(good.to_bytes()).unwrap(), good);
    let spec = |id| RollupSpec::new(RollupId::new(id), GroupId::ZERO);
    for (opened, closed) in [(&[2, 1][..], &[][..]), (&[1, 1], &[]), (&[], &[2, 1]), (&[1, 2], &[2])] {
        let mut out = Writer::new();
        out.list(&opened.iter().copied().map(spec).collect::<Vec<_>>());
        out.list(&closed.iter().copied().map(RollupId::new).collect::<Vec<_>>());
        assert!(RollupChanges::from_bytes(out.into_vec()).is_err(), "{opened:?} {closed:?}");
    }
}
