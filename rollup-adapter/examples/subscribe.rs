//! Takes a rollup's batches, each verified, and goes on where it was when it is started again.
//!
//! `subscribe GENESIS ROLLUP CURSOR ENDPOINT...`

use fairlane_rollup_adapter::types::RollupId;
use fairlane_rollup_adapter::{FileCursor, Subscriber, VerifiedBatch, genesis_file};
use std::error::Error;
use std::path::Path;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: subscribe GENESIS ROLLUP CURSOR ENDPOINT...");
    let genesis = genesis_file::read(Path::new(&next()?))?;
    let rollup = RollupId::new(next()?.parse()?);
    let cursor = FileCursor::open(next()?)?;
    let mut batches = Subscriber::new(genesis, rollup).endpoints(arguments).open(cursor).await?;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        carry_out(&batch);
        batches.ack(&batch).await?;
    }
    Ok(())
}

/// Here the rollup does what it does with its transactions.
fn carry_out(batch: &VerifiedBatch) {
    let (header, items) = (batch.batch().header(), batch.batch().items());
    println!(
        "batch {} at height {}: {} items, head {}",
        header.index,
        header.height,
        items.len(),
        batch.head()
    );
}
