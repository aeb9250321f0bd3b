use crate::lane_service::ahead::Ahead;
use crate::lane_service::backlog::{Backlog, FairShare};
use crate::lane_service::config::LaneServiceConfig;
use crate::lane_service::cuts::Pursuit;
use crate::lane_service::evidence::WaitingEvidence;
use crate::lane_service::fetcher::Fetcher;
use crate::lane_service::ingress::Ingress;
use crate::lane_service::segments::{Persist, are_chain, as_taken_in};
use crate::network::{FetchWant, PeerInfo};
use fairlane_proto::v1::Refusal;
use fairlane_types::{
    GroupId, Height, LaneId, LaneSeq, ProtocolParams, RollupId, RollupRules, SegmentDigest, SegmentRef,
    Timestamp, Transaction, ValidatorId,
};
use libp2p::PeerId;
use std::time::{Duration, Instant};

use super::{SECOND, genesis, hostile, key, transaction_until};

fn reference(lane: u8, seq: u64) -> SegmentRef {
    let lane = LaneId { validator: ValidatorId::from_bytes([lane; 32]), ..LaneId::default() };
    SegmentRef { lane, seq: LaneSeq::new(seq), digest: SegmentDigest::from_bytes([seq as u8; 32]) }
}

fn peers(validators: &[u8]) -> Vec<PeerInfo> {
    let peer = |id: &u8| PeerInfo {
        peer: PeerId::random(),
        address: "/ip4/127.0.0.1/tcp/1".parse().unwrap(),
        validator: Some(ValidatorId::from_bytes([*id; 32])),
    };
    validators.iter().map(peer).collect()
}

#[test]
fn the_store_is_asked_first_then_holder_author_and_everybody_in_turn() {
    let (mut fetcher, peers, mut now) = (Fetcher::default(), peers(&[1, 2, 3]), Instant::now());
    let holder = ValidatorId::from_bytes([3; 32]);
    fetcher.want(reference(2, 5), Some(holder), None, Fetcher::PATIENCE, now);
    assert!(fetcher.plan(&peers, now).is_empty(), "it may still come by itself");
    now += Fetcher::PATIENCE;
    let mut asked = Vec::new();
    for _ in 0..6 {
        let orders = fetcher.plan(&peers, now);
        assert_eq!(orders.len(), 1);
        assert!(fetcher.plan(&peers, now).is_empty(), "one request at a time for one segment");
        asked.push(orders[0].source);
        fetcher.done(&orders[0], None, now);
        now += Duration::from_secs(2);
    }
    let id = |at: usize| Some(peers[at].peer);
    assert_eq!(asked, [None, id(2), id(1), id(0), id(1), id(2)]);
}

#[test]
fn what_arrived_is_not_asked_for() {
    let (mut fetcher, now) = (Fetcher::default(), Instant::now());
    fetcher.want(reference(1, 5), None, None, Duration::ZERO, now);
    fetcher.arrived(&reference(1, 5).digest);
    assert!(fetcher.is_idle());
    assert!(fetcher.plan(&peers(&[1]), now).is_empty());
}

#[test]
fn a_range_goes_on_from_where_it_got_to() {
    let (mut fetcher, peers, now) = (Fetcher::default(), peers(&[1]), Instant::now());
    let last = reference(1, 100);
    fetcher.want(last, None, Some(LaneSeq::new(10)), Duration::ZERO, now);
    let orders = fetcher.plan(&peers, now);
    assert_eq!(orders[0].want, FetchWant::Range { last, after: LaneSeq::new(10) });
    fetcher.done(&orders[0], Some(LaneSeq::new(60)), now);
    let orders = fetcher.plan(&peers, now);
    assert_eq!(orders[0].want, FetchWant::Range { last, after: LaneSeq::new(60) });
    fetcher.done(&orders[0], None, now);
    let orders = fetcher.plan(&peers, now);
    assert_eq!(orders[0].source, Some(peers[0].peer), "the store has no more");
    fetcher.done(&orders[0], None, now);
    let orders = fetcher.plan(&peers, now + Duration::from_secs(2));
    assert_eq!(orders[0].want, FetchWant::Names(vec![last]), "names are the fallback");
}

#[test]
fn requests_to_one_source_are_bounded() {
    let (mut fetcher, now) = (Fetcher::default(), Instant::now());
    for seq in 1..=250 {
        let mut wanted = reference(1, seq);
        wanted.digest = SegmentDigest::from_bytes([seq as u8; 32]);
        fetcher.want(wanted, None, None, Duration::ZERO, now);
    }
    let orders = fetcher.plan(&[], now);
    let named: usize = orders.iter().map(|order| order.about.len()).sum();
    assert_eq!((orders.len(), named), (4, 4 * 32));
}

/// What reading ahead asks for, when the view holds lanes up to `held`.
fn ahead_of(
    ahead: &mut Ahead,
    held: u64,
    peers: &[PeerInfo],
    now: Instant,
) -> Vec<(Option<PeerId>, FetchWant)> {
    let orders = ahead.plan(|_| LaneSeq::new(held), peers, now);
    orders.into_iter().map(|order| (order.source, order.want)).collect()
}

#[test]
fn a_lane_is_read_ahead_up_to_what_a_peer_showed() {
    let (mut ahead, peers, mut now) = (Ahead::default(), peers(&[2, 1]), Instant::now());
    let goal = reference(1, 900);
    ahead.shown(goal, now);
    ahead.shown(reference(1, 800), now);
    let range = FetchWant::Range { last: goal, after: LaneSeq::new(10) };
    assert_eq!(ahead_of(&mut ahead, 10, &peers, now), [(Some(peers[1].peer), range.clone())], "its author");
    assert!(ahead_of(&mut ahead, 10, &peers, now).is_empty(), "one request at a time for one lane");
    ahead.fetched(goal.lane, LaneSeq::new(10), Vec::new(), now);
    assert!(ahead_of(&mut ahead, 10, &peers, now).is_empty(), "a pause after an answer that brought nothing");
    now += Duration::from_secs(1);
    assert_eq!(ahead_of(&mut ahead, 10, &peers, now), [(Some(peers[1].peer), range)], "then others in turn");
    ahead.fetched(goal.lane, LaneSeq::new(10), Vec::new(), now);
    assert!(
        ahead_of(&mut ahead, 890, &peers, now + Duration::from_secs(1)).is_empty(),
        "the rest comes by itself"
    );
}

#[test]
fn a_goal_that_nobody_serves_is_given_up() {
    let (mut ahead, peers, mut now) = (Ahead::default(), peers(&[1, 2]), Instant::now());
    let goal = reference(1, 900);
    ahead.shown(goal, now);
    let mut asked = 0;
    while !ahead_of(&mut ahead, 10, &peers, now).is_empty() {
        asked += 1;
        assert!(asked < 100, "it is asked for again and again");
        ahead.fetched(goal.lane, LaneSeq::new(10), Vec::new(), now);
        now += Duration::from_secs(1);
    }
    assert!(asked >= peers.len(), "everybody was asked");
    ahead.shown(reference(1, 500), now);
    assert_eq!(ahead_of(&mut ahead, 10, &peers, now).len(), 1, "another goal is tried, though it is nearer");
}

#[test]
fn what_was_read_ahead_is_given_out_as_the_decided_head_comes_near() {
    let genesis = genesis(&[1]);
    let (mut ahead, now) = (Ahead::default(), Instant::now());
    let first = hostile::segment(1, &genesis, 1);
    let lane = first.reference().lane;
    ahead.shown(SegmentRef { seq: LaneSeq::new(900), ..first.reference() }, now);
    ahead.fetched(lane, LaneSeq::new(5), vec![first.clone()], now);
    assert!(ahead.due(|_| LaneSeq::new(5)).is_empty(), "it does not follow on what is held");
    ahead.fetched(lane, LaneSeq::ZERO, vec![first.clone()], now);
    let due = ahead.due(|_| LaneSeq::ZERO);
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].reference(), first.reference());
    assert!(ahead.due(|_| LaneSeq::ZERO).is_empty());
}

#[test]
fn a_node_that_runs_after_the_others_is_silent_until_it_has_caught_up() {
    let (mut pursuit, now) = (Pursuit::default(), Instant::now());
    assert_eq!(pursuit.silent_until(), None);
    for height in [5, 6, 8, 9] {
        pursuit.follow(Height::new(height), now);
        assert_eq!(pursuit.silent_until(), None, "missing a block or two is no sign");
    }
    pursuit.follow(Height::new(10), now);
    assert!(pursuit.silent_until().is_some_and(|until| until > now));
}

#[test]
fn a_chain_is_without_gap_and_ends_where_it_should() {
    let genesis = genesis(&[1]);
    let first = hostile::segment(1, &genesis, 1);
    let other = hostile::segment(1, &genesis, 2);
    let bytes = [first.bytes().clone()];
    assert!(are_chain(&bytes, &first.reference(), LaneSeq::ZERO));
    assert!(are_chain(&[], &first.reference(), LaneSeq::ZERO));
    assert!(!are_chain(&bytes, &other.reference(), LaneSeq::ZERO), "another variant of the end");
    assert!(!are_chain(&bytes, &first.reference(), LaneSeq::new(1)), "not after the place");
    let twice = [first.bytes().clone(), first.bytes().clone()];
    assert!(!are_chain(&twice, &reference(1, 9), LaneSeq::ZERO));
    assert!(!are_chain(&[vec![1, 2, 3].into()], &first.reference(), LaneSeq::ZERO), "no segment at all");
}

#[test]
fn an_answer_that_reaches_its_goal_goes_in_newest_first() {
    let genesis = genesis(&[1]);
    let segments = vec![hostile::segment(1, &genesis, 1), hostile::segment(1, &genesis, 2)];
    let range = |last| FetchWant::Range { last, after: LaneSeq::ZERO };
    let names = FetchWant::Names(segments.iter().map(|segment| segment.reference()).collect());
    let reversed: Vec<_> = segments.iter().rev().cloned().collect();
    assert_eq!(as_taken_in(&range(segments[1].reference()), segments.clone()), reversed);
    assert_eq!(as_taken_in(&range(reference(1, 9)), segments.clone()), segments, "a piece on the way to it");
    assert_eq!(as_taken_in(&names, segments.clone()), segments);
}

#[test]
fn the_interval_grows_with_the_network() {
    let config = LaneServiceConfig::default();
    let millis = |validators| config.interval_for(validators).as_millis();
    assert_eq!([millis(1), millis(4), millis(10), millis(11), millis(100)], [14, 14, 14, 28, 140]);
    assert_eq!(millis(2_000), 250);
}

#[test]
fn a_rollup_keeps_its_share_when_another_floods() {
    let mut share = FairShare::default();
    let far = Timestamp::from_nanos(SECOND);
    let mut salt = 0;
    let mut fill = |share: &mut FairShare, rollup| {
        let mut taken = 0;
        loop {
            salt += 1;
            let transaction = transaction_until(rollup, 1_000, salt, far);
            match share.check(&transaction, 100_000) {
                Ok(()) => share.add(&transaction),
                Err(refused) => {
                    assert_eq!(refused.reason, Refusal::LaneFull);
                    return taken;
                }
            }
            taken += 1;
            assert!(taken < 1_000);
        }
    };
    let first = fill(&mut share, 1);
    let second = fill(&mut share, 2);
    assert!(first >= 50 && second >= 40, "{first} and {second}");
}

#[test]
fn shares_are_given_back() {
    let mut share = FairShare::default();
    let transaction = transaction_until(1, 1_000, 1, Timestamp::from_nanos(SECOND));
    for _ in 0..100 {
        share.check(&transaction, 10_000).unwrap();
        share.add(&transaction);
        share.remove(&transaction);
    }
    assert_eq!(share.total(), 0);
}

/// Takes transactions of one rollup until one is refused, and says how many bytes of envelopes were taken.
fn take_all(backlog: &mut Backlog, taken: &mut Vec<Transaction>, now: Instant) -> u64 {
    let mut bytes = 0;
    loop {
        let transaction = transaction_until(1, 10_000, taken.len() as u64, Timestamp::from_nanos(SECOND));
        match backlog.check(&transaction, now) {
            Ok(()) => backlog.add(&transaction),
            Err(refused) => {
                assert_eq!(refused.reason, Refusal::LaneFull);
                return bytes;
            }
        }
        bytes += transaction.envelope().len() as u64;
        taken.push(transaction);
        assert!(bytes < 100 * Backlog::FLOOR, "nothing is refused");
    }
}

#[test]
fn what_is_taken_follows_what_is_ordered() {
    let (mut backlog, mut taken, mut now) =
        (Backlog::new(Duration::from_secs(1)), Vec::new(), Instant::now());
    let burst = take_all(&mut backlog, &mut taken, now);
    assert!(burst > Backlog::FLOOR * 9 / 10 && burst <= Backlog::FLOOR * 11 / 10, "{burst}");
    for transaction in &taken {
        backlog.remove(transaction);
    }
    assert_eq!(backlog.limit(now), Backlog::FLOOR, "what was given up is not ordered");
    for _ in 0..20 {
        now += Duration::from_millis(100);
        for transaction in &taken {
            backlog.check(transaction, now).unwrap();
            backlog.add(transaction);
        }
        taken.iter().for_each(|transaction| backlog.ordered(transaction, now));
    }
    let busy = backlog.limit(now);
    assert_eq!(busy, 10 * burst, "what is ordered in a second");
    now += Duration::from_secs(3);
    assert_eq!(backlog.limit(now), Backlog::FLOOR, "a chain that stands still orders nothing");
}

#[test]
fn expiry_is_judged_by_the_later_of_chain_and_local_time() {
    let ingress = Ingress { params: ProtocolParams::default() };
    let rollups = [(RollupId::new(1), RollupRules::default())].into();
    let at = |seconds: u64| Timestamp::from_nanos(seconds * SECOND);
    let check = |expires, now, chain| {
        let transaction = transaction_until(1, 10, 1, at(expires));
        ingress.check(&transaction, &rollups, at(now), at(chain)).map_err(|refused| refused.reason)
    };
    assert_eq!(check(1_000, 1_001, 500), Err(Refusal::Expired));
    assert_eq!(check(1_000, 500, 1_001), Err(Refusal::Expired));
    assert_eq!(check(1_118, 1_000, 990), Ok(()), "a chain that stands still is not waited for");
    assert_eq!(check(1_119, 1_000, 990), Err(Refusal::ExpiryTooFar));
    assert_eq!(check(1_120, 1_000, 1_000), Ok(()));
}

#[test]
fn a_payload_of_another_length_than_its_rollup_s_is_refused() {
    let ingress = Ingress { params: ProtocolParams::default() };
    let rules = RollupRules { group: GroupId::ZERO, leg_bytes: 85 };
    let rollups = [(RollupId::new(1), rules)].into();
    let now = Timestamp::from_nanos(SECOND);
    let check = |bytes| {
        let transaction = transaction_until(1, bytes, 1, now.saturating_add(SECOND));
        ingress.check(&transaction, &rollups, now, now)
    };
    assert_eq!(check(85), Ok(()));
    for bytes in [0, 84, 86] {
        let refused = check(bytes).unwrap_err();
        assert_eq!(refused.reason, Refusal::WrongSize);
        assert!(refused.message.contains("85 bytes"), "{}", refused.message);
    }
}

#[test]
fn answers_wait_for_all_that_was_accepted_before() {
    let genesis = genesis(&[1]);
    let mut persist = Persist::default();
    assert!(persist.is_past(persist.mark()));
    persist.add(hostile::segment(1, &genesis, 1));
    let mark = persist.mark();
    let batch = persist.next().unwrap();
    persist.add(hostile::segment(1, &genesis, 2));
    assert!(persist.next().is_none(), "one batch at a time");
    assert!(!persist.is_past(mark));
    persist.done(batch.len());
    assert!(persist.is_past(mark) && !persist.is_past(persist.mark()));
}

#[test]
fn an_offence_waits_once_and_not_after_its_block() {
    let genesis = genesis(&[1]);
    let (mut pool, evidence) = (WaitingEvidence::default(), hostile::equivocation(1, &genesis));
    assert!(pool.add(evidence.clone()));
    assert!(!pool.add(evidence.clone()));
    assert_eq!(pool.for_block(|_| true), std::slice::from_ref(&evidence));
    assert!(pool.for_block(|piece| piece.offender() != key(1).validator()).is_empty());
    pool.committed(std::slice::from_ref(&evidence));
    assert!(!pool.add(evidence));
    assert!(pool.for_block(|_| true).is_empty());
}
