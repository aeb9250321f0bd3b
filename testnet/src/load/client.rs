//! One client of the load: an open-loop sender over a submit stream, and a reader of its receipts.
//!
//! The sender never waits for answers. What it cannot send in time is sent late with its due time unchanged, so
//! that a slow network shows as latency and not as a lower load. When its validator goes away it turns to the next.

use super::LoadShared;
use super::payload::Stamp;
use bytes::Bytes;
use fairlane_proto::v1::submit_service_client::SubmitServiceClient;
use fairlane_proto::v1::{ReceiptGroup, SubmitItem, SubmitStreamRequest, SubmitStreamResponse};
use fairlane_types::codec::Decode as _;
use fairlane_types::{Hash32, Leg, Receipt, SegmentHeader, Signature, Timestamp, Transaction, TxId};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

/// How often due transactions are collected and sent.
const TICK: Duration = Duration::from_millis(2);
/// Requests that wait for the network at most; beyond that the sender is late.
const IN_FLIGHT_REQUESTS: usize = 64;
/// The most transactions in one request.
const MAX_ITEMS: u64 = 256;
/// Pause before a client turns to the next validator.
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);
/// Of each group of receipts, one Merkle path in this many is checked; signatures are all checked.
const PATH_SAMPLE: usize = 16;

/// The share of the schedule that one client sends: every `stride`-th transaction from `next` on.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) next: u64,
    pub(super) stride: u64,
}

/// Sends its share until the load ends, over whichever validator answers.
pub(super) async fn run(shared: Arc<LoadShared>, mut share: Share, first_endpoint: usize) {
    let mut attempt = first_endpoint;
    while !shared.finished(share.next) {
        let endpoint = shared.endpoints[attempt % shared.endpoints.len()].clone();
        if let Err(error) = session(&shared, &mut share, endpoint.clone()).await {
            tracing::debug!(%endpoint, %error, "a load client turns to the next validator");
            shared.counts.reconnects.fetch_add(1, Relaxed);
            tokio::time::sleep(RECONNECT_PAUSE).await;
        }
        attempt += 1;
    }
}

async fn session(shared: &Arc<LoadShared>, share: &mut Share, endpoint: String) -> eyre::Result<()> {
    let channel = Channel::from_shared(endpoint)?
        .connect_timeout(Duration::from_secs(2))
        .http2_keep_alive_interval(Duration::from_secs(2))
        .keep_alive_timeout(Duration::from_secs(2))
        .keep_alive_while_idle(true)
        .tcp_nodelay(true)
        .connect()
        .await?;
    let (requests, outgoing) = mpsc::channel(IN_FLIGHT_REQUESTS);
    let mut client = SubmitServiceClient::new(channel);
    let mut answers = client.submit_stream(ReceiverStream::new(outgoing)).await?.into_inner();
    let reader = {
        let shared = shared.clone();
        tokio::spawn(async move {
            while let Some(answer) = answers.message().await? {
                take_answer(&shared, answer);
            }
            Ok::<(), tonic::Status>(())
        })
    };
    send_share(shared, share, &requests).await?;
    drop(requests);
    tokio::time::timeout(shared.drain, reader).await???;
    Ok(())
}

async fn send_share(
    shared: &LoadShared,
    share: &mut Share,
    requests: &mpsc::Sender<SubmitStreamRequest>,
) -> eyre::Result<()> {
    let mut tick = tokio::time::interval(TICK);
    while !shared.finished(share.next) {
        tick.tick().await;
        let due = shared.due_now();
        while share.next < due {
            let request = collect(shared, share, due)?;
            requests.send(request).await?;
        }
    }
    Ok(())
}

fn collect(shared: &LoadShared, share: &mut Share, due: u64) -> eyre::Result<SubmitStreamRequest> {
    let end = due.min(share.next + MAX_ITEMS * share.stride);
    let mut items = Vec::new();
    while share.next < end {
        let seq = share.next;
        items.push(SubmitItem { tag: seq, envelope: envelope(shared, seq)? });
        share.next += share.stride;
        shared.counts.offered.fetch_add(1, Relaxed);
    }
    Ok(SubmitStreamRequest { items })
}

fn envelope(shared: &LoadShared, seq: u64) -> eyre::Result<Bytes> {
    let due = shared.started_nanos + shared.ledger.schedule().due(seq).as_nanos() as u64;
    let stamp = Stamp { due_nanos: due, seq };
    let legs = shared
        .ledger
        .schedule()
        .rollups_of(seq)
        .map(|rollup| Ok(Leg { rollup, payload: shared.kind(rollup).make(stamp, shared.size)? }))
        .collect::<eyre::Result<Vec<Leg>>>()?;
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&seq.to_be_bytes());
    let expires = Timestamp::from_nanos(due).saturating_add(shared.expires_in.as_nanos() as u64);
    Ok(Transaction::new(legs, expires, salt)?.envelope().clone())
}

fn take_answer(shared: &LoadShared, answer: SubmitStreamResponse) {
    for refusal in answer.refusals {
        tracing::debug!(tag = refusal.tag, message = refusal.message, "refused");
        shared.counts.refused.fetch_add(1, Relaxed);
    }
    for group in answer.receipts {
        if let Err(error) = check_group(shared, &group) {
            tracing::warn!(%error, "a validator sent receipts that prove nothing");
            shared.counts.bad_receipts.fetch_add(group.entries.len() as u64, Relaxed);
            continue;
        }
        shared.counts.accepted.fetch_add(group.entries.len() as u64, Relaxed);
        group.entries.iter().for_each(|entry| take_receipt(shared, entry.tag));
    }
}

fn take_receipt(shared: &LoadShared, seq: u64) {
    shared.ledger.accept(seq);
    let schedule = shared.ledger.schedule();
    let time = shared.started.elapsed().saturating_sub(schedule.due(seq));
    schedule.rollups_of(seq).for_each(|rollup| shared.receipts.record(rollup, time));
}

/// Checks the group's signature, and the Merkle paths of a sample of its receipts.
fn check_group(shared: &LoadShared, group: &ReceiptGroup) -> eyre::Result<()> {
    let header = SegmentHeader::from_bytes(group.segment_header.clone())?;
    let signature = Signature::from_bytes(group.signature.as_ref().try_into()?);
    for entry in group.entries.iter().step_by(PATH_SAMPLE) {
        let (hashes, _) = entry.path.as_chunks::<32>();
        let receipt = Receipt {
            transaction: TxId::from_bytes(entry.transaction_id.as_ref().try_into()?),
            header: header.clone(),
            signature,
            index: entry.index,
            path: hashes.iter().copied().map(Hash32::from_bytes).collect(),
        };
        receipt.verify(&shared.network)?;
    }
    Ok(())
}
