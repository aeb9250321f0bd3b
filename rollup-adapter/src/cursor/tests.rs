use super::*;
use fairlane_types::{SigningKey, Validator, VotingPower};

fn cursor(index: u64) -> Cursor {
    let id = SigningKey::from_seed(&[7; 32]).validator();
    let member = Validator { id, power: VotingPower::new(1), incarnation: Default::default() };
    Cursor {
        network: NetworkId::from_bytes([1; 32]),
        position: Position {
            rollup: RollupId::new(5),
            index: BatchIndex::new(index),
            head: RollupHead::from_bytes([2; 32]),
            height: Height::new(9),
        },
        since: Height::FIRST,
        validators: ValidatorSet::new(vec![member]).unwrap(),
    }
}

#[test]
fn a_file_gives_back_what_was_saved_last() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("deep/er/cursor");
    let store = FileCursor::open(&path).unwrap();
    assert_eq!(store.load().unwrap(), None);
    store.save(&cursor(1)).unwrap();
    store.save(&cursor(2)).unwrap();
    drop(store);
    assert_eq!(FileCursor::open(&path).unwrap().load().unwrap(), Some(cursor(2)));
}

#[test]
fn a_kill_at_any_point_of_saving_leaves_the_old_cursor_or_the_new_one() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("cursor");
    let store = FileCursor::open(&path).unwrap();
    store.save(&cursor(1)).unwrap();
    let old = std::fs::read(&path).unwrap();
    store.save(&cursor(2)).unwrap();
    let new = std::fs::read(&path).unwrap();
    // Before the sync of the file beside, any part of it may be there; the old one is still in place.
    std::fs::write(&path, &old).unwrap();
    for written in 0..=new.len() {
        std::fs::write(home.path().join("cursor.new"), &new[..written]).unwrap();
        assert_eq!(store.load().unwrap(), Some(cursor(1)), "{written} bytes were written");
    }
    // The file beside is whole before it is renamed, so the name stands for one of the two at any moment.
    std::fs::rename(home.path().join("cursor.new"), &path).unwrap();
    assert_eq!(store.load().unwrap(), Some(cursor(2)));
    std::fs::write(home.path().join("cursor.new"), b"torn").unwrap();
    store.save(&cursor(3)).unwrap();
    assert_eq!(store.load().unwrap(), Some(cursor(3)), "what an earlier kill left is written over");
}

#[test]
fn damage_is_told_and_never_taken_for_an_empty_cursor() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("cursor");
    let store = FileCursor::open(&path).unwrap();
    store.save(&cursor(1)).unwrap();
    let good = std::fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        assert!(matches!(store.load(), Err(CursorError::Damaged { .. })), "byte {at}");
        std::fs::write(&path, &good[..at]).unwrap();
        assert!(matches!(store.load(), Err(CursorError::Damaged { .. })), "length {at}");
    }
}

#[test]
fn two_stores_never_share_a_file() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("cursor");
    let first = FileCursor::open(&path).unwrap();
    assert!(matches!(FileCursor::open(&path), Err(CursorError::InUse(_))));
    drop(first);
    FileCursor::open(&path).unwrap();
}
