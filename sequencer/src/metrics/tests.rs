use super::*;
use fairlane_types::{Incarnation, LaneId, ValidatorId};
use std::time::Duration;

#[test]
fn names_are_stable() {
    let metrics = Metrics::new("1.2.3");
    let lane = LaneId { validator: ValidatorId::from_bytes([0xab; 32]), incarnation: Incarnation::ZERO };
    metrics.lanes.observe(&lane, 7, 5, false);
    metrics.consensus.finalized(9, 2, 1, Some(Duration::from_millis(50)));
    metrics.rpc.refusals.get_or_create(&ReasonLabel { reason: "REFUSAL_EXPIRED" }).inc();
    let text = metrics.encode();
    for line in [
        "fairlane_build{version=\"1.2.3\"} 1",
        "fairlane_lane_head{lane=\"abababababababab/0\"} 7",
        "fairlane_lane_lag{lane=\"abababababababab/0\"} 2",
        "fairlane_consensus_height 9",
        "fairlane_consensus_extra_rounds_total 2",
        "fairlane_rpc_refusals_total{reason=\"REFUSAL_EXPIRED\"} 1",
        "fairlane_store_queue 0",
    ] {
        assert!(text.contains(line), "`{line}` is not in:\n{text}");
    }
}

#[test]
fn every_metric_is_documented() {
    let documented = include_str!("../../../docs/metrics.md");
    let all = Metrics::new("x").encode() + &RelayerMetrics::new().encode();
    for line in all.lines() {
        let Some(name) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split(' ').next()) else {
            continue;
        };
        assert!(documented.contains(&format!("`{name}")), "docs/metrics.md does not mention {name}");
    }
}

#[test]
fn clones_share_values() {
    let metrics = Metrics::new("x");
    metrics.clone().store.commits.inc();
    assert_eq!(metrics.store.commits.get(), 1);
}
