use super::*;

fn changes(opened: &[(u64, u32)], closed: &[u64]) -> RollupChanges {
    let opened = opened.iter().map(|(id, group)| (RollupId::new(*id), GroupId::new(*group))).collect();
    RollupChanges::new(&opened, &closed.iter().copied().map(RollupId::new).collect())
}

#[test]
fn the_root_depends_on_what_changes() {
    let all = [
        RollupChanges::default(),
        changes(&[(1, 0), (3, 1)], &[2, 9]),
        changes(&[(1, 0)], &[]),
        changes(&[(1, 1)], &[]),
        changes(&[], &[1]),
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
    let spec = |id| RollupSpec { id: RollupId::new(id), group: GroupId::ZERO };
    for (opened, closed) in [(&[2, 1][..], &[][..]), (&[1, 1], &[]), (&[], &[2, 1]), (&[1, 2], &[2])] {
        let mut out = Writer::new();
        out.list(&opened.iter().copied().map(spec).collect::<Vec<_>>());
        out.list(&closed.iter().copied().map(RollupId::new).collect::<Vec<_>>());
        assert!(RollupChanges::from_bytes(out.into_vec()).is_err(), "{opened:?} {closed:?}");
    }
}
