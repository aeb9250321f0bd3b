//! One session: a stream of one endpoint, from where the subscription stands until something ends it.

use super::cross_check::CrossCheck;
use super::run::{Runner, Stop};
use crate::SubscribeError;
use crate::counters::add;
use crate::fault::Fault;
use fairlane_proto::convert::UnverifiedBatch;
use fairlane_proto::v1::{
    self, SubscribeRequest, SubscribeResponse, VerifiableBatch, batch_service_client::BatchServiceClient,
    chain_service_client::ChainServiceClient, subscribe_request::Message, subscribe_response::Event,
};
use fairlane_types::Height;
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
        let events = match self.open(channel.clone(), &requests, outgoing).await {
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
            tiers: Vec::new(),
            network: bytes::Bytes::copy_from_slice(self.trust.network().as_bytes()),
        };
        let credit = self.flow.begin();
        let first = v1::subscribe_request::Credit { batches: credit.batches, bytes: credit.bytes };
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
                    send(&session.requests, Message::Credit(v1::subscribe_request::Credit { batches, bytes }))?;
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
            Some(Event::TierUpdate(_) | Event::Reset(_)) => {
                Err(Fault::Protocol("it sent events of tiers that were not asked for").into())
            }
            None => Err(Fault::Protocol("it sent an empty event").into()),
        }
    }

    async fn take_batch(&mut self, session: &mut Session, wire: VerifiableBatch) -> Result<(), Stop> {
        let bytes = wire.encoded_len() as u64;
        let unverified = UnverifiedBatch::try_from(wire)?;
        let batch = self.trust.batch(unverified, &mut session.headers).await?.map_err(Fault::from)?;
        self.accept(&batch)?;
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

/// Queues a request. A server that lets them pile up does not read its stream.
fn send(requests: &mpsc::Sender<SubscribeRequest>, message: Message) -> Result<(), Fault> {
    match requests.try_send(SubscribeRequest { message: Some(message) }) {
        Ok(()) => Ok(()),
        Err(mpsc::error::TrySendError::Full(_)) => Err(Fault::Protocol("it does not read what it is sent")),
        Err(mpsc::error::TrySendError::Closed(_)) => Err(Fault::Ended),
    }
}
