//! `set-demo`: the validator set follows Ethereum. One validator registers while the network runs, joins and proposes;
//! another asks its stake back, leaves, and still answers for what it signed before.

use super::demo::{self, CHANGE_LIMIT, POLL, STEP_LIMIT};
use super::demo::{all_go_on, chain_of, on_network, ordered_by, transaction_for};
use super::sets;
use super::staking::STAKE;
use crate::network::LocalNetwork;
use eyre::WrapErr as _;
use fairlane_l1::evidence::{Submission, submit};
use fairlane_l1::{DynProvider, L1State};
use fairlane_proto::v1::Refusal;
use fairlane_rollup_adapter::{Client, ClientError};
use fairlane_sequencer::keys;
use fairlane_types::vote::vote_sign_bytes;
use fairlane_types::{BlockId, Evidence, Height, Round, SignedVote, SigningKey, ValidatorSet, VoteKind};
use std::path::PathBuf;
use std::time::Instant;

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
    println!("Starting Ethereum (anvil), {members} validators with stake, and a node without ...");
    let show = async |network: &mut LocalNetwork| Demo::new(network).await?.run().await;
    on_network(members + 1, members, args.home, show).await
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
        let provider = chain_of(network).reader()?;
        let client = Client::connect(&network.nodes[0].endpoint(), &network.genesis).await?;
        let newcomer = network.nodes.len() - 1;
        Ok(Self { network, provider, client, newcomer, leaver: newcomer - 1 })
    }

    fn key(&self, node: usize) -> eyre::Result<SigningKey> {
        Ok(keys::read_consensus(&self.network.nodes[node].home().consensus_key())?)
    }

    async fn run(mut self) -> eyre::Result<()> {
        let members = self.network.genesis.validators.len();
        println!(
            "Ethereum   {}, set of epoch {}",
            chain_of(self.network).url(),
            self.network.genesis.l1_epoch
        );
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
        demo::epoch(chain_of(self.network), &self.provider).await
    }

    async fn joins(&self) -> eyre::Result<(Height, ValidatorSet)> {
        let validator = self.key(self.newcomer)?.validator();
        chain_of(self.network).register_one(self.newcomer, self.network.nodes[self.newcomer].home()).await?;
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
        let transaction = transaction_for(&[1])?;
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
        let height = ordered_by(&self.client, transaction.id()).await?;
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
        chain_of(self.network).unbond(self.leaver, STAKE).await?;
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
        match client.submit(&transaction_for(&[1])?).await {
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
        let (writer, reporter) = chain_of(self.network).writer(0)?;
        let contracts = &chain_of(self.network).deployment.contracts;
        match submit(&writer, contracts, &evidence, reporter, reporter)
            .await
            .wrap_err("submitting evidence")?
        {
            Submission::Punished(_) => {}
            Submission::AlreadyPunished => eyre::bail!("the offence was punished before"),
        }
        let operator = chain_of(self.network).operator(self.leaver)?.address();
        let account = L1State::newest(&self.provider, contracts).account(operator).await?;
        let account = account.ok_or_else(|| eyre::eyre!("the leaver has no account"))?;
        eyre::ensure!(account.tombstoned && account.at_risk() < STAKE, "it lost no stake");
        println!("Slashed    for two precommits at height {height}, which it signed as a member");
        Ok(())
    }

    async fn still_orders(&mut self) -> eyre::Result<()> {
        println!("Ordering   goes on, on all nodes: height {}", all_go_on(self.network).await?);
        Ok(())
    }
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
