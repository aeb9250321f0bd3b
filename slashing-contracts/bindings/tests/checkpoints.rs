//! Checkpoints against a real Ethereum node: validators register, sign, and a relayer posts what they signed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use alloy_provider::{DynProvider, Provider as _};
use alloy_rpc_types_eth::BlockId;
use alloy_signer_local::PrivateKeySigner;
use fairlane_checkpoint::{Collector, Effect, SecretKey};
use fairlane_l1::checkpoint::{self, Posting, Sender};
use fairlane_l1::deploy::deploy;
use fairlane_l1::dev::{Anvil, funded_keys};
use fairlane_l1::endpoint::{connect, connect_with_key};
use fairlane_l1::evidence::Submission;
use fairlane_l1::registration::OperatorAccount;
use fairlane_l1::{CheckpointKey, DeployParams, Deployment, Epoch, L1State};
use fairlane_types::checkpoint::{Checkpoint, CheckpointCertificate, SignedCheckpoint};
use fairlane_types::crypto::{Hash32, SigningKey};
use fairlane_types::heads::{HeadLeaf, HeadsTree};
use fairlane_types::ids::{
    BatchIndex, BlockId as Block, Height, NetworkId, RollupHead, RollupId, ValidatorId,
};

const STAKE: u128 = 2_000_000_000_000_000_000_000;
const EPOCH: Epoch = Epoch(3);

/// Account 0 deploys, account 1 is the guardian, 2 to 5 are operators, 6 relays.
struct World {
    anvil: Anvil,
    accounts: Vec<PrivateKeySigner>,
    deployment: Deployment,
    network: NetworkId,
}

fn seed(operator: usize) -> [u8; 32] {
    [u8::try_from(operator).unwrap(); 32]
}

/// The secret of a member.
fn secret_of(id: &ValidatorId) -> SecretKey {
    let operator = (2..6).find(|operator| SigningKey::from_seed(&seed(*operator)).validator() == *id);
    CheckpointKey::from_seed(&seed(operator.unwrap())).secret().clone()
}

impl World {
    /// Four validators, in the epoch whose set they are.
    async fn new() -> Self {
        let anvil = Anvil::start(None).unwrap_or_else(|error| panic!("{error}"));
        let accounts = funded_keys();
        let folder = tempfile::tempdir().unwrap();
        let provider = connect_with_key(anvil.url(), accounts[0].clone()).unwrap();
        let params = DeployParams { epoch_length: 40, seats: 8, ..DeployParams::new(accounts[1].address()) };
        let file = folder.path().join("deployment.json");
        let deployment = deploy(&file, &provider, accounts[0].address(), &params).await.unwrap();
        let guardian = connect_with_key(anvil.url(), accounts[1].clone()).unwrap();
        let network = deployment.open_network(&guardian, &Hash32::from_bytes([0x6e; 32])).await.unwrap();
        let world = Self { anvil, accounts, deployment, network };
        for operator in 2..6 {
            world.register(operator).await;
        }
        let reader = world.reader();
        let begin = world.deployment.clock.start_block + 40 * u64::from(EPOCH.0);
        let missing = begin - reader.get_block_number().await.unwrap();
        let _: () = reader.raw_request("anvil_mine".into(), (missing,)).await.unwrap();
        world
    }

    fn reader(&self) -> DynProvider {
        connect(self.anvil.url()).unwrap()
    }

    fn relayer(&self) -> DynProvider {
        connect_with_key(self.anvil.url(), self.accounts[6].clone()).unwrap()
    }

    async fn register(&self, operator: usize) {
        let provider = connect_with_key(self.anvil.url(), self.accounts[operator].clone()).unwrap();
        let account = OperatorAccount {
            deployment: &self.deployment,
            provider: &provider,
            operator: self.accounts[operator].address(),
        };
        account.mint(STAKE).send().await.unwrap();
        let consensus = SigningKey::from_seed(&seed(operator));
        let checkpoint = CheckpointKey::from_seed(&seed(operator));
        let registering = account.register(&consensus, &checkpoint, STAKE, "/dns/node/tcp/1").await.unwrap();
        registering.send().await.unwrap();
    }

    async fn collector(&self) -> Collector {
        let reader = self.reader();
        let state = L1State::at(&reader, &self.deployment.contracts, BlockId::latest());
        let validators = state.validator_set(EPOCH).await.unwrap().unwrap();
        let keys = checkpoint::keys_of(&reader, &self.deployment.contracts, validators).await.unwrap();
        Collector::new(self.network, keys)
    }

    fn checkpoint(&self, collector: &Collector, height: u64, block: u8, heads: &HeadsTree) -> Checkpoint {
        let set = collector.set().hash();
        Checkpoint {
            network: self.network,
            height: Height::new(height),
            block: Block::from_bytes([block; 32]),
            heads_root: heads.root(),
            validators_hash: set,
            next_validators_hash: set,
        }
    }
}

fn signed(validator: ValidatorId, checkpoint: &Checkpoint) -> SignedCheckpoint {
    let signature = secret_of(&validator).sign(checkpoint);
    SignedCheckpoint { validator, checkpoint: *checkpoint, signature }
}

/// All members sign; the certificate is there as soon as a quorum did.
fn collect(collector: &mut Collector, checkpoint: &Checkpoint) -> CheckpointCertificate {
    collector.open(*checkpoint).unwrap();
    let members: Vec<ValidatorId> = collector.set().validators().members().iter().map(|m| m.id).collect();
    let effects: Vec<Effect> = members
        .into_iter()
        .flat_map(|validator| collector.receive(signed(validator, checkpoint)).unwrap())
        .collect();
    let certificate = effects.into_iter().find_map(|effect| match effect {
        Effect::Certified(certificate) => Some(certificate),
        _ => None,
    });
    certificate.unwrap()
}

fn heads() -> HeadsTree {
    let leaf = |id: u64| HeadLeaf {
        rollup: RollupId::new(id),
        index: BatchIndex::new(id + 1),
        head: RollupHead::from_bytes([u8::try_from(id).unwrap(); 32]),
        last_height: Height::new(7),
    };
    HeadsTree::new([3, 5, 9, 12, 20].map(leaf).to_vec())
}

#[tokio::test]
async fn what_validators_sign_is_final_on_ethereum() {
    let world = World::new().await;
    let contracts = &world.deployment.contracts;
    let (relayer, account) = (world.relayer(), world.accounts[6].address());
    let sender = Sender { account, max_fee: u128::MAX };
    let mut collector = world.collector().await;
    for is_first in [true, false] {
        let sent = checkpoint::register_set(&relayer, contracts, EPOCH, sender).await.unwrap();
        assert_eq!(sent.is_some(), is_first);
    }
    let registered = checkpoint::set_hash(&relayer, contracts, EPOCH).await.unwrap();
    assert_eq!(registered, Some(collector.set().hash()));
    assert_eq!(checkpoint::latest(&relayer, contracts).await.unwrap(), None);

    let heads = heads();
    let statement = world.checkpoint(&collector, 1_000, 1, &heads);
    let certificate = collect(&mut collector, &statement);
    let rehearsed = checkpoint::posting(&relayer, contracts, &certificate, EPOCH, account).await.unwrap();
    assert_eq!(rehearsed.rehearse().await.unwrap().steps.len(), 1, "the set is registered");
    let posted = checkpoint::submit(&relayer, contracts, &certificate, EPOCH, sender).await.unwrap();
    let Posting::Mined(receipt) = posted else { panic!("{posted:?}") };
    assert!(receipt.status());
    let latest = checkpoint::latest(&relayer, contracts).await.unwrap().unwrap();
    assert_eq!((latest.number, latest.height), (1, 1_000));
    assert_eq!(latest.digest, checkpoint::digest(&statement));
    assert!(!latest.is_halted());
    let accepted = checkpoint::accepted_since(&relayer, contracts, 0).await.unwrap();
    let [only] = accepted[..] else { panic!("{accepted:?}") };
    assert_eq!((only.number, only.height, only.sender), (1, 1_000, account));
    assert_eq!((only.transaction, only.gas_used), (receipt.transaction_hash, receipt.gas_used));
    // Whoever comes second sends nothing.
    let again = checkpoint::submit(&relayer, contracts, &certificate, EPOCH, sender).await.unwrap();
    assert!(matches!(again, Posting::Stale { latest: 1_000 }), "{again:?}");

    for rollup in [3, 9, 20] {
        let mut path = heads.path(RollupId::new(rollup)).unwrap();
        checkpoint::prove(&relayer, contracts, 1, &statement, &path).await.unwrap();
        path.leaf.index = path.leaf.index.next();
        assert!(checkpoint::prove(&relayer, contracts, 1, &statement, &path).await.is_err());
    }
}

#[tokio::test]
async fn who_signs_two_checkpoints_loses_stake() {
    let world = World::new().await;
    let contracts = &world.deployment.contracts;
    let mut collector = world.collector().await;
    let statement = world.checkpoint(&collector, 1_000, 1, &heads());
    collect(&mut collector, &statement);
    let offender = collector.set().validators().members()[2].id;
    let other = world.checkpoint(&collector, 1_000, 2, &heads());
    let effects = collector.receive(signed(offender, &other)).unwrap();
    let [Effect::Conflict(conflict)] = &effects[..] else { panic!("{effects:?}") };
    fairlane_checkpoint::verify_conflict(conflict, &world.network).unwrap();

    let (relayer, reporter) = (world.relayer(), world.accounts[6].address());
    for is_first in [true, false] {
        let sent =
            checkpoint::submit_conflict(&relayer, contracts, conflict, reporter, reporter).await.unwrap();
        assert_eq!(matches!(sent, Submission::Punished(_)), is_first, "{sent:?}");
    }
    let state = L1State::at(&relayer, contracts, BlockId::latest());
    let conviction = state.conviction(checkpoint::conflict_slot(conflict)).await.unwrap().unwrap();
    let owner = state.owner_of(&offender).await.unwrap().unwrap();
    assert_eq!((conviction.operator, conviction.reporter), (owner.operator, reporter));
}
