//! The heads tree: one leaf for each registered rollup, sorted by id, under one root in every header.
//!
//! One path at any height commits to a rollup's whole history. The root commits to the number of leaves too, so
//! that two neighbouring leaves show that no rollup between them is registered.

use crate::codec::{Decode, DecodeError, Encode, Reader, Writer};
use crate::crypto::{Domain, Hash32};
use crate::ids::{BatchIndex, Height, RollupHead, RollupId};
use crate::merkle::{self, Tree};

/// A rollup's place in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLeaf {
    /// The rollup.
    pub rollup: RollupId,
    /// How many batches it has.
    pub index: BatchIndex,
    /// The head after the last of them; zero when there is none.
    pub head: RollupHead,
    /// The height of the last batch; zero when there is none.
    pub last_height: Height,
}

impl HeadLeaf {
    /// Bytes of the encoding.
    pub const BYTES: usize = 8 + 8 + 32 + 8;

    /// The leaf of a rollup that has no batch yet.
    pub fn empty(rollup: RollupId) -> Self {
        Self { rollup, index: BatchIndex::ZERO, head: RollupHead::ZERO, last_height: Height::ZERO }
    }

    fn hash(&self) -> Hash32 {
        merkle::leaf_hash(&self.to_bytes())
    }
}

impl Encode for HeadLeaf {
    fn encode(&self, out: &mut Writer) {
        self.rollup.encode(out);
        self.index.encode(out);
        self.head.encode(out);
        self.last_height.encode(out);
    }
}

impl Decode for HeadLeaf {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            rollup: Decode::decode(input)?,
            index: Decode::decode(input)?,
            head: Decode::decode(input)?,
            last_height: Decode::decode(input)?,
        })
    }
}

/// The whole tree.
#[derive(Clone, Debug)]
pub struct HeadsTree {
    leaves: Vec<HeadLeaf>,
    tree: Tree,
}

impl HeadsTree {
    /// Builds the tree over leaves that are sorted by rollup, each once.
    pub fn new(leaves: Vec<HeadLeaf>) -> Self {
        let tree = Tree::new(leaves.iter().map(HeadLeaf::hash).collect());
        Self { leaves, tree }
    }

    /// The root that headers carry.
    pub fn root(&self) -> Hash32 {
        wrap_root(self.leaves.len() as u64, &self.tree.root())
    }

    /// The leaves, sorted by rollup.
    pub fn leaves(&self) -> &[HeadLeaf] {
        &self.leaves
    }

    /// The path of a registered rollup.
    pub fn path(&self, rollup: RollupId) -> Option<HeadPath> {
        let at = self.leaves.binary_search_by_key(&rollup, |leaf| leaf.rollup).ok()?;
        self.path_at(at)
    }

    /// Shows where a rollup stands, or that it is not registered.
    pub fn prove(&self, rollup: RollupId) -> HeadProof {
        match self.leaves.binary_search_by_key(&rollup, |leaf| leaf.rollup) {
            Ok(at) => {
                self.path_at(at).map_or(HeadProof::Absent { before: None, after: None }, HeadProof::Present)
            }
            Err(at) => HeadProof::Absent {
                before: at.checked_sub(1).and_then(|before| self.path_at(before)),
                after: self.path_at(at),
            },
        }
    }

    fn path_at(&self, at: usize) -> Option<HeadPath> {
        Some(HeadPath {
            leaf: *self.leaves.get(at)?,
            position: at as u64,
            size: self.leaves.len() as u64,
            siblings: self.tree.path(at)?,
        })
    }
}

/// The root that headers carry: it binds the number of leaves.
fn wrap_root(size: u64, root: &Hash32) -> Hash32 {
    Domain::HEADS.hash(&[&size.to_be_bytes(), root.as_bytes()])
}

/// A leaf and its way to the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadPath {
    /// The leaf.
    pub leaf: HeadLeaf,
    /// Its place among the leaves.
    pub position: u64,
    /// How many leaves there are.
    pub size: u64,
    /// Siblings from the leaf up.
    pub siblings: Vec<Hash32>,
}

impl HeadPath {
    /// The heads root that this path leads to, or `None` when its length does not fit its place.
    pub fn root(&self) -> Option<Hash32> {
        let root = merkle::root_from_path(self.leaf.hash(), self.position, self.size, &self.siblings)?;
        Some(wrap_root(self.size, &root))
    }
}

impl Encode for HeadPath {
    fn encode(&self, out: &mut Writer) {
        self.leaf.encode(out);
        out.u64(self.position);
        out.u64(self.size);
        out.list(&self.siblings);
    }
}

impl Decode for HeadPath {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            leaf: Decode::decode(input)?,
            position: input.take_u64()?,
            size: input.take_u64()?,
            siblings: input.list("path", merkle::MAX_PATH, 32)?,
        })
    }
}

/// Where a rollup stands, or that it stands nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadProof {
    /// The rollup's own leaf.
    Present(HeadPath),
    /// The neighbours between which it would stand: the last leaf before, and the first after.
    Absent {
        /// None when it would be the first.
        before: Option<HeadPath>,
        /// None when it would be the last.
        after: Option<HeadPath>,
    },
}
