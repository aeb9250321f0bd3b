//! Makes keys of a shape, proves full batches with them, and says how long it takes.
//!
//! `cargo run --release -p fairlane-zk-rollup --example zk_bench -- FOLDER SLOTS` (FOLDER: where keys are kept).

use fairlane_types::{
    Batch, BatchHeader, BatchIndex, BatchItem, Height, NetworkId, RollupId, Timestamp, TxId,
};
use fairlane_zk_rollup::{
    Context, Deposit, Destination, Prover, Rollup, SecretKey, Shape, Transfer, constraints,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

/// Proofs of which the time is taken.
const PROOFS: u32 = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(slots)) = (arguments.next(), arguments.next()) else {
        return Err("usage: zk_bench FOLDER SLOTS".into());
    };
    let shape = Shape { slots: slots.parse()?, deposits: 2 };
    println!("{shape:?}: {} constraints", constraints(shape)?);
    let start = Instant::now();
    let prover = Prover::cached(shape, Path::new(&folder))?;
    println!("keys made or read in {:.1?}", start.elapsed());

    let context = Context { network: NetworkId::from_bytes([1; 32]), rollup: RollupId::new(1) };
    let key = SecretKey::from_seed(b"bench");
    let mut rollup = Rollup::new(context, shape);
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let mut deposits = vec![Deposit { account: 0, key: key.public(), amount: 1_000_000 }];
    for index in 1..=PROOFS {
        let first = (index - 1) * shape.slots as u32;
        let item = |nonce: u32| BatchItem {
            transaction: TxId::from_bytes([nonce as u8; 32]),
            leg_index: 0,
            leg_count: 1,
            payload: Transfer { from: 0, to: Destination::Account(0), amount: 1, nonce }
                .sign(&context, &key)
                .to_vec()
                .into(),
        };
        let header = BatchHeader {
            rollup: context.rollup,
            index: BatchIndex::new(index.into()),
            height: Height::new(index.into()),
            time: Timestamp::from_nanos(index.into()),
            count: 0,
            tx_root: Default::default(),
            payload_hash: Default::default(),
            previous_head: rollup.head(),
        };
        let batch = Batch::new(header, (first..first + shape.slots as u32).map(item).collect());
        let applied = rollup.apply(&batch, &deposits)?;
        deposits.clear();
        for job in &applied.jobs {
            let start = Instant::now();
            let proof = prover.prove(job, &mut rng)?;
            let took = start.elapsed();
            println!("proven in {took:.1?}; holds: {}", prover.verifier().verify(&job.statement, &proof));
        }
    }
    Ok(())
}
