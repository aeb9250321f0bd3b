//! `fairlane subscribe`: a rollup's batches as they are finalized, verified here from genesis alone.

use super::out;
use clap::Args;
use fairlane_rollup_adapter::{FileCursor, MemoryCursor, Subscriber, VerifiedBatch, genesis_file};
use fairlane_types::RollupId;
use std::path::PathBuf;

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
    /// A file that remembers what was printed, so that the next run goes on after it.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Print one JSON object a batch.
    #[arg(long)]
    json: bool,
}

impl Subscribe {
    pub(super) async fn run(self) -> eyre::Result<()> {
        let genesis = genesis_file::read(&self.genesis)?;
        let subscriber = Subscriber::new(genesis, RollupId::new(self.rollup)).endpoints(&self.endpoints);
        let mut subscription = match &self.state {
            Some(path) => subscriber.open(FileCursor::open(path)?).await?,
            None => subscriber.open(MemoryCursor::default()).await?,
        };
        let mut printed = 0;
        while self.limit.is_none_or(|limit| printed < limit) {
            let batch = tokio::select! {
                batch = subscription.next() => batch,
                _ = tokio::signal::ctrl_c() => None,
            };
            let Some(batch) = batch else { break };
            let batch = batch?;
            if batch.batch().header().index.get() >= self.from {
                self.print(&batch)?;
                printed += 1;
            }
            subscription.ack(&batch).await?;
        }
        Ok(subscription.close().await?)
    }

    fn print(&self, verified: &VerifiedBatch) -> std::io::Result<()> {
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

/// Short printable text as it is, other bytes in hex, and long ones cut.
fn readable(payload: &[u8]) -> String {
    const SHOWN: usize = 64;
    match std::str::from_utf8(payload) {
        Ok(text) if text.len() <= SHOWN && !text.chars().any(char::is_control) => format!("{text:?}"),
        _ if payload.len() <= SHOWN => format!("0x{}", hex::encode(payload)),
        _ => format!("0x{}... ({} bytes)", hex::encode(&payload[..SHOWN]), payload.len()),
    }
}
