//! `slash-demo`: a validator signs two histories, and the network sees to it that it loses stake: found, proven on
//! Ethereum, put out of the set there and then in the network, with nobody touching anything.

use super::demo::{CHANGE_LIMIT, POLL, STEP_LIMIT, all_go_on, chain_of, on_network};
use super::double_signer::{self, Offence};
use super::sets;
use super::staking::STAKE;
use crate::network::LocalNetwork;
use eyre::WrapErr as _;
use fairlane_l1::{Address, DynProvider, Epoch, L1State};
use fairlane_proto::v1::EvidenceRecord;
use fairlane_proto::v1::evidence_record::Fate;
use fairlane_rollup_adapter::Client;
use fairlane_sequencer::evidence::Proof;
use fairlane_types::ValidatorId;
use std::path::PathBuf;
use std::time::Instant;

/// The token's smallest units in a token.
const TOKEN: f64 = 1e18;

/// Runs a network with an Ethereum of its own, makes the last validator sign two histories, and waits until it is
/// slashed and out of the set.
#[derive(Debug, clap::Args)]
pub struct SlashDemoArgs {
    /// What it signs twice.
    #[arg(long, value_enum, default_value = "precommit")]
    offence: Offence,
    /// How many validators.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(4..=9))]
    validators: u16,
    /// Keep the nodes' homes (configuration, keys, stores, logs) here instead of in a temporary directory.
    #[arg(long)]
    home: Option<PathBuf>,
}

/// Runs the demonstration; fails when a step does not come to pass.
pub async fn run(args: SlashDemoArgs) -> eyre::Result<()> {
    let nodes = args.validators.into();
    println!("Starting Ethereum (anvil) and {nodes} validators with stake ...");
    let show = async |network: &mut LocalNetwork| Demo::new(network, args.offence)?.run().await;
    on_network(nodes, nodes, args.home, show).await
}

struct Demo<'a> {
    network: &'a mut LocalNetwork,
    offence: Offence,
    provider: DynProvider,
    /// The place of the offender among the nodes.
    offender: usize,
    validator: ValidatorId,
    operator: Address,
}

impl<'a> Demo<'a> {
    fn new(network: &'a mut LocalNetwork, offence: Offence) -> eyre::Result<Self> {
        let offender = network.nodes.len() - 1;
        let home = network.nodes[offender].home();
        let validator = fairlane_sequencer::keys::read_consensus(&home.consensus_key())?.validator();
        let chain = chain_of(network);
        let (provider, operator) = (chain.reader()?, chain.operator(offender)?.address());
        Ok(Self { network, offence, provider, offender, validator, operator })
    }

    fn state(&self) -> L1State<'_> {
        L1State::newest(&self.provider, &chain_of(self.network).deployment.contracts)
    }

    async fn run(mut self) -> eyre::Result<()> {
        println!("Ethereum   {}, SlashingManager {}", chain_of(self.network).url(), self.contract());
        println!("Offender   node {}, validator {}", self.offender, self.validator);
        println!("Stake      {} tokens", STAKE as f64 / TOKEN);
        let home = self.network.nodes[self.offender].home().path().to_owned();
        let done = double_signer::commit(&home, self.offence).await?;
        let begun = Instant::now();
        println!("Offence    it signs {done}");
        self.found_by_all(begun).await?;
        self.punished(begun).await?;
        self.stake_is_lost().await?;
        self.leaves_the_set(begun).await?;
        self.is_out(begun).await?;
        self.still_orders().await
    }

    fn contract(&self) -> Address {
        chain_of(self.network).deployment.contracts.slashing_manager
    }

    /// The honest nodes' records of the offence; `None` for those that have none.
    async fn records(&mut self) -> Vec<Option<EvidenceRecord>> {
        let mut records = Vec::new();
        for (index, node) in self.network.nodes.iter_mut().enumerate() {
            if index != self.offender {
                records.push(node.evidence().await.unwrap_or_default().into_iter().next());
            }
        }
        records
    }

    /// Waits for the offence in the pool of each honest node, proven there.
    async fn found_by_all(&mut self, begun: Instant) -> eyre::Result<()> {
        let deadline = Instant::now() + STEP_LIMIT;
        loop {
            let records = self.records().await;
            let found: Vec<&EvidenceRecord> = records.iter().flatten().collect();
            let height = found.iter().map(|record| record.height).max().unwrap_or_default();
            if found.len() == records.len() && (height > 0 || !self.offence.is_for_blocks()) {
                self.check(&found)?;
                let place = match self.offence.is_for_blocks() {
                    true => format!("in block {height}"),
                    false => "in no block".to_owned(),
                };
                println!(
                    "Evidence   in the pools of {} of {} honest nodes after {:.1} s, {place}",
                    found.len(),
                    records.len(),
                    begun.elapsed().as_secs_f64()
                );
                return Ok(());
            }
            eyre::ensure!(Instant::now() < deadline, "{} nodes found the offence", found.len());
            tokio::time::sleep(POLL).await;
        }
    }

    /// Whether each record proves an offence of the offender, and of nobody else.
    fn check(&self, records: &[&EvidenceRecord]) -> eyre::Result<()> {
        let network = self.network.genesis.network();
        for record in records {
            let proof = Proof::from_bytes(network, record.evidence.clone())?;
            proof.verify(&network).wrap_err("evidence that does not hold")?;
            eyre::ensure!(proof.offender() == self.validator, "{} is accused", proof.offender());
        }
        Ok(())
    }

    /// Waits until every honest node has seen the punishment, and tells whose transaction it was.
    async fn punished(&mut self, begun: Instant) -> eyre::Result<()> {
        let deadline = Instant::now() + STEP_LIMIT;
        loop {
            let records = self.records().await;
            if records
                .iter()
                .all(|record| record.as_ref().is_some_and(|record| record.fate() == Fate::Punished))
            {
                let receipts: Vec<_> = records
                    .iter()
                    .enumerate()
                    .filter_map(|(node, record)| Some((node, record.as_ref()?.receipt.clone()?)))
                    .collect();
                let [(node, receipt)] = receipts.as_slice() else {
                    eyre::bail!("{} nodes proved one offence", receipts.len())
                };
                println!("Slashed    after {:.1} s, by node {node}", begun.elapsed().as_secs_f64());
                println!(
                    "           transaction 0x{}, {} gas",
                    receipt.transaction.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
                    receipt.gas_used
                );
                return Ok(());
            }
            if Instant::now() >= deadline {
                let log = self.network.nodes[0].log_tail();
                eyre::bail!("the offence is not punished in time; the log of node 0 ends with:\n{log}");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn stake_is_lost(&self) -> eyre::Result<()> {
        let account = self.state().account(self.operator).await?;
        let account = account.ok_or_else(|| eyre::eyre!("the offender has no account"))?;
        eyre::ensure!(account.tombstoned, "the offender is not tombstoned");
        eyre::ensure!(account.at_risk() < STAKE, "the offender lost no stake");
        let (before, after) = (STAKE as f64 / TOKEN, account.at_risk() as f64 / TOKEN);
        println!("Stake      {before} -> {after} tokens, tombstoned");
        Ok(())
    }

    /// Waits for a set on Ethereum without the offender.
    async fn leaves_the_set(&self, begun: Instant) -> eyre::Result<()> {
        let deadline = Instant::now() + CHANGE_LIMIT;
        loop {
            let fixed = Epoch(self.state().epoch().await?.0 + 2);
            let set = self.state().validator_set(fixed).await?;
            let set = set.ok_or_else(|| eyre::eyre!("the set of epoch {fixed} is empty"))?;
            if set.get(&self.validator).is_none() {
                println!(
                    "Set        of epoch {fixed} on Ethereum has {} members, the offender not among them ({:.1} s)",
                    set.len(),
                    begun.elapsed().as_secs_f64()
                );
                return Ok(());
            }
            eyre::ensure!(Instant::now() < deadline, "the offender is still in the set of epoch {fixed}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until the network is decided by a set without the offender, as its headers prove.
    async fn is_out(&self, begun: Instant) -> eyre::Result<()> {
        let client = Client::connect(&self.network.nodes[0].endpoint(), &self.network.genesis).await?;
        let deadline = Instant::now() + CHANGE_LIMIT;
        let (height, set) = sets::wait_until_left(&client, deadline, &self.validator).await?;
        println!(
            "Out        of the network's set from height {height} on: {} members ({:.1} s)",
            set.len(),
            begun.elapsed().as_secs_f64()
        );
        Ok(())
    }

    async fn still_orders(&mut self) -> eyre::Result<()> {
        println!("Ordering   goes on, on all nodes: height {}", all_go_on(self.network).await?);
        Ok(())
    }
}
