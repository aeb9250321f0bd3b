//! Submitting many transactions over one stream: batched on the way out, receipts in groups on the way back.
//!
//! The number of transactions without an answer is bounded: [`Submitter::submit`] waits while it is reached, so
//! somebody must keep taking [`Outcomes`]. The order of answers is the node's own.

use super::receipts::ReceiptChecks;
use super::{Client, ClientError};
use fairlane_proto::v1::{self, Refusal, SubmitItem, SubmitStreamRequest, SubmitStreamResponse};
use fairlane_types::{Receipt, Transaction, TxId};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

/// A message carries at most so many bytes of envelopes, besides a single larger one.
const MESSAGE_BYTES: usize = 512 << 10;
/// Messages that wait to be sent.
const MESSAGE_QUEUE: usize = 4;

/// How a stream of submissions works.
#[derive(Clone, Copy, Debug)]
pub struct SubmitOptions {
    /// The most transactions without an answer.
    pub max_in_flight: usize,
    /// The most transactions in one message; what waits is sent together, nothing waits for more.
    pub max_batch: usize,
    /// Which receipts are checked down to the transaction.
    pub receipts: ReceiptChecks,
}

impl Default for SubmitOptions {
    fn default() -> Self {
        Self { max_in_flight: 16_384, max_batch: 512, receipts: ReceiptChecks::All }
    }
}

/// A transaction that stands in a lane.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The tag that it was submitted with.
    pub tag: u64,
    /// The lane's word. Its signature was checked.
    pub receipt: Receipt,
    /// Whether the way from the transaction to the signature was checked too ([`ReceiptChecks`]).
    pub checked: bool,
}

/// A transaction that was not taken.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The tag that it was submitted with.
    pub tag: u64,
    /// The transaction.
    pub transaction: TxId,
    /// Why.
    pub reason: Refusal,
    /// The node's text, which says what to do.
    pub message: String,
    /// Whether the same transaction may be taken later.
    pub retry: bool,
}

/// What became of one submitted transaction.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all outcomes are of the large kind")]
pub enum Outcome {
    /// It stands in a lane.
    Accepted(Accepted),
    /// It was refused.
    Refused(Refused),
}

impl Outcome {
    /// The tag that it was submitted with.
    pub fn tag(&self) -> u64 {
        match self {
            Self::Accepted(accepted) => accepted.tag,
            Self::Refused(refused) => refused.tag,
        }
    }
}

/// Transactions without an answer, and room for more.
#[derive(Debug)]
struct InFlight {
    ids: Mutex<HashMap<u64, TxId>>,
    room: Semaphore,
}

impl InFlight {
    fn ids(&self) -> MutexGuard<'_, HashMap<u64, TxId>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self, tag: u64) -> Result<TxId, ClientError> {
        let id = self.ids().remove(&tag).ok_or(ClientError::UnknownTag(tag))?;
        self.room.add_permits(1);
        Ok(id)
    }
}

/// The sending half. Cheap to clone; the stream ends when all clones are gone.
#[derive(Clone, Debug)]
pub struct Submitter {
    items: mpsc::Sender<SubmitItem>,
    in_flight: Arc<InFlight>,
}

impl Submitter {
    /// Queues a transaction; `tag` comes back with the outcome and must not belong to one that has no answer yet.
    ///
    /// Waits while too many have no answer. Cancelled before it returns, it has submitted nothing.
    pub async fn submit(&self, tag: u64, transaction: &Transaction) -> Result<(), ClientError> {
        let permit = self.in_flight.room.acquire().await.map_err(|_| ClientError::Ended)?;
        let slot = self.items.reserve().await.map_err(|_| ClientError::Ended)?;
        match self.in_flight.ids().entry(tag) {
            std::collections::hash_map::Entry::Occupied(_) => return Err(ClientError::TagInUse(tag)),
            std::collections::hash_map::Entry::Vacant(free) => free.insert(transaction.id()),
        };
        permit.forget();
        slot.send(SubmitItem { tag, envelope: transaction.envelope().clone() });
        Ok(())
    }
}

/// The receiving half.
#[derive(Debug)]
pub struct Outcomes {
    client: Client,
    checks: ReceiptChecks,
    replies: Streaming<SubmitStreamResponse>,
    groups: VecDeque<v1::ReceiptGroup>,
    ready: VecDeque<Outcome>,
    in_flight: Arc<InFlight>,
}

impl Outcomes {
    /// The next outcome. `None` when all submitters are gone and every transaction has its answer.
    ///
    /// An answer that does not verify is an error; the stream is not to be used further then. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<Outcome, ClientError>> {
        loop {
            if let Some(outcome) = self.ready.pop_front() {
                return Some(Ok(outcome));
            }
            let progress = match self.groups.is_empty() {
                false => self.check_first_group().await,
                true => match self.replies.message().await {
                    Ok(Some(reply)) => self.sort(reply),
                    Ok(None) if self.in_flight.ids().is_empty() => return None,
                    Ok(None) => Err(ClientError::Ended),
                    Err(status) => Err(status.into()),
                },
            };
            if let Err(error) = progress {
                return Some(Err(error));
            }
        }
    }

    /// Tags and ids of transactions without an answer: after an error, these may or may not have been taken.
    pub fn unanswered(&self) -> Vec<(u64, TxId)> {
        self.in_flight.ids().iter().map(|(tag, id)| (*tag, *id)).collect()
    }

    /// Sorts a reply into refusals, which are outcomes as they are, and groups of receipts, which are checked next.
    fn sort(&mut self, reply: SubmitStreamResponse) -> Result<(), ClientError> {
        self.groups.extend(reply.receipts);
        for refusal in reply.refusals {
            let (tag, reason, retry) = (refusal.tag, refusal.reason(), refusal.retry);
            let transaction = self.in_flight.answered(tag)?;
            let message = refusal.message;
            self.ready.push_back(Outcome::Refused(Refused { tag, transaction, reason, message, retry }));
        }
        Ok(())
    }

    /// Checks the first group. It stays until it is checked, so that a cancelled call loses nothing.
    async fn check_first_group(&mut self) -> Result<(), ClientError> {
        let Some(group) = self.groups.front() else { return Ok(()) };
        let receipts = self.client.check_group(group, self.checks).await;
        self.groups.pop_front();
        for (tag, receipt, checked) in receipts? {
            let (expected, found) = (self.in_flight.answered(tag)?, receipt.transaction);
            if found != expected {
                return Err(ClientError::OtherTransaction { expected, found });
            }
            self.ready.push_back(Outcome::Accepted(Accepted { tag, receipt, checked }));
        }
        Ok(())
    }
}

impl Drop for Outcomes {
    /// Nobody takes answers any more: whoever waits for room must not wait for ever.
    fn drop(&mut self) {
        self.in_flight.room.close();
    }
}

impl Client {
    /// Opens a stream of submissions.
    pub async fn submit_stream(&self, options: SubmitOptions) -> Result<(Submitter, Outcomes), ClientError> {
        let (items, queue) = mpsc::channel(options.max_batch.max(1) * 2);
        let (messages, outgoing) = mpsc::channel(MESSAGE_QUEUE);
        tokio::spawn(collect(queue, messages, options.max_batch.max(1)));
        let replies = self.submit_service().submit_stream(ReceiverStream::new(outgoing)).await?.into_inner();
        let in_flight =
            Arc::new(InFlight { ids: Mutex::default(), room: Semaphore::new(options.max_in_flight.max(1)) });
        let outcomes = Outcomes {
            client: self.clone(),
            checks: options.receipts,
            replies,
            groups: VecDeque::new(),
            ready: VecDeque::new(),
            in_flight: in_flight.clone(),
        };
        Ok((Submitter { items, in_flight }, outcomes))
    }
}

/// Puts what waits into messages, until all submitters or the stream are gone.
async fn collect(
    mut queue: mpsc::Receiver<SubmitItem>,
    messages: mpsc::Sender<SubmitStreamRequest>,
    max_batch: usize,
) {
    let mut waiting = Vec::with_capacity(max_batch);
    while queue.recv_many(&mut waiting, max_batch).await > 0 {
        let mut items = Vec::new();
        let mut bytes = 0;
        for item in waiting.drain(..) {
            if bytes > 0 && bytes + item.envelope.len() > MESSAGE_BYTES {
                let message = SubmitStreamRequest { items: std::mem::take(&mut items) };
                bytes = 0;
                if messages.send(message).await.is_err() {
                    return;
                }
            }
            bytes += item.envelope.len();
            items.push(item);
        }
        if messages.send(SubmitStreamRequest { items }).await.is_err() {
            return;
        }
    }
}
