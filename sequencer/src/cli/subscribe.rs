//! `fairlane subscribe`: a rollup's batches as they are finalized, verified here from genesis alone, and what comes before and
//! after that.

use super::out;
use super::witness::{OwnEndpoint, Witness};
use clap::{Args, ValueEnum};
use fairlane_rollup_adapter::{
    Acknowledged, Event, FileCursor, MemoryCursor, Missed, Subscriber, Subscription, Tier, TierFailed,
    VerifiedBatch, genesis_file,
};
use fairlane_types::{BatchIndex, RollupId};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How final what is printed has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TierName {
    /// Transactions that validators have in their lanes: they may be ordered otherwise, or never.
    Acknowledged,
    /// Batches that a quorum certified: never reverted.
    Finalized,
    /// How far Ethereum has settled the rollup, as the node sees its newest block.
    Settled,
}

impl From<TierName> for Tier {
    fn from(name: TierName) -> Self {
        match name {
            TierName::Acknowledged => Self::Acknowledged,
            TierName::Finalized => Self::Finalized,
            TierName::Settled => Self::Settled,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Subscribe {
    /// A node's gRPC address. With several, others take over where one fails.
    #[arg(long = "endpoint", required = true)]
    endpoints: Vec<String>,
    /// The network's genesis file: the only thing that is trusted.
    #[arg(long)]
    genesis: PathBuf,
    /// The rollup.
    #[arg(long)]
    rollup: u64,
    /// The first batch to print. Those before are verified and not printed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Stop after this many batches.
    #[arg(long)]
    limit: Option<u64>,
    /// What to print; may be given several times. Batches are taken and verified in any case.
    #[arg(long = "tier", value_enum, default_values = ["finalized"])]
    tiers: Vec<TierName>,
    /// A file that remembers what was printed, so that the next run goes on after it.
    #[arg(long)]
    state: Option<PathBuf>,
    #[command(flatten)]
    own: OwnEndpoint,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Subscribe {
    pub(super) async fn run(self) -> eyre::Result<()> {
        let genesis = genesis_file::read(&self.genesis)?;
        let subscriber = Subscriber::new(genesis, RollupId::new(self.rollup))
            .endpoints(&self.endpoints)
            .tiers(self.tiers.iter().copied().map(Tier::from));
        let mut subscription = match &self.state {
            Some(path) => subscriber.open(FileCursor::open(path)?).await?,
            None => subscriber.open(MemoryCursor::default()).await?,
        };
        let mut witness = self.own.open(RollupId::new(self.rollup)).await?;
        tokio::spawn(tell_faults(&subscription));
        let mut printed = 0;
        while self.limit.is_none_or(|limit| printed < limit) {
            let event = tokio::select! {
                event = subscription.next_event() => event,
                _ = tokio::signal::ctrl_c() => None,
            };
            let Some(event) = event else { break };
            match event? {
                Event::Finalized(batch) => {
                    if let Some(witness) = &mut witness {
                        witness.took(&batch);
                    }
                    if batch.batch().header().index.get() >= self.from {
                        self.print_batch(&batch)?;
                        printed += 1;
                    }
                    subscription.ack(&batch).await?;
                }
                Event::Settled(index) => self.print_settled(index, witness.as_ref()).await?,
                other => self.print(&other)?,
            }
        }
        Ok(subscription.close().await?)
    }

    /// Prints what is no batch.
    fn print(&self, event: &Event) -> std::io::Result<()> {
        match event {
            Event::Finalized(_) | Event::Settled(_) => Ok(()),
            Event::Acknowledged(transaction) => self.print_acknowledged(transaction),
            Event::Missed(Missed { transactions, segments }) if self.json => {
                out!(
                    "{}",
                    serde_json::json!({"missed": {"transactions": transactions, "segments": segments}})
                )
            }
            Event::Missed(Missed { transactions, segments }) => {
                out!("missed {transactions} acknowledged transactions, and {segments} segments")
            }
            Event::Reset(index) if self.json => out!("{}", serde_json::json!({"reset": index.get()})),
            Event::Reset(index) => out!("reset: Ethereum took back what it had settled after batch {index}"),
            Event::TierFailed(TierFailed { tier, reason, message }) if self.json => {
                let failed = serde_json::json!({
                    "tier": tier.to_string(),
                    "reason": reason.as_str_name(),
                    "message": message,
                });
                out!("{}", serde_json::json!({"tier_failed": failed}))
            }
            Event::TierFailed(failed) => out!("{} cannot be told: {}", failed.tier, failed.message),
        }
    }

    /// The node's word, and what an endpoint of one's own says to it.
    async fn print_settled(&self, index: BatchIndex, witness: Option<&Witness>) -> eyre::Result<()> {
        let own = match witness {
            Some(witness) => Some(witness.settled().await?.get()),
            None => None,
        };
        match (own, self.json) {
            (own, true) => {
                out!("{}", serde_json::json!({ "settled": index.get(), "own_endpoint": own }))?;
            }
            (None, false) => out!("settled up to batch {index}, by the node's word")?,
            (Some(own), false) => out!("settled up to batch {index}; your endpoint says {own}")?,
        }
        Ok(())
    }

    fn print_acknowledged(&self, acknowledged: &Acknowledged) -> std::io::Result<()> {
        let Acknowledged { transaction, receipt } = acknowledged;
        let (id, header) = (receipt.transaction, &receipt.header);
        let own = || transaction.legs().iter().filter(|leg| leg.rollup.get() == self.rollup);
        if self.json {
            let payloads = own().map(|leg| format!("0x{}", hex::encode(&leg.payload)));
            let acknowledged = serde_json::json!({
                "transaction": id.to_string(),
                "validator": header.lane.validator.to_string(),
                "segment": header.seq.get(),
                "legs": transaction.legs().len(),
                "payloads": payloads.collect::<Vec<_>>(),
            });
            return out!("{}", serde_json::json!({ "acknowledged": acknowledged }));
        }
        out!("acknowledged {id} segment {} of {}", header.seq, header.lane)?;
        own().try_for_each(|leg| out!("  {}", readable(&leg.payload)))
    }

    fn print_batch(&self, verified: &VerifiedBatch) -> std::io::Result<()> {
        if !self.tiers.contains(&TierName::Finalized) {
            return Ok(());
        }
        let (header, items) = (verified.batch().header(), verified.batch().items());
        if self.json {
            let items: Vec<_> = items
                .iter()
                .map(|item| {
                    serde_json::json!({
                        "transaction": item.transaction.to_string(),
                        "leg": item.leg_index,
                        "legs": item.leg_count,
                        "payload": format!("0x{}", hex::encode(&item.payload)),
                    })
                })
                .collect();
            return out!(
                "{}",
                serde_json::json!({
                    "rollup": header.rollup.get(),
                    "index": header.index.get(),
                    "height": header.height.get(),
                    "time_nanos": header.time.as_nanos(),
                    "head": verified.head().to_string(),
                    "items": items,
                })
            );
        }
        out!("batch {} height {} transactions {}", header.index, header.height, items.len())?;
        for item in items {
            let bundle = match item.leg_count {
                1 => String::new(),
                legs => format!(" leg {} of {legs}", item.leg_index + 1),
            };
            out!("  {}{bundle} {}", item.transaction, readable(&item.payload))?;
        }
        Ok(())
    }
}

/// Tells on standard error what endpoints do wrong: the subscription goes on without them.
fn tell_faults(subscription: &Subscription) -> impl Future<Output = ()> + use<> {
    let mut status = subscription.status();
    let mut told = BTreeMap::new();
    async move {
        while status.changed().await.is_ok() {
            for endpoint in &status.borrow_and_update().endpoints {
                let Some(fault) = &endpoint.fault else { continue };
                let fault = fault.to_string();
                if told.insert(endpoint.url.clone(), fault.clone()).as_ref() != Some(&fault) {
                    eprintln!("{}: {fault}", endpoint.url);
                }
            }
        }
    }
}

/// Short printable text as it is, other bytes in hex, and long ones cut.
fn readable(payload: &[u8]) -> String {
    const SHOWN: usize = 64;
    match std::str::from_utf8(payload) {
        Ok(text) if text.len() <= SHOWN && !text.chars().any(char::is_control) => format!("{text:?}"),
        _ if payload.len() <= SHOWN => format!("0x{}", hex::encode(payload)),
        _ => format!("0x{}... ({} bytes)", hex::encode(&payload[..SHOWN]), payload.len()),
    }
}
