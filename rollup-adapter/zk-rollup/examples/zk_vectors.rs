//! Writes what the contracts' tests read: a verification key, deposits, batches, and proofs for four slots.
//!
//! `cargo run -p fairlane-zk-rollup --example zk_vectors -- FILE KEYS` (KEYS: a folder for the test keys) gives the same
//! file every time.

use fairlane_types::{
    Batch, BatchHeader, BatchIndex, BatchItem, Encode, Height, NetworkId, RollupId, Timestamp, TxId, merkle,
};
use fairlane_zk_rollup::{
    Context, Deposit, Destination, Job, Prover, Rollup, SecretKey, Shape, Transfer, field,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};
use std::error::Error;
use std::path::Path;

const ROLLUP: RollupId = RollupId::new(42);
/// Where the withdrawals go.
const ADDRESS: [u8; 20] = [0xa1; 20];

struct Story {
    rollup: Rollup,
    prover: Prover,
    rng: ChaCha20Rng,
    index: u64,
    batches: Vec<Value>,
}

impl Story {
    fn key(name: &str) -> SecretKey {
        SecretKey::from_seed(name.as_bytes())
    }

    fn transfer(&self, from: u16, to: Destination, amount: u64, nonce: u32) -> Vec<u8> {
        let name = if from == 0 { "alice" } else { "bob" };
        Transfer { from, to, amount, nonce }.sign(self.rollup.context(), &Self::key(name)).to_vec()
    }

    fn batch(&mut self, payloads: Vec<Vec<u8>>, deposits: &[Deposit]) -> Result<(), Box<dyn Error>> {
        self.index += 1;
        let item = |(place, payload): (usize, Vec<u8>)| BatchItem {
            transaction: TxId::from_bytes([place as u8 + 1; 32]),
            leg_index: 0,
            leg_count: 1,
            payload: payload.into(),
        };
        let header = BatchHeader {
            rollup: ROLLUP,
            index: BatchIndex::new(self.index),
            height: Height::new(10 * self.index),
            time: Timestamp::from_nanos(1_000 * self.index),
            count: 0,
            tx_root: Default::default(),
            payload_hash: Default::default(),
            previous_head: self.rollup.head(),
        };
        let batch = Batch::new(header, payloads.into_iter().enumerate().map(item).collect());
        let applied = self.rollup.apply(&batch, deposits)?;
        let mut proofs = Vec::new();
        for job in &applied.jobs {
            proofs.push(self.prove(job)?);
        }
        let header = batch.header();
        let tree = merkle::Tree::new(batch.item_leaves());
        let item = |(place, item): (usize, &BatchItem)| {
            let path = tree.path(place).unwrap_or_default();
            let siblings: Vec<String> = path.iter().map(|sibling| hex(sibling.as_bytes())).collect();
            json!({ "bytes": hex(&item.to_bytes()), "siblings": siblings })
        };
        let items: Vec<Value> = batch.items().iter().enumerate().map(item).collect();
        self.batches.push(json!({
            "height": header.height.get(), "time": header.time.as_nanos(), "count": header.count,
            "txRoot": hex(header.tx_root.as_bytes()), "payloadHash": hex(header.payload_hash.as_bytes()),
            "previous": hex(header.previous_head.as_bytes()), "head": hex(self.rollup.head().as_bytes()),
            "items": items, "proofs": proofs,
            "deposits": deposits.iter().map(deposit).collect::<Vec<_>>(),
        }));
        Ok(())
    }

    fn prove(&mut self, job: &Job) -> Result<Value, Box<dyn Error>> {
        let proof = self.prover.prove(job, &mut self.rng)?;
        let statement = &job.statement;
        if !self.prover.verify(statement, &proof) {
            return Err("the proof does not hold".into());
        }
        Ok(json!({
            "root": hex(&field::to_bytes(&statement.new_root)),
            "position": hex(&statement.new_position.to_bytes()),
            "first": statement.first, "withdrawals": statement.withdrawals,
            "input": hex(&field::to_bytes(&statement.public_input())), "proof": hex(&proof.0),
        }))
    }
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", ::hex::encode(bytes))
}

fn deposit(deposit: &Deposit) -> Value {
    let words = [field::to_bytes(&deposit.key.x), field::to_bytes(&deposit.key.y)];
    json!({ "account": deposit.account, "x": hex(&words[0]), "y": hex(&words[1]), "amount": deposit.amount })
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(keys)) = (arguments.next(), arguments.next()) else {
        return Err("usage: zk_vectors FILE KEYS".into());
    };
    let context = Context { network: NetworkId::from_bytes([7; 32]), rollup: ROLLUP };
    let mut story = Story {
        rollup: Rollup::new(context, Shape::SMALL),
        prover: Prover::cached(Shape::SMALL, Path::new(&keys))?,
        rng: ChaCha20Rng::from_seed([9; 32]),
        index: 0,
        batches: Vec::new(),
    };
    let genesis = story.rollup.state().root();

    // Nobody has anything yet, and somebody sends what is none of the rollup's business.
    story.batch(vec![b"hello".to_vec()], &[])?;
    // Alice pays Bob and takes something out; a forgery and a repetition do nothing.
    let opening = |account, name, amount| Deposit { account, key: Story::key(name).public(), amount };
    let to_bob = story.transfer(0, Destination::Account(1), 250, 0);
    let mut forged = story.transfer(0, Destination::Account(1), 500, 1);
    forged[84] ^= 1;
    let out = story.transfer(0, Destination::Ethereum(ADDRESS), 300, 1);
    story.batch(
        vec![to_bob.clone(), forged, out, to_bob],
        &[opening(0, "alice", 1_000), opening(1, "bob", 10)],
    )?;
    // Too much for one proof: a withdrawal, a large thing, and another withdrawal.
    let first = story.transfer(1, Destination::Ethereum(ADDRESS), 60, 0);
    let second = story.transfer(1, Destination::Ethereum(ADDRESS), 200, 1);
    story.batch(vec![first, vec![0xee; 700], second], &[opening(0, "alice", 5)])?;

    let key: Vec<String> = story.prover.key_words().iter().map(|word| hex(word)).collect();
    let vectors = json!({
        "network": hex(context.network.as_bytes()), "rollup": ROLLUP.get(), "depositsPerProof": Shape::SMALL.deposits,
        "root": hex(&field::to_bytes(&genesis)), "key": key, "batches": story.batches,
    });
    std::fs::write(&file, serde_json::to_string_pretty(&vectors)? + "\n")?;
    Ok(())
}
