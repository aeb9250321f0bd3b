//! What the demonstration stands on: a network with a relayer, both rollups, the escrow on Ethereum, the lock in the rollup that
//! runs the EVM, and that rollup's verified batches.

use super::crossing::{BOB, Crossing, HashLock, alice_key};
use crate::evm::accounts::{Accounts, transaction};
use crate::evm::programs::Programs;
use crate::evm::stage::{self, ETHEREUMJS, ETHREX};
use crate::l1::demo::{POLL, STEP_LIMIT, chain_of, keep_busy, order};
use crate::l1::proven;
use crate::l1::relaying::RelayerProcess;
use crate::network::LocalNetwork;
use crate::parts::page;
use crate::zk::keys::Keys;
use crate::zk::stage as proven_stage;
use alloy_primitives::{Address, Bytes, TxKind};
use eyre::{OptionExt as _, ensure};
use fairlane_adapter::{Inbox, Nodes};
use fairlane_l1::DynProvider;
use fairlane_l1::checkpoint::Sender;
use fairlane_l1::escrow::{self, FinalItem, ItemProof};
use fairlane_rollup_adapter::{Client, MemoryCursor, Subscriber, Subscription};
use fairlane_types::{BatchIndex, Height, RollupId, Transaction};
use redb::Database;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

/// The rollups: the proven one, the one that runs the EVM, and one that keeps the chain going.
pub(super) const ROLLUPS: usize = 3;
const PROVEN: u64 = 1;
pub(super) const EVM: u64 = 2;
const OTHER: u64 = 3;
/// The relayer's spare account, and by its number one that nobody else has.
const RELAYER: usize = 0;
const CALLER: usize = 5;
/// The most that a unit of gas may cost, in wei.
const MAX_FEE: u128 = 1_000_000_000_000;

pub(super) struct Ground<'a> {
    pub(super) network: &'a mut LocalNetwork,
    pub(super) zk: proven_stage::Stage,
    pub(super) evm: stage::Stage,
    /// Those of the rollup that runs the EVM.
    pub(super) accounts: Accounts,
    /// The contract that locks in that rollup.
    pub(super) hash_lock: Address,
    /// The contract on Ethereum.
    pub(super) escrow: Address,
    /// Signs for an account on Ethereum.
    pub(super) caller: DynProvider,
    pub(super) sender: Sender,
    pub(super) sequencer: Client,
    nodes: Nodes,
    inbox: Inbox,
    relayer: RelayerProcess,
    _folder: tempfile::TempDir,
    /// Both end when it is dropped.
    tasks: JoinSet<eyre::Result<()>>,
    _load: JoinSet<()>,
}

impl<'a> Ground<'a> {
    pub(super) async fn new(
        network: &'a mut LocalNetwork,
        programs: Programs,
        keys: Keys,
    ) -> eyre::Result<Self> {
        let chain = chain_of(network);
        let sequencer = Client::connect(&network.nodes[1].endpoint(), &network.genesis).await?;
        let folder = tempfile::Builder::new().prefix("fairlane-cross-").tempdir()?;
        let relayer = RelayerProcess::start(chain, &network.endpoints(), RELAYER, folder.path())?;
        let (caller, account) = chain.writer(CALLER)?;
        let escrow = escrow::deploy(&caller, account).await?;

        let mut zk = proven_stage::Stage::new(network, PROVEN, keys).await?;
        zk.start_prover()?;
        zk.start_adapter()?;
        let mut accounts = Accounts::new();
        let mut evm = stage::Stage::new(EVM, programs)?;
        evm.furnish(network, &accounts)?;
        evm.start_client(ETHREX)?;
        evm.start_client(ETHEREUMJS)?;
        evm.start_adapter()?;

        let (mut load, mut tasks) = (JoinSet::new(), JoinSet::new());
        load.spawn(keep_busy(sequencer.clone(), OTHER));
        let inbox = Inbox::open(Arc::new(Database::create(folder.path().join("batches"))?))?;
        let subscription = Subscriber::new(network.genesis.clone(), RollupId::new(EVM))
            .endpoints(network.endpoints())
            .open(MemoryCursor::default())
            .await?;
        tasks.spawn(follow(subscription, inbox.clone()));

        let (creator, nonce) = accounts.senders().nth(BOB).ok_or_eyre("there are no senders")?;
        let hash_lock = creator.create(nonce);
        let creation = accounts.call(BOB, TxKind::Create, 0, HashLock::BYTECODE.clone())?;
        order(&sequencer, &[transaction(EVM, creation)?]).await?;
        Ok(Self {
            nodes: Nodes::new(&network.endpoints())?,
            network,
            zk,
            evm,
            accounts,
            hash_lock,
            escrow,
            caller,
            sender: Sender { account, max_fee: MAX_FEE },
            sequencer,
            inbox,
            relayer,
            _folder: folder,
            tasks,
            _load: load,
        })
    }

    /// Gives Alice value in the proven rollup: it is there with the second batch.
    pub(super) async fn fund(&mut self, units: u64) -> eyre::Result<()> {
        self.zk.deposit(&alice_key().public(), units).await?;
        proven::order(&self.sequencer, self.zk.rollup(), vec![b"hello".to_vec()]).await?;
        self.settled().await
    }

    /// Waits until everything that was ordered for the proven rollup is settled for good.
    pub(super) async fn settled(&mut self) -> eyre::Result<()> {
        self.zk.all_settled(self.network).await.map(drop)
    }

    /// Waits until everything that was ordered for the other rollup is executed by both clients.
    pub(super) async fn executed(&mut self) -> eyre::Result<()> {
        self.evm.all_executed(self.network).await
    }

    /// Sends a bundle, and waits until it is ordered. Says where both legs are.
    pub(super) async fn together(&self, bundle: &Transaction) -> eyre::Result<Height> {
        let height = order(&self.sequencer, std::slice::from_ref(bundle)).await?;
        let proof = self.sequencer.bundle(bundle.id()).await?;
        let rollups: Vec<u64> = proof.rollups().map(RollupId::get).collect();
        ensure!(proof.height() == height && rollups == [PROVEN, EVM], "the bundle is elsewhere: {proof:?}");
        Ok(height)
    }

    /// Calls the contract in the rollup that runs the EVM, and waits until both clients have executed it.
    pub(super) async fn call(&mut self, sender: usize, input: Bytes) -> eyre::Result<()> {
        let payload = self.accounts.call(sender, TxKind::Call(self.hash_lock), 0, input)?;
        order(&self.sequencer, &[transaction(EVM, payload)?]).await?;
        self.executed().await
    }

    /// How much waits under a crossing's lock, as both clients say.
    pub(super) async fn locked(&self, crossing: &Crossing) -> eyre::Result<u64> {
        let mut values = Vec::new();
        for reader in &self.evm.readers {
            let lock =
                HashLock::new(self.hash_lock, reader).locks(crossing.bob, crossing.terms.lock).call().await?;
            values.push(u64::try_from(lock.value)?);
        }
        ensure!(values[ETHREX] == values[ETHEREUMJS], "the clients differ: {values:?}");
        Ok(values[ETHREX])
    }

    /// The settled withdrawal to a crossing's vault, if there is one: its batch and place, and what shows it.
    pub(super) async fn withdrawal(
        &self,
        crossing: &Crossing,
    ) -> eyre::Result<Option<(u64, u64, ItemProof)>> {
        let shown = page(self.zk.pages(), "withdrawals").await?;
        for shown in shown.as_array().into_iter().flatten() {
            let text = |field: &str| shown[field].as_str().ok_or_eyre("the adapter's page has another form");
            if text("to")?.parse::<Address>()? != crossing.vault {
                continue;
            }
            let number =
                |field: &str| shown[field].as_u64().ok_or_eyre("the adapter's page has another form");
            let call: Bytes = text("call")?.parse()?;
            let proof = escrow::withdrawal_of(&call).ok_or_eyre("the adapter's page has another call")?;
            return Ok(Some((number("index")?, number("place")?, proof)));
        }
        Ok(None)
    }

    /// What shows that a crossing's other leg is final.
    pub(super) async fn other_leg(&mut self, crossing: &Crossing) -> eyre::Result<FinalItem> {
        let deadline = Instant::now() + STEP_LIMIT;
        let contracts = chain_of(self.network).deployment.contracts;
        loop {
            while let Some(ended) = self.tasks.try_join_next() {
                ended??;
            }
            self.nodes.look(&self.zk.provider, &contracts).await?;
            let last = self.inbox.watch().borrow().last;
            for index in 1..=last.get() {
                let batch = self.inbox.get(BatchIndex::new(index))?.ok_or_eyre("a batch is missing")?;
                let place = batch.items().iter().position(|item| item.transaction == crossing.bundle.id());
                if let Some(place) = place
                    && let Some(finality) = self.nodes.finality_of(&batch, &self.inbox).await?
                {
                    return escrow::final_item(&batch, place, &finality).ok_or_eyre("a leg has no path");
                }
            }
            ensure!(Instant::now() < deadline, "no checkpoint shows the other leg in time");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Asks all to stop, and waits until they have.
    pub(super) async fn stop(mut self) -> eyre::Result<()> {
        self.evm.stop().await?;
        self.zk.stop().await?;
        self.relayer.interrupt().await
    }
}

/// Keeps verified batches: what lies between a leg and a checkpoint has to be shown.
async fn follow(mut subscription: Subscription, inbox: Inbox) -> eyre::Result<()> {
    while let Some(batch) = subscription.next().await {
        let batch = batch?;
        let cursor = subscription.cursor_of(&batch).ok_or_eyre("a batch without a set")?;
        inbox.put(batch.batch(), &cursor)?;
        subscription.ack(&batch).await?;
    }
    Ok(())
}
