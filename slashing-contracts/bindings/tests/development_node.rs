//! Everything against a real Ethereum node: deployment and its resumption, registration, evidence, and what
//! nodes read.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use alloy_primitives::U256;
use alloy_provider::{DynProvider, Provider as _};
use alloy_signer_local::PrivateKeySigner;
use fairlane_l1::deploy::{DeployError, deploy};
use fairlane_l1::deployment::Plan;
use fairlane_l1::dev::{Anvil, funded_keys};
use fairlane_l1::endpoint::{connect, connect_with_key};
use fairlane_l1::error::{CallError, Refusal};
use fairlane_l1::events::{EventKind, Offence, events};
use fairlane_l1::evidence::{self, Submission};
use fairlane_l1::registration::OperatorAccount;
use fairlane_l1::{CheckpointKey, DeployParams, Deployment, Epoch, L1State};
use fairlane_types::crypto::{Hash32, SigningKey};
use fairlane_types::evidence::Evidence;
use fairlane_types::ids::{BlockId, Height, Incarnation, NetworkId, Round, ValidatorId};
use fairlane_types::vote::{SignedVote, VoteKind, vote_sign_bytes};
use std::path::Path;

const STAKE: u128 = 2_000_000_000_000_000_000_000;
const GENESIS: Hash32 = Hash32::from_bytes([0x6e; 32]);

/// A chain with deployed contracts: account 0 deploys, account 1 is the guardian, 2 to 5 are operators, 6
/// reports.
struct World {
    anvil: Anvil,
    accounts: Vec<PrivateKeySigner>,
    folder: tempfile::TempDir,
    deployment: Deployment,
}

fn params(accounts: &[PrivateKeySigner]) -> DeployParams {
    DeployParams { epoch_length: 40, seats: 8, ..DeployParams::new(accounts[1].address()) }
}

impl World {
    async fn new() -> Self {
        let anvil = Anvil::start(None).unwrap_or_else(|error| panic!("{error}"));
        let accounts = funded_keys();
        let folder = tempfile::tempdir().unwrap();
        let provider = connect_with_key(anvil.url(), accounts[0].clone()).unwrap();
        // A past that a chain started anew does not have.
        let _: () = provider.raw_request("anvil_mine".into(), (3,)).await.unwrap();
        let file = folder.path().join("deployment.json");
        let deployment = deploy(&file, &provider, accounts[0].address(), &params(&accounts)).await.unwrap();
        Self { anvil, accounts, folder, deployment }
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("deployment.json")
    }

    /// A connection that signs for an account.
    fn as_account(&self, index: usize) -> DynProvider {
        connect_with_key(self.anvil.url(), self.accounts[index].clone()).unwrap()
    }

    fn reader(&self) -> DynProvider {
        connect(self.anvil.url()).unwrap()
    }

    async fn mine_to(&self, block: u64) {
        let provider = self.reader();
        let now = provider.get_block_number().await.unwrap();
        if let Some(missing) = block.checked_sub(now) {
            let _: () = provider.raw_request("anvil_mine".into(), (missing,)).await.unwrap();
        }
    }

    async fn validator_set(&self, epoch: Epoch) -> Vec<ValidatorId> {
        let provider = self.reader();
        let state =
            L1State::at(&provider, &self.deployment.contracts, alloy_rpc_types_eth::BlockId::latest());
        let set = state.validator_set(epoch).await.unwrap();
        set.map(|set| set.members().iter().map(|member| member.id).collect()).unwrap_or_default()
    }
}

fn consensus_key(operator: usize) -> SigningKey {
    SigningKey::from_seed(&[u8::try_from(operator).unwrap(); 32])
}

async fn register(world: &World, operator: usize) {
    let provider = world.as_account(operator);
    let account = OperatorAccount {
        deployment: &world.deployment,
        provider: &provider,
        operator: world.accounts[operator].address(),
    };
    account.mint(2 * STAKE).send().await.unwrap();
    let checkpoint = CheckpointKey::from_seed(&[u8::try_from(operator).unwrap(); 32]);
    let consensus = consensus_key(operator);
    let registering = account.register(&consensus, &checkpoint, STAKE, "/dns/node/tcp/1").await.unwrap();
    let rehearsal = registering.rehearse().await.unwrap();
    assert_eq!(account.balance().await.unwrap(), U256::from(2 * STAKE), "nothing was sent");
    let names: Vec<_> = rehearsal.steps.iter().map(|step| step.what).collect();
    assert_eq!(names, ["approving the stake", "registering"]);
    let receipt = registering.send().await.unwrap();
    let used = rehearsal.steps.last().unwrap().gas;
    assert!(receipt.gas_used.abs_diff(used) < 50_000, "{} gas, rehearsed {used}", receipt.gas_used);
    assert!(receipt.effective_gas_price <= rehearsal.gas_price);
    assert_eq!(account.balance().await.unwrap(), U256::from(STAKE));
}

fn precommit(key: &SigningKey, network: &NetworkId, block: u8) -> SignedVote {
    let (height, round) = (Height::new(77), Round::new(1));
    let block = Some(BlockId::from_bytes([block; 32]));
    let message = vote_sign_bytes(network, VoteKind::Precommit, height, round, block.as_ref());
    SignedVote {
        validator: key.validator(),
        kind: VoteKind::Precommit,
        height,
        round,
        block,
        signature: key.sign(&message),
    }
}

fn double_precommit(key: &SigningKey, network: &NetworkId) -> Evidence {
    Evidence::DoubleVote(Box::new([precommit(key, network, 1), precommit(key, network, 2)]))
}

#[tokio::test]
async fn who_signs_twice_loses_stake_and_its_place_in_the_set() {
    let world = World::new().await;
    let contracts = &world.deployment.contracts;
    for operator in 2..6 {
        register(&world, operator).await;
    }
    let guardian = world.as_account(1);
    let network = world.deployment.open_network(&guardian, &GENESIS).await.unwrap();
    assert_eq!(network, world.deployment.network_of(&GENESIS));
    assert_eq!(world.deployment.open_network(&guardian, &GENESIS).await.unwrap(), network);

    // What was registered in epoch 0 is in the set of epoch 3.
    let clock = world.deployment.clock;
    assert_eq!(world.validator_set(Epoch(2)).await, []);
    world.mine_to(clock.fixed_after(Epoch(3))).await;
    let mut all: Vec<ValidatorId> = (2..6).map(|operator| consensus_key(operator).validator()).collect();
    all.sort();
    assert_eq!(world.validator_set(Epoch(3)).await, all);

    let offender = consensus_key(3);
    let evidence = double_precommit(&offender, &network);
    let epoch = punish(&world, &evidence).await;

    // Seen from the third epoch after on, and not before.
    let left: Vec<ValidatorId> = all.iter().copied().filter(|id| *id != offender.validator()).collect();
    let out = Epoch(epoch.0 + 3);
    world.mine_to(clock.fixed_after(out)).await;
    assert_eq!(world.validator_set(Epoch(out.0 - 1)).await, all);
    assert_eq!(world.validator_set(out).await, left);
    read_everything(&world, &evidence, network).await;
    assert!(evidence::is_punished(&world.reader(), contracts, &evidence).await.unwrap());
}

/// Reports evidence against operator 3, checks what it lost, and says in which epoch.
async fn punish(world: &World, evidence: &Evidence) -> Epoch {
    let contracts = &world.deployment.contracts;
    let (provider, reporter) = (world.as_account(6), world.accounts[6].address());
    let operator = world.accounts[3].address();
    let state = L1State::at(&provider, contracts, alloy_rpc_types_eth::BlockId::latest());
    assert_eq!(state.account(operator).await.unwrap().unwrap().at_risk(), STAKE);

    let submission = evidence::submit(&provider, contracts, evidence, reporter, reporter).await.unwrap();
    let Submission::Punished(receipt) = submission else { panic!("nobody else reported it") };
    println!("gas of a double precommit: {}", receipt.gas_used);
    let again = evidence::submit(&provider, contracts, evidence, reporter, reporter).await.unwrap();
    assert!(matches!(again, Submission::AlreadyPunished));

    let account = state.account(operator).await.unwrap().unwrap();
    assert!(account.tombstoned && account.seat.is_none() && !account.settled);
    let penalty = STAKE / 20;
    assert_eq!(account.at_risk(), STAKE - penalty);
    world.deployment.clock.epoch_of(receipt.block_number.unwrap()).unwrap()
}

/// Events and views tell the same story.
async fn read_everything(world: &World, evidence: &Evidence, network: NetworkId) {
    let (provider, contracts) = (world.reader(), &world.deployment.contracts);
    let operator = world.accounts[3].address();
    let newest = provider.get_block_number().await.unwrap();
    let told = events(&provider, contracts, world.deployment.clock.start_block..=newest).await.unwrap();
    assert!(told.windows(2).all(|pair| (pair[0].block, pair[0].index) < (pair[1].block, pair[1].index)));
    let kinds: Vec<&EventKind> = told.iter().map(|event| &event.kind).collect();
    assert!(kinds.contains(&&EventKind::NetworkOpened(network)));
    let count = |wanted: fn(&EventKind) -> bool| kinds.iter().filter(|kind| wanted(kind)).count();
    assert_eq!(count(|kind| matches!(kind, EventKind::Registered { .. })), 4);
    assert_eq!(count(|kind| matches!(kind, EventKind::Announced { .. })), 4);
    // Four seats taken, one left.
    assert_eq!(count(|kind| matches!(kind, EventKind::SeatChanged { .. })), 5);
    let validator = evidence.offender();
    assert!(kinds.contains(&&EventKind::Tombstoned { operator, validator }));
    let slashed: Vec<_> = kinds
        .iter()
        .filter_map(|kind| match kind {
            EventKind::Slashed(slashing) => Some(slashing),
            _ => None,
        })
        .collect();
    let [slashing] = slashed.as_slice() else { panic!("one offence, not {slashed:?}") };
    assert_eq!(slashing.slot, evidence::slot(evidence));
    assert_eq!((slashing.operator, slashing.validator), (operator, validator));
    assert_eq!(slashing.offence, Offence::DoublePrecommit);
    assert_eq!(slashing.penalty, U256::from(STAKE / 20));

    let state = L1State::at(&provider, contracts, newest);
    assert_eq!(state.block().await.unwrap().unwrap().0, newest);
    assert_eq!(state.epoch().await.unwrap(), world.deployment.clock.epoch_of(newest).unwrap());
    let owner = state.owner_of(&validator).await.unwrap().unwrap();
    assert_eq!(owner.operator, operator);
    assert!(owner.retired_from.is_some());
    assert_eq!(state.owner_of(&ValidatorId::from_bytes([9; 32])).await.unwrap(), None);
    assert_eq!(state.account(world.accounts[9].address()).await.unwrap(), None);
    assert_eq!(state.rollup(fairlane_types::ids::RollupId::new(5)).await.unwrap(), None);
    let conviction = state.conviction(slashing.slot).await.unwrap().unwrap();
    assert_eq!(conviction.reporter, world.accounts[6].address());
    let account = state.account(world.accounts[4].address()).await.unwrap().unwrap();
    assert_eq!(account.incarnation, Incarnation::new(1));
}

#[tokio::test]
async fn contracts_say_why_they_refuse() {
    use fairlane_l1::contracts::StakeManager::StakeManagerErrors;
    let world = World::new().await;
    register(&world, 2).await;
    let provider = world.as_account(2);
    let operator = world.accounts[2].address();
    let account = OperatorAccount { deployment: &world.deployment, provider: &provider, operator };
    let unbonding = account.request_unbond(2 * STAKE);
    for error in [unbonding.rehearse().await.unwrap_err(), unbonding.send().await.unwrap_err()] {
        assert!(matches!(
            error.refusal(),
            Some(Refusal::Stake(StakeManagerErrors::InsufficientStake(e))) if e.bonded == U256::from(STAKE)
        ));
        assert!(error.to_string().contains("InsufficientStake {"), "{error}");
        assert!(!error.is_transient());
    }
    // Another's proof of possession.
    let stolen = consensus_key(2);
    let rotating = account.rotate_keys(&stolen, &CheckpointKey::from_seed(&[9; 32]));
    let error = rotating.send().await.unwrap_err();
    assert!(matches!(error.refusal(), Some(Refusal::Stake(StakeManagerErrors::KeyTaken(_)))), "{error}");

    let evidence = double_precommit(&consensus_key(2), &NetworkId::ZERO);
    let contracts = &world.deployment.contracts;
    let error = evidence::submit(&provider, contracts, &evidence, operator, operator).await.unwrap_err();
    assert!(error.to_string().contains("NetworkNotOpen"), "{error}");
    let nobody = connect("http://127.0.0.1:1/secret").unwrap();
    let error = world.deployment.network(&nobody).await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }) && error.is_transient(), "{error}");
    assert!(!error.to_string().contains("secret"), "URLs are not repeated: {error}");
}

#[tokio::test]
async fn a_deployment_goes_on_where_it_stopped() {
    let anvil = Anvil::start(None).unwrap_or_else(|error| panic!("{error}"));
    let accounts = funded_keys();
    let deployer = accounts[0].address();
    let provider = connect_with_key(anvil.url(), accounts[0].clone()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deployment.json");
    let params = params(&accounts);

    // Three contracts, then an end.
    let plan = Plan::new(&provider, deployer, &params).await.unwrap();
    plan.save(&file).unwrap();
    let before = plan.first_nonce + 3;
    let mut first = plan.clone();
    let interrupted = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        tokio::select! {
            done = first.carry_out(&provider) => done.map(|_| ()),
            () = nonce_reaches(anvil.url(), deployer, before) => Ok(()),
        }
    });
    interrupted.await.unwrap().unwrap();
    assert!(provider.get_transaction_count(deployer).await.unwrap() < plan.first_nonce + 7);
    assert!(Deployment::load(&file).unwrap_err().to_string().contains("not finished"));

    let deployment = deploy(&file, &provider, deployer, &params).await.unwrap();
    assert_eq!(deployment.contracts, plan.contracts);
    assert_eq!(Deployment::load(&file).unwrap(), deployment);
    let nonce = provider.get_transaction_count(deployer).await.unwrap();
    assert_eq!(nonce, plan.first_nonce + 7);
    assert_eq!(deploy(&file, &provider, deployer, &params).await.unwrap(), deployment);
    assert_eq!(provider.get_transaction_count(deployer).await.unwrap(), nonce);
}

async fn nonce_reaches(url: &str, account: fairlane_l1::Address, nonce: u64) {
    let provider = connect(url).unwrap();
    while provider.get_transaction_count(account).await.unwrap() < nonce {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_deployment_that_is_another_is_refused() {
    let world = World::new().await;
    let (provider, deployer) = (world.as_account(0), world.accounts[0].address());
    let params = world.deployment.params.clone();
    let other = DeployParams { seats: 9, ..params.clone() };
    let refused = deploy(&world.file(), &provider, deployer, &other).await;
    assert!(matches!(refused, Err(DeployError::OtherParameters)), "{refused:?}");

    // A record that says something else than the contracts.
    let lie = Deployment { params: other, ..world.deployment.clone() };
    let refused = lie.check(&provider).await;
    assert!(matches!(refused, Err(DeployError::Differs { field: "StakeManager.seats", .. })), "{refused:?}");

    // The same record, on a chain that was started anew.
    let anew = Anvil::start(None).unwrap();
    let elsewhere = connect_with_key(anew.url(), world.accounts[0].clone()).unwrap();
    let refused = deploy(&world.file(), &elsewhere, deployer, &params).await;
    assert!(matches!(refused, Err(DeployError::OtherHistory { .. })), "{refused:?}");
    let refused = world.deployment.check(&elsewhere).await;
    assert!(matches!(refused, Err(DeployError::Missing { contract: "token", .. })), "{refused:?}");

    let by_another = world.deployment.open_network(&world.as_account(2), &GENESIS).await;
    assert!(matches!(by_another, Err(DeployError::Call(CallError::Unsigned { .. }))), "{by_another:?}");

    taken_nonce_is_named(&elsewhere, deployer, &params, world.folder.path()).await;

    let opened = world.deployment.open_network(&world.as_account(1), &GENESIS).await;
    assert!(opened.is_ok());
    let refused = world.deployment.open_network(&world.as_account(1), &Hash32::ZERO).await;
    assert!(matches!(refused, Err(DeployError::OtherNetwork { .. })), "{refused:?}");
}

async fn taken_nonce_is_named(
    provider: &DynProvider,
    deployer: fairlane_l1::Address,
    params: &DeployParams,
    folder: &Path,
) {
    let file = folder.join("late.json");
    Plan::new(provider, deployer, params).await.unwrap().save(&file).unwrap();
    let own = alloy_rpc_types_eth::TransactionRequest::default().from(deployer).to(deployer);
    provider.send_transaction(own).await.unwrap().get_receipt().await.unwrap();
    let refused = deploy(&file, provider, deployer, params).await;
    assert!(matches!(refused, Err(DeployError::NonceTaken { contract: "DevToken", .. })), "{refused:?}");
}

/// Runs the program with the key of an account in a file, and gives what it prints; `Err` with its complaint.
fn run_program(anvil: &Anvil, folder: &Path, key: &str, more: &[&str]) -> Result<String, String> {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_fairlane-deploy"))
        .args(["--rpc", anvil.url(), "--out"])
        .arg(folder.join("deployment.json"))
        .args(if key.is_empty() { vec![] } else { vec!["--key-file", key] })
        .args(more)
        .current_dir(folder)
        .env_remove("FAIRLANE_DEPLOY_KEY")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn write_key(folder: &Path, name: &str, key: &PrivateKeySigner, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    let file = folder.join(name);
    std::fs::write(&file, format!("{:x}\n", key.to_bytes())).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
#[cfg(unix)]
fn the_program_deploys_checks_and_opens() {
    let anvil = Anvil::start(None).unwrap_or_else(|error| panic!("{error}"));
    let (accounts, folder) = (funded_keys(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    write_key(folder, "deployer", &accounts[0], 0o600);
    write_key(folder, "guardian", &accounts[1], 0o600);
    write_key(folder, "open-to-all", &accounts[0], 0o644);
    let run = |key: &str, more: &[&str]| run_program(&anvil, folder, key, more);

    let complaint = run("open-to-all", &[]).unwrap_err();
    assert!(complaint.contains("chmod 600"), "{complaint}");
    let complaint = run("", &[]).unwrap_err();
    assert!(complaint.contains("--key-file"), "{complaint}");

    let guardian = accounts[1].address().to_string();
    let settings = ["--guardian", guardian.as_str(), "--epoch-length", "7"];
    let first = run("deployer", &settings).unwrap();
    assert_eq!(run("deployer", &settings).unwrap(), first);
    assert_eq!(run("", &["--check"]).unwrap(), first);
    let hash = GENESIS.to_string();
    assert!(run("deployer", &["--open", &hash]).is_err());
    let opened = run("guardian", &["--open", &hash]).unwrap();
    let deployment = Deployment::load(&folder.join("deployment.json")).unwrap();
    assert_eq!(deployment.clock.epoch_length.get(), 7);
    assert!(opened.contains(&deployment.network_of(&GENESIS).to_string()), "{opened}");
}
