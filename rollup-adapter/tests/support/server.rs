//! A server of the real protocol over a hand-made chain, with a lie to tell.

use super::chain::{Chain, World, certify};
use fairlane_proto::convert::{self, UnverifiedBatch};
use fairlane_proto::refusal::status;
use fairlane_proto::v1::batch_service_server::{BatchService, BatchServiceServer};
use fairlane_proto::v1::chain_service_server::{ChainService, ChainServiceServer};
use fairlane_proto::v1::submit_service_server::{SubmitService, SubmitServiceServer};
use fairlane_proto::v1::{self, *};
use fairlane_types::{HeadProof, Receipt, RollupId, SigningKey, Transaction, TxId};
use fairlane_verify::ItemProof;
use futures::Stream;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming};

/// What the server does wrong, at the batch with this index where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    None,
    /// Too few signatures.
    NoQuorum(u64),
    /// Signatures of others.
    Forged(u64),
    /// A batch is left out.
    Gap(u64),
    /// A batch comes twice.
    Twice(u64),
    /// Another rollup's batch.
    OtherRollup(u64),
    /// Items that the header does not commit to.
    OtherItems(u64),
    /// A path of another block.
    OtherPath(u64),
    /// Bytes that are no header.
    Garbage(u64),
    /// An event without content.
    Empty(u64),
    /// The stream breaks.
    Break(u64),
    /// Nothing comes any more, not even heartbeats.
    Silence(u64),
    /// Heartbeats only, as if there were nothing more.
    Withhold(u64),
    /// Says that the resume point is wrong, although it is right.
    RefuseHead,
    /// Says that the resume point lies ahead, although it does not.
    RefuseAhead,
    /// Receipts for another transaction.
    OtherReceipt,
    /// Receipts of somebody who is no validator.
    StrangerReceipt,
    /// Receipts whose path leads nowhere.
    BrokenReceipt,
    /// Transactions come without credit.
    Overdraw,
    /// A submission stream ends without answering its second message.
    EndSubmissions,
}

pub struct State {
    pub chain: Chain,
    pub lie: Lie,
    /// The first index of each subscription.
    pub opened: Vec<u64>,
    pub acknowledged: u64,
    /// Batches and bytes sent without credit.
    pub overdrawn: bool,
    /// Batches sent.
    pub sent: u64,
    pub headers_fetched: u64,
    /// Sent beside batches, to whoever subscribes; acknowledged transactions within their credit.
    pub events: Vec<subscribe_response::Event>,
    /// Which of them are sent to the present subscriber.
    pub told: usize,
    /// The tiers that were asked for last.
    pub tiers: Vec<i32>,
}

/// A running server. Dropping it closes its sockets.
pub struct Server {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub async fn start(chain: Chain, lie: Lie) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = State {
            chain,
            lie,
            opened: Vec::new(),
            acknowledged: 0,
            overdrawn: false,
            sent: 0,
            headers_fetched: 0,
            events: Vec::new(),
            told: 0,
            tiers: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let service = Service(state.clone());
        let task = tokio::spawn(async move {
            tonic::transport::Server::builder()
                .add_service(BatchServiceServer::new(service.clone()))
                .add_service(ChainServiceServer::new(service.clone()))
                .add_service(SubmitServiceServer::new(service))
                .serve_with_incoming(TcpListenerStream::new(listener))
                .await
                .unwrap();
        });
        Self { address, state, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

#[derive(Clone)]
struct Service(Arc<Mutex<State>>);

impl Service {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The batch at an index and what the server does instead of sending it.
    fn batch(&self, rollup: RollupId, index: u64) -> Option<(UnverifiedBatch, Lie)> {
        let state = self.state();
        let wire = state.chain.wires(rollup).get(index as usize - 1)?.clone();
        Some((wire, state.lie))
    }

    fn check_open(&self, open: &subscribe_request::Open) -> Result<(), Status> {
        let state = self.state();
        let rollup = RollupId::new(open.rollup_id);
        let network = state.chain.world.genesis.network();
        if open.network != network.as_bytes()[..] {
            return Err(status(Refusal::WrongNetwork, "another network"));
        }
        match state.lie {
            Lie::RefuseHead => return Err(status(Refusal::HeadMismatch, "not your head")),
            Lie::RefuseAhead => return Err(status(Refusal::Ahead, "you are ahead")),
            _ => {}
        }
        let Some(leaf) = state.chain.leaf(rollup) else {
            return Err(status(Refusal::UnknownRollup, "unknown"));
        };
        if open.from_index > leaf.index.get() + 1 {
            return Err(status(Refusal::Ahead, "ahead"));
        }
        let heads = state.chain.wires(rollup);
        let head = match open.from_index {
            1 => Vec::new(),
            from => heads[from as usize - 2].header.head(&network).as_bytes().to_vec(),
        };
        if head != open.known_head {
            return Err(status(Refusal::HeadMismatch, "head mismatch"));
        }
        Ok(())
    }
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl BatchService for Service {
    type SubscribeStream = Answers<SubscribeResponse>;
    type GetRangeStream = Answers<GetRangeResponse>;

    async fn subscribe(
        &self,
        request: Request<Streaming<SubscribeRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let mut requests = request.into_inner();
        let first = requests.message().await?.unwrap();
        let Some(subscribe_request::Message::Open(open)) = first.message else { panic!("open comes first") };
        self.state().opened.push(open.from_index);
        (self.state().told, self.state().tiers) = (0, open.tiers.clone());
        self.check_open(&open)?;
        let (out, events) = mpsc::channel(1);
        tokio::spawn(
            Sender {
                service: self.clone(),
                rollup: RollupId::new(open.rollup_id),
                next: open.from_index,
                batches: 0,
                bytes: 0,
                unordered: 0,
                out,
            }
            .run(requests),
        );
        Ok(Response::new(Box::pin(ReceiverStream::new(events))))
    }

    async fn get_range(
        &self,
        request: Request<GetRangeRequest>,
    ) -> Result<Response<Self::GetRangeStream>, Status> {
        let request = request.into_inner();
        let wires = self.state().chain.wires(RollupId::new(request.rollup_id));
        let from = request.from_index as usize - 1;
        let wanted = wires.into_iter().skip(from).take(request.max_batches as usize);
        let answers: Vec<_> = wanted.map(|wire| Ok(GetRangeResponse { batch: Some(wire.into()) })).collect();
        Ok(Response::new(Box::pin(futures::stream::iter(answers))))
    }

    async fn get_head_proof(
        &self,
        request: Request<GetHeadProofRequest>,
    ) -> Result<Response<GetHeadProofResponse>, Status> {
        use v1::get_head_proof_response::{Absent, Proof};
        let state = self.state();
        let block = state.chain.blocks.last().unwrap();
        let proof = match block.heads.prove(RollupId::new(request.into_inner().rollup_id)) {
            HeadProof::Present(path) => Proof::Present(convert::to_field(&path)),
            HeadProof::Absent { before, after } => {
                let field = |path: Option<_>| path.as_ref().map(convert::to_field).unwrap_or_default();
                Proof::Absent(Absent { before: field(before), after: field(after) })
            }
        };
        Ok(Response::new(GetHeadProofResponse { block: Some((&block.certified).into()), proof: Some(proof) }))
    }

    async fn get_bundle_proof(
        &self,
        request: Request<GetBundleProofRequest>,
    ) -> Result<Response<GetBundleProofResponse>, Status> {
        let id = convert::tx_id("transaction_id", &request.into_inner().transaction_id).unwrap();
        let state = self.state();
        let has = |block: &&super::Block| {
            block.batches.iter().any(|batch| batch.items().iter().any(|item| item.transaction == id))
        };
        let block =
            state.chain.blocks.iter().find(has).ok_or_else(|| status(Refusal::NotFound, "unknown"))?;
        let legs = legs(block, &id);
        Ok(Response::new(GetBundleProofResponse { block: Some((&block.certified).into()), legs }))
    }
}

fn legs(block: &super::Block, id: &TxId) -> Vec<get_bundle_proof_response::LegProof> {
    let mut proofs: Vec<ItemProof> = Vec::new();
    for batch in &block.batches {
        for (position, _) in batch.items().iter().enumerate().filter(|(_, item)| item.transaction == *id) {
            let path = block.heads.path(batch.header().rollup).unwrap();
            proofs.push(ItemProof::new(batch, position as u32, path).unwrap());
        }
    }
    proofs.sort_by_key(|proof| proof.item.leg_index);
    let leg = |proof: ItemProof| get_bundle_proof_response::LegProof {
        head_path: convert::to_field(&proof.head_path),
        batch_header: convert::to_field(&proof.batch),
        item: convert::to_field(&proof.item),
        position: proof.position,
        path: convert::path_to_field(&proof.path),
    };
    proofs.into_iter().map(leg).collect()
}

/// One subscription: keeps to the credit it is given, and lies where it is told to.
struct Sender {
    service: Service,
    rollup: RollupId,
    next: u64,
    batches: i64,
    bytes: i64,
    unordered: i64,
    out: mpsc::Sender<Result<SubscribeResponse, Status>>,
}

impl Sender {
    async fn run(mut self, mut requests: Streaming<SubscribeRequest>) {
        let mut heartbeat = tokio::time::interval(Duration::from_millis(50));
        loop {
            tokio::select! {
                request = requests.message() => match request {
                    Ok(Some(request)) => self.take(request),
                    _ => return,
                },
                _ = heartbeat.tick() => {
                    let silent = matches!(self.service.state().lie, Lie::Silence(at) if at <= self.next);
                    if !silent && !self.heartbeat().await {
                        return;
                    }
                }
            }
            if !self.send_events().await {
                return;
            }
            while self.batches > 0 && self.bytes > 0 {
                match self.send_next().await {
                    Some(true) => {}
                    Some(false) => return,
                    None => break,
                }
            }
        }
    }

    fn take(&mut self, request: SubscribeRequest) {
        match request.message.unwrap() {
            subscribe_request::Message::Open(_) => panic!("opened twice"),
            subscribe_request::Message::Credit(credit) => {
                self.batches += i64::from(credit.batches);
                self.bytes += credit.bytes as i64;
                self.unordered += credit.acknowledged_bytes as i64;
            }
            subscribe_request::Message::Ack(ack) => {
                let mut state = self.service.state();
                assert!(ack.index < self.next);
                state.acknowledged = state.acknowledged.max(ack.index);
            }
        }
    }

    /// Sends what there is beside batches, as far as credit goes. False when the stream is over.
    async fn send_events(&mut self) -> bool {
        loop {
            let (event, lie) = {
                let state = self.service.state();
                let Some(event) = state.events.get(state.told) else { return true };
                (event.clone(), state.lie)
            };
            if let subscribe_response::Event::Acknowledged(message) = &event {
                if self.unordered <= 0 && lie != Lie::Overdraw {
                    return true;
                }
                self.unordered -= prost::Message::encoded_len(message) as i64;
            }
            self.service.state().told += 1;
            if self.out.send(Ok(SubscribeResponse { event: Some(event) })).await.is_err() {
                return false;
            }
        }
    }

    /// Sends the next batch, or what the lie makes of it. `None` when there is none, false when the stream is over.
    async fn send_next(&mut self) -> Option<bool> {
        let (mut wire, lie) = self.service.batch(self.rollup, self.next)?;
        match lie {
            Lie::Withhold(at) | Lie::Silence(at) if at <= self.next => return None,
            Lie::Break(at) if at == self.next => return Some(false),
            Lie::Gap(at) if at == self.next => wire = self.service.batch(self.rollup, self.next + 1)?.0,
            Lie::Twice(at) if at == self.next => wire = self.service.batch(self.rollup, self.next - 1)?.0,
            Lie::OtherRollup(at) if at == self.next => wire = self.service.batch(RollupId::new(10), 1)?.0,
            Lie::OtherPath(at) if at == self.next => {
                wire.head_path = self.service.batch(self.rollup, self.next - 1)?.0.head_path;
            }
            Lie::OtherItems(at) if at == self.next => {
                wire.body = self.service.batch(self.rollup, self.next - 1)?.0.body;
            }
            Lie::NoQuorum(at) if at == self.next => wire.block.certificate.signatures.truncate(2),
            Lie::Forged(at) if at == self.next => {
                wire.block.certificate = certify(&wire.block.header, &super::chain::keys(11..15));
            }
            _ => {}
        }
        let mut batch = VerifiableBatch::from(wire);
        let mut event = match lie {
            Lie::Empty(at) if at == self.next => None,
            Lie::Garbage(at) if at == self.next => {
                batch.batch_header = vec![7; 10].into();
                Some(subscribe_response::Event::Batch(batch))
            }
            _ => Some(subscribe_response::Event::Batch(batch)),
        };
        if let Some(subscribe_response::Event::Batch(batch)) = &mut event {
            self.batches -= 1;
            self.bytes -= prost::Message::encoded_len(batch) as i64;
        }
        self.next += 1;
        self.service.state().sent += 1;
        Some(self.out.send(Ok(SubscribeResponse { event })).await.is_ok())
    }

    async fn heartbeat(&self) -> bool {
        let heartbeat = subscribe_response::Heartbeat { height: 1, time_nanos: 1, index: self.next - 1 };
        let event = Some(subscribe_response::Event::Heartbeat(heartbeat));
        self.out.send(Ok(SubscribeResponse { event })).await.is_ok()
    }
}

#[tonic::async_trait]
impl ChainService for Service {
    async fn get_status(&self, _: Request<GetStatusRequest>) -> Result<Response<GetStatusResponse>, Status> {
        let state = self.state();
        let header = &state.chain.blocks.last().unwrap().certified.header;
        Ok(Response::new(GetStatusResponse {
            network: convert::to_field(&state.chain.world.genesis.network()),
            network_name: state.chain.world.genesis.name.clone(),
            height: header.height.get(),
            block_id: convert::to_field(&header.id()),
            ..GetStatusResponse::default()
        }))
    }

    async fn explain_transaction(
        &self,
        _: Request<ExplainTransactionRequest>,
    ) -> Result<Response<ExplainTransactionResponse>, Status> {
        Err(Status::not_found("this network explains nothing"))
    }

    async fn get_checkpoint(
        &self,
        _: Request<GetCheckpointRequest>,
    ) -> Result<Response<GetCheckpointResponse>, Status> {
        Err(Status::not_found("this network has no checkpoints"))
    }

    async fn get_header(
        &self,
        request: Request<GetHeaderRequest>,
    ) -> Result<Response<GetHeaderResponse>, Status> {
        let mut state = self.state();
        state.headers_fetched += 1;
        let block = match request.into_inner().height {
            0 => state.chain.blocks.last(),
            height => state.chain.blocks.get(height as usize - 1),
        };
        let block = block.ok_or_else(|| status(Refusal::Ahead, "ahead"))?;
        Ok(Response::new(GetHeaderResponse { block: Some((&block.certified).into()) }))
    }

    async fn get_validators(
        &self,
        _: Request<GetValidatorsRequest>,
    ) -> Result<Response<GetValidatorsResponse>, Status> {
        Err(status(Refusal::NotFound, "not asked for in tests"))
    }
}

impl Service {
    /// Receipts of one segment, as the lie has them.
    fn receipts(&self, transactions: &[Transaction]) -> Vec<Receipt> {
        let state = self.state();
        let world: &World = &state.chain.world;
        let stranger = SigningKey::from_seed(&[99; 32]);
        let key = if state.lie == Lie::StrangerReceipt { &stranger } else { &world.keys[0] };
        let mut receipts = match state.lie {
            Lie::OtherReceipt => world.receipts(key, &vec![world.transaction(255); transactions.len()]),
            _ => world.receipts(key, transactions),
        };
        if state.lie == Lie::BrokenReceipt
            && let Some(last) = receipts.last_mut()
        {
            last.index += 1;
        }
        receipts
    }
}

#[tonic::async_trait]
impl SubmitService for Service {
    type SubmitStreamStream = Answers<SubmitStreamResponse>;

    async fn submit(&self, request: Request<SubmitRequest>) -> Result<Response<SubmitResponse>, Status> {
        let transaction = Transaction::try_from(request.into_inner()).unwrap();
        let receipt = &self.receipts(&[transaction])[0];
        Ok(Response::new(SubmitResponse { receipt: Some(receipt.into()) }))
    }

    /// Answers each message with one group; a transaction with an empty payload is refused.
    async fn submit_stream(
        &self,
        request: Request<Streaming<SubmitStreamRequest>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let start = (self.clone(), request.into_inner(), 0);
        let answers = futures::stream::unfold(start, |(service, mut requests, answered)| async move {
            let message = requests.message().await.ok()??;
            if answered > 0 && service.state().lie == Lie::EndSubmissions {
                return None;
            }
            let answer = service.answer(message);
            Some((Ok(answer), (service, requests, answered + 1)))
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn get_transaction_status(
        &self,
        _: Request<GetTransactionStatusRequest>,
    ) -> Result<Response<GetTransactionStatusResponse>, Status> {
        use v1::get_transaction_status_response::{Ordered, Status};
        let status = Some(Status::Ordered(Ordered { height: 3, position: 4 }));
        Ok(Response::new(GetTransactionStatusResponse { status }))
    }
}

impl Service {
    fn answer(&self, message: SubmitStreamRequest) -> SubmitStreamResponse {
        let (mut tags, mut taken, mut refusals) = (Vec::new(), Vec::new(), Vec::new());
        for item in message.items {
            let transaction = Transaction::from_envelope(item.envelope).unwrap();
            if transaction.legs()[0].payload.is_empty() {
                let (tag, reason) = (item.tag, Refusal::Duplicate.into());
                refusals.push(ItemRefusal { tag, reason, message: "known".into(), retry: false });
                continue;
            }
            tags.push(item.tag);
            taken.push(transaction);
        }
        if taken.is_empty() {
            return SubmitStreamResponse { receipts: Vec::new(), refusals };
        }
        let receipts = self.receipts(&taken);
        let entry = |(tag, receipt): (&u64, &Receipt)| ReceiptEntry {
            tag: *tag,
            transaction_id: convert::to_field(&receipt.transaction),
            index: receipt.index,
            path: convert::path_to_field(&receipt.path),
        };
        let group = ReceiptGroup {
            segment_header: convert::to_field(&receipts[0].header),
            signature: convert::to_field(&receipts[0].signature),
            entries: tags.iter().zip(&receipts).map(entry).collect(),
        };
        SubmitStreamResponse { receipts: vec![group], refusals }
    }
}
