//! The golden vectors hold: the code gives them, and a second encoder gives the same from the typed fields.

use crate::second::{Fields, heads_root, leaf, path, root, root_of_path, sha, sign_bytes, tagged};
use crate::vector_file::{Case, folder, for_each_case};
use fairlane_types::crypto::PublicKey;
use fairlane_types::{Signature, SigningKey, ValidatorId};
use std::collections::BTreeSet;

type Judge = fn(&Case);

/// Who reads which file.
const READERS: [(&str, Judge); 18] = [
    ("domains.json", domain),
    ("merkle.json", merkle),
    ("transactions.json", transaction),
    ("segments.json", segment),
    ("receipts.json", receipt),
    ("cuts.json", cut),
    ("headers.json", header),
    ("checkpoints.json", checkpoint),
    ("blocks.json", block),
    ("votes.json", vote),
    ("proposals.json", proposal),
    ("certificates.json", certificate),
    ("evidence.json", evidence),
    ("heads.json", heads),
    ("head_proofs.json", head_proof),
    ("batches.json", batch),
    ("validators.json", validators),
    ("genesis.json", genesis),
];

#[test]
fn the_code_gives_the_files() {
    for (name, content) in crate::cases::all() {
        let found = std::fs::read_to_string(folder().join(name)).expect(name);
        assert!(found == format!("{content:#}\n"), "{name} differs from what the code gives");
    }
}

#[test]
fn a_second_encoder_gives_the_files() {
    for (file, judge) in READERS {
        for_each_case(file, judge);
    }
}

#[test]
fn every_file_is_read() {
    let read = READERS.iter().map(|(file, _)| (*file).to_owned());
    let expected: BTreeSet<String> = read.chain(["ed25519-speccheck.json".to_owned()]).collect();
    let found: BTreeSet<String> = std::fs::read_dir(folder())
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    assert_eq!(found, expected);
}

/// The bytes that follow from the fields are those in the file.
fn same(case: &Case, key: &str, found: impl AsRef<[u8]>) {
    assert_eq!(hex::encode(case.bytes(key)), hex::encode(found), "{}: {key}", case.name);
}

/// The seed's key is the validator's, signs this, and nothing is left to chance.
fn check_signature(case: &Case, message: &[u8]) {
    same(case, "sign_bytes", message);
    let key = SigningKey::from_seed(&case.bytes("seed").try_into().expect("32 bytes"));
    same(case, "validator", key.validator().as_bytes());
    same(case, "signature", key.sign(message.try_into().expect("47 bytes")).as_bytes());
}

fn domain(case: &Case) {
    let domain = case.bytes("domain");
    let text = String::from_utf8(domain.clone()).expect("ASCII");
    assert!(text.is_ascii() && text.starts_with("FAIRLANE-") && text.ends_with("-v1") && text.len() == 15);
    same(case, "hash_of_abc", sha([domain.as_slice(), b"abc"].concat()));
    same(case, "sign_bytes_of_abc", [domain, sha("abc")].concat());
}

fn merkle(case: &Case) {
    let (index, size) = (case.num("index"), case.num("size"));
    let leaves: Vec<Vec<u8>> = (0..size as u8).map(|i| leaf(vec![i; usize::from(i)])).collect();
    same(case, "leaf", vec![index as u8; index as usize]);
    same(case, "leaf_hash", &leaves[index as usize]);
    same(case, "root", root(&leaves));
    assert_eq!(case.all_bytes("path"), path(index as usize, &leaves), "{}", case.name);
    same(case, "root", root_of_path(&leaves[index as usize], index, size, &case.all_bytes("path")));
}

fn transaction(case: &Case) {
    let legs: Vec<(u64, Vec<u8>)> =
        case.nums("leg_rollups").into_iter().zip(case.all_bytes("leg_payloads")).collect();
    let envelope = legs
        .iter()
        .fold(Fields::new().uint(1, legs.len() as u64), |out, (rollup, payload)| {
            out.uint(8, *rollup).var(payload)
        })
        .uint(8, case.num("expires_at"))
        .bytes(case.bytes("salt"))
        .0;
    same(case, "id", tagged("TXN", &envelope));
    same(case, "envelope", envelope);
}

fn segment(case: &Case) {
    let kinds = case.list("event_kinds", |kind| kind.as_str().expect("a kind") == "peer");
    let (ages, counts) = (case.nums("event_ages"), case.nums("event_own_counts"));
    let peers = case.all_bytes("event_peer_segments");
    let events: Vec<Vec<u8>> = (0..kinds.len())
        .map(|at| match kinds[at] {
            false => Fields::new().uint(1, 0).uint(8, ages[at]).uint(4, counts[at]).0,
            true => Fields::new().uint(1, 1).uint(8, ages[at]).bytes(&peers[at]).0,
        })
        .collect();
    let events = Fields::new().list(&events).0;
    let transactions = case.all_bytes("transactions");
    let ids: Vec<Vec<u8>> = transactions.iter().map(|envelope| leaf(tagged("TXN", envelope))).collect();
    same(case, "events_hash", sha(&events));
    same(case, "transactions_root", root(&ids));
    assert_eq!(case.num("transaction_count"), ids.len() as u64);
    let header = Fields::new()
        .bytes(case.bytes("network"))
        .bytes(case.bytes("validator"))
        .uint(4, case.num("incarnation"))
        .uint(8, case.num("seq"))
        .bytes(case.bytes("parent"))
        .uint(8, case.num("timestamp"))
        .bytes(sha(&events))
        .uint(4, ids.len() as u64)
        .bytes(root(&ids))
        .0;
    assert_eq!(header.len(), 184);
    same(case, "digest", sha(&header));
    check_signature(case, &sign_bytes("SEG", &header));
    let bodies: Vec<Vec<u8>> = transactions.iter().map(|envelope| Fields::new().var(envelope).0).collect();
    let bytes = Fields::new().bytes(&header).bytes(case.bytes("signature")).bytes(&events).list(&bodies).0;
    same(case, "header", header);
    same(case, "bytes", bytes);
}

fn receipt(case: &Case) {
    let (header, siblings) = (case.bytes("header"), case.all_bytes("path"));
    let encoding = Fields::new()
        .bytes(case.bytes("transaction"))
        .bytes(&header)
        .bytes(case.bytes("signature"))
        .uint(4, case.num("index"))
        .list(&siblings)
        .0;
    same(case, "encoding", encoding);
    let count = u32::from_be_bytes(header[148..152].try_into().expect("4 bytes"));
    let found =
        root_of_path(&leaf(case.bytes("transaction")), case.num("index"), u64::from(count), &siblings);
    assert_eq!(hex::encode(&header[152..]), hex::encode(found), "{}", case.name);
}

fn cut(case: &Case) {
    let (validators, digests) = (case.all_bytes("validators"), case.all_bytes("digests"));
    let (incarnations, seqs) = (case.nums("incarnations"), case.nums("seqs"));
    let heads: Vec<Vec<u8>> = (0..validators.len())
        .map(|at| {
            let lane = Fields::new().bytes(&validators[at]).uint(4, incarnations[at]);
            lane.uint(8, seqs[at]).bytes(&digests[at]).0
        })
        .collect();
    let encoding = Fields::new().list(&heads).0;
    same(case, "root", tagged("CUT", &encoding));
    same(case, "encoding", encoding);
}

fn header(case: &Case) {
    let encoding = Fields::new()
        .uint(2, 1)
        .bytes(case.bytes("network"))
        .uint(8, case.num("height"))
        .uint(8, case.num("time"))
        .bytes(case.bytes("parent"))
        .bytes(case.bytes("cut_root"))
        .bytes(case.bytes("heads_root"))
        .bytes(case.bytes("evidence_root"))
        .bytes(case.bytes("state_root"))
        .uint(4, case.num("ordered_count"))
        .uint(1, u64::from(case.flag("capped")))
        .bytes(case.bytes("validators_hash"))
        .bytes(case.bytes("next_validators_hash"))
        .uint(8, case.num("l1_anchor_number"))
        .bytes(case.bytes("l1_anchor_hash"))
        .bytes(case.bytes("rollups_root"))
        .0;
    assert_eq!(encoding.len(), 351);
    same(case, "id", tagged("BLK", &encoding));
    same(case, "encoding", encoding);
}

fn checkpoint(case: &Case) {
    let rest = |block: &str| {
        Fields::new()
            .uint(8, case.num("height"))
            .bytes(case.bytes(block))
            .bytes(case.bytes("heads_root"))
            .bytes(case.bytes("validators_hash"))
            .bytes(case.bytes("next_validators_hash"))
            .0
    };
    let encoding = Fields::new().bytes(case.bytes("network")).bytes(rest("block")).0;
    assert_eq!(encoding.len(), 168);
    same(case, "sign_bytes", sign_bytes("CKP", &encoding));
    let (validator, signature) = (case.bytes("validator"), case.bytes("signature"));
    same(case, "signed", Fields::new().bytes(&validator).bytes(&encoding).bytes(&signature).0);

    let mut signers = [0; 32];
    case.nums("signing_members").into_iter().for_each(|i| signers[31 - i as usize / 8] |= 1 << (i % 8));
    let certificate = Fields::new().bytes(&encoding).bytes(signers).bytes(&signature).0;
    assert_eq!(certificate.len(), 392);
    same(case, "certificate", certificate);

    let statement = |block| Fields::new().bytes(rest(block)).bytes(&signature).0;
    let conflict = Fields::new()
        .uint(1, 4)
        .bytes(&validator)
        .bytes(case.bytes("key"))
        .bytes(statement("block"))
        .bytes(statement("other_block"))
        .0;
    assert_eq!(conflict.len(), 785);
    same(case, "conflict", conflict);
    same(case, "conflict_slot", Fields::new().uint(1, 4).bytes(validator).uint(8, case.num("height")).0);
    same(case, "encoding", encoding);
}

fn block(case: &Case) {
    let (header, cut, evidence) = (case.bytes("header"), case.bytes("cut"), case.all_bytes("evidence"));
    assert_eq!(header[82..114], tagged("CUT", &cut));
    assert_eq!(header[146..178], tagged("EVD", Fields::new().list(&evidence).0));
    same(case, "id", tagged("BLK", &header));
    let next = case.bytes("next_validators");
    let announced = if next == [0; 4] { header[215..247].to_vec() } else { tagged("VST", &next) };
    assert_eq!(header[247..279], announced);
    let rollups = case.bytes("rollups");
    assert_eq!(header[319..351], tagged("RLP", &rollups));
    let encoding = Fields::new().bytes(&header).bytes(&cut).list(&evidence).bytes(&next).bytes(&rollups);
    same(case, "encoding", encoding.0);
}

fn vote(case: &Case) {
    let (kind, height, round) = (case.num("kind"), case.num("height"), case.num("round"));
    let (is_nil, block) = (case.flag("is_nil"), case.bytes("block"));
    assert!(!is_nil || block == [0; 32]);
    let said =
        Fields::new().uint(1, kind).uint(8, height).uint(4, round).uint(1, u64::from(!is_nil)).bytes(block).0;
    let fields = Fields::new().bytes(case.bytes("network")).bytes(&said).0;
    assert_eq!(fields.len(), 78);
    check_signature(case, &sign_bytes("VOT", fields));
    let encoding = Fields::new().bytes(case.bytes("validator")).bytes(said).bytes(case.bytes("signature")).0;
    same(case, "encoding", encoding);
}

fn proposal(case: &Case) {
    let said = Fields::new()
        .uint(8, case.num("height"))
        .uint(4, case.num("round"))
        .uint(1, u64::from(case.flag("has_pol_round")))
        .uint(4, case.num("pol_round"))
        .bytes(case.bytes("block"))
        .0;
    let fields = Fields::new().bytes(case.bytes("network")).bytes(&said).0;
    assert_eq!(fields.len(), 81);
    check_signature(case, &sign_bytes("PRO", fields));
    let encoding = Fields::new().bytes(case.bytes("validator")).bytes(said).bytes(case.bytes("signature")).0;
    same(case, "encoding", encoding);
}

fn certificate(case: &Case) {
    let signatures: Vec<Vec<u8>> = case
        .all_bytes("validators")
        .into_iter()
        .zip(case.all_bytes("signatures"))
        .map(|(validator, signature)| [validator, signature].concat())
        .collect();
    let encoding = Fields::new()
        .uint(8, case.num("height"))
        .uint(4, case.num("round"))
        .bytes(case.bytes("block"))
        .list(&signatures)
        .0;
    same(case, "encoding", encoding);
}

fn evidence(case: &Case) {
    let (kind, network, statements) = (case.num("kind"), case.bytes("network"), case.all_bytes("statements"));
    let offender = ValidatorId::from_bytes(case.bytes("offender").try_into().expect("32 bytes"));
    let key = PublicKey::decode(&offender).expect("a good key");
    let (messages, signatures) = (case.all_bytes("sign_bytes"), case.all_bytes("signatures"));
    for (at, statement) in statements.iter().enumerate() {
        let (said, signature) = statement.split_at(statement.len() - 64);
        let message = match kind {
            1 => sign_bytes("SEG", said),
            2 => sign_bytes("VOT", [&network, &said[32..]].concat()),
            _ => sign_bytes("PRO", [&network, &said[32..]].concat()),
        };
        assert_eq!(messages[at], message, "{}", case.name);
        assert_eq!(signatures[at], signature, "{}", case.name);
        let signature = Signature::from_bytes(signature.try_into().expect("64 bytes"));
        assert!(key.verify(&message, &signature), "{}", case.name);
        let named = if kind == 1 { &said[32..64] } else { &said[..32] };
        assert_eq!(named, offender.as_bytes());
    }
    let encoding = Fields::new().uint(1, kind).bytes(statements.concat()).0;
    same(case, "root_alone", tagged("EVD", Fields::new().list(std::slice::from_ref(&encoding)).0));
    same(case, "root_of_none", tagged("EVD", [0; 4]));
    same(case, "encoding", encoding);
}

fn heads(case: &Case) {
    let (rollups, indexes) = (case.nums("rollups"), case.nums("indexes"));
    let (heads, heights) = (case.all_bytes("heads"), case.nums("last_heights"));
    let leaves: Vec<Vec<u8>> = (0..rollups.len())
        .map(|at| {
            let place = Fields::new().uint(8, rollups[at]).uint(8, indexes[at]);
            place.bytes(&heads[at]).uint(8, heights[at]).0
        })
        .collect();
    assert_eq!(case.all_bytes("leaves"), leaves, "{}", case.name);
    let hashes: Vec<Vec<u8>> = leaves.iter().map(leaf).collect();
    same(case, "root", heads_root(leaves.len() as u64, root(&hashes)));
}

fn head_proof(case: &Case) {
    let (rollup, size) = (case.num("rollup"), case.num("size"));
    // Which rollup's leaf a side of the proof shows, and where.
    let side = |side: &str| {
        let bytes = case.bytes(&format!("{side}_bytes"));
        let position = case.num(&format!("{side}_position"));
        let siblings = case.all_bytes(&format!("{side}_siblings"));
        if bytes.is_empty() {
            return None;
        }
        let found = root_of_path(&leaf(&bytes), position, size, &siblings);
        same(case, "root", heads_root(size, found));
        Some((u64::from_be_bytes(bytes[..8].try_into().expect("8 bytes")), position))
    };
    if case.flag("present") {
        assert!(!case.has("before_bytes"));
        assert_eq!(side("leaf").expect("a leaf").0, rollup, "{}", case.name);
        return;
    }
    match (side("before"), side("after")) {
        (Some((a, at)), Some((b, next))) => assert!(a < rollup && rollup < b && at + 1 == next),
        (Some((a, at)), None) => assert!(a < rollup && at + 1 == size),
        (None, Some((b, at))) => assert!(rollup < b && at == 0),
        (None, None) => same(case, "root", heads_root(0, root(&[]))),
    }
}

fn batch(case: &Case) {
    let (ids, payloads) = (case.all_bytes("item_transactions"), case.all_bytes("item_payloads"));
    let (legs, counts) = (case.nums("item_leg_indexes"), case.nums("item_leg_counts"));
    let items: Vec<Vec<u8>> = (0..ids.len())
        .map(|at| {
            let what = Fields::new().uint(1, u64::from(counts[at] > 1)).bytes(&ids[at]);
            what.uint(1, legs[at]).uint(1, counts[at]).var(&payloads[at]).0
        })
        .collect();
    assert_eq!(case.all_bytes("items"), items, "{}", case.name);
    let body = Fields::new().list(&items.iter().map(|item| Fields::new().var(item).0).collect::<Vec<_>>()).0;
    let tx_root = root(&items.iter().map(leaf).collect::<Vec<_>>());
    same(case, "tx_root", &tx_root);
    same(case, "payload_hash", sha(&body));
    let place = |out: Fields| {
        let place = out.uint(8, case.num("index")).uint(8, case.num("height")).uint(8, case.num("time"));
        place.uint(4, case.num("count")).bytes(&tx_root).bytes(sha(&body))
    };
    let rollup = case.num("rollup");
    let previous = case.bytes("previous_head");
    let header = place(Fields::new().uint(8, rollup)).bytes(&previous).0;
    let committed = place(Fields::new().bytes(case.bytes("network")).uint(8, rollup).bytes(&previous)).0;
    let head = tagged("BAT", committed);
    let leaf =
        Fields::new().uint(8, rollup).uint(8, case.num("index")).bytes(&head).uint(8, case.num("height")).0;
    assert_eq!(case.num("count"), items.len() as u64);
    same(case, "body", body);
    same(case, "header", header);
    same(case, "head", head);
    same(case, "leaf", leaf);
}

fn validators(case: &Case) {
    let (ids, powers, incarnations) = (case.all_bytes("ids"), case.nums("powers"), case.nums("incarnations"));
    assert!(ids.is_sorted());
    let members: Vec<Vec<u8>> = (0..ids.len())
        .map(|at| Fields::new().bytes(&ids[at]).uint(8, powers[at]).uint(4, incarnations[at]).0)
        .collect();
    let encoding = Fields::new().list(&members).0;
    same(case, "hash", tagged("VST", &encoding));
    same(case, "encoding", encoding);
    let total: u64 = powers.iter().sum();
    // The most that is still below a third.
    let faulty = (total - 1) / 3;
    assert_eq!(case.num("total"), total);
    assert_eq!(case.num("faulty"), faulty, "{}", case.name);
    assert_eq!(case.num("quorum"), total - faulty);
    assert_eq!(case.num("majority"), total / 2 + 1);
}

fn genesis(case: &Case) {
    let narrow = [
        "max_leg_bytes",
        "max_transaction_bytes",
        "max_segment_bytes",
        "max_segment_events",
        "max_segment_transactions",
        "lane_window_segments",
        "lane_window_bytes",
        "max_reference_bytes",
        "max_block_lane_bytes",
        "max_block_group_transactions",
        "group_cap",
    ];
    let params = narrow.iter().fold(Fields::new(), |out, name| out.uint(4, case.num(name)));
    let params = params.uint(8, case.num("expiry_bound")).uint(8, case.num("timeliness_bound")).0;
    let rollups: Vec<Vec<u8>> = case
        .nums("rollups")
        .into_iter()
        .zip(case.nums("rollup_groups"))
        .zip(case.nums("rollup_leg_bytes"))
        .map(|((id, group), bytes)| Fields::new().uint(8, id).uint(4, group).uint(4, bytes).0)
        .collect();
    let (chain, manager) = (case.num("l1_chain_id"), case.bytes("stake_manager"));
    let encoding = Fields::new()
        .var(case.text("network_name"))
        .uint(8, case.num("time"))
        .bytes(&params)
        .bytes(case.bytes("validators"))
        .list(&rollups)
        .uint(8, chain)
        .bytes(&manager)
        .uint(4, case.num("l1_epoch"))
        .0;
    let hash = tagged("GEN", &encoding);
    same(case, "network", tagged("NET", Fields::new().bytes(&hash).uint(8, chain).bytes(&manager).0));
    same(case, "params", params);
    same(case, "encoding", encoding);
    same(case, "hash", hash);
}
