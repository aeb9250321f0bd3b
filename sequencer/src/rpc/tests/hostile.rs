//! Clients that want harm: crowds, floods, and those who take for ever. Each comes from an address of its own, so that
//! what is asked of an honest client beside them is what limits by address promise.

use super::*;
use fairlane_proto::v1::batch_service_client::BatchServiceClient;
use fairlane_proto::v1::submit_service_client::SubmitServiceClient;
use fairlane_proto::v1::{GetRangeRequest, SubmitRequest, submit_request::Content};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

const HONEST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const HOSTILE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
/// What this process may grow by while a node is attacked; tests that run beside count too.
const GROWTH: u64 = 400 << 20;

/// Memory of this process, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

async fn socket(from: Ipv4Addr, node: &Node) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(node.address).await
}

async fn channel_from(from: Ipv4Addr, node: &Node) -> Channel {
    let endpoint = Channel::from_shared(node.url()).unwrap().local_address(Some(IpAddr::V4(from)));
    endpoint.connect().await.unwrap()
}

async fn submit(client: &mut SubmitServiceClient<Channel>, sent: &Transaction) -> Result<(), tonic::Status> {
    let content = Some(Content::Envelope(sent.envelope().clone()));
    client.submit(SubmitRequest { content }).await.map(drop)
}

/// Whether the other side closes within a time. It may say something before.
async fn closes_within(time: Duration, stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(time, stream.read_to_end(&mut rest)).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_get_their_address_s_share_and_leave_room_for_others() {
    let limits = RpcLimits { max_connections: 64, ..RpcLimits::default() };
    let node = Setup { limits, takes_transactions: true, ..Setup::default() }.start().await;
    let before = resident();
    let mut open = Vec::new();
    for _ in 0..1_000 {
        let mut stream = socket(HOSTILE, &node).await.unwrap();
        // Those beyond the share are closed at once; those within it are heard out for a while.
        if !closes_within(Duration::from_millis(2), &mut stream).await {
            open.push(stream);
        }
    }
    let mut client = SubmitServiceClient::new(channel_from(HONEST, &node).await);
    submit(&mut client, &transaction(1, 100, 1)).await.unwrap();
    let mut held = 0;
    for stream in &mut open {
        held += usize::from(!closes_within(Duration::from_millis(50), stream).await);
    }
    assert!(held <= 16, "{held} connections of one address are open, a quarter of the places are 16");
    assert!(resident().saturating_sub(before) < GROWTH);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_for_ever_to_greet_is_closed() {
    let node = Setup::default().start().await;
    let mut slow = JoinSet::new();
    for _ in 0..8 {
        let mut stream = socket(HOSTILE, &node).await.unwrap();
        slow.spawn(async move {
            let begun = Instant::now();
            for byte in b"PRI * HTTP/2.0\r\n\r\nSM" {
                // One that was closed cannot be written to.
                let _ = stream.write_all(&[*byte]).await;
                if closes_within(Duration::from_secs(1), &mut stream).await {
                    return begun.elapsed();
                }
            }
            panic!("still open after {:?}", begun.elapsed());
        });
    }
    while let Some(held) = slow.join_next().await {
        assert!(held.unwrap() < Duration::from_secs(15));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_at_ten_times_the_limit_costs_nobody_else_anything() {
    const PER_SECOND: u32 = 100;
    const SECONDS: u64 = 3;
    let limits = RpcLimits { client_transactions_per_second: PER_SECOND, ..RpcLimits::default() };
    let node = Setup { limits, takes_transactions: true, ..Setup::default() }.start().await;
    let before = resident();
    let flood = {
        let channel = channel_from(HOSTILE, &node).await;
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_millis(1));
            let mut calls = JoinSet::new();
            for salt in 0..u64::from(PER_SECOND) * 10 * SECONDS {
                tick.tick().await;
                let mut client = SubmitServiceClient::new(channel.clone());
                calls.spawn(async move { submit(&mut client, &transaction(1, 100, salt)).await.is_ok() });
            }
            calls.join_all().await.into_iter().filter(|accepted| *accepted).count() as u64
        })
    };
    let mut client = SubmitServiceClient::new(channel_from(HONEST, &node).await);
    let mut slowest = Duration::ZERO;
    let begun = Instant::now();
    let mut sent = 0u64;
    while begun.elapsed() < Duration::from_secs(SECONDS) {
        let submitted = Instant::now();
        submit(&mut client, &transaction(2, 100, 1_000_000 + sent))
            .await
            .expect("the honest client is served");
        slowest = slowest.max(submitted.elapsed());
        sent += 1;
    }
    let accepted = flood.await.unwrap();
    // Two seconds' worth may be saved up.
    let allowed = u64::from(PER_SECOND) * (begun.elapsed().as_secs() + 3);
    assert!((1..=allowed).contains(&accepted), "{accepted} of the flood were taken, {allowed} may be");
    assert!(sent >= 10 && slowest < Duration::from_secs(2), "{sent} sent, the slowest took {slowest:?}");
    assert!(resident().saturating_sub(before) < GROWTH);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_sent_again_is_a_duplicate_and_then_expired_but_never_taken() {
    let node = Setup { takes_transactions: true, ..Setup::default() }.start().await;
    let mut client = SubmitServiceClient::new(channel_from(HOSTILE, &node).await);
    let once = expiring(1, 100, 1, now() + 2_000_000_000);
    submit(&mut client, &once).await.unwrap();
    let (mut duplicate, mut expired) = (0, 0);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        match reason(submit(&mut client, &once).await) {
            Refusal::Duplicate => duplicate += 1,
            Refusal::Expired => expired += 1,
            other => panic!("refused as {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(duplicate > 0 && expired > 0, "{duplicate} duplicate, {expired} expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_that_nobody_has_are_refused_at_once() {
    let node = Setup { blocks: 3, ..Setup::default() }.start().await;
    let mut client = BatchServiceClient::new(channel_from(HOSTILE, &node).await);
    let begun = Instant::now();
    for _ in 0..100 {
        for (rollup_id, from_index) in [(1, 1_000_000), (1, u64::MAX), (99, 1)] {
            let request = GetRangeRequest { rollup_id, from_index, max_batches: u32::MAX };
            let reason = reason(client.get_range(request).await);
            assert!(
                matches!(reason, Refusal::Ahead | Refusal::UnknownRollup | Refusal::NotFound),
                "{reason:?}"
            );
        }
    }
    assert!(begun.elapsed() < DEADLINE);
    let mut garbage = socket(HOSTILE, &node).await.unwrap();
    garbage.write_all(&[0; 64]).await.unwrap();
    assert!(closes_within(DEADLINE, &mut garbage).await);
}
