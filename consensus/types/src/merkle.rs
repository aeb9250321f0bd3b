//! Merkle trees of RFC 6962: leaves hash under prefix 0, inner nodes under prefix 1, and a tree of n leaves splits
//! at the largest power of two below n.
//!
//! A path proves that a leaf stands at an index in a tree of a given size. The root alone does not fix the size:
//! whoever needs that (absence proofs do) must commit to the size beside the root, as [`crate::heads`] does.

use crate::crypto::{Hash32, sha256};

/// A path needs no more steps than a tree of 2^32 leaves has levels.
pub const MAX_PATH: usize = 32;

/// The hash of a leaf.
pub fn leaf_hash(leaf: &[u8]) -> Hash32 {
    sha256(&[&[0], leaf])
}

fn node_hash(left: &Hash32, right: &Hash32) -> Hash32 {
    sha256(&[&[1], left.as_bytes(), right.as_bytes()])
}

/// The root over `leaves`, which are leaf hashes. An empty tree has the hash of the empty string.
///
/// The tree is folded level by level: an odd last node moves up unchanged, which is the same as splitting at the
/// largest power of two.
pub fn root(leaves: &[Hash32]) -> Hash32 {
    if leaves.is_empty() {
        return sha256(&[]);
    }
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        level = fold(&level);
    }
    level.first().copied().unwrap_or_default()
}

fn fold(level: &[Hash32]) -> Vec<Hash32> {
    level
        .chunks(2)
        .map(|pair| match pair {
            [left, right] => node_hash(left, right),
            [single] => *single,
            _ => Hash32::ZERO,
        })
        .collect()
}

/// Every level of a tree, kept so that many paths can be taken from it.
#[derive(Clone, Debug)]
pub struct Tree {
    levels: Vec<Vec<Hash32>>,
}

impl Tree {
    /// Builds the tree over leaf hashes.
    pub fn new(leaves: Vec<Hash32>) -> Self {
        let mut levels = vec![leaves];
        while let Some(top) = levels.last().filter(|level| level.len() > 1) {
            levels.push(fold(top));
        }
        Self { levels }
    }

    /// The root.
    pub fn root(&self) -> Hash32 {
        self.levels.last().and_then(|top| top.first()).copied().unwrap_or_else(|| sha256(&[]))
    }

    /// The siblings from leaf `index` up to the root, or `None` when there is no such leaf.
    pub fn path(&self, index: usize) -> Option<Vec<Hash32>> {
        self.levels.first()?.get(index)?;
        let mut at = index;
        let mut path = Vec::new();
        for level in &self.levels {
            if let Some(sibling) = level.get(at ^ 1).filter(|_| level.len() > 1) {
                path.push(*sibling);
            }
            at >>= 1;
        }
        Some(path)
    }
}

/// The root that follows when `leaf` stands at `index` of a tree of `size` leaves with `path` as siblings.
///
/// `None` when the path does not have exactly the length which that place needs.
pub fn root_from_path(leaf: Hash32, index: u64, size: u64, path: &[Hash32]) -> Option<Hash32> {
    if index >= size {
        return None;
    }
    let mut siblings = path.iter();
    let (mut at, mut width, mut hash) = (index, size, leaf);
    while width > 1 {
        let is_right = at & 1 == 1;
        let has_right_sibling = at.checked_add(1)? < width;
        if is_right {
            hash = node_hash(siblings.next()?, &hash);
        } else if has_right_sibling {
            hash = node_hash(&hash, siblings.next()?);
        }
        at >>= 1;
        width = width.div_ceil(2);
    }
    siblings.next().is_none().then_some(hash)
}

#[cfg(test)]
#[path = "merkle_tests.rs"]
mod tests;
