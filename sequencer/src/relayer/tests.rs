//! Relayers with a real Ethereum node, and nodes that show what a test wants them to.

use super::*;
use crate::checkpoints::testing::{certificate as certify, id};
use fairlane_checkpoint::CheckpointSet;
use fairlane_l1::checkpoint::{accepted_since, keys_of, latest};
use fairlane_l1::deploy::deploy;
use fairlane_l1::dev::{Anvil, funded_keys, mine_to};
use fairlane_l1::endpoint::{connect, connect_with_key};
use fairlane_l1::registration::OperatorAccount;
use fairlane_l1::{CheckpointKey, DeployParams, L1State, PrivateKeySigner};
use fairlane_proto::convert;
use fairlane_proto::v1::chain_service_server::{ChainService, ChainServiceServer};
use fairlane_proto::v1::{
    CertifiedHeader, ExplainTransactionRequest, ExplainTransactionResponse, GetCheckpointRequest,
    GetCheckpointResponse, GetHeaderRequest, GetHeaderResponse, GetStatusRequest, GetStatusResponse,
    GetValidatorsRequest, GetValidatorsResponse,
};
use fairlane_types::{
    BlockHeader, CheckpointSignature, CommitCertificate, Hash32, Height, Round, SigningKey, Timestamp,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};

const STAKE: u128 = 2_000_000_000_000_000_000_000;
const EPOCH_LENGTH: u32 = 60;
const SECOND: u64 = 1_000_000_000;
const EAGER: Pace = Pace { interval: Duration::ZERO, turn: Duration::ZERO, poll: Duration::from_millis(100) };

/// What a node has to show.
#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    newest: Option<CheckpointCertificate>,
    by_height: BTreeMap<u64, CheckpointCertificate>,
    headers: BTreeMap<u64, BlockHeader>,
}

#[tonic::async_trait]
impl ChainService for Shown {
    async fn get_status(&self, _: Request<GetStatusRequest>) -> Result<Response<GetStatusResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn get_header(
        &self,
        request: Request<GetHeaderRequest>,
    ) -> Result<Response<GetHeaderResponse>, Status> {
        let header = self.0.lock().unwrap().headers.get(&request.into_inner().height).cloned();
        let header = header.ok_or_else(|| Status::not_found("no such block"))?;
        let certificate = CommitCertificate {
            height: header.height,
            round: Round::ZERO,
            block: header.id(),
            signatures: Vec::new(),
        };
        let block = CertifiedHeader {
            header: convert::to_field(&header),
            certificate: convert::to_field(&certificate),
            next_validators: Default::default(),
        };
        Ok(Response::new(GetHeaderResponse { block: Some(block) }))
    }

    async fn get_validators(
        &self,
        _: Request<GetValidatorsRequest>,
    ) -> Result<Response<GetValidatorsResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn explain_transaction(
        &self,
        _: Request<ExplainTransactionRequest>,
    ) -> Result<Response<ExplainTransactionResponse>, Status> {
        Err(Status::not_found("this network explains nothing"))
    }

    async fn get_checkpoint(
        &self,
        request: Request<GetCheckpointRequest>,
    ) -> Result<Response<GetCheckpointResponse>, Status> {
        let content = self.0.lock().unwrap();
        let certificate = match request.into_inner().height {
            0 => content.newest,
            height => content.by_height.get(&height).copied(),
        };
        let certificate = certificate.ok_or_else(|| Status::not_found("none yet"))?;
        let certificate = convert::to_field(&certificate);
        Ok(Response::new(GetCheckpointResponse { certificate, ..Default::default() }))
    }
}

impl Shown {
    async fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let service = ChainServiceServer::new(self.clone());
        tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
        url
    }

    fn show(&self, header: &BlockHeader, certificate: CheckpointCertificate) {
        let mut content = self.0.lock().unwrap();
        content.newest = Some(certificate);
        content.by_height.insert(certificate.checkpoint.height.get(), certificate);
        content.headers.insert(header.height.get(), header.clone());
    }
}

/// Account 0 deploys, 1 is the guardian, 2 to 5 and later 6 are validators with these seeds, 8 and 9 relay.
struct World {
    anvil: Anvil,
    accounts: Vec<PrivateKeySigner>,
    deployment: Deployment,
    network: NetworkId,
    node: Shown,
    url: String,
}

impl World {
    async fn new() -> Self {
        let anvil = Anvil::start(None).unwrap_or_else(|error| panic!("{error}"));
        let accounts = funded_keys();
        let folder = tempfile::tempdir().unwrap();
        let provider = connect_with_key(anvil.url(), accounts[0].clone()).unwrap();
        let guardian = accounts[1].address();
        let params = DeployParams {
            epoch_length: EPOCH_LENGTH,
            evidence_epochs: 8,
            correlation_epochs: 8,
            seats: 8,
            ..DeployParams::new(guardian)
        };
        let file = folder.path().join("deployment.json");
        let deployment = deploy(&file, &provider, accounts[0].address(), &params).await.unwrap();
        let provider = connect_with_key(anvil.url(), accounts[1].clone()).unwrap();
        let network = deployment.open_network(&provider, &Hash32::from_bytes([0x6e; 32])).await.unwrap();
        let node = Shown::default();
        let url = node.serve().await;
        let world = Self { anvil, accounts, deployment, network, node, url };
        for seed in 2..6 {
            world.register(seed).await;
        }
        world.begin(Epoch(3)).await;
        world
    }

    async fn register(&self, seed: u8) {
        let operator = &self.accounts[usize::from(seed)];
        let provider = connect_with_key(self.anvil.url(), operator.clone()).unwrap();
        let account = OperatorAccount {
            deployment: &self.deployment,
            provider: &provider,
            operator: operator.address(),
        };
        account.mint(STAKE).send().await.unwrap();
        let consensus = SigningKey::from_seed(&[seed; 32]);
        let checkpoint = CheckpointKey::from_seed(&[seed; 32]);
        let registering = account.register(&consensus, &checkpoint, STAKE, "/dns/node/tcp/1").await.unwrap();
        registering.send().await.unwrap();
    }

    async fn begin(&self, epoch: Epoch) {
        mine_to(&self.reader(), self.deployment.clock.first_block(epoch)).await.unwrap();
    }

    fn reader(&self) -> DynProvider {
        connect(self.anvil.url()).unwrap()
    }

    async fn set(&self, epoch: Epoch) -> CheckpointSet {
        let reader = self.reader();
        let state = L1State::newest(&reader, &self.deployment.contracts);
        let validators = state.validator_set(epoch).await.unwrap().unwrap();
        keys_of(&reader, &self.deployment.contracts, validators).await.unwrap()
    }

    /// The block at a height, so many seconds after the beginning, and its certificate by three of the set.
    fn block(&self, set: &CheckpointSet, height: u64, seconds: u64) -> (BlockHeader, CheckpointCertificate) {
        let time = Timestamp::from_nanos(seconds * SECOND);
        let bare = fairlane_types::testing::header(
            self.network,
            Height::new(height),
            set.validators(),
            Hash32::ZERO,
        );
        let header = BlockHeader { time, ..bare };
        let quorum: &[u8] = if set.member(&id(6)).is_some() { &[2, 3, 4, 6] } else { &[2, 3, 4] };
        let certificate = certify(set, Checkpoint::of(&header), quorum);
        (header, certificate)
    }

    /// Lets the node have a block with its certificate.
    fn finalize(&self, set: &CheckpointSet, height: u64, seconds: u64) {
        let (header, certificate) = self.block(set, height, seconds);
        self.node.show(&header, certificate);
    }

    fn relayer(&self, account: usize, pace: Pace) -> Relayer {
        self.relayer_of(account, pace, u128::MAX, std::slice::from_ref(&self.url))
    }

    fn relayer_of(&self, account: usize, pace: Pace, max_fee: u128, nodes: &[String]) -> Relayer {
        self.relayer_by(&[self.anvil.url().to_owned()], account, pace, max_fee, nodes)
    }

    fn relayer_by(
        &self,
        rpc_urls: &[String],
        account: usize,
        pace: Pace,
        max_fee: u128,
        nodes: &[String],
    ) -> Relayer {
        let endpoints = Endpoints::new(rpc_urls, Some(&self.accounts[account])).unwrap();
        let (deployment, network) = (self.deployment.clone(), self.network);
        let ethereum = Ethereum { endpoints, deployment, network, max_fee };
        Relayer::new(Sources::new(nodes).unwrap(), ethereum, pace, RelayerMetrics::new())
    }

    /// Height and number of the newest checkpoint on Ethereum.
    async fn head(&self) -> Option<(u64, u64)> {
        let head = latest(&self.reader(), &self.deployment.contracts).await.unwrap();
        head.map(|head| (head.height, head.number))
    }
}

fn posted(step: &Step) -> u64 {
    let Step::Posted { height, gas_used } = step else { panic!("{step:?}") };
    assert!(*gas_used > 100_000);
    *height
}

#[tokio::test]
async fn what_is_new_is_posted_once_whoever_relays() {
    let world = World::new().await;
    let set = world.set(Epoch(3)).await;
    let (mut first, mut second) = (world.relayer(8, EAGER), world.relayer(9, EAGER));
    assert!(matches!(first.step().await, Err(RelayError::NoAnswer)));
    world.finalize(&set, 16, 1);
    let (height, rehearsal) = first.rehearse().await.unwrap().unwrap();
    assert_eq!((height, rehearsal.steps.len()), (16, 2), "the set and the checkpoint");
    assert_eq!(world.head().await, None, "nothing was sent");

    assert_eq!(posted(&first.step().await.unwrap()), 16);
    assert_eq!(world.head().await, Some((16, 1)));
    for relayer in [&mut first, &mut second] {
        assert_eq!(relayer.step().await.unwrap(), Step::UpToDate);
        assert_eq!(relayer.rehearse().await.unwrap(), None);
    }
    assert_eq!(first.metrics.sets.get(), 1);

    world.finalize(&set, 32, 2);
    let (a, b) = tokio::join!(first.step_now(), second.step_now());
    let steps = [a.unwrap(), b.unwrap()];
    let count = steps.iter().filter(|step| matches!(step, Step::Posted { height: 32, .. })).count();
    assert_eq!((count, world.head().await), (1, Some((32, 2))), "{steps:?}");
    assert!(steps.contains(&Step::Overtaken(32)) || steps.contains(&Step::UpToDate), "{steps:?}");
    let accepted = accepted_since(&world.reader(), &world.deployment.contracts, 0).await.unwrap();
    assert_eq!(accepted.iter().map(|accepted| accepted.height).collect::<Vec<_>>(), [16, 32]);
}

#[tokio::test]
async fn a_checkpoint_is_posted_when_it_is_due_and_at_ones_turn_and_cheap_enough() {
    let world = World::new().await;
    let set = world.set(Epoch(3)).await;
    world.finalize(&set, 16, 100);
    let pace = Pace { interval: Duration::from_secs(10), ..EAGER };
    let mut relayer = world.relayer(8, pace);
    assert_eq!(posted(&relayer.step().await.unwrap()), 16, "the first is due at once");
    world.finalize(&set, 32, 103);
    assert_eq!(relayer.step().await.unwrap(), Step::NotDue(Duration::from_secs(7)));
    world.finalize(&set, 48, 110);

    let mut stingy = world.relayer_of(9, EAGER, 1, std::slice::from_ref(&world.url));
    assert!(matches!(stingy.step().await.unwrap(), Step::TooExpensive(wei) if wei > 1));

    let account = (2..10).find(|account| turns::turn(&world.accounts[*account].address(), 1) > 0).unwrap();
    let mut polite = world.relayer(account, Pace { turn: Duration::from_secs(600), ..pace });
    assert!(
        matches!(polite.step().await.unwrap(), Step::NotOurTurn(wait) if wait > Duration::from_secs(500))
    );
    assert_eq!(world.head().await, Some((16, 1)));
    assert_eq!(posted(&relayer.step().await.unwrap()), 48);
    assert_eq!(polite.step().await.unwrap(), Step::UpToDate);
}

#[tokio::test]
async fn nobody_is_trusted_and_one_good_node_is_enough() {
    let world = World::new().await;
    let set = world.set(Epoch(3)).await;
    let (header, good) = world.block(&set, 64, 4);
    let lie = Checkpoint { heads_root: Hash32::from_bytes([9; 32]), ..good.checkpoint };
    let signature = CheckpointSignature::from_bytes([1; 192]);
    let (liar, garbled) = (Shown::default(), Shown::default());
    liar.show(
        &header,
        CheckpointCertificate { checkpoint: Checkpoint { height: Height::new(80), ..lie }, ..good },
    );
    garbled.show(&header, CheckpointCertificate { signature, ..good });
    let nodes = [liar.serve().await, garbled.serve().await, "http://127.0.0.1:1".to_owned()];
    let mut misled = world.relayer_of(8, EAGER, u128::MAX, &nodes);
    assert!(matches!(misled.step().await, Err(RelayError::Invalid(_))));
    world.node.show(&header, good);
    let all: Vec<String> = nodes.into_iter().chain([world.url.clone()]).collect();
    let mut relayer = world.relayer_of(8, EAGER, u128::MAX, &all);
    assert_eq!(posted(&relayer.step().await.unwrap()), 64);
}

#[tokio::test]
async fn sets_are_followed_and_not_trusted_for_ever() {
    let world = World::new().await;
    let mut relayer = world.relayer(8, EAGER);
    let old = world.set(Epoch(3)).await;
    world.finalize(&old, 16, 1);
    assert_eq!(posted(&relayer.step().await.unwrap()), 16);
    world.register(6).await;
    world.begin(Epoch(6)).await;
    let new = world.set(Epoch(6)).await;
    assert_ne!(new.hash(), old.hash());
    // The network hands over later than Ethereum: what the old set signs still counts.
    world.finalize(&old, 32, 2);
    assert_eq!(posted(&relayer.step().await.unwrap()), 32);
    world.finalize(&new, 48, 3);
    assert_eq!(posted(&relayer.step().await.unwrap()), 48);
    assert_eq!(relayer.metrics.sets.get(), 2);
    // Four epochs after its last one the old set is not trusted any more.
    world.begin(Epoch(10)).await;
    world.finalize(&old, 64, 4);
    assert!(matches!(relayer.step().await, Err(RelayError::UnknownSet { height: 64, .. })));
    // The new set's registration is about to expire, and is renewed.
    world.finalize(&new, 80, 5);
    assert_eq!(posted(&relayer.step().await.unwrap()), 80);
    assert_eq!(relayer.metrics.sets.get(), 3);
    assert_eq!(world.head().await, Some((80, 4)));
}

#[tokio::test]
async fn a_certificate_that_contradicts_ethereum_stops_the_light_client() {
    let world = World::new().await;
    let set = world.set(Epoch(3)).await;
    let (header, good) = world.block(&set, 16, 1);
    world.node.show(&header, good);
    let (forked, garbled) = (Shown::default(), Shown::default());
    let nodes = [world.url.clone(), garbled.serve().await, forked.serve().await];
    let mut relayer = world.relayer_of(8, EAGER, u128::MAX, &nodes);
    assert_eq!(posted(&relayer.step().await.unwrap()), 16);
    let lie = Checkpoint { heads_root: Hash32::from_bytes([9; 32]), ..good.checkpoint };
    garbled.show(&header, CheckpointCertificate { checkpoint: lie, ..good });
    assert_eq!(relayer.step().await.unwrap(), Step::UpToDate, "nobody signed that");

    // Who posted what is on Ethereum has forgotten it: its event tells.
    world.node.0.lock().unwrap().by_height.clear();
    forked.show(&header, certify(&set, lie, &[3, 4, 5]));
    let Step::Reported { height: 16, gas_used } = relayer.step().await.unwrap() else {
        panic!("not reported")
    };
    assert!(gas_used > 100_000);
    assert_eq!(relayer.metrics.conflicts.get(), 1);
    let head = latest(&world.reader(), &world.deployment.contracts).await.unwrap().unwrap();
    assert!(head.is_halted());
    assert!(matches!(relayer.step().await, Err(RelayError::Halted)));
}

#[tokio::test]
async fn where_an_endpoint_fails_or_is_of_another_chain_the_next_is_used() {
    let world = World::new().await;
    let set = world.set(Epoch(3)).await;
    world.finalize(&set, 16, 1);
    let other = Anvil::start(None).unwrap_or_else(|error| panic!("{error}"));
    let urls = ["http://127.0.0.1:1".to_owned(), other.url().to_owned(), world.anvil.url().to_owned()];
    let endpoints = Endpoints::new(&urls, None).unwrap();
    assert_eq!(endpoints.network(&world.deployment).await.unwrap(), world.network);
    let mut relayer = world.relayer_by(&urls, 8, EAGER, u128::MAX, std::slice::from_ref(&world.url));
    assert!(matches!(relayer.step().await, Err(RelayError::Unfit(UnfitEndpoint::Deployment(_)))));
    assert!(matches!(relayer.step().await, Err(RelayError::Unfit(UnfitEndpoint::Deployment(_)))));
    assert_eq!(posted(&relayer.step().await.unwrap()), 16);
    assert_eq!(relayer.metrics.failovers.get(), 2);
}

#[tokio::test]
async fn it_stops_when_told() {
    let world = World::new().await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(world.relayer(8, EAGER).run(stop.clone()));
    world.finalize(&world.set(Epoch(3)).await, 16, 1);
    while world.head().await.is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.cancel();
    running.await.unwrap().unwrap();
}
