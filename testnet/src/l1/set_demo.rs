//! `set-demo`: the validator set follows Ethereum. One validator registers while the network runs, joins and proposes;
//! another asks its stake back, leaves, and still answers for what it signed before.

use super::chain::{L1Chain, STAKE};
use super::sets;
use crate::clock::unix_nanos;
use crate::network::{Hosts, LocalNetwork, NetworkSpec};
use eyre::WrapErr as _;
use fairlane_l1::evidence::{Submission, submit};
use fairlane_l1::{DynProvider, L1State};
use fairlane_proto::v1::Refusal;
use fairlane_rollup_adapter::{Client, ClientError, TransactionStatus};
use fairlane_sequencer::keys;
use fairlane_types::vote::vote_sign_bytes;
use fairlane_types::{
    BlockId, Evidence, GroupId, Height, Leg, RollupId, Round, SignedVote, SigningKey, Timestamp, Transaction,
    ValidatorSet, VoteKind,
};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a change of the set may take: four epochs, and some.
const CHANGE_LIMIT: Duration = Duration::from_secs(120);
/// How long each other step may take.
const STEP_LIMIT: Duration = Duration::from_secs(30);
/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(100);

/// Runs a network with an Ethereum of its own, lets one more validator join, and another leave.
#[derive(Debug, clap::Args)]
pub struct SetDemoArgs {
    /// How many validators at the start.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(4..=8))]
    validators: u16,
    /// Keep the nodes' homes (configuration, keys, stores, logs) here instead of in a temporary directory.
    #[arg(long)]
    home: Option<PathBuf>,
}

/// Runs the demonstration; fails when a step does not come to pass.
pub async fn run(args: SetDemoArgs) -> eyre::Result<()> {
    let members = usize::from(args.validators);
    let spec = NetworkSpec {
        hosts: Hosts::Loopback,
        validators: members + 1,
        groups: vec![GroupId::ZERO],
        segment_interval: None,
        log_filter: "info,arc_malachitebft=error,arc_malachitebft_network=off".into(),
    };
    println!("Starting Ethereum (anvil), {members} validators with stake, and a node without ...");
    let mut network = LocalNetwork::create_on_l1(&spec, members, args.home).await?;
    network.start().await?;
    let outcome = match Demo::new(&mut network).await {
        Ok(demo) => demo.run().await,
        Err(error) => Err(error),
    };
    network.stop().await;
    outcome
}

struct Demo<'a> {
    network: &'a mut LocalNetwork,
    provider: DynProvider,
    /// Knows the genesis, and verifies everything from there on.
    client: Client,
    /// The places of who joins and who leaves among the nodes.
    newcomer: usize,
    leaver: usize,
}

impl<'a> Demo<'a> {
    async fn new(network: &'a mut LocalNetwork) -> eyre::Result<Self> {
        let chain = network.l1.as_ref().ok_or_else(|| eyre::eyre!("the network has no Ethereum"))?;
        let provider = chain.reader()?;
        let client = Client::connect(&network.nodes[0].endpoint(), &network.genesis).await?;
        let newcomer = network.nodes.len() - 1;
        Ok(Self { network, provider, client, newcomer, leaver: newcomer - 1 })
    }

    fn chain(&self) -> &L1Chain {
        self.network.l1.as_ref().expect("it was there at the start")
    }

    fn key(&self, node: usize) -> eyre::Result<SigningKey> {
        Ok(keys::read_consensus(&self.network.nodes[node].home().consensus_key())?)
    }

    async fn run(mut self) -> eyre::Result<()> {
        let members = self.network.genesis.validators.len();
        println!("Ethereum   {}, set of epoch {}", self.chain().url(), self.network.genesis.l1_epoch);
        self.refuses(self.newcomer).await?;
        let (joined, set) = self.joins().await?;
        eyre::ensure!(set.len() == members + 1, "the set has {} members", set.len());
        self.writes_and_proposes(joined, &set).await?;
        let (left, set) = self.leaves().await?;
        eyre::ensure!(set.len() == members, "the set has {} members", set.len());
        self.refuses(self.leaver).await?;
        self.answers_for(Height::new(left.get() - 1)).await?;
        self.still_orders().await
    }

    async fn epoch(&self) -> eyre::Result<u32> {
        Ok(L1State::newest(&self.provider, &self.chain().deployment.contracts).epoch().await?.0)
    }

    async fn joins(&self) -> eyre::Result<(Height, ValidatorSet)> {
        let validator = self.key(self.newcomer)?.validator();
        self.chain().register_one(self.newcomer, self.network.nodes[self.newcomer].home()).await?;
        let (begun, epoch) = (Instant::now(), self.epoch().await?);
        println!("Registers  validator {validator} in epoch {epoch}");
        let is_in = |set: &ValidatorSet| set.get(&validator).is_some();
        let (height, set) = sets::wait_for(&self.client, begun + CHANGE_LIMIT, is_in).await?;
        println!(
            "Joins      the set from height {height} on, {} members, in epoch {} ({:.1} s)",
            set.len(),
            self.epoch().await?,
            begun.elapsed().as_secs_f64()
        );
        Ok((height, set))
    }

    /// Waits until a transaction given to the newcomer is ordered, and a block decided that was its turn to propose.
    async fn writes_and_proposes(&mut self, joined: Height, set: &ValidatorSet) -> eyre::Result<()> {
        let deadline = Instant::now() + STEP_LIMIT;
        let newcomer =
            Client::connect(&self.network.nodes[self.newcomer].endpoint(), &self.network.genesis).await?;
        let transaction = transaction()?;
        let receipt = loop {
            match newcomer.submit(&transaction).await {
                Err(ClientError::Refused { reason: Refusal::NotReady, message, .. }) => {
                    eyre::ensure!(
                        Instant::now() < deadline,
                        "the newcomer does not write its lane: {message}"
                    );
                }
                other => break other?,
            }
            tokio::time::sleep(POLL).await;
        };
        let height = loop {
            if let TransactionStatus::Ordered { height, .. } =
                self.client.transaction_status(transaction.id()).await?
            {
                break height;
            }
            eyre::ensure!(Instant::now() < deadline, "the newcomer's transaction is not ordered");
            tokio::time::sleep(POLL).await;
        };
        println!("Writes     segment {} of its lane, ordered in block {height}", receipt.header.seq);
        let validator = self.key(self.newcomer)?.validator();
        let place = set.index_of(&validator).expect("it is in the set") as u64;
        // All lanes move, so proposers take turns in the order of the set, and a block of round 0 is the turn's.
        let mut turn = joined.get().max(height.get()) + 11;
        turn += (place + set.len() as u64 - turn % set.len() as u64) % set.len() as u64;
        loop {
            self.network.wait_until(0, deadline, |status| status.height >= turn).await?;
            let block = self.client.header(Height::new(turn)).await?;
            if block.certificate().round == Round::ZERO {
                println!("Proposes   block {turn}");
                return Ok(());
            }
            turn += set.len() as u64;
        }
    }

    async fn leaves(&self) -> eyre::Result<(Height, ValidatorSet)> {
        let validator = self.key(self.leaver)?.validator();
        self.chain().unbond(self.leaver, STAKE).await?;
        let (begun, epoch) = (Instant::now(), self.epoch().await?);
        println!("Unbonds    validator {validator} in epoch {epoch}");
        let (height, set) = sets::wait_until_left(&self.client, begun + CHANGE_LIMIT, &validator).await?;
        println!(
            "Leaves     the set from height {height} on, {} members, in epoch {} ({:.1} s)",
            set.len(),
            self.epoch().await?,
            begun.elapsed().as_secs_f64()
        );
        Ok((height, set))
    }

    /// A node outside the set takes no transactions, and says why.
    async fn refuses(&mut self, node: usize) -> eyre::Result<()> {
        let client = Client::connect(&self.network.nodes[node].endpoint(), &self.network.genesis).await?;
        match client.submit(&transaction()?).await {
            Err(ClientError::Refused { reason: Refusal::NotReady, message, .. }) => {
                println!("Refuses    node {node}: {message}");
                Ok(())
            }
            other => eyre::bail!("node {node} is not in the set and answers {other:?}"),
        }
    }

    /// Proves to the contracts that who has left signed two blocks at a height before.
    async fn answers_for(&self, height: Height) -> eyre::Result<()> {
        let evidence = double_vote(&self.key(self.leaver)?, &self.network.genesis.network(), height);
        fairlane_verify::verify_evidence(&evidence, &self.network.genesis.network())?;
        let (writer, reporter) = self.chain().writer(0)?;
        let contracts = &self.chain().deployment.contracts;
        match submit(&writer, contracts, &evidence, reporter, reporter)
            .await
            .wrap_err("submitting evidence")?
        {
            Submission::Punished(_) => {}
            Submission::AlreadyPunished => eyre::bail!("the offence was punished before"),
        }
        let operator = self.chain().operator(self.leaver)?.address();
        let account = L1State::newest(&self.provider, contracts).account(operator).await?;
        let account = account.ok_or_else(|| eyre::eyre!("the leaver has no account"))?;
        eyre::ensure!(account.tombstoned && account.at_risk() < STAKE, "it lost no stake");
        println!("Slashed    for two precommits at height {height}, which it signed as a member");
        Ok(())
    }

    async fn still_orders(&mut self) -> eyre::Result<()> {
        let deadline = Instant::now() + STEP_LIMIT;
        let height = self.network.nodes[0].status().await?.height;
        for node in 0..self.network.nodes.len() {
            self.network.wait_until(node, deadline, |status| status.height > height + 1).await?;
        }
        println!("Ordering   goes on, on all nodes: height {height}");
        Ok(())
    }
}

fn transaction() -> eyre::Result<Transaction> {
    let now = unix_nanos();
    let leg = Leg { rollup: RollupId::new(1), payload: b"a transaction".as_slice().into() };
    let salt = u128::from(now).to_be_bytes();
    Ok(Transaction::new(vec![leg], Timestamp::from_nanos(now + 60_000_000_000), salt)?)
}

fn double_vote(key: &SigningKey, network: &fairlane_types::NetworkId, height: Height) -> Evidence {
    let (kind, round) = (VoteKind::Precommit, Round::ZERO);
    let vote = |byte: u8| {
        let block = Some(BlockId::from_bytes([byte; 32]));
        let signature = key.sign(&vote_sign_bytes(network, kind, height, round, block.as_ref()));
        SignedVote { validator: key.validator(), kind, height, round, block, signature }
    };
    Evidence::DoubleVote(Box::new([vote(1), vote(2)]))
}
