use super::super::dial::Dialer;
use super::super::offence::Penalties;
use super::super::rate::Rate;
use super::*;
use fairlane_proto::v1;
use fairlane_types::SegmentRef;

#[test]
fn penalties_fade_and_bans_end() {
    let mut penalties = Penalties::new(100, Duration::from_secs(60));
    let (peer, start) = (PeerId::random(), Instant::now());
    assert!(!penalties.add(peer, Offence::Malformed, start));
    assert!(
        !penalties.add(peer, Offence::Malformed, start + Duration::from_secs(10)),
        "ten points have faded"
    );
    assert!(!penalties.is_banned(&peer));
    assert!(penalties.add(peer, Offence::Unasked, start + Duration::from_secs(11)));
    assert!(penalties.is_banned(&peer));
    assert!(penalties.expire(start + Duration::from_secs(70)).is_empty());
    assert_eq!(penalties.expire(start + Duration::from_secs(71)), [peer]);
    assert!(!penalties.is_banned(&peer));
}

#[test]
fn being_of_no_use_bans_at_once() {
    for offence in [Offence::WrongNetwork, Offence::WrongVersion, Offence::WrongProof] {
        let mut penalties = Penalties::new(100, Duration::from_secs(60));
        assert!(penalties.add(PeerId::random(), offence, Instant::now()), "{offence:?}");
    }
}

#[test]
fn remembered_offenders_are_bounded() {
    let mut penalties = Penalties::new(100, Duration::from_secs(60));
    let now = Instant::now();
    let worst = PeerId::random();
    penalties.add(worst, Offence::Malformed, now);
    for _ in 0..5_000 {
        penalties.add(PeerId::random(), Offence::TooMany, now);
    }
    assert!(
        penalties.add(worst, Offence::Malformed, now),
        "the greatest penalty is not forgotten for small ones"
    );
}

#[test]
fn a_rate_allows_two_seconds_at_once_and_then_its_pace() {
    let start = Instant::now();
    let mut rate = Rate::new(10, start);
    assert_eq!((0..100).filter(|_| rate.allow(start)).count(), 20);
    let later = start + Duration::from_millis(500);
    assert_eq!((0..100).filter(|_| rate.allow(later)).count(), 5);
}

#[test]
fn dialing_backs_off_and_stops_while_connected() {
    let start = Instant::now();
    let peer = PeerId::random();
    let address: Multiaddr = format!("/ip4/127.0.0.1/tcp/1/p2p/{peer}").parse().unwrap();
    let mut dialer = Dialer::new(std::slice::from_ref(&address), Duration::from_secs(4), start);
    let mut dialed = Vec::new();
    for tenth in 0..200 {
        if !dialer.due(start + Duration::from_millis(tenth * 100)).is_empty() {
            dialed.push(tenth * 100);
        }
    }
    assert_eq!(dialed, [0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500]);
    dialer.connected(peer, None);
    assert!(dialer.due(start + Duration::from_secs(100)).is_empty());
    dialer.disconnected(&peer, start + Duration::from_secs(100));
    assert!(dialer.due(start + Duration::from_secs(100)).is_empty(), "a pause comes first");
    assert_eq!(dialer.due(start + Duration::from_millis(100_500)), [address]);
}

#[test]
fn fetch_requests_survive_the_wire_and_garbage_does_not() {
    let lane = LaneId { validator: key(1).validator(), incarnation: Incarnation::new(2) };
    let reference = SegmentRef { lane, seq: LaneSeq::new(4), digest: SegmentDigest::from_bytes([5; 32]) };
    for want in [
        FetchWant::Names(vec![reference]),
        FetchWant::Range { last: reference, after: LaneSeq::new(2) },
        FetchWant::Head(lane),
    ] {
        let wire = v1::FetchRequest::from(&want);
        assert_eq!(FetchWant::try_from(wire).unwrap(), want);
    }
    use v1::fetch_request::Want;
    let names = |references| Some(Want::Names(v1::SegmentNames { references }));
    for want in [
        None,
        names(vec![Bytes::from_static(b"short")]),
        names(vec![Bytes::new(); 300]),
        Some(Want::Range(v1::LaneRange::default())),
        Some(Want::Head(v1::LaneHead { validator: Bytes::from_static(b"no key"), incarnation: 0 })),
    ] {
        assert!(FetchWant::try_from(v1::FetchRequest { want: want.clone() }).is_err(), "{want:?}");
    }
}
