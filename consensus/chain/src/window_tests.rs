use super::*;

fn id(byte: u8) -> TxId {
    TxId::from_bytes([byte; 32])
}

fn block(height: u64, time: u64, ids: &[TxId]) -> EmittedBlock {
    EmittedBlock::new(Height::new(height), Timestamp::from_nanos(time), ids.into())
}

#[test]
fn ids_stay_until_their_block_is_the_bound_away() {
    let mut window = Window::default();
    window.push(block(1, 100, &[id(1), id(2)]));
    window.push(block(3, 150, &[id(3)]));
    assert!([1, 2, 3].iter().all(|byte| window.contains(&id(*byte))));
    assert!(!window.contains(&id(4)));
    let leaving = |now| window.leaving(Timestamp::from_nanos(now), 50);
    assert_eq!([149, 150, 199, 200].map(leaving), [0, 1, 1, 2]);
    window.drop_oldest(1);
    assert_eq!([1, 2, 3].map(|byte| window.contains(&id(byte))), [false, false, true]);
    assert_eq!(window.blocks().map(|block| block.height.get()).collect::<Vec<_>>(), [3]);
    window.drop_oldest(5);
    assert!(!window.contains(&id(3)));
}

#[test]
fn the_root_binds_order_and_number() {
    let roots = [root(&[]), root(&[id(1)]), root(&[id(1), id(2)]), root(&[id(2), id(1)])];
    for (at, one) in roots.iter().enumerate() {
        assert!(roots.iter().skip(at + 1).all(|other| other != one));
    }
}
