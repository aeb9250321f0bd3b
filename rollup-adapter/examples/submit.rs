//! Sends a bundle for two rollups, and verifies at each step what a node says of it.
//!
//! `submit GENESIS ENDPOINT ROLLUP ROLLUP`

use fairlane_rollup_adapter::types::{Height, Leg, RollupId, Timestamp, Transaction, TxId};
use fairlane_rollup_adapter::{Client, ClientError, Standing, TransactionStatus, genesis_file};
use std::error::Error;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// After this time it is not ordered any more.
const EXPIRES_IN: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: submit GENESIS ENDPOINT ROLLUP ROLLUP");
    let genesis = genesis_file::read(Path::new(&next()?))?;
    let client = Client::connect(&next()?, &genesis).await?;
    let rollups = [RollupId::new(next()?.parse()?), RollupId::new(next()?.parse()?)];

    // The receipt was checked before it is returned: a validator has signed where the transaction stands in its lane.
    let transaction = bundle(&rollups)?;
    let receipt = client.submit(&transaction).await?;
    println!("received: segment {} of lane {}", receipt.header.seq, receipt.header.lane.validator);

    // What a node says of a transaction is a hint. The proof is verified: all legs, in one certified block.
    let height = tokio::time::timeout(EXPIRES_IN, ordered(&client, transaction.id())).await??;
    let proof = client.bundle(transaction.id()).await?;
    println!("ordered: {} legs at height {}", proof.legs().len(), proof.height());
    if proof.height() != height {
        return Err("the node has named another height than the one that it proves".into());
    }

    // Nothing after `last_height` for a rollup, and nothing ever for one that is not registered.
    for rollup in [rollups[0], RollupId::new(u64::MAX)] {
        let head = client.head(rollup).await?;
        let at = head.block.height();
        match head.standing {
            Standing::Registered(leaf) => {
                println!(
                    "rollup {rollup}: {} batches up to {at}, none after {}",
                    leaf.index, leaf.last_height
                );
            }
            Standing::Unregistered => println!("rollup {rollup}: not registered at height {at}"),
        }
    }
    Ok(())
}

/// A transaction with a leg for each of the rollups.
fn bundle(rollups: &[RollupId]) -> Result<Transaction, Box<dyn Error>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let expires_at = Timestamp::from_nanos(u64::try_from((now + EXPIRES_IN).as_nanos())?);
    let leg = |rollup: &RollupId| Leg { rollup: *rollup, payload: b"hello".to_vec().into() };
    // Two transactions with the same legs differ by their salt: the second one is not taken for the first.
    let salt = now.as_nanos().to_be_bytes();
    Ok(Transaction::new(rollups.iter().map(leg).collect(), expires_at, salt)?)
}

/// Waits until a node says that a transaction is ordered.
async fn ordered(client: &Client, id: TxId) -> Result<Height, ClientError> {
    loop {
        if let TransactionStatus::Ordered { height, .. } = client.transaction_status(id).await? {
            return Ok(height);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
