//! Parameters that do not fit each other are refused, each by name.

use super::*;

fn refused(validators: usize, change: impl FnOnce(&mut ProtocolParams)) -> &'static str {
    let mut params = ProtocolParams::default();
    change(&mut params);
    match params.check(validators) {
        Err(DecodeError::Invalid { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_defaults_fit_up_to_128_validators() {
    for validators in [1, 4, 100, 128] {
        assert_eq!(ProtocolParams::default().check(validators), Ok(()));
    }
    assert_eq!(refused(129, |_| {}), "max_block_lane_bytes");
}

#[test]
fn each_misfit_is_named() {
    assert_eq!(refused(4, |params| params.max_block_lane_bytes = 31 * MIB), "max_block_lane_bytes");
    assert_eq!(refused(4, |params| params.max_transaction_bytes = MIB - 4095), "max_segment_bytes");
    assert_eq!(refused(4, |params| params.max_reference_bytes = MIB - 1), "max_segment_bytes");
    assert_eq!(refused(4, |params| params.lane_window_bytes = MIB - 1), "max_segment_bytes");
    assert_eq!(refused(4, |params| params.max_leg_bytes = 257 * KIB), "max_leg_bytes");
    assert_eq!(refused(4, |params| params.max_block_group_transactions = 8191), "max_segment_transactions");
    let zeros: [fn(&mut ProtocolParams); 6] = [
        |params| params.lane_window_segments = 0,
        |params| params.max_segment_events = 0,
        |params| params.max_segment_transactions = 0,
        |params| params.group_cap = 0,
        |params| params.expiry_bound = 0,
        |params| params.timeliness_bound = 0,
    ];
    for zero in zeros {
        assert_eq!(refused(4, zero), "protocol parameter");
    }
}
