//! One stream of submissions: a task that reads and one that answers.
//!
//! What has no answer yet is bounded. A client that sends faster than its rate, or leaves answers unread, is slowed
//! down by not being read from; nothing of what it sent is dropped.

use super::core::Core;
use crate::lane_service::{LaneHandle, ReceiptEntry, SubmitReply};
use fairlane_proto::v1::{
    self, ItemRefusal, ReceiptGroup, Refusal, SubmitItem, SubmitStreamRequest, SubmitStreamResponse,
};
use fairlane_proto::{convert, refusal};
use fairlane_types::{SegmentHeader, Signature, Transaction};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tonic::{Status, Streaming};

/// Messages between the answering task and the connection.
const OUT_QUEUE: usize = 4;
/// The most answers of the lane service in one message.
const ANSWERS: usize = 256;
/// The most receipts in one group: about 1 MiB with their paths.
const GROUP: usize = 2048;

type Out = mpsc::Sender<Result<SubmitStreamResponse, Status>>;

/// Starts both tasks.
pub(super) fn start(
    core: Arc<Core>,
    lanes: LaneHandle,
    client: IpAddr,
    requests: Streaming<SubmitStreamRequest>,
) -> mpsc::Receiver<Result<SubmitStreamResponse, Status>> {
    let (out, messages) = mpsc::channel(OUT_QUEUE);
    let capacity = core.limits.max_in_flight.max(1);
    let (replies, answers) = mpsc::channel(capacity);
    let room = Arc::new(Semaphore::new(capacity));
    let reader = Reader { core: core.clone(), lanes, client, room: room.clone(), replies, out: out.clone() };
    tokio::spawn(reader.run(requests));
    tokio::spawn(answer(core, answers, room, out));
    messages
}

struct Reader {
    core: Arc<Core>,
    lanes: LaneHandle,
    client: IpAddr,
    /// One permit for each transaction that may still be taken: as many as `replies` has places.
    room: Arc<Semaphore>,
    replies: mpsc::Sender<SubmitReply>,
    out: Out,
}

impl Reader {
    /// Reads until the client has sent all, is gone, or the node stops.
    async fn run(self, mut requests: Streaming<SubmitStreamRequest>) {
        loop {
            let message = tokio::select! {
                message = requests.message() => message,
                () = self.out.closed() => return,
                () = self.core.shutdown.cancelled() => return,
            };
            match message {
                Ok(Some(message)) => self.take(message.items).await,
                Ok(None) => return,
                Err(status) => {
                    // The client may be gone.
                    let _ = self.out.send(Err(self.core.refuse(Refusal::Malformed, status.message()))).await;
                    return;
                }
            }
        }
    }

    async fn take(&self, items: Vec<SubmitItem>) {
        self.throttle(&items).await;
        let mut batch = Vec::with_capacity(items.len());
        for item in items {
            if self.room.available_permits() == 0 && !batch.is_empty() {
                self.lanes.submit(std::mem::take(&mut batch), self.replies.clone()).await;
            }
            // Never closed while this task runs.
            let Ok(permit) = self.room.acquire().await else { return };
            permit.forget();
            match Transaction::from_envelope(item.envelope) {
                Ok(transaction) => batch.push((item.tag, transaction)),
                Err(error) => self.refuse(item.tag, error.to_string()).await,
            }
        }
        if !batch.is_empty() {
            self.lanes.submit(batch, self.replies.clone()).await;
        }
    }

    /// Waits until the client's rate allows these.
    async fn throttle(&self, items: &[SubmitItem]) {
        let bytes = items.iter().map(|item| item.envelope.len()).sum();
        while let Err(wait) = self.core.clients.take(self.client, items.len(), bytes, Instant::now()) {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.out.closed() => return,
                () = self.core.shutdown.cancelled() => return,
            }
        }
    }

    async fn refuse(&self, tag: u64, message: String) {
        let refused = SubmitReply::Refused { tag, reason: Refusal::Malformed, message };
        // There is a place for each permit; the answering task may have ended.
        let _ = self.replies.send(refused).await;
    }
}

/// Puts answers into messages until all are given, or the client leaves them unread.
async fn answer(core: Arc<Core>, mut answers: mpsc::Receiver<SubmitReply>, room: Arc<Semaphore>, out: Out) {
    let mut waiting = Vec::with_capacity(ANSWERS);
    loop {
        let count = tokio::select! {
            count = answers.recv_many(&mut waiting, ANSWERS) => count,
            () = core.shutdown.cancelled() => {
                // Who does not read it in time is dropped without.
                let _ = timeout(core.limits.stall_timeout, out.send(Err(core.shutting_down()))).await;
                return;
            }
        };
        if count == 0 {
            return;
        }
        for reply in waiting.drain(..).map(|reply| message(&core, reply)).reduce(Answer::join).into_iter() {
            room.add_permits(reply.answered);
            for message in reply.messages {
                if !matches!(timeout(core.limits.stall_timeout, out.send(Ok(message))).await, Ok(Ok(()))) {
                    return;
                }
            }
        }
    }
}

/// Messages, and how many transactions they answer.
struct Answer {
    messages: Vec<SubmitStreamResponse>,
    answered: usize,
}

impl Answer {
    /// Puts small answers into one message.
    fn join(mut self, mut other: Self) -> Self {
        self.answered += other.answered;
        match (self.messages.last_mut(), other.messages.first_mut()) {
            (Some(last), Some(first)) if receipts(last) + receipts(first) <= GROUP => {
                last.receipts.append(&mut first.receipts);
                last.refusals.append(&mut first.refusals);
                self.messages.extend(other.messages.into_iter().skip(1));
            }
            _ => self.messages.append(&mut other.messages),
        }
        self
    }
}

fn receipts(message: &SubmitStreamResponse) -> usize {
    message.receipts.iter().map(|group| group.entries.len()).sum()
}

fn message(core: &Core, reply: SubmitReply) -> Answer {
    match reply {
        SubmitReply::Receipts { header, signature, entries } => {
            core.receipted(entries.iter().map(|entry| entry.id));
            let group = |entries: &[ReceiptEntry]| SubmitStreamResponse {
                receipts: vec![receipt_group(&header, &signature, entries)],
                refusals: Vec::new(),
            };
            Answer { messages: entries.chunks(GROUP).map(group).collect(), answered: entries.len() }
        }
        SubmitReply::Refused { tag, reason, message } => {
            // Counted like any refusal; a single one does not end the stream.
            drop(core.refuse(reason, ""));
            let retry = refusal::may_retry(reason);
            let refusals = vec![ItemRefusal { tag, reason: reason.into(), message, retry }];
            Answer { messages: vec![SubmitStreamResponse { receipts: Vec::new(), refusals }], answered: 1 }
        }
    }
}

fn receipt_group(header: &SegmentHeader, signature: &Signature, entries: &[ReceiptEntry]) -> ReceiptGroup {
    let entry = |entry: &ReceiptEntry| v1::ReceiptEntry {
        tag: entry.tag,
        transaction_id: convert::to_field(&entry.id),
        index: entry.index,
        path: convert::path_to_field(&entry.path),
    };
    ReceiptGroup {
        segment_header: convert::to_field(header),
        signature: convert::to_field(signature),
        entries: entries.iter().map(entry).collect(),
    }
}
