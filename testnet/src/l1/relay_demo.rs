//! `relay-demo`: validators sign checkpoints, two relayers post them, and the light client on Ethereum proves what is final,
//! also after the validator set has changed.

use super::chain::L1Chain;
use super::demo::{
    CHANGE_LIMIT, POLL, STEP_LIMIT, all_go_on, chain_of, keep_busy, on_network, ordered_by, transaction_for,
};
use super::relaying::RelayerProcess;
use super::sets;
use crate::network::LocalNetwork;
use eyre::WrapErr as _;
use fairlane_l1::checkpoint::{Accepted, accepted_since, digest, latest, prove, sets_registered_since};
use fairlane_l1::{CallError, DynProvider};
use fairlane_proto::convert;
use fairlane_proto::v1::GetCheckpointRequest;
use fairlane_rollup_adapter::Client;
use fairlane_sequencer::keys;
use fairlane_types::{CheckpointCertificate, HeadPath, Height, RollupId, ValidatorSet};
use std::path::PathBuf;
use std::time::Instant;
use tokio::task::JoinSet;

/// Genesis has this rollup.
const ROLLUP: u64 = 1;
/// How many checkpoints have to be posted until the relayers' costs are looked at.
const ENOUGH: u64 = 6;

/// Runs a network with an Ethereum of its own, and two relayers that bring its checkpoints there.
#[derive(Debug, clap::Args)]
pub struct RelayDemoArgs {
    /// How many validators at the start.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(4..=6))]
    validators: u16,
    /// Keep the nodes' homes (configuration, keys, stores, logs) here instead of in a temporary directory.
    #[arg(long)]
    home: Option<PathBuf>,
}

/// Runs the demonstration; fails when a step does not come to pass.
pub async fn run(args: RelayDemoArgs) -> eyre::Result<()> {
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
    relayers: Vec<RelayerProcess>,
    /// Ends when it is dropped.
    _load: JoinSet<()>,
    _folder: tempfile::TempDir,
}

impl<'a> Demo<'a> {
    async fn new(network: &'a mut LocalNetwork) -> eyre::Result<Self> {
        let chain = chain_of(network);
        let client = Client::connect(&network.nodes[0].endpoint(), &network.genesis).await?;
        let folder = tempfile::Builder::new().prefix("fairlane-relayers-").tempdir()?;
        let nodes = network.endpoints();
        let start = |spare| RelayerProcess::start(chain, &nodes, spare, folder.path());
        let relayers = vec![start(0)?, start(1)?];
        let mut load = JoinSet::new();
        load.spawn(keep_busy(client.clone(), ROLLUP));
        Ok(Self { provider: chain.reader()?, client, relayers, network, _load: load, _folder: folder })
    }

    fn chain(&self) -> &L1Chain {
        chain_of(self.network)
    }

    async fn run(mut self) -> eyre::Result<()> {
        println!(
            "Ethereum   {}, SequencerLightClient {}",
            self.chain().url(),
            self.chain().deployment.contracts.light_client
        );
        let begun = Instant::now();
        let first = self.posted(Height::new(1)).await?;
        println!(
            "Posted     checkpoint {} at height {} after {:.1} s, {} gas",
            first.number,
            first.height,
            begun.elapsed().as_secs_f64(),
            first.gas_used
        );
        self.proves().await?;
        self.follows().await?;
        self.do_not_fight().await?;
        println!("Ordering   goes on, on all nodes: height {}", all_go_on(self.network).await?);
        Ok(())
    }

    /// Waits until a checkpoint of a height or a later one is accepted.
    async fn posted(&mut self, height: Height) -> eyre::Result<Accepted> {
        let deadline = Instant::now() + STEP_LIMIT;
        loop {
            let found = self.accepted().await?;
            if let Some(found) = found.into_iter().find(|accepted| accepted.height >= height.get()) {
                return Ok(found);
            }
            for relayer in &mut self.relayers {
                relayer.check_alive()?;
                if Instant::now() >= deadline {
                    eyre::bail!(
                        "no checkpoint of height {height} in time; a relayer says:\n{}",
                        relayer.log()
                    );
                }
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn accepted(&self) -> Result<Vec<Accepted>, CallError> {
        accepted_since(&self.provider, &self.chain().deployment.contracts, 0).await
    }

    /// The certificate of a height with the rollup's way to it, from the first node that has both.
    async fn checkpoint(&mut self, height: u64) -> eyre::Result<(CheckpointCertificate, HeadPath)> {
        let mut refusal = None;
        for node in &mut self.network.nodes {
            let request = GetCheckpointRequest { height, rollup_id: Some(ROLLUP) };
            match node.chain()?.get_checkpoint(request).await {
                Ok(found) => {
                    let found = found.into_inner();
                    let certificate = convert::canonical("certificate", &found.certificate)?;
                    return Ok((certificate, convert::canonical("head_path", &found.head_path)?));
                }
                Err(status) => refusal = Some(status),
            }
        }
        Err(refusal.map_or_else(|| eyre::eyre!("there are no nodes"), Into::into))
    }

    /// Orders a transaction, and shows on Ethereum that the rollup's batches with it are final, and no others.
    async fn proves(&mut self) -> eyre::Result<()> {
        let transaction = transaction_for(&[ROLLUP])?;
        self.client.submit(&transaction).await?;
        let height = ordered_by(&self.client, transaction.id()).await?;
        let accepted = self.posted(height).await?;
        let (certificate, path) = self.checkpoint(accepted.height).await?;
        eyre::ensure!(path.leaf.last_height >= height, "the batch of block {height} is missing");
        let contracts = &self.chain().deployment.contracts;
        let statement = &certificate.checkpoint;
        prove(&self.provider, contracts, accepted.number, statement, &path).await?;
        println!(
            "Proves     rollup {} at batch {} with head {}, ordered in block {height}, by checkpoint {} at height {}",
            RollupId::new(ROLLUP),
            path.leaf.index,
            path.leaf.head,
            accepted.number,
            accepted.height
        );
        let mut ahead = path.clone();
        ahead.leaf.index = ahead.leaf.index.next();
        let refused = prove(&self.provider, contracts, accepted.number, statement, &ahead).await;
        let Err(error @ CallError::Refused { .. }) = refused else {
            eyre::bail!("one more batch is final, too")
        };
        println!("Refuses    one batch more: {error}");
        Ok(())
    }

    /// Lets a validator join, and waits for a checkpoint that the new set has signed.
    async fn follows(&mut self) -> eyre::Result<()> {
        let newcomer = self.network.nodes.len() - 1;
        let home = self.network.nodes[newcomer].home();
        let validator = keys::read_consensus(&home.consensus_key())?.validator();
        self.chain().register_one(newcomer, home).await?;
        let begun = Instant::now();
        println!("Registers  validator {validator}");
        let is_in = |set: &ValidatorSet| set.get(&validator).is_some();
        let (height, set) = sets::wait_for(&self.client, begun + CHANGE_LIMIT, is_in).await?;
        let accepted = self.posted(height).await?;
        let (certificate, path) = self.checkpoint(accepted.height).await?;
        eyre::ensure!(certificate.checkpoint.validators_hash == set.hash(), "another set signed");
        let contracts = &self.chain().deployment.contracts;
        prove(&self.provider, contracts, accepted.number, &certificate.checkpoint, &path).await?;
        println!(
            "Follows    the set of {} from height {height} on: checkpoint {} at height {}, signed by {} of them, {} gas \
             ({:.1} s)",
            set.len(),
            accepted.number,
            accepted.height,
            certificate.signers.iter().count(),
            accepted.gas_used,
            begun.elapsed().as_secs_f64()
        );
        Ok(())
    }

    /// Stops the relayers, and counts what they have paid for.
    async fn do_not_fight(&mut self) -> eyre::Result<()> {
        let deadline = Instant::now() + CHANGE_LIMIT;
        while self.accepted().await?.len() < usize::try_from(ENOUGH)? {
            eyre::ensure!(Instant::now() < deadline, "fewer than {ENOUGH} checkpoints in time");
            self.relayers.iter_mut().try_for_each(RelayerProcess::check_alive)?;
            tokio::time::sleep(POLL).await;
        }
        let mut sent = 0;
        let accounts: Vec<_> = self.relayers.iter().map(|relayer| relayer.account).collect();
        for relayer in self.relayers.drain(..) {
            relayer.interrupt().await?;
        }
        let accepted = self.accepted().await?;
        let mut shares = Vec::new();
        for account in accounts {
            sent += self.chain().transactions_of(account).await?;
            shares.push(accepted.iter().filter(|accepted| accepted.sender == account).count());
        }
        let contracts = &self.chain().deployment.contracts;
        let newest =
            latest(&self.provider, contracts).await?.ok_or_else(|| eyre::eyre!("nothing is there"))?;
        let (count, sets) = (accepted.len(), sets_registered_since(&self.provider, contracts, 0).await?);
        let (certificate, _) = self.checkpoint(newest.height).await.wrap_err("the newest checkpoint")?;
        eyre::ensure!(digest(&certificate.checkpoint) == newest.digest, "Ethereum has another checkpoint");
        let vain = usize::try_from(sent)?.saturating_sub(count + sets);
        println!(
            "Relayers   posted {count} checkpoints, {} and {}, and {sets} sets, and sent {vain} transactions in vain",
            shares.first().copied().unwrap_or_default(),
            shares.last().copied().unwrap_or_default()
        );
        // A transaction of one's own shows only in the next block, which a turn here is hardly longer than. Relayers that
        // heeded no turns would send one in vain for each that is of use.
        eyre::ensure!(vain < count + sets, "the relayers fight");
        println!("Stops      both relayers cleanly");
        Ok(())
    }
}
