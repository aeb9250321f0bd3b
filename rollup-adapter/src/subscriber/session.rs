//! One session: a stream of one endpoint, from where the subscription stands until something ends it.

use super::cross_check::CrossCheck;
use super::run::{Runner, Stop};
use super::tiers::{Missed, Tier, TierFailed};
use super::unordered::Unordered;
use crate::SubscribeError;
use crate::counters::add;
use crate::fault::Fault;
use fairlane_proto::convert::UnverifiedBatch;
use fairlane_proto::v1::{
    self, SubscribeRequest, SubscribeResponse, VerifiableBatch, batch_service_client::BatchServiceClient,
    chain_service_client::ChainServiceClient, subscribe_request::Message, subscribe_response::Event,
};
use fairlane_types::{BatchIndex, Height};
use fairlane_verify::{ChainError, VerifiedBatch};
use prost::Message as _;
use std::convert::Infallible;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

/// Requests that wait to be sent: credits and acknowledgements, which a server reads at once.
const REQUEST_QUEUE: usize = 64;

/// The open stream and what belongs to it.
struct Session {
    at: usize,
    requests: mpsc::Sender<SubscribeRequest>,
    events: Streaming<SubscribeResponse>,
    headers: ChainServiceClient<Channel>,
    last_event: Instant,
    proven_good: bool,
    /// What may still come of acknowledged transactions, in bytes.
    unordered_left: i128,
}

impl Runner {
    /// Runs until the session ends; tells why.
    pub(super) async fn session(&mut self, at: usize) -> Stop {
        match self.try_session(at).await {
            Ok(never) => match never {},
            Err(stop) => stop,
        }
    }

    async fn try_session(&mut self, at: usize) -> Result<Infallible, Stop> {
        let url = self.pool.url(at).to_owned();
        let channel = tokio::select! {
            channel = self.options.connect.connect(&url) => channel?,
            () = self.queue.closed() => return Err(Stop::Closed),
        };
        add(&self.counters.sessions, 1);
        let (requests, outgoing) = mpsc::channel(REQUEST_QUEUE);
        let granted = self.unordered.as_ref().map_or(0, |unordered| unordered.flow.begin().bytes);
        let events = match self.open(channel.clone(), granted, &requests, outgoing).await {
            Ok(events) => events,
            Err(fault) => return Err(self.judge_refusal(fault, channel).await),
        };
        self.tell(Some(at), None);
        let mut session = Session {
            at,
            requests,
            events,
            headers: ChainServiceClient::new(channel.clone()),
            last_event: Instant::now(),
            proven_good: false,
            unordered_left: i128::from(granted),
        };
        match self.pump(&mut session).await {
            Err(Stop::Fault(fault)) => Err(self.judge_refusal(fault, channel).await),
            other => other,
        }
    }

    /// Opens the stream at the place where the subscription stands.
    async fn open(
        &self,
        channel: Channel,
        acknowledged_bytes: u64,
        requests: &mpsc::Sender<SubscribeRequest>,
        outgoing: mpsc::Receiver<SubscribeRequest>,
    ) -> Result<Streaming<SubscribeResponse>, Fault> {
        let known_head = match self.chain.index().get() {
            0 => bytes::Bytes::new(),
            _ => bytes::Bytes::copy_from_slice(self.chain.head().as_bytes()),
        };
        let open = v1::subscribe_request::Open {
            rollup_id: self.chain.rollup().get(),
            from_index: self.chain.index().next().get(),
            known_head,
            tiers: self.tiers(),
            network: bytes::Bytes::copy_from_slice(self.trust.network().as_bytes()),
        };
        let credit = self.flow.begin();
        let (batches, bytes) = (credit.batches, credit.bytes);
        let first = v1::subscribe_request::Credit { batches, bytes, acknowledged_bytes };
        for message in [Message::Open(open), Message::Credit(first)] {
            send(requests, message)?;
        }
        let limit = self.options.connect.max_message_bytes;
        let mut client = BatchServiceClient::new(channel).max_decoding_message_size(limit);
        let timeout = self.options.connect.call_timeout;
        match tokio::time::timeout(timeout, client.subscribe(ReceiverStream::new(outgoing))).await {
            Ok(response) => Ok(response?.into_inner()),
            Err(_) => Err(Fault::Silent(timeout)),
        }
    }

    /// The tiers to ask for.
    fn tiers(&self) -> Vec<i32> {
        let wanted = self.options.wanted;
        let tiers = [(wanted.acknowledged, v1::Tier::Acknowledged), (wanted.settled, v1::Tier::Settled)];
        tiers.into_iter().filter(|(wanted, _)| *wanted).map(|(_, tier)| tier.into()).collect()
    }

    fn is_settlement(&self, tier: v1::Tier) -> bool {
        self.options.wanted.settled && tier == v1::Tier::Settled
    }

    async fn pump(&mut self, session: &mut Session) -> Result<Infallible, Stop> {
        let mut check = CrossCheck::new(self.options.cross_check);
        loop {
            let silent_at = session.last_event + self.options.idle_timeout;
            tokio::select! {
                event = session.events.message() => {
                    let event = event?.ok_or(Fault::Ended)?;
                    session.last_event = Instant::now();
                    self.take(session, event).await?;
                }
                credit = self.flow.credit() => {
                    let (batches, bytes) = (credit.batches, credit.bytes);
                    let credit = v1::subscribe_request::Credit { batches, bytes, acknowledged_bytes: 0 };
                    send(&session.requests, Message::Credit(credit))?;
                }
                acknowledged_bytes = returned(self.unordered.as_ref()) => {
                    session.unordered_left += i128::from(acknowledged_bytes);
                    let credit = v1::subscribe_request::Credit { batches: 0, bytes: 0, acknowledged_bytes };
                    send(&session.requests, Message::Credit(credit))?;
                }
                index = self.durable.next() => {
                    send(&session.requests, Message::Ack(v1::subscribe_request::Ack { index: index.get() }))?;
                }
                () = check.due() => {
                    let other = self.pool.other(session.at, Instant::now());
                    check.advance(self.chain.rollup(), self.chain.index(), other, &self.trust, self.options.connect)?;
                }
                () = tokio::time::sleep_until(silent_at.into()) => {
                    return Err(Fault::Silent(self.options.idle_timeout).into());
                }
                () = self.queue.closed() => return Err(Stop::Closed),
            }
        }
    }

    async fn take(&mut self, session: &mut Session, event: SubscribeResponse) -> Result<(), Stop> {
        match event.event {
            Some(Event::Batch(batch)) => {
                self.take_batch(session, batch).await?;
                if !std::mem::replace(&mut session.proven_good, true) {
                    self.pool.worked(session.at);
                }
                self.tell(Some(session.at), None);
                Ok(())
            }
            Some(Event::Heartbeat(heartbeat)) => {
                self.tell(Some(session.at), Some(Height::new(heartbeat.height)));
                Ok(())
            }
            Some(Event::Acknowledged(message)) => {
                let Some(unordered) = &mut self.unordered else { return Err(unasked()) };
                if session.unordered_left <= 0 {
                    return Err(Fault::Protocol("it sent more transactions than it was allowed").into());
                }
                session.unordered_left -= message.encoded_len() as i128;
                unordered.take(message, &self.trust, &mut session.headers).await
            }
            Some(Event::Missed(missed)) if self.options.wanted.acknowledged => {
                let v1::subscribe_response::Missed { transactions, segments } = missed;
                self.news.missed(Missed { transactions, segments });
                Ok(())
            }
            Some(Event::TierUpdate(update)) if self.is_settlement(update.tier()) => {
                self.news.settled(BatchIndex::new(update.index));
                Ok(())
            }
            Some(Event::Reset(reset)) if self.options.wanted.settled => {
                self.news.settled(BatchIndex::new(reset.settled_index));
                Ok(())
            }
            Some(Event::TierFailure(failure)) if self.is_settlement(failure.tier()) => {
                let (tier, reason) = (Tier::Settled, failure.reason());
                self.news.failed(TierFailed { tier, reason, message: failure.message });
                Ok(())
            }
            Some(Event::Missed(_) | Event::TierUpdate(_) | Event::Reset(_) | Event::TierFailure(_)) => {
                Err(unasked())
            }
            None => Err(Fault::Protocol("it sent an empty event").into()),
        }
    }

    async fn take_batch(&mut self, session: &mut Session, wire: VerifiableBatch) -> Result<(), Stop> {
        let bytes = wire.encoded_len() as u64;
        let unverified = UnverifiedBatch::try_from(wire)?;
        let batch = self.trust.batch(unverified, &mut session.headers).await?.map_err(Fault::from)?;
        self.accept(&batch)?;
        if let Some(unordered) = &mut self.unordered {
            unordered.ordered(&batch);
        }
        add(&self.counters.batches, 1);
        add(&self.counters.items, batch.batch().items().len() as u64);
        add(&self.counters.bytes, batch.batch().body().len() as u64);
        self.flow.queued(bytes);
        self.delivered.send_replace(batch.index());
        self.queue.send(Ok((batch, bytes))).await.map_err(|_| Stop::Closed)
    }

    /// Moves the chain on. The batch is verified: one that continues another head is a second history.
    fn accept(&mut self, batch: &VerifiedBatch) -> Result<(), Stop> {
        match self.chain.accept(batch) {
            Ok(()) => {
                self.height = batch.batch().header().height;
                Ok(())
            }
            Err(ChainError::Fork { rollup, expected, found, .. }) => {
                let index = self.chain.index();
                Err(Stop::Fatal(SubscribeError::OtherHistory {
                    rollup,
                    index,
                    ours: expected,
                    theirs: found,
                }))
            }
            Err(other) => Err(Fault::NotNext(other).into()),
        }
    }
}

fn unasked() -> Stop {
    Fault::Protocol("it sent events of tiers that were not asked for").into()
}

/// The next portion of credit for acknowledged transactions; never where they are not wanted.
async fn returned(unordered: Option<&Unordered>) -> u64 {
    match unordered {
        Some(unordered) => unordered.flow.credit().await.bytes,
        None => std::future::pending().await,
    }
}

/// Queues a request. A server that lets them pile up does not read its stream.
fn send(requests: &mpsc::Sender<SubscribeRequest>, message: Message) -> Result<(), Fault> {
    match requests.try_send(SubscribeRequest { message: Some(message) }) {
        Ok(()) => Ok(()),
        Err(mpsc::error::TrySendError::Full(_)) => Err(Fault::Protocol("it does not read what it is sent")),
        Err(mpsc::error::TrySendError::Closed(_)) => Err(Fault::Ended),
    }
}
