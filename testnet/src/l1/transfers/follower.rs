//! The proven rollup as it is settled on Ethereum, computed a second time.

use eyre::OptionExt as _;
use fairlane_adapter::zk::from_contract;
use fairlane_l1::settlement::{self, SettlementRecord};
use fairlane_l1::{B256, DynProvider};
use fairlane_rollup_adapter::Subscription;
use fairlane_types::{NetworkId, RollupId};
use fairlane_zk_rollup::{Context, Deposit, Outcome, Rollup, Shape, State, field};
use std::time::Duration;

/// How often Ethereum is asked what is settled.
const POLL: Duration = Duration::from_secs(1);

/// Takes the batches that are settled, with the deposits that came with each.
#[derive(Debug)]
pub(crate) struct Follower {
    provider: DynProvider,
    record: SettlementRecord,
    batches: Subscription,
    rollup: Rollup,
    index: u64,
    /// Deposits that are in the rollup, and those up to which the next batch brings them.
    deposits: [u64; 2],
    transfers: u64,
}

impl Follower {
    /// Of a rollup whose batches are taken from the first one on.
    pub(crate) fn new(
        provider: DynProvider,
        record: SettlementRecord,
        batches: Subscription,
    ) -> eyre::Result<Self> {
        let (network, rollup) =
            (NetworkId::from_bytes(record.params.network.0), RollupId::new(record.params.rollup));
        let deposits = usize::try_from(record.params.deposits_per_proof)?;
        // How many slots a proof has makes no difference to what it proves.
        let rollup = Rollup::new(Context { network, rollup }, Shape { deposits, ..Shape::SMALL });
        Ok(Self { provider, record, batches, rollup, index: 0, deposits: [0; 2], transfers: 0 })
    }

    pub(crate) fn context(&self) -> &Context {
        self.rollup.context()
    }

    /// The accounts after the last settled batch.
    pub(crate) fn state(&self) -> &State {
        self.rollup.state()
    }

    /// The last settled batch, and how many transfers took place up to it.
    pub(crate) fn settled(&self) -> (u64, u64) {
        (self.index, self.transfers)
    }

    /// Waits until a batch is settled, and carries out all up to there. Fails where Ethereum comes to something else.
    pub(crate) async fn follow_to(&mut self, index: u64) -> eyre::Result<()> {
        loop {
            let block = settlement::block_number(&self.provider).await?;
            let settled = settlement::standing(&self.provider, &self.record, block).await?.index;
            while self.index < settled {
                self.carry_out_next().await?;
            }
            if self.index >= index {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn carry_out_next(&mut self) -> eyre::Result<()> {
        let batch = self.batches.next().await.ok_or_eyre("the subscription has ended")??;
        let index = batch.index().get();
        let [taken, due] = self.deposits;
        let deposits = settlement::deposits(&self.provider, &self.record, taken, due).await?;
        let deposits: Option<Vec<Deposit>> = deposits.iter().map(from_contract).collect();
        let deposits = deposits.ok_or_eyre("a deposit is for a key that the contract does not take")?;
        let applied = self.rollup.apply(batch.batch(), &deposits)?;

        let settled = settlement::settled(&self.provider, &self.record, index).await?;
        let settled = settled.ok_or_else(|| eyre::eyre!("nothing says how batch {index} was settled"))?;
        let root = B256::new(field::to_bytes(&self.rollup.state().root()));
        eyre::ensure!(
            settled.root == root,
            "batch {index} is settled with root {}, and leads to {root}",
            settled.root
        );
        (self.index, self.deposits) = (index, [due, settled.due]);
        self.transfers +=
            applied.outcomes.iter().filter(|outcome| **outcome == Outcome::Transferred).count() as u64;
        Ok(())
    }
}
