//! Proofs against the heads root: where a rollup stands, or that it is registered nowhere.

use crate::header::VerifiedHeader;
use fairlane_types::{Hash32, HeadLeaf, HeadPath, HeadProof, HeadsTree, RollupId};

/// Why a proof shows nothing about a rollup.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadProofError {
    /// A path's length does not fit its position and the number of leaves.
    #[error("the path of rollup {rollup} does not fit position {position} of {size}")]
    Shape {
        /// The rollup of the path's leaf.
        rollup: RollupId,
        /// The position that it claims.
        position: u64,
        /// The number of leaves that it claims.
        size: u64,
    },
    /// A path leads to another root.
    #[error("the path of rollup {rollup} leads to {found}, the header has {expected}")]
    Root {
        /// The rollup of the path's leaf.
        rollup: RollupId,
        /// The header's heads root.
        expected: Hash32,
        /// The root that the path leads to.
        found: Hash32,
    },
    /// The path is another rollup's.
    #[error("the path is for rollup {found}, not {expected}")]
    OtherRollup {
        /// The rollup in question.
        expected: RollupId,
        /// The rollup of the path's leaf.
        found: RollupId,
    },
    /// The neighbours do not enclose the rollup.
    #[error("rollup {rollup} would not stand between {before:?} and {after:?}")]
    NotBetween {
        /// The rollup in question.
        rollup: RollupId,
        /// The rollup before.
        before: Option<RollupId>,
        /// The rollup after.
        after: Option<RollupId>,
    },
    /// The neighbours do not stand next to each other, or not at the edge that they are shown for.
    #[error("there is a leaf between position {before:?} and position {after:?} of {size}")]
    NotAdjacent {
        /// Position of the leaf before.
        before: Option<u64>,
        /// Position of the leaf after.
        after: Option<u64>,
        /// The number of leaves.
        size: u64,
    },
    /// No neighbours are shown, although there are rollups.
    #[error("no neighbours are shown, although some rollups are registered")]
    NotEmpty,
}

/// What a head proof shows about a rollup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is registered, and this is its head.
    Registered(HeadLeaf),
    /// It is not registered.
    Unregistered,
}

/// A rollup's leaf in the heads tree of a verified header: it commits to the rollup's whole history.
///
/// Only [`VerifiedHeader::head`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedHead {
    leaf: HeadLeaf,
    block: VerifiedHeader,
}

impl VerifiedHead {
    /// The leaf.
    pub fn leaf(&self) -> &HeadLeaf {
        &self.leaf
    }

    /// The header whose heads tree has the leaf.
    pub fn block(&self) -> &VerifiedHeader {
        &self.block
    }
}

impl VerifiedHeader {
    /// The leaf that `path` leads from to this header's heads root.
    pub fn head(&self, path: &HeadPath) -> Result<VerifiedHead, HeadProofError> {
        check_path(&self.header().heads_root, path)?;
        Ok(VerifiedHead { leaf: path.leaf, block: self.clone() })
    }

    /// Where a rollup stands after this block, or that it is not registered.
    pub fn standing(&self, rollup: RollupId, proof: &HeadProof) -> Result<Standing, HeadProofError> {
        verify_head_proof(&self.header().heads_root, rollup, proof)
    }
}

/// Checks a proof of presence or absence against a heads root.
pub fn verify_head_proof(
    heads_root: &Hash32,
    rollup: RollupId,
    proof: &HeadProof,
) -> Result<Standing, HeadProofError> {
    match proof {
        HeadProof::Present(path) => {
            check_path(heads_root, path)?;
            if path.leaf.rollup != rollup {
                return Err(HeadProofError::OtherRollup { expected: rollup, found: path.leaf.rollup });
            }
            Ok(Standing::Registered(path.leaf))
        }
        HeadProof::Absent { before, after } => {
            check_absence(heads_root, rollup, before.as_ref(), after.as_ref())?;
            Ok(Standing::Unregistered)
        }
    }
}

fn check_path(heads_root: &Hash32, path: &HeadPath) -> Result<(), HeadProofError> {
    let rollup = path.leaf.rollup;
    match path.root() {
        None => Err(HeadProofError::Shape { rollup, position: path.position, size: path.size }),
        Some(found) if found != *heads_root => {
            Err(HeadProofError::Root { rollup, expected: *heads_root, found })
        }
        Some(_) => Ok(()),
    }
}

/// The neighbours must both be in the tree, enclose the rollup, and leave no place between them. The root commits to
/// the number of leaves, so that "the last leaf" is a fact too.
fn check_absence(
    heads_root: &Hash32,
    rollup: RollupId,
    before: Option<&HeadPath>,
    after: Option<&HeadPath>,
) -> Result<(), HeadProofError> {
    for path in [before, after].into_iter().flatten() {
        check_path(heads_root, path)?;
    }
    let encloses = before.is_none_or(|path| path.leaf.rollup < rollup)
        && after.is_none_or(|path| rollup < path.leaf.rollup);
    if !encloses {
        return Err(HeadProofError::NotBetween {
            rollup,
            before: before.map(|path| path.leaf.rollup),
            after: after.map(|path| path.leaf.rollup),
        });
    }
    let (adjacent, size) = match (before, after) {
        (Some(before), Some(after)) => (before.position.checked_add(1) == Some(after.position), after.size),
        (Some(last), None) => (last.position.checked_add(1) == Some(last.size), last.size),
        (None, Some(first)) => (first.position == 0, first.size),
        (None, None) if *heads_root == HeadsTree::new(Vec::new()).root() => (true, 0),
        (None, None) => return Err(HeadProofError::NotEmpty),
    };
    if !adjacent {
        return Err(HeadProofError::NotAdjacent {
            before: before.map(|path| path.position),
            after: after.map(|path| path.position),
            size,
        });
    }
    Ok(())
}

#[cfg(test)]
#[path = "heads_tests.rs"]
mod tests;
