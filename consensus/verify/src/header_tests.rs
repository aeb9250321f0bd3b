//! Each link between a header and its parent, broken one at a time.

use super::*;
use crate::fixture::{header, keys, set};

fn pair() -> (BlockHeader, BlockHeader) {
    let validators = set(&keys(1..5));
    let parent = header(5, &validators, Hash32::ZERO);
    let mut child = header(6, &validators, Hash32::ZERO);
    child.parent = parent.id();
    (parent, child)
}

#[test]
fn a_child_follows_its_parent() {
    let (parent, mut child) = pair();
    assert_eq!(check_link(&parent, &child), Ok(()));
    child.time = parent.time;
    assert_eq!(check_link(&parent, &child), Ok(()), "an idle network's clock may stand");
}

#[test]
fn each_broken_link_is_named() {
    let (parent, child) = pair();

    let mut other = child.clone();
    other.network = NetworkId::ZERO;
    let (expected, found) = (parent.network, NetworkId::ZERO);
    assert_eq!(check_link(&parent, &other), Err(LinkError::Network { expected, found }));

    for height in [5, 7] {
        let mut other = child.clone();
        other.height = Height::new(height);
        let expected = LinkError::Height { parent: Height::new(5), found: Height::new(height) };
        assert_eq!(check_link(&parent, &other), Err(expected));
    }

    let mut other = child.clone();
    other.parent = BlockId::ZERO;
    let (expected, found) = (parent.id(), BlockId::ZERO);
    assert_eq!(check_link(&parent, &other), Err(LinkError::Parent { expected, found }));

    let mut other = child.clone();
    other.time = Timestamp::from_nanos(parent.time.as_nanos() - 1);
    let (at, found) = (parent.time, other.time);
    assert_eq!(check_link(&parent, &other), Err(LinkError::Time { parent: at, found }));

    let mut other = child;
    other.validators_hash = Hash32::ZERO;
    let (expected, found) = (parent.next_validators_hash, Hash32::ZERO);
    assert_eq!(check_link(&parent, &other), Err(LinkError::Validators { expected, found }));
}

#[test]
fn nothing_follows_the_last_height() {
    let (mut parent, mut child) = pair();
    parent.height = Height::MAX;
    child.height = Height::MAX;
    let expected = LinkError::Height { parent: Height::MAX, found: Height::MAX };
    assert_eq!(check_link(&parent, &child), Err(expected));
}
