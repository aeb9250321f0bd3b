//! Boundaries of epochs.

use super::*;

fn clock() -> EpochClock {
    EpochClock { start_block: 100, epoch_length: NonZeroU32::new(10).expect("ten is above zero") }
}

#[test]
fn an_epoch_begins_with_its_first_block() {
    let clock = clock();
    assert_eq!(clock.epoch_of(99), None);
    for epoch in (0..5).map(Epoch) {
        let first = clock.first_block(epoch);
        assert_eq!(clock.epoch_of(first), Some(epoch));
        assert_eq!(clock.epoch_of(first + 9), Some(epoch));
        assert_eq!(clock.epoch_of(first + 10), Some(Epoch(epoch.0 + 1)));
    }
}

#[test]
fn a_set_is_fixed_two_epochs_ahead() {
    let clock = clock();
    assert_eq!([0, 1, 2].map(|epoch| clock.fixed_after(Epoch(epoch))), [100; 3]);
    assert_eq!(clock.fixed_after(Epoch(3)), 109);
    assert_eq!(clock.fixed_after(Epoch(7)), 149);
}

#[test]
fn no_block_is_too_far() {
    let clock = EpochClock { start_block: u64::MAX - 1, epoch_length: NonZeroU32::MAX };
    assert_eq!(clock.first_block(Epoch(u32::MAX)), u64::MAX);
    let clock = EpochClock { start_block: 0, epoch_length: NonZeroU32::MIN };
    assert_eq!(clock.epoch_of(u64::from(u32::MAX)), Some(Epoch(u32::MAX)));
    assert_eq!(clock.epoch_of(u64::from(u32::MAX) + 1), None);
}
