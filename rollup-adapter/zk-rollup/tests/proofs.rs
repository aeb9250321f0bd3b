//! One proof from end to end, and what a proof cannot be used for.

use fairlane_types::{
    Batch, BatchHeader, BatchIndex, BatchItem, Decode as _, Encode as _, Height, NetworkId, RollupHead,
    RollupId, Timestamp, TxId,
};
use fairlane_zk_rollup::{
    Account, ApplyError, Context, Deposit, Destination, Job, Position, Proof, Prover, ProverError, Rollup,
    SecretKey, Shape, State, Statement, Transfer,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// The rollup of these tests.
fn context() -> Context {
    Context { network: NetworkId::from_bytes([7; 32]), rollup: RollupId::new(42) }
}

/// The key of a number.
fn key(number: u16) -> SecretKey {
    SecretKey::from_seed(&number.to_be_bytes())
}

/// A deposit for the account and the key of a number.
fn opening(number: u16, amount: u64) -> Deposit {
    Deposit { account: number, key: key(number).public(), amount }
}

/// A transaction of one leg.
fn item(payload: &[u8]) -> BatchItem {
    BatchItem {
        transaction: TxId::from_bytes([payload.len() as u8; 32]),
        leg_index: 0,
        leg_count: 1,
        payload: payload.to_vec().into(),
    }
}

/// The rollup's next batch.
fn batch(rollup: &Rollup, index: u64, items: Vec<BatchItem>) -> Batch {
    let header = BatchHeader {
        rollup: rollup.context().rollup,
        index: BatchIndex::new(index),
        height: Height::new(3 * index),
        time: Timestamp::from_nanos(1_000 * index),
        count: 0,
        tx_root: Default::default(),
        payload_hash: Default::default(),
        previous_head: rollup.head(),
    };
    Batch::new(header, items)
}

/// A batch of four with two deposits: a transfer, a forgery, a withdrawal, and noise.
fn jobs() -> Result<Vec<Job>, ApplyError> {
    let mut rollup = Rollup::new(context(), Shape::SMALL);
    let transfer = |to, amount, nonce| Transfer { from: 0, to, amount, nonce }.sign(&context(), &key(0));
    let mut forged = transfer(Destination::Account(1), 5, 1);
    forged[60] ^= 4;
    let items = vec![
        item(&transfer(Destination::Account(1), 30, 0)),
        item(&forged),
        item(&transfer(Destination::Ethereum([9; 20]), 40, 1)),
        item(b"noise"),
    ];
    let batch = batch(&rollup, 1, items);
    Ok(rollup.apply(&batch, &[opening(0, 100), opening(1, 0)])?.jobs)
}

/// The statement with one thing changed, for everything that it says.
fn others(statement: &Statement) -> Vec<Statement> {
    let changed = |change: fn(&mut Statement)| {
        let mut other = statement.clone();
        change(&mut other);
        other
    };
    vec![
        changed(|other| other.context.rollup = other.context.rollup.next()),
        changed(|other| other.context.network = Default::default()),
        changed(|other| other.first += 1),
        changed(|other| other.withdrawals ^= 1),
        changed(|other| other.withdrawals = 0),
        changed(|other| other.new_root = other.old_root),
        changed(|other| other.old_root = other.new_root),
        changed(|other| other.new_position = Position::Head(RollupHead::default())),
        changed(|other| other.old_position = Position::Head(RollupHead::from_bytes([1; 32]))),
        changed(|other| other.old_position = Position::Inside(Default::default())),
        changed(|other| other.deposits[0].amount += 1),
        changed(|other| other.deposits.swap(0, 1)),
        changed(|other| other.deposits.truncate(1)),
    ]
}

#[test]
fn a_proof_shows_its_statement_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let prover = Prover::cached(Shape::SMALL, folder.path()).unwrap();
    let mut jobs = jobs().unwrap();
    let job = jobs.remove(0);
    assert!(jobs.is_empty());
    let proof = prover.prove(&job, &mut ChaCha20Rng::from_seed([3; 32])).unwrap();
    assert!(prover.verifier().verify(&job.statement, &proof));

    for other in others(&job.statement) {
        assert!(!prover.verifier().verify(&other, &proof), "{other:?}");
    }
    for at in (0..256).step_by(16) {
        let mut tampered = proof.0;
        tampered[at] ^= 1;
        assert!(!prover.verifier().verify(&job.statement, &Proof(tampered)), "byte {at}");
    }
    assert!(!prover.verifier().verify(&job.statement, &Proof([0; 256])));

    // The keys are found again, and are the same.
    let again = Prover::cached(Shape::SMALL, folder.path()).unwrap();
    assert_eq!(again.verifier().key_words(), prover.verifier().key_words());
    assert!(again.verifier().verify(&job.statement, &proof));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    // What does not follow is not proven, and a job of another shape neither.
    for other in others(&job.statement) {
        let mut lie = job.clone();
        lie.statement = other;
        if lie.statement.deposits.len() == job.statement.deposits.len() {
            let refused = prover.prove(&lie, &mut ChaCha20Rng::from_seed([4; 32]));
            assert!(matches!(refused, Err(ProverError::FalseStatement { .. })), "{:?}", lie.statement);
        }
    }
    let mut other = job;
    other.shape = Shape::STANDARD;
    let refused = prover.prove(&other, &mut ChaCha20Rng::from_seed([5; 32]));
    assert!(matches!(refused, Err(ProverError::WrongShape { .. })));
}

#[test]
fn jobs_and_accounts_survive_as_bytes() {
    let job = jobs().unwrap().remove(0);
    let bytes = job.to_bytes();
    let again = Job::from_bytes(&bytes).unwrap();
    assert_eq!(again.statement, job.statement);
    assert_eq!(again.to_bytes(), bytes);
    for length in 0..bytes.len() {
        assert!(Job::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
    }
    assert!(Job::from_bytes(&[bytes.as_slice(), &[0]].concat()).is_err());
    assert!(Job::from_bytes(&[&[9], &bytes[1..]].concat()).is_err());

    let mut rollup = Rollup::new(context(), Shape::SMALL);
    let batch = batch(&rollup, 1, vec![item(b"noise")]);
    rollup.apply(&batch, &[opening(3, 100), opening(9, 7)]).unwrap();
    let accounts: Vec<(u16, Account)> = rollup.state().accounts().collect();
    assert_eq!(accounts.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [3, 9]);
    let decoded =
        accounts.iter().map(|(number, account)| (*number, Account::from_bytes(account.to_bytes()).unwrap()));
    assert_eq!(State::with_accounts(decoded).root(), rollup.state().root());
}
