//! A second encoder: the byte tables of `docs/protocol.md` written down again, sharing nothing with production.

use sha2::{Digest, Sha256};

/// Bytes that grow by fields.
#[derive(Clone, Default)]
pub(crate) struct Fields(pub(crate) Vec<u8>);

impl Fields {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn bytes(mut self, value: impl AsRef<[u8]>) -> Self {
        self.0.extend_from_slice(value.as_ref());
        self
    }

    /// A number in `width` bytes, most significant first.
    pub(crate) fn uint(self, width: usize, value: u64) -> Self {
        assert!(width == 8 || value >> (8 * width) == 0, "{value} has more than {width} bytes");
        self.bytes(&value.to_be_bytes()[8 - width..])
    }

    /// A four-byte length and the bytes.
    pub(crate) fn var(self, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.uint(4, value.len() as u64).bytes(value)
    }

    /// A four-byte count and the items' bytes.
    pub(crate) fn list(self, items: &[Vec<u8>]) -> Self {
        self.uint(4, items.len() as u64).bytes(items.concat())
    }
}

pub(crate) fn sha(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

fn domain(tag: &str) -> String {
    let domain = format!("FAIRLANE-{tag}-v1");
    assert_eq!(domain.len(), 15);
    domain
}

/// SHA-256 over a domain and bytes.
pub(crate) fn tagged(tag: &str, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    sha(Fields::new().bytes(domain(tag)).bytes(bytes).0)
}

/// The 47 bytes that are signed for `fields`.
pub(crate) fn sign_bytes(tag: &str, fields: impl AsRef<[u8]>) -> Vec<u8> {
    Fields::new().bytes(domain(tag)).bytes(sha(fields)).0
}

pub(crate) fn leaf(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    sha(Fields::new().uint(1, 0).bytes(bytes).0)
}

/// RFC 6962, section 2.1, over leaf hashes.
pub(crate) fn root(leaves: &[Vec<u8>]) -> Vec<u8> {
    match leaves {
        [] => sha([]),
        [only] => only.clone(),
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            sha(Fields::new().uint(1, 1).bytes(root(left)).bytes(root(right)).0)
        }
    }
}

/// RFC 6962, section 2.1.1: the path of a leaf, from the leaf up.
pub(crate) fn path(index: usize, leaves: &[Vec<u8>]) -> Vec<Vec<u8>> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let split = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(split);
    let (mut below, sibling) = if index < split {
        (path(index, left), root(right))
    } else {
        (path(index - split, right), root(left))
    };
    below.push(sibling);
    below
}

/// The root that follows from a leaf hash and its path, by recursion over the size.
pub(crate) fn root_of_path(leaf: &[u8], index: u64, size: u64, path: &[Vec<u8>]) -> Vec<u8> {
    if size == 1 {
        assert!(path.is_empty(), "the path is too long");
        return leaf.to_vec();
    }
    let split = size.next_power_of_two() / 2;
    let (sibling, below) = path.split_last().expect("the path is long enough");
    let node = |left: &[u8], right: &[u8]| sha(Fields::new().uint(1, 1).bytes(left).bytes(right).0);
    if index < split {
        node(&root_of_path(leaf, index, split, below), sibling)
    } else {
        node(sibling, &root_of_path(leaf, index - split, size - split, below))
    }
}

pub(crate) fn heads_root(size: u64, tree_root: impl AsRef<[u8]>) -> Vec<u8> {
    tagged("HDS", Fields::new().uint(8, size).bytes(tree_root).0)
}
