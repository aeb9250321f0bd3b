//! Wire messages as JSON, the same for `--json` of the command line and for the node's own pages.
//!
//! Ids and hashes are hexadecimal digits, times nanoseconds since the Unix epoch. Not its job: verifying anything.

use crate::evidence::Proof;
use fairlane_proto::v1::comparison::Decider;
use fairlane_proto::v1::evidence_record::Fate;
use fairlane_proto::v1::{Comparison, EvidenceRecord, Explanation, GetStatusResponse, LaneReport};
use fairlane_types::evidence::OffenceSlot;
use fairlane_types::{Encode as _, VoteKind};
use serde_json::{Value, json};

/// What a node says of itself and its network.
pub fn status(status: &GetStatusResponse) -> Value {
    let lanes: Vec<Value> = status
        .lanes
        .iter()
        .map(|lane| {
            json!({
                "validator": hex::encode(&lane.validator),
                "incarnation": lane.incarnation,
                "voting_power": lane.voting_power,
                "head_seq": lane.head_seq,
                "decided_seq": lane.decided_seq,
                "frozen": lane.frozen,
            })
        })
        .collect();
    let rollups: Vec<Value> = status
        .rollups
        .iter()
        .map(|rollup| {
            json!({
                "rollup_id": rollup.rollup_id,
                "ordering_group": rollup.ordering_group,
                "leg_bytes": rollup.leg_bytes,
                "batches": rollup.batches,
                "head": hex::encode(&rollup.head),
                "last_height": rollup.last_height,
                "closed": rollup.closed,
            })
        })
        .collect();
    json!({
        "network": hex::encode(&status.network),
        "network_name": status.network_name,
        "version": status.version,
        "height": status.height,
        "block_id": hex::encode(&status.block_id),
        "time_nanos": status.time_nanos,
        "min_height": status.min_height,
        "catching_up": status.catching_up,
        "validator": hex::encode(&status.validator),
        "watching": status.watching,
        "consensus_peers": status.consensus_peers,
        "segment_peers": status.segment_peers,
        "ordered_transactions": status.ordered_transactions,
        "lanes": lanes,
        "rollups": rollups,
    })
}

/// An offence that a node knows of, with its proof.
pub fn evidence(record: &EvidenceRecord, proof: &Proof) -> Value {
    let receipt = record.receipt.as_ref().map(|receipt| {
        json!({
            "transaction": format!("0x{}", hex::encode(&receipt.transaction)),
            "block": receipt.block,
            "gas_used": receipt.gas_used,
        })
    });
    let fate = match record.fate() {
        Fate::Open => "open",
        Fate::Punished => "punished",
        Fate::Refused => "refused",
    };
    json!({
        "id": proof.id().to_string(),
        "offence": offence(proof),
        "offender": proof.offender().to_string(),
        "found_at_nanos": record.found_at_nanos,
        "height": (record.height != 0).then_some(record.height),
        "fate": fate,
        "refusal": (!record.refusal.is_empty()).then_some(&record.refusal),
        "receipt": receipt,
        "evidence": hex::encode(proof.to_bytes()),
    })
}

/// An offence in words.
pub fn offence(proof: &Proof) -> String {
    let evidence = match proof {
        Proof::Consensus(evidence) => evidence,
        Proof::Checkpoints(conflict) => return format!("two checkpoints at height {}", conflict.height()),
    };
    match evidence.slot() {
        OffenceSlot::Lane(_, incarnation, seq) => format!("two segments {seq} in its lane {incarnation}"),
        OffenceSlot::Vote(_, kind, height, round) => {
            let kind = match kind {
                VoteKind::Prevote => "prevotes",
                VoteKind::Precommit => "precommits",
            };
            format!("two {kind} at height {height}, round {round}")
        }
        OffenceSlot::Proposal(_, height, round) => format!("two proposals at height {height}, round {round}"),
    }
}

/// Why a transaction stands where it stands.
pub fn explanation(why: &Explanation) -> Value {
    let batches: Vec<Value> = why
        .batches
        .iter()
        .map(|place| {
            json!({
                "rollup_id": place.rollup_id,
                "index": place.index,
                "item": place.item,
                "leg_index": place.leg_index,
                "leg_count": place.leg_count,
            })
        })
        .collect();
    json!({
        "transaction": hex::encode(&why.transaction_id),
        "height": why.height,
        "block_id": hex::encode(&why.block_id),
        "block_time_nanos": why.block_time_nanos,
        "ordered_count": why.ordered_count,
        "position": why.position,
        "key_nanos": why.key_nanos,
        "lo_nanos": why.lo_nanos,
        "hi_nanos": why.hi_nanos,
        "batches": batches,
        "total_power": why.total_power,
        "faulty_power": why.faulty_power,
        "quorum_power": why.quorum_power,
        "lanes": why.lanes.iter().map(lane_report).collect::<Vec<_>>(),
        "component_size": why.component_size,
        "compared": why.compared.iter().map(comparison).collect::<Vec<_>>(),
        "looked_from": why.looked_from,
        "capped": why.capped,
    })
}

fn lane_report(lane: &LaneReport) -> Value {
    let sighting = lane.sighting.as_ref().map(|seen| {
        json!({
            "received_nanos": seen.received_nanos,
            "counted_nanos": seen.counted_nanos,
            "seq": seen.seq,
            "segment": hex::encode(&seen.segment),
            "height": seen.height,
            "from_validator": hex::encode(&seen.from_validator),
            "from_seq": seen.from_seq,
        })
    });
    json!({
        "validator": hex::encode(&lane.validator),
        "voting_power": lane.voting_power,
        "sighting": sighting,
    })
}

fn comparison(compared: &Comparison) -> Value {
    json!({
        "transaction": hex::encode(&compared.transaction_id),
        "position": compared.position,
        "key_nanos": compared.key_nanos,
        "lo_nanos": compared.lo_nanos,
        "hi_nanos": compared.hi_nanos,
        "power_explained_first": compared.power_explained_first,
        "power_other_first": compared.power_other_first,
        "decider": decider(compared.decider()),
    })
}

/// What decided between two transactions, in one word.
pub fn decider(decider: Decider) -> &'static str {
    match decider {
        Decider::Unspecified => "unknown",
        Decider::Groups => "groups",
        Decider::Cycle => "cycle",
        Decider::Separation => "separation",
        Decider::Evidence => "evidence",
        Decider::Key => "key",
        Decider::Tie => "tie",
        Decider::Others => "others",
    }
}
