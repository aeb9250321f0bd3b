//! The vector files: what each case gives as typed fields, and the bytes and hashes that follow.

use crate::json::{enc, file, hex, list, num};
use crate::samples;
use fairlane_types::merkle::{self, Tree};
use fairlane_types::{
    Batch, BlockHeader, Checkpoint, Domain, Encode, Event, Evidence, Genesis, HeadLeaf, HeadPath, HeadProof,
    HeadsTree, Receipt, RollupId, Segment, SignedProposal, SignedVote, Transaction, Validator, ValidatorSet,
    evidence,
};
use serde_json::{Value, json};

/// Every file's name and content.
pub(crate) fn all() -> Vec<(&'static str, Value)> {
    let named = |cases: Vec<Value>| file(cases);
    vec![
        ("domains.json", named(domains())),
        ("merkle.json", named(merkle_paths())),
        ("transactions.json", named(each(samples::transactions(), transaction))),
        ("segments.json", named(samples::sealed().iter().map(segment).collect())),
        ("receipts.json", named(each(samples::receipts(), receipt))),
        (
            "cuts.json",
            named(each(samples::cuts(), |cut| {
                json!({
                    "validators": list(cut.heads(), |head| enc(&head.lane.validator)),
                    "incarnations": list(cut.heads(), |head| json!(head.lane.incarnation.get())),
                    "seqs": list(cut.heads(), |head| num(head.seq.get())),
                    "digests": list(cut.heads(), |head| enc(&head.digest)),
                    "encoding": enc(cut),
                    "root": enc(&cut.root()),
                })
            })),
        ),
        ("headers.json", named(each(samples::headers(), header))),
        ("checkpoints.json", named(each(samples::checkpoints(), checkpoint))),
        (
            "blocks.json",
            named(each(samples::blocks(), |block| {
                json!({
                    "header": enc(&block.header),
                    "cut": enc(&block.cut),
                    "evidence": list(&block.evidence, enc),
                    "next_validators": block.next_validators.as_ref().map_or(hex([0; 4]), enc),
                    "rollups": enc(&block.rollups),
                    "encoding": enc(block),
                    "id": enc(&block.id()),
                })
            })),
        ),
        ("votes.json", named(samples::votes().iter().map(vote).collect())),
        ("proposals.json", named(samples::proposals().iter().map(proposal).collect())),
        (
            "certificates.json",
            named(each(samples::certificates(), |certificate| {
                json!({
                    "height": num(certificate.height.get()),
                    "round": certificate.round.get(),
                    "block": enc(&certificate.block),
                    "validators": list(&certificate.signatures, |commit| enc(&commit.validator)),
                    "signatures": list(&certificate.signatures, |commit| enc(&commit.signature)),
                    "encoding": enc(certificate),
                })
            })),
        ),
        ("evidence.json", named(each(samples::evidence_samples(), evidence_case))),
        ("heads.json", named(each(samples::heads_trees(), heads))),
        ("head_proofs.json", named(samples::heads_trees().iter().flat_map(head_proofs).collect())),
        ("batches.json", named(each(samples::batches(), batch))),
        ("validators.json", named(each(samples::validator_sets(), validators))),
        ("genesis.json", named(each(samples::geneses(), genesis))),
    ]
}

/// The cases of named samples.
fn each<T>(samples: Vec<(&'static str, T)>, case: impl Fn(&T) -> Value) -> Vec<Value> {
    samples.iter().map(|(name, sample)| with_name(name, case(sample))).collect()
}

fn with_name(name: &str, mut case: Value) -> Value {
    case["name"] = json!(name);
    case
}

fn domains() -> Vec<Value> {
    [
        ("transaction id", Domain::TRANSACTION),
        ("segment signature", Domain::SEGMENT),
        ("vote signature", Domain::VOTE),
        ("proposal signature", Domain::PROPOSAL),
        ("proposal part signature", Domain::PROPOSAL_PART),
        ("checkpoint signature", Domain::CHECKPOINT),
        ("network identity", Domain::IDENTITY),
        ("cut root", Domain::CUT),
        ("evidence root", Domain::EVIDENCE),
        ("block id", Domain::BLOCK),
        ("state root", Domain::STATE),
        ("emitted ids", Domain::EMITTED),
        ("batch head", Domain::BATCH),
        ("heads root", Domain::HEADS),
        ("validator set hash", Domain::VALIDATORS),
        ("rollups root", Domain::ROLLUPS),
        ("genesis hash", Domain::GENESIS),
        ("network id", Domain::NETWORK),
        ("proof of possession", Domain::POSSESSION),
    ]
    .into_iter()
    .map(|(name, domain)| {
        with_name(
            name,
            json!({
                "domain": hex(domain.as_bytes()),
                "hash_of_abc": enc(&domain.hash(&[b"a", b"bc"])),
                "sign_bytes_of_abc": hex(domain.sign_bytes(b"abc")),
            }),
        )
    })
    .collect()
}

fn merkle_paths() -> Vec<Value> {
    let leaves: Vec<Vec<u8>> = (0..7u8).map(|i| vec![i; usize::from(i)]).collect();
    let mut cases = Vec::new();
    for size in 1..=leaves.len() {
        let tree = Tree::new(leaves.iter().take(size).map(|leaf| merkle::leaf_hash(leaf)).collect());
        for (index, leaf) in leaves.iter().take(size).enumerate() {
            cases.push(json!({
                "name": format!("leaf {index} of {size}"),
                "leaf": hex(leaf),
                "leaf_hash": enc(&merkle::leaf_hash(leaf)),
                "index": num(index as u64),
                "size": num(size as u64),
                "path": list(tree.path(index).unwrap_or_default(), |hash| enc(&hash)),
                "root": enc(&tree.root()),
            }));
        }
    }
    cases
}

fn transaction(transaction: &Transaction) -> Value {
    json!({
        "leg_rollups": list(transaction.legs(), |leg| num(leg.rollup.get())),
        "leg_payloads": list(transaction.legs(), |leg| hex(&leg.payload)),
        "expires_at": num(transaction.expires_at().as_nanos()),
        "salt": hex(transaction.salt()),
        "envelope": hex(transaction.envelope()),
        "id": enc(&transaction.id()),
    })
}

fn segment((name, seed, segment): &(&str, u8, Segment)) -> Value {
    let header = segment.header();
    let peer = |event: &Event| match event {
        Event::Own { count, .. } => (json!("own"), json!(count), hex([])),
        Event::Peer { segment, .. } => (json!("peer"), json!(0), enc(segment)),
    };
    with_name(
        name,
        json!({
            "seed": hex([*seed; 32]),
            "network": enc(&header.network),
            "validator": enc(&header.lane.validator),
            "incarnation": header.lane.incarnation.get(),
            "seq": num(header.seq.get()),
            "parent": enc(&header.parent),
            "timestamp": num(header.timestamp.as_nanos()),
            "event_kinds": list(segment.events(), |event| peer(event).0),
            "event_ages": list(segment.events(), |event| num(event.age())),
            "event_own_counts": list(segment.events(), |event| peer(event).1),
            "event_peer_segments": list(segment.events(), |event| peer(event).2),
            "transactions": list(segment.transactions(), |transaction| hex(transaction.envelope())),
            "events_hash": enc(&header.events_hash),
            "transaction_count": header.transaction_count,
            "transactions_root": enc(&header.transactions_root),
            "header": enc(header),
            "digest": enc(&segment.digest()),
            "sign_bytes": hex(header.sign_bytes()),
            "signature": enc(segment.signature()),
            "bytes": hex(segment.bytes()),
        }),
    )
}

fn receipt(receipt: &Receipt) -> Value {
    json!({
        "transaction": enc(&receipt.transaction),
        "header": enc(&receipt.header),
        "signature": enc(&receipt.signature),
        "index": receipt.index,
        "path": list(&receipt.path, enc),
        "encoding": enc(receipt),
    })
}

fn header(header: &BlockHeader) -> Value {
    json!({
        "network": enc(&header.network),
        "height": num(header.height.get()),
        "time": num(header.time.as_nanos()),
        "parent": enc(&header.parent),
        "cut_root": enc(&header.cut_root),
        "heads_root": enc(&header.heads_root),
        "evidence_root": enc(&header.evidence_root),
        "state_root": enc(&header.state_root),
        "ordered_count": header.ordered_count,
        "capped": header.capped,
        "validators_hash": enc(&header.validators_hash),
        "next_validators_hash": enc(&header.next_validators_hash),
        "l1_anchor_number": num(header.l1_anchor.number),
        "l1_anchor_hash": enc(&header.l1_anchor.hash),
        "rollups_root": enc(&header.rollups_root),
        "encoding": enc(header),
        "id": enc(&header.id()),
    })
}

fn checkpoint(checkpoint: &Checkpoint) -> Value {
    let signed = samples::signed_checkpoint(checkpoint);
    let certificate = samples::checkpoint_certificate(checkpoint);
    let conflict = samples::checkpoint_conflict(checkpoint);
    let [_, (other, _)] = conflict.statements.as_ref();
    json!({
        "network": enc(&checkpoint.network),
        "height": num(checkpoint.height.get()),
        "block": enc(&checkpoint.block),
        "heads_root": enc(&checkpoint.heads_root),
        "validators_hash": enc(&checkpoint.validators_hash),
        "next_validators_hash": enc(&checkpoint.next_validators_hash),
        "encoding": enc(checkpoint),
        "sign_bytes": hex(checkpoint.sign_bytes()),
        "validator": enc(&signed.validator),
        "key": enc(&conflict.key),
        "signature": enc(&signed.signature),
        "signed": enc(&signed),
        "signing_members": list(certificate.signers.iter(), |member| json!(member)),
        "certificate": enc(&certificate),
        "other_block": enc(&other.block),
        "conflict": enc(&conflict),
        "conflict_slot": hex(conflict.slot()),
    })
}

fn vote((name, seed, vote): &(&str, u8, SignedVote)) -> Value {
    let network = samples::network();
    with_name(
        name,
        json!({
            "seed": hex([*seed; 32]),
            "network": enc(&network),
            "validator": enc(&vote.validator),
            "kind": vote.kind.tag(),
            "height": num(vote.height.get()),
            "round": vote.round.get(),
            "is_nil": vote.block.is_none(),
            "block": enc(&vote.block.unwrap_or_default()),
            "sign_bytes": hex(vote.sign_bytes(&network)),
            "signature": enc(&vote.signature),
            "encoding": enc(vote),
        }),
    )
}

fn proposal((name, seed, proposal): &(&str, u8, SignedProposal)) -> Value {
    let network = samples::network();
    with_name(
        name,
        json!({
            "seed": hex([*seed; 32]),
            "network": enc(&network),
            "validator": enc(&proposal.validator),
            "height": num(proposal.height.get()),
            "round": proposal.round.get(),
            "has_pol_round": proposal.pol_round.is_some(),
            "pol_round": proposal.pol_round.unwrap_or_default().get(),
            "block": enc(&proposal.block),
            "sign_bytes": hex(proposal.sign_bytes(&network)),
            "signature": enc(&proposal.signature),
            "encoding": enc(proposal),
        }),
    )
}

fn evidence_case(evidence: &Evidence) -> Value {
    let network = samples::network();
    let (kind, statements, messages, signatures) = match evidence {
        Evidence::LaneEquivocation(pair) => (
            1,
            pair.each_ref().map(|side| side.to_bytes()),
            pair.each_ref().map(|side| side.header.sign_bytes()),
            pair.each_ref().map(|side| side.signature),
        ),
        Evidence::DoubleVote(pair) => (
            2,
            pair.each_ref().map(|side| side.to_bytes()),
            pair.each_ref().map(|side| side.sign_bytes(&network)),
            pair.each_ref().map(|side| side.signature),
        ),
        Evidence::DoubleProposal(pair) => (
            3,
            pair.each_ref().map(|side| side.to_bytes()),
            pair.each_ref().map(|side| side.sign_bytes(&network)),
            pair.each_ref().map(|side| side.signature),
        ),
    };
    json!({
        "kind": kind,
        "network": enc(&network),
        "offender": enc(&evidence.offender()),
        "statements": list(statements, hex),
        "sign_bytes": list(messages, hex),
        "signatures": list(signatures, |signature| enc(&signature)),
        "encoding": enc(evidence),
        "root_alone": enc(&evidence::root(std::slice::from_ref(evidence))),
        "root_of_none": enc(&evidence::root(&[])),
    })
}

fn heads(tree: &HeadsTree) -> Value {
    json!({
        "rollups": list(tree.leaves(), |leaf| num(leaf.rollup.get())),
        "indexes": list(tree.leaves(), |leaf| num(leaf.index.get())),
        "heads": list(tree.leaves(), |leaf| enc(&leaf.head)),
        "last_heights": list(tree.leaves(), |leaf| num(leaf.last_height.get())),
        "leaves": list(tree.leaves(), enc),
        "root": enc(&tree.root()),
    })
}

/// For each rollup of a tree and each gap beside it, a proof of presence or absence.
fn head_proofs((name, tree): &(&'static str, HeadsTree)) -> Vec<Value> {
    let mut rollups: Vec<u64> = tree.leaves().iter().map(|leaf| leaf.rollup.get()).collect();
    rollups.extend(rollups.clone().iter().flat_map(|id| [id.saturating_sub(1), id.saturating_add(1)]));
    rollups.push(5);
    rollups.sort_unstable();
    rollups.dedup();
    rollups
        .into_iter()
        .map(|rollup| {
            let proof = tree.prove(RollupId::new(rollup));
            with_name(&format!("rollup {rollup}, {name}"), head_proof(rollup, tree, &proof))
        })
        .collect()
}

/// An absent side has an empty leaf and path.
fn head_proof(rollup: u64, tree: &HeadsTree, proof: &HeadProof) -> Value {
    let (present, first, second) = match proof {
        HeadProof::Present(path) => (true, Some(path), None),
        HeadProof::Absent { before, after } => (false, before.as_ref(), after.as_ref()),
    };
    let leaf = |path: Option<&HeadPath>| path.map_or_else(|| hex([]), |path| enc(&path.leaf));
    let position = |path: Option<&HeadPath>| num(path.map_or(0, |path| path.position));
    let siblings =
        |path: Option<&HeadPath>| list(path.map(|path| path.siblings.as_slice()).unwrap_or_default(), enc);
    let (a, b) = if present { ("leaf", "unused") } else { ("before", "after") };
    let mut case = json!({
        "rollup": num(rollup),
        "present": present,
        "size": num(tree.leaves().len() as u64),
        "root": enc(&tree.root()),
    });
    for (side, path) in [(a, first), (b, second)].into_iter().filter(|(side, _)| *side != "unused") {
        case[format!("{side}_bytes")] = leaf(path);
        case[format!("{side}_position")] = position(path);
        case[format!("{side}_siblings")] = siblings(path);
    }
    case
}

fn batch(batch: &Batch) -> Value {
    let (header, network) = (batch.header(), samples::network());
    json!({
        "network": enc(&network),
        "rollup": num(header.rollup.get()),
        "index": num(header.index.get()),
        "height": num(header.height.get()),
        "time": num(header.time.as_nanos()),
        "previous_head": enc(&header.previous_head),
        "item_transactions": list(batch.items(), |item| enc(&item.transaction)),
        "item_leg_indexes": list(batch.items(), |item| json!(item.leg_index)),
        "item_leg_counts": list(batch.items(), |item| json!(item.leg_count)),
        "item_payloads": list(batch.items(), |item| hex(&item.payload)),
        "items": list(batch.items(), enc),
        "count": header.count,
        "body": hex(batch.body()),
        "tx_root": enc(&header.tx_root),
        "payload_hash": enc(&header.payload_hash),
        "header": enc(header),
        "head": enc(&header.head(&network)),
        "leaf": enc(&HeadLeaf {
            rollup: header.rollup,
            index: header.index,
            head: header.head(&network),
            last_height: header.height,
        }),
    })
}

fn members(set: &ValidatorSet, field: impl Fn(&Validator) -> Value) -> Value {
    list(set.members(), field)
}

fn validators(set: &ValidatorSet) -> Value {
    let quorums = set.quorums();
    json!({
        "ids": members(set, |member| enc(&member.id)),
        "powers": members(set, |member| num(member.power.get())),
        "incarnations": members(set, |member| json!(member.incarnation.get())),
        "total": num(quorums.total),
        "faulty": num(quorums.faulty),
        "quorum": num(quorums.quorum),
        "majority": num(quorums.majority),
        "encoding": enc(set),
        "hash": enc(&set.hash()),
    })
}

fn genesis(genesis: &Genesis) -> Value {
    let params = &genesis.params;
    json!({
        "network_name": genesis.name,
        "time": num(genesis.time.as_nanos()),
        "max_leg_bytes": params.max_leg_bytes,
        "max_transaction_bytes": params.max_transaction_bytes,
        "max_segment_bytes": params.max_segment_bytes,
        "max_segment_events": params.max_segment_events,
        "max_segment_transactions": params.max_segment_transactions,
        "lane_window_segments": params.lane_window_segments,
        "lane_window_bytes": params.lane_window_bytes,
        "max_reference_bytes": params.max_reference_bytes,
        "max_block_lane_bytes": params.max_block_lane_bytes,
        "max_block_group_transactions": params.max_block_group_transactions,
        "group_cap": params.group_cap,
        "expiry_bound": num(params.expiry_bound),
        "timeliness_bound": num(params.timeliness_bound),
        "params": enc(params),
        "validators": enc(&genesis.validators),
        "rollups": list(&genesis.rollups, |rollup| num(rollup.id.get())),
        "rollup_groups": list(&genesis.rollups, |rollup| json!(rollup.rules.group.get())),
        "rollup_leg_bytes": list(&genesis.rollups, |rollup| json!(rollup.rules.leg_bytes)),
        "l1_chain_id": num(genesis.l1_chain_id),
        "stake_manager": hex(genesis.stake_manager),
        "l1_epoch": genesis.l1_epoch,
        "encoding": enc(genesis),
        "hash": enc(&genesis.hash()),
        "network": enc(&genesis.network()),
    })
}
