use super::book::{CheckpointBook, SigningVerdict};
use super::core::{Core, Event, Output, Signer};
use super::testing::{certificate, checkpoint, id, secret, set, signed};
use crate::metrics::{CheckpointMetrics, Metrics, ReasonLabel};
use crate::network::{CheckpointSource as _, GossipToken, GossipVerdict, Offence, ReceivedCheckpoint};
use crate::store::OpenError;
use bytes::Bytes;
use fairlane_checkpoint::schedule::INTERVAL;
use fairlane_checkpoint::verify_conflict;
use fairlane_types::{
    BatchIndex, Checkpoint, Encode as _, Hash32, HeadLeaf, HeadsTree, Height, NetworkId, RollupHead,
    RollupId, SignedCheckpoint,
};
use libp2p::PeerId;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);
const MEMBERS: [u8; 4] = [1, 2, 3, 4];

fn open(path: &Path) -> CheckpointBook {
    CheckpointBook::open(path, NETWORK).unwrap()
}

fn at(height: u64, fork: u8) -> Checkpoint {
    checkpoint(NETWORK, &set(&MEMBERS), height, fork)
}

fn heads(rollups: u64) -> HeadsTree {
    let leaf = |id| HeadLeaf {
        rollup: RollupId::new(id),
        index: BatchIndex::new(id),
        head: RollupHead::from_bytes([1; 32]),
        last_height: Height::new(3),
    };
    HeadsTree::new((1..=rollups).map(leaf).collect())
}

#[test]
fn what_was_about_to_be_signed_holds_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book");
    let book = open(&path);
    assert_eq!(book.permit(&at(32, 1), None).unwrap(), SigningVerdict::Allowed);
    // The process is killed here, between the write and the signature's leaving: the file is what it is.
    let killed = folder.path().join("killed");
    std::fs::copy(&path, &killed).unwrap();
    let after = open(&killed);
    assert_eq!(after.newest_signed().unwrap(), Some(at(32, 1)));
    assert_eq!(after.permit(&at(32, 1), None).unwrap(), SigningVerdict::Allowed, "the same again");
    assert_eq!(after.permit(&at(32, 2), None).unwrap(), SigningVerdict::Contradicts(at(32, 1)));
    assert_eq!(after.permit(&at(16, 1), None).unwrap(), SigningVerdict::Passed(Height::new(32)));
    assert_eq!(after.permit(&at(48, 2), None).unwrap(), SigningVerdict::Allowed);
}

#[test]
fn the_file_belongs_to_one_network() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book");
    drop(open(&path));
    let other = CheckpointBook::open(&path, NetworkId::from_bytes([8; 32]));
    assert!(matches!(other, Err(OpenError::OtherNetwork { .. })));
    let first = open(&path);
    assert!(matches!(CheckpointBook::open(&path, NETWORK), Err(OpenError::InUse(_))));
    drop(first);
}

#[test]
fn a_later_format_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book");
    drop(open(&path));
    let table: redb::TableDefinition<'_, &str, &[u8]> = redb::TableDefinition::new("meta");
    let database = redb::Database::create(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    let mut identity = 9u32.to_be_bytes().to_vec();
    identity.extend_from_slice(NETWORK.as_bytes());
    transaction.open_table(table).unwrap().insert("identity", identity.as_slice()).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let refused = CheckpointBook::open(&path, NETWORK);
    assert!(matches!(refused, Err(OpenError::NewerFormat { found: 9, known: 1, .. })), "{refused:?}");
}

#[test]
fn certificates_and_heads_are_kept_and_old_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book");
    let (book, set) = (open(&path), set(&MEMBERS));
    let many = heads(1 << 14);
    for number in 1..=70 {
        let height = number * INTERVAL;
        let certificate = certificate(&set, at(height, 1), &[1, 2, 3]);
        assert!(book.put_certificate(&certificate).unwrap());
        assert!(!book.put_certificate(&certificate).unwrap(), "it is known");
        book.put_heads(Height::new(height), &many).unwrap();
    }
    drop(book);
    let book = open(&path);
    let newest = Height::new(70 * INTERVAL);
    assert_eq!(book.newest().unwrap().checkpoint.height, newest);
    let path = book.path(newest, RollupId::new(9)).unwrap().unwrap();
    assert_eq!(path.root(), Some(many.root()));
    assert_eq!(book.path(newest, RollupId::new(0)).unwrap(), None, "no such rollup");
    assert_eq!(book.path(Height::new(INTERVAL), RollupId::new(9)).unwrap(), None, "64 large trees are kept");
    assert_eq!(book.leaves(newest).unwrap().as_deref(), Some(many.leaves()));
    assert_eq!(book.leaves(Height::new(INTERVAL)).unwrap(), None);
    assert!(book.certificate(Height::new(INTERVAL)).unwrap().is_some());
    assert_eq!(book.certificate(Height::new(INTERVAL + 1)).unwrap(), None);
    let page = book.certificates_above(Height::new(2 * INTERVAL));
    assert_eq!(page.len(), 64);
    assert_eq!(page[0], certificate(&set, at(3 * INTERVAL, 1), &[1, 2, 3]).to_bytes());
    assert!(book.certificates_above(newest).is_empty());
}

/// A node whose chain has fork 1.
struct Node {
    core: Core,
    book: CheckpointBook,
    metrics: CheckpointMetrics,
    finals: Arc<Mutex<BTreeMap<Height, Checkpoint>>>,
    _folder: tempfile::TempDir,
}

impl Node {
    /// The node of the validator with this seed, or of nobody, that knows the keys of the set.
    fn new(seed: Option<u8>) -> Self {
        let mut node = Self::without_keys(seed.map(|seed| (seed, seed)));
        node.handle(Event::Keys(set(&MEMBERS)));
        node
    }

    /// One that knows no keys yet, and signs with the checkpoint key of the second seed.
    fn without_keys(signer: Option<(u8, u8)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let book = open(&folder.path().join("book"));
        let metrics = Metrics::new("test").checkpoints;
        let finals: Arc<Mutex<BTreeMap<Height, Checkpoint>>> = Arc::default();
        let known = Arc::clone(&finals);
        let core = Core::new(
            NETWORK,
            signer.map(|(seed, key)| Signer { validator: id(seed), key: secret(key) }),
            book.clone(),
            Box::new(move |height| Ok(known.lock().unwrap().get(&height).copied())),
            metrics.clone(),
        );
        Self { core: core.unwrap(), book, metrics, finals, _folder: folder }
    }

    fn handle(&mut self, event: Event) -> Vec<Output> {
        self.core.handle(event).unwrap()
    }

    fn finalizes(&mut self, checkpoint: Checkpoint) -> Vec<Output> {
        self.finals.lock().unwrap().insert(checkpoint.height, checkpoint);
        self.handle(Event::Final(checkpoint, Some(heads(2))))
    }

    fn hears(&mut self, signed: Bytes, repeat: u32) -> Vec<Output> {
        let gossip = GossipToken::for_tests();
        self.handle(Event::Received(ReceivedCheckpoint { from: PeerId::random(), signed, repeat, gossip }))
    }

    fn hears_of(&mut self, signed: SignedCheckpoint) -> Vec<Output> {
        self.hears(signed.to_bytes().into(), 0)
    }

    fn refused(&self, reason: &'static str) -> u64 {
        self.metrics.refused.get_or_create(&ReasonLabel { reason }).get()
    }
}

fn announced(outputs: &[Output]) -> Vec<(SignedCheckpoint, u32)> {
    let announced = |output: &Output| match output {
        Output::Announce(signed, repeat) => Some((**signed, *repeat)),
        _ => None,
    };
    outputs.iter().filter_map(announced).collect()
}

fn verdict(outputs: &[Output]) -> GossipVerdict {
    let verdict = |output: &Output| match output {
        Output::Verdict(_, verdict) => Some(*verdict),
        _ => None,
    };
    outputs.iter().find_map(verdict).unwrap()
}

fn offence(outputs: &[Output]) -> Option<Offence> {
    outputs.iter().find_map(|output| match output {
        Output::Offence(_, offence) => Some(*offence),
        _ => None,
    })
}

#[test]
fn a_final_block_is_signed_once_and_the_same_after_a_restart() {
    let mut node = Node::new(Some(1));
    let first = announced(&node.finalizes(at(16, 1)));
    assert_eq!(first, [(signed(1, at(16, 1)), 0)]);
    assert_eq!(node.metrics.signed.get(), 16);
    // Another process with the same file.
    let Node { book, .. } = &node;
    let signer = Signer { validator: id(1), key: secret(1) };
    let metrics = Metrics::new("test").checkpoints;
    let mut again = Core::new(NETWORK, Some(signer), book.clone(), Box::new(|_| Ok(None)), metrics).unwrap();
    again.handle(Event::Keys(set(&MEMBERS))).unwrap();
    assert_eq!(announced(&again.handle(Event::Final(at(16, 1), None)).unwrap()), first);
    assert!(announced(&again.handle(Event::Final(at(16, 2), None)).unwrap()).is_empty(), "never another one");
}

#[test]
fn whoever_is_no_member_or_has_another_key_signs_nothing() {
    for signer in [None, Some((9, 9)), Some((1, 9))] {
        let mut node = Node::without_keys(signer);
        node.handle(Event::Keys(set(&MEMBERS)));
        assert!(announced(&node.finalizes(at(16, 1))).is_empty(), "{signer:?}");
        assert_eq!(node.book.newest_signed().unwrap(), None);
        assert!(
            node.book.path(Height::new(16), RollupId::new(1)).unwrap().is_some(),
            "heads are kept all the same"
        );
    }
}

#[test]
fn a_quorum_makes_a_certificate() {
    let mut node = Node::new(Some(1));
    // One member is ahead of this node.
    assert_eq!(verdict(&node.hears_of(signed(2, at(16, 1)))), GossipVerdict::Accept);
    node.finalizes(at(16, 1));
    assert_eq!(node.book.newest(), None);
    assert_eq!(verdict(&node.hears_of(signed(3, at(16, 1)))), GossipVerdict::Accept);
    assert_eq!(node.book.newest(), Some(certificate(&set(&MEMBERS), at(16, 1), &[1, 2, 3])));
    assert_eq!(node.metrics.certified.get(), 16);
    let path = node.book.path(Height::new(16), RollupId::new(2)).unwrap().unwrap();
    assert_eq!(path.root(), Some(heads(2).root()));
}

#[test]
fn what_is_wrong_is_refused_and_blamed() {
    let mut node = Node::new(Some(1));
    node.finalizes(at(16, 1));
    let good = signed(2, at(16, 1));
    let other_network = NetworkId::from_bytes([8; 32]);
    let elsewhere = signed(2, checkpoint(other_network, &set(&MEMBERS), 16, 1));
    let forged = SignedCheckpoint { signature: secret(3).sign(&at(16, 1)), ..good };
    let cases: [(&str, Bytes, u32, Offence); 6] = [
        ("malformed", Bytes::from_static(b"short"), 0, Offence::Malformed),
        ("wrong_network", elsewhere.to_bytes().into(), 0, Offence::WrongNetwork),
        ("not_due", signed(2, at(17, 1)).to_bytes().into(), 0, Offence::Malformed),
        ("not_due", good.to_bytes().into(), 9, Offence::Malformed),
        ("not_a_member", signed(9, at(16, 1)).to_bytes().into(), 0, Offence::WrongSignature),
        ("wrong_signature", forged.to_bytes().into(), 0, Offence::WrongSignature),
    ];
    for (reason, bytes, repeat, blamed) in cases {
        let before = node.refused(reason);
        let outputs = node.hears(bytes, repeat);
        assert_eq!((verdict(&outputs), offence(&outputs)), (GossipVerdict::Reject, Some(blamed)), "{reason}");
        assert_eq!(node.refused(reason), before + 1);
    }
    assert_eq!(verdict(&node.hears_of(good)), GossipVerdict::Accept, "the genuine one counts after all that");
}

#[test]
fn what_is_nobodys_fault_is_neither_forwarded_nor_blamed() {
    let mut node = Node::new(Some(1));
    node.finalizes(at(32, 1));
    node.hears_of(signed(2, at(32, 1)));
    let strangers = checkpoint(NETWORK, &set(&[11, 12]), 32, 1);
    for (reason, signed) in [
        ("known", signed(2, at(32, 1))),
        ("late", signed(2, at(16, 1))),
        ("unknown_set", signed(11, strangers)),
        ("unknown_set", signed(3, strangers)),
    ] {
        let before = node.refused(reason);
        let outputs = node.hears_of(signed);
        assert_eq!((verdict(&outputs), offence(&outputs)), (GossipVerdict::Ignore, None), "{reason}");
        assert_eq!(node.refused(reason), before + 1);
    }
}

#[test]
fn two_checkpoints_of_a_height_are_evidence_also_for_another_set() {
    for named in [set(&MEMBERS), set(&[11, 12])] {
        let mut node = Node::new(None);
        node.finalizes(at(16, 1));
        node.hears_of(signed(2, at(16, 1)));
        let outputs = node.hears_of(signed(2, checkpoint(NETWORK, &named, 16, 2)));
        let conflicts: Vec<_> = outputs
            .iter()
            .filter_map(|output| match output {
                Output::Evidence(conflict) => Some(conflict),
                _ => None,
            })
            .collect();
        let [conflict] = conflicts[..] else { panic!("{outputs:?}") };
        verify_conflict(conflict, &NETWORK).unwrap();
        assert_eq!(verdict(&outputs), GossipVerdict::Accept, "the others should learn of it");
        assert_eq!(node.metrics.conflicts.get(), 1);
        let more = node.hears_of(signed(2, at(16, 3)));
        assert_eq!(verdict(&more), GossipVerdict::Ignore, "one proof is enough");
    }
}

#[test]
fn sets_follow_each_other_and_keys_may_come_late() {
    let next = set(&[2, 3, 4, 5]);
    let last = Checkpoint { next_validators_hash: next.hash(), ..at(21, 1) };
    let mut node = Node::new(Some(2));
    assert_eq!(announced(&node.finalizes(last)), [(signed(2, last), 0)]);
    let first = checkpoint(NETWORK, &next, 32, 1);
    assert!(node.finalizes(first).is_empty(), "the keys of the next set are not known");
    // Late ones of the old set still count.
    for seed in [3, 4] {
        node.hears_of(signed(seed, last));
    }
    assert_eq!(node.book.newest().unwrap().checkpoint, last);
    let outputs = node.handle(Event::Keys(next.clone()));
    assert_eq!(announced(&outputs), [(signed(2, first), 0)]);
    for seed in [4, 5] {
        node.hears_of(signed(seed, first));
    }
    assert_eq!(node.book.newest(), Some(certificate(&next, first, &[2, 4, 5])));
    let left = node.hears_of(signed(1, checkpoint(NETWORK, &next, 48, 1)));
    assert_eq!(offence(&left), Some(Offence::WrongSignature), "who left does not sign for the next set");
}

#[test]
fn a_signature_is_announced_again_until_it_is_certified_but_not_for_ever() {
    let mut node = Node::new(Some(1));
    assert!(node.handle(Event::Tick).is_empty());
    node.finalizes(at(16, 1));
    let repeats: Vec<u32> =
        (0..20).flat_map(|_| announced(&node.handle(Event::Tick))).map(|(_, repeat)| repeat).collect();
    assert_eq!(repeats, [1, 2, 3, 4, 5, 6, 7, 8]);
    node.finalizes(at(32, 1));
    node.hears_of(signed(2, at(32, 1)));
    node.hears_of(signed(3, at(32, 1)));
    assert!(node.handle(Event::Tick).is_empty(), "it is certified");
}

#[test]
fn certificates_of_peers_count_where_they_fit_the_own_chain() {
    let members = set(&MEMBERS);
    let mut node = Node::new(None);
    for height in [16, 32] {
        node.finalizes(at(height, 1));
    }
    let fits = certificate(&members, at(16, 1), &[2, 3, 4]);
    let contradicts = certificate(&members, at(32, 2), &[2, 3, 4]);
    let ahead = certificate(&members, at(48, 1), &[2, 3, 4]);
    let of_others = certificate(&set(&[11, 12]), checkpoint(NETWORK, &set(&[11, 12]), 16, 1), &[11, 12]);
    let bytes = [contradicts, ahead, of_others, fits].map(|certificate| Bytes::from(certificate.to_bytes()));
    let outputs = node.handle(Event::Certificates(PeerId::random(), bytes.to_vec()));
    assert_eq!(offence(&outputs), None);
    assert_eq!(node.book.newest(), Some(fits));
    assert_eq!(node.book.certificate(Height::new(32)).unwrap(), None);
    for reason in ["contradiction", "not_final", "unknown_set"] {
        assert_eq!(node.refused(reason), 1, "{reason}");
    }
    let few = certificate(&members, at(32, 1), &[2, 3]);
    let lie = Checkpoint { heads_root: Hash32::ZERO, ..at(32, 1) };
    let forged = fairlane_types::CheckpointCertificate {
        checkpoint: lie,
        ..certificate(&members, at(32, 1), &[2, 3, 4])
    };
    for bad in [few.to_bytes(), forged.to_bytes(), vec![1]] {
        let outputs = node.handle(Event::Certificates(PeerId::random(), vec![bad.into()]));
        assert!(offence(&outputs).is_some());
    }
}
