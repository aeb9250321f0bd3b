//! Pins roots and paths to the definition of RFC 6962.

use super::*;

/// The recursive definition of RFC 6962, section 2.1.
fn defined_root(leaves: &[Hash32]) -> Hash32 {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            node_hash(&defined_root(&leaves[..split]), &defined_root(&leaves[split..]))
        }
    }
}

fn leaves(count: usize) -> Vec<Hash32> {
    (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

#[test]
fn roots_follow_the_recursive_definition() {
    for count in 0..70 {
        let leaves = leaves(count);
        assert_eq!(root(&leaves), defined_root(&leaves), "{count} leaves");
        assert_eq!(Tree::new(leaves.clone()).root(), defined_root(&leaves), "{count} leaves");
    }
}

#[test]
fn each_path_leads_to_the_root_from_its_own_place_only() {
    for count in 1..40usize {
        let leaves = leaves(count);
        let tree = Tree::new(leaves.clone());
        for (index, leaf) in leaves.iter().enumerate() {
            let path = tree.path(index).unwrap();
            for claimed in 0..count {
                let reached = root_from_path(*leaf, claimed as u64, count as u64, &path);
                assert_eq!(reached == Some(tree.root()), claimed == index, "{index} as {claimed} of {count}");
            }
        }
        assert_eq!(tree.path(count), None);
    }
}

#[test]
fn a_path_of_the_wrong_length_is_refused() {
    let leaves = leaves(5);
    let mut path = Tree::new(leaves.clone()).path(1).unwrap();
    path.push(Hash32::ZERO);
    assert_eq!(root_from_path(leaves[1], 1, 5, &path), None);
    assert_eq!(root_from_path(leaves[1], 1, 5, &path[..1]), None);
    assert_eq!(root_from_path(leaves[1], 5, 5, &path), None);
}
