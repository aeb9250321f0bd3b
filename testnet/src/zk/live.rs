//! A proven rollup, beside the others of `up`: two accounts pay each other, and the table shows how far that is.

use super::accounts::{Accounts, OPENING, public_keys};
use super::feeder::Feeder;
use super::keys::Keys;
use super::stage::{PROOF_LIMIT, Stage};
use crate::l1::demo::POLL;
use crate::network::LocalNetwork;
use crate::parts::page;
use crate::steps::{Following, Step, Track};
use eyre::{WrapErr as _, bail, ensure};
use fairlane_types::RollupId;
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A rollup with a contract and with value in it, of which nothing runs yet.
#[derive(Debug)]
pub(crate) struct Prepared {
    stage: Stage,
    accounts: Accounts,
}

/// Creates the settlement contract, and brings value in. The network need not run yet.
pub(crate) async fn prepare(network: &LocalNetwork, rollup: u64, keys: Keys) -> eyre::Result<Prepared> {
    let stage = Stage::new(network, rollup, keys).await?;
    for key in public_keys() {
        stage.deposit(&key, OPENING).await?;
    }
    println!("Proven rollup {rollup}: ZkRollupSettlement {}", stage.record.settlement);
    let accounts = Accounts::new(stage.context());
    Ok(Prepared { stage, accounts })
}

/// The rollup, with what feeds it.
#[derive(Debug)]
pub(crate) struct Live {
    stage: Stage,
    following: Following,
    stop: CancellationToken,
    feeder: JoinHandle<eyre::Result<Feeder>>,
}

impl Prepared {
    /// Starts all.
    pub(crate) async fn start(self, network: &LocalNetwork) -> eyre::Result<Live> {
        let Self { mut stage, accounts } = self;
        stage.start_prover()?;
        stage.start_adapter()?;
        let track = Arc::new(Track::new(&[Step::Proven, Step::Settled])?);
        let following = Following::start(network, stage.rollup(), stage.pages(), track.clone()).await?;
        let feeder = Feeder::new(network, &stage, accounts, track).await?;
        let stop = CancellationToken::new();
        let feeder = tokio::spawn(feeder.feed(stop.clone()));
        Ok(Live { stage, following, stop, feeder })
    }
}

impl Live {
    /// The rollup.
    pub(crate) fn rollup(&self) -> RollupId {
        self.stage.rollup()
    }

    /// The transactions on their way.
    pub(crate) fn track(&self) -> &Track {
        self.following.track()
    }

    /// Rows for the table. Fails when a part has ended by itself.
    pub(crate) async fn rows(&mut self) -> eyre::Result<Vec<Vec<String>>> {
        self.check()?;
        if self.feeder.is_finished() && !self.stop.is_cancelled() {
            self.fed().await?;
            bail!("what feeds the proven rollup has ended");
        }
        let header = ["proven rollup", "batches", "proven", "settled", "jobs", "step"].map(str::to_owned);
        let status = page(self.stage.pages(), "status").await.unwrap_or_default();
        let jobs = ["jobs_waiting", "jobs_leased"].map(|field| status[field].as_u64());
        let row = vec![
            self.rollup().to_string(),
            status["taken"].to_string(),
            status["proven"].to_string(),
            status["confirmed"].to_string(),
            jobs.into_iter().flatten().sum::<u64>().to_string(),
            in_words(&status["step"]),
        ];
        Ok(vec![header.to_vec(), row])
    }

    fn check(&mut self) -> eyre::Result<()> {
        self.stage.check_alive()?;
        self.following.check()
    }

    async fn fed(&mut self) -> eyre::Result<Feeder> {
        let fed = (&mut self.feeder).await.wrap_err("feeding the proven rollup")?;
        fed.wrap_err("feeding the proven rollup")
    }

    /// Stops what feeds it, and waits until everything is settled.
    pub(crate) async fn conclude(&mut self, network: &mut LocalNetwork) -> eyre::Result<()> {
        self.stop.cancel();
        let deadline = Instant::now() + PROOF_LIMIT;
        while !self.feeder.is_finished() {
            self.check()?;
            ensure!(Instant::now() < deadline, "the last transfers are not settled in time");
            tokio::time::sleep(POLL).await;
        }
        let fed = self.fed().await?;
        let settled = self.stage.all_settled(network).await?.index;
        let (what, gas) = (fed.adds_up(settled)?, self.stage.gas_of(settled).await?);
        println!("Proven: {what}, in {settled} batches settled on Ethereum, the last one for {gas} gas");
        self.following.caught_up().await
    }

    /// Asks all parts to stop, and waits until they have.
    pub(crate) async fn stop(&mut self) -> eyre::Result<()> {
        self.stage.stop().await
    }
}

/// What the adapter does, as in `proving 3`.
fn in_words(step: &Value) -> String {
    match step {
        Value::String(name) => name.replace('_', " "),
        Value::Object(fields) => {
            let words = fields.iter().map(|(name, of)| {
                let index = of.get(0).unwrap_or(of);
                format!("{} {index}", name.replace('_', " "))
            });
            words.collect()
        }
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::in_words;
    use serde_json::json;

    #[test]
    fn steps_are_told_in_words_with_their_batch() {
        let steps = [
            json!("idle"),
            json!({ "awaiting_checkpoint": 3 }),
            json!({ "settled": [4, 291_080] }),
            json!(null),
        ];
        assert_eq!(steps.each_ref().map(in_words), ["idle", "awaiting checkpoint 3", "settled 4", "-"]);
    }
}
