//! Writes what the contracts' tests read: a verification key, deposits, batches, and proofs for four slots.
//!
//! `cargo run -p fairlane-zk-rollup --example zk_vectors -- FILE KEYS` (KEYS: a folder for the test keys) gives the same
//! file every time.

mod story;

use fairlane_types::{BatchItem, Encode, merkle};
use fairlane_zk_rollup::{Deposit, Job, Prover, Shape, State, field};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};
use std::error::Error;
use std::path::Path;
use story::{CONTEXT, Chapter};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(keys)) = (arguments.next(), arguments.next()) else {
        return Err("usage: zk_vectors FILE KEYS".into());
    };
    let prover = Prover::cached(Shape::SMALL, Path::new(&keys))?;
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    let mut batches = Vec::new();
    for chapter in story::tell()? {
        let jobs = chapter.applied.jobs.iter();
        let proofs = jobs.map(|job| prove(&prover, job, &mut rng)).collect::<Result<Vec<_>, _>>()?;
        batches.push(batch(&chapter, proofs));
    }
    let key: Vec<String> = prover.verifier().key_words().iter().map(|word| hex(word)).collect();
    let vectors = json!({
        "network": hex(CONTEXT.network.as_bytes()), "rollup": CONTEXT.rollup.get(),
        "depositsPerProof": Shape::SMALL.deposits, "root": hex(&field::to_bytes(&State::default().root())),
        "key": key, "batches": batches,
    });
    std::fs::write(&file, serde_json::to_string_pretty(&vectors)? + "\n")?;
    Ok(())
}

fn prove(prover: &Prover, job: &Job, rng: &mut ChaCha20Rng) -> Result<Value, Box<dyn Error>> {
    let proof = prover.prove(job, rng)?;
    let statement = &job.statement;
    Ok(json!({
        "root": hex(&field::to_bytes(&statement.new_root)),
        "position": hex(&statement.new_position.to_bytes()),
        "first": statement.first, "withdrawals": statement.withdrawals,
        "input": hex(&field::to_bytes(&statement.public_input())), "proof": hex(&proof.0),
    }))
}

fn batch(chapter: &Chapter, proofs: Vec<Value>) -> Value {
    let header = chapter.batch.header();
    let tree = merkle::Tree::new(chapter.batch.item_leaves());
    let item = |(place, item): (usize, &BatchItem)| {
        let path = tree.path(place).unwrap_or_default();
        let siblings: Vec<String> = path.iter().map(|sibling| hex(sibling.as_bytes())).collect();
        json!({ "bytes": hex(&item.to_bytes()), "siblings": siblings })
    };
    let items: Vec<Value> = chapter.batch.items().iter().enumerate().map(item).collect();
    json!({
        "height": header.height.get(), "time": header.time.as_nanos(), "count": header.count,
        "txRoot": hex(header.tx_root.as_bytes()), "payloadHash": hex(header.payload_hash.as_bytes()),
        "previous": hex(header.previous_head.as_bytes()), "head": hex(header.head(&CONTEXT.network).as_bytes()),
        "items": items, "proofs": proofs, "deposits": chapter.deposits.iter().map(deposit).collect::<Vec<_>>(),
    })
}

fn deposit(deposit: &Deposit) -> Value {
    let [x, y] = [deposit.key.x, deposit.key.y].map(|coordinate| hex(&field::to_bytes(&coordinate)));
    json!({ "account": deposit.account, "x": x, "y": y, "amount": deposit.amount })
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", ::hex::encode(bytes))
}
