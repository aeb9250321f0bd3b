//! What feeds a proven rollup: rounds of transfers, each of which waits until the one before is settled, so that there
//! is never more to prove than the prover can do.

use super::accounts::Accounts;
use super::stage::Stage;
use crate::l1::demo::ordered_by;
use crate::l1::proven::transaction;
use crate::l1::transfers::{Follower, NOTHING, ordered};
use crate::network::LocalNetwork;
use crate::steps::Track;
use eyre::ensure;
use fairlane_rollup_adapter::{Client, MemoryCursor, Outcome, SubmitOptions, Subscriber};
use fairlane_types::TxId;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Time between a settlement and the next round.
const PAUSE: Duration = Duration::from_secs(1);

/// Who sends. What is settled is computed a second time here, and has to be the same.
#[derive(Debug)]
pub(super) struct Feeder {
    client: Client,
    accounts: Accounts,
    follower: Follower,
    track: Arc<Track>,
    /// How many payloads a round has: as many as one proof has room for.
    slots: u8,
    /// How many payloads were sent that do nothing.
    bad: u64,
}

impl Feeder {
    /// For accounts that have deposited, and have sent nothing.
    pub(super) async fn new(
        network: &LocalNetwork,
        stage: &Stage,
        accounts: Accounts,
        track: Arc<Track>,
    ) -> eyre::Result<Self> {
        let subscriber = Subscriber::new(network.genesis.clone(), stage.rollup());
        let batches = subscriber.endpoints(network.endpoints()).open(MemoryCursor::default()).await?;
        let follower = Follower::new(stage.provider.clone(), stage.record.clone(), batches)?;
        let client = Client::connect(&network.nodes[0].endpoint(), &network.genesis).await?;
        Ok(Self { client, accounts, follower, track, slots: stage.slots(), bad: 0 })
    }

    /// Sends until it is told to stop, but one round at least. All that it has sent is settled then.
    pub(super) async fn feed(mut self, stop: CancellationToken) -> eyre::Result<Self> {
        // The deposits come with the second batch.
        self.round(vec![NOTHING.to_vec()], 0).await?;
        loop {
            let good = usize::from(self.slots).saturating_sub(1);
            let mut payloads: Vec<Vec<u8>> = (0..good).map(|_| self.accounts.transfer()).collect();
            payloads.push(self.accounts.bad(self.bad));
            self.bad += 1;
            self.round(payloads, good).await?;
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = stop.cancelled() => return Ok(self),
            }
        }
    }

    /// Sends payloads, of which the first ones are good, and waits until they are settled.
    async fn round(&mut self, payloads: Vec<Vec<u8>>, good: usize) -> eyre::Result<()> {
        let sent = payloads.len();
        let taken = self.send(payloads, good).await?;
        if let Some(last) = taken.last() {
            ordered_by(&self.client, *last).await?;
        }
        let batches = ordered(&self.client, self.follower.context().rollup).await?;
        self.follower.follow_to(batches).await?;
        if taken.len() < sent {
            self.accounts.resume(self.follower.state());
        }
        Ok(())
    }

    /// Sends them together, so that they come in one batch as far as possible, and gives those that were taken.
    async fn send(&self, payloads: Vec<Vec<u8>>, good: usize) -> eyre::Result<Vec<TxId>> {
        let rollup = self.follower.context().rollup;
        let (submitter, mut outcomes) = self.client.submit_stream(SubmitOptions::default()).await?;
        for (place, payload) in payloads.into_iter().enumerate() {
            let transaction = transaction(rollup, payload)?;
            if place < good {
                self.track.submit(transaction.id(), Instant::now());
            }
            submitter.submit(place as u64, &transaction).await?;
        }
        drop(submitter);
        let mut taken = Vec::new();
        while let Some(outcome) = outcomes.next().await {
            match outcome? {
                Outcome::Accepted(accepted) => {
                    self.track.receipt(accepted.receipt.transaction, Instant::now());
                    taken.push(accepted.receipt.transaction);
                }
                Outcome::Refused(refused) => self.track.forget(refused.transaction),
            }
        }
        Ok(taken)
    }

    /// Fails unless every transfer has taken place, by the batch up to which everything is settled. Says how many there
    /// were.
    pub(super) fn adds_up(&self, settled: u64) -> eyre::Result<String> {
        let (index, transfers) = self.follower.settled();
        ensure!(index == settled, "{settled} batches are settled, and {index} were followed");
        let sent = self.accounts.sent();
        ensure!(transfers == sent, "{transfers} of {sent} transfers have taken place");
        Ok(format!("{transfers} transfers and {} payloads that are none", self.bad))
    }
}
