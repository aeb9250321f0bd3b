//! Presence and absence, exhaustively on small trees and with each field of a proof bent.

use super::*;
use fairlane_types::{BatchIndex, Height, RollupHead};

fn tree(ids: &[u64]) -> HeadsTree {
    let leaf = |id: &u64| HeadLeaf {
        rollup: RollupId::new(*id),
        index: BatchIndex::new(*id + 1),
        head: RollupHead::from_bytes([*id as u8; 32]),
        last_height: Height::new(*id + 2),
    };
    HeadsTree::new(ids.iter().map(leaf).collect())
}

#[test]
fn every_rollup_is_shown_present_or_absent() {
    for size in 0..9u64 {
        let ids: Vec<u64> = (0..size).map(|i| 2 * i + 1).collect();
        let tree = tree(&ids);
        for rollup in (0..2 * size + 2).chain([u64::MAX]) {
            let proof = tree.prove(RollupId::new(rollup));
            let standing = verify_head_proof(&tree.root(), RollupId::new(rollup), &proof).unwrap();
            match ids.binary_search(&rollup) {
                Ok(at) => assert_eq!(standing, Standing::Registered(tree.leaves()[at])),
                Err(_) => assert_eq!(standing, Standing::Unregistered),
            }
        }
    }
}

#[test]
fn no_registered_rollup_can_be_shown_absent_by_any_pair_of_leaves() {
    for size in 1..8u64 {
        let ids: Vec<u64> = (0..size).map(|i| 10 * (i + 1)).collect();
        let tree = tree(&ids);
        let path = |at: usize| tree.path(RollupId::new(ids[at])).unwrap();
        let sides: Vec<Option<HeadPath>> =
            std::iter::once(None).chain((0..ids.len()).map(|at| Some(path(at)))).collect();
        for rollup in &ids {
            for before in &sides {
                for after in &sides {
                    let proof = HeadProof::Absent { before: before.clone(), after: after.clone() };
                    assert!(verify_head_proof(&tree.root(), RollupId::new(*rollup), &proof).is_err());
                }
            }
        }
    }
}

#[test]
fn an_absence_proof_must_leave_no_place_between() {
    let tree = tree(&[10, 20, 30, 40]);
    let path = |id| tree.path(RollupId::new(id)).unwrap();
    let judge = |rollup, before: Option<u64>, after: Option<u64>| {
        let proof = HeadProof::Absent { before: before.map(path), after: after.map(path) };
        verify_head_proof(&tree.root(), RollupId::new(rollup), &proof)
    };
    let gap = |before, after| Err(HeadProofError::NotAdjacent { before, after, size: 4 });
    assert_eq!(judge(25, Some(20), Some(30)), Ok(Standing::Unregistered));
    assert_eq!(judge(25, Some(10), Some(30)), gap(Some(0), Some(2)));
    assert_eq!(judge(25, Some(20), Some(40)), gap(Some(1), Some(3)));
    assert_eq!(judge(25, Some(20), None), gap(Some(1), None));
    assert_eq!(judge(25, None, Some(30)), gap(None, Some(2)));
    assert_eq!(judge(25, None, None), Err(HeadProofError::NotEmpty));
    assert_eq!(
        judge(35, Some(20), Some(30)),
        Err(HeadProofError::NotBetween {
            rollup: RollupId::new(35),
            before: Some(RollupId::new(20)),
            after: Some(RollupId::new(30)),
        })
    );
    assert_eq!(judge(5, None, Some(10)), Ok(Standing::Unregistered));
    assert_eq!(judge(45, Some(40), None), Ok(Standing::Unregistered));
}

#[test]
fn claiming_another_size_or_position_changes_the_root() {
    let tree = tree(&[10, 20, 30, 40]);
    let rollup = RollupId::new(30);
    for size in 0..10 {
        for position in 0..10 {
            let path = HeadPath { size, position, ..tree.path(rollup).unwrap() };
            let verdict = verify_head_proof(&tree.root(), rollup, &HeadProof::Present(path));
            match (size, position) {
                (4, 2) => assert!(verdict.is_ok()),
                _ => assert!(
                    matches!(verdict, Err(HeadProofError::Root { .. } | HeadProofError::Shape { .. })),
                    "{size} {position}: {verdict:?}"
                ),
            }
        }
    }
}

#[test]
fn a_path_of_another_rollup_or_a_bent_leaf_is_refused() {
    let tree = tree(&[10, 20, 30]);
    let path = tree.path(RollupId::new(10)).unwrap();
    let (expected, found) = (RollupId::new(20), RollupId::new(10));
    assert_eq!(
        verify_head_proof(&tree.root(), expected, &HeadProof::Present(path.clone())),
        Err(HeadProofError::OtherRollup { expected, found })
    );
    let mut bent = path;
    bent.leaf.last_height = Height::new(1);
    let verdict = verify_head_proof(&tree.root(), found, &HeadProof::Present(bent));
    assert!(matches!(verdict, Err(HeadProofError::Root { .. })));
}
