//! Workers and adapters over gRPC, killed at any moment. The proof system here is a hash: what is tested is that no job is
//! lost and no proof counts twice.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use fairlane_prover::queue::{Created, Limits, Phase};
use fairlane_prover::service::{CheckProof, ServiceLimits, serve};
use fairlane_prover::worker::{self, Prove, WorkerOptions};
use fairlane_prover::{Desk, JobSpec, ProofKey};
use fairlane_types::crypto::sha256;
use fairlane_types::{BatchIndex, Hash32, RollupId};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(120);
const LIMITS: Limits = Limits {
    lease: 1_000,
    attempts: 1_000,
    fallback_attempts: 3,
    pause: 10,
    longest_pause: 10,
    open_jobs: 64,
    range: 3,
};

fn key() -> ProofKey {
    ProofKey { system: "hash".to_owned(), vk: Hash32::from_bytes([9; 32]) }
}

fn input(number: u8) -> Vec<u8> {
    vec![number; 1_000]
}

fn spec(number: u8) -> JobSpec {
    JobSpec {
        rollup: RollupId::new(1),
        index: BatchIndex::new(number.into()),
        key: key(),
        old_head: Hash32::from_bytes([number; 32]),
        new_head: Hash32::from_bytes([number + 1; 32]),
        old_state: Hash32::ZERO,
        input: sha256(&[&input(number)]),
    }
}

fn proof(input: &[u8]) -> Vec<u8> {
    sha256(&[b"proof", input]).as_bytes().to_vec()
}

/// Proves, or lies.
#[derive(Default)]
struct Hashes {
    lies: AtomicBool,
    made: AtomicU64,
    takes: Duration,
}

impl Prove for Hashes {
    fn keys(&self) -> Vec<ProofKey> {
        vec![key()]
    }

    fn prove(&self, input: &[u8]) -> Result<Vec<u8>, String> {
        std::thread::sleep(self.takes);
        self.made.fetch_add(1, SeqCst);
        Ok(if self.lies.load(SeqCst) { vec![0; 32] } else { proof(input) })
    }
}

impl CheckProof for Hashes {
    fn holds(&self, _: &JobSpec, input: &[u8], given: &[u8]) -> bool {
        given == proof(input)
    }
}

/// The adapter's side, which can be killed.
struct Adapter {
    path: PathBuf,
    port: u16,
    limits: Limits,
    running: Option<(Desk, JoinHandle<()>, CancellationToken)>,
}

impl Adapter {
    async fn new(folder: &tempfile::TempDir, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let mut adapter = Self { path: folder.path().join("jobs.redb"), port, limits, running: None };
        adapter.start(None).await;
        adapter
    }

    async fn start(&mut self, access: Option<&str>) {
        let deadline = Instant::now() + DEADLINE;
        // Whatever the one before still has open goes away.
        let database = loop {
            match redb::Database::create(&self.path) {
                Ok(database) => break Arc::new(database),
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let desk = Desk::open(database, self.limits).unwrap();
        let listener = loop {
            match TcpListener::bind(("127.0.0.1", self.port)).await {
                Ok(listener) => break listener,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let (stop, access) = (CancellationToken::new(), access.map(str::to_owned));
        let serving = serve(
            listener,
            desk.clone(),
            Arc::new(Hashes::default()),
            ServiceLimits::default(),
            access,
            stop.clone(),
        );
        let task = tokio::spawn(async move { serving.await.unwrap() });
        self.running = Some((desk, task, stop));
    }

    fn desk(&self) -> &Desk {
        &self.running.as_ref().unwrap().0
    }

    fn kill(&mut self) {
        let (_, task, stop) = self.running.take().unwrap();
        stop.cancel();
        task.abort();
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn create(&self, numbers: std::ops::Range<u8>) {
        for number in numbers {
            assert_eq!(self.desk().create(spec(number), &input(number)).unwrap(), Created::New);
        }
    }

    async fn until(&self, what: impl Fn(&Desk) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !what(self.desk()) {
            assert!(Instant::now() < deadline, "{:?}", self.desk().counts());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

struct Worker(JoinHandle<()>, CancellationToken);

impl Worker {
    fn start(adapter: &Adapter, prover: &Arc<Hashes>, fallback: bool, access: Option<&str>) -> Self {
        let options = WorkerOptions {
            adapter: adapter.url(),
            name: "worker".to_owned(),
            slots: 3,
            fallback,
            access: access.map(str::to_owned),
        };
        let (stop, prover) = (CancellationToken::new(), prover.clone());
        let stopping = stop.clone();
        let task = tokio::spawn(async move { worker::run(options, prover, stopping).await.unwrap() });
        Self(task, stop)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_are_proven_and_receipts_are_the_same_for_all() {
    let folder = tempfile::tempdir().unwrap();
    let adapter = Adapter::new(&folder, LIMITS).await;
    let prover = Arc::new(Hashes::default());
    let worker = Worker::start(&adapter, &prover, false, None);
    adapter.create(0..6);
    adapter.until(|desk| desk.counts().proven == 6).await;
    for number in 0..6 {
        let id = spec(number).id();
        assert_eq!(adapter.desk().proof(&id).unwrap().unwrap(), proof(&input(number)));
        assert_eq!(adapter.desk().create(spec(number), &input(number)).unwrap(), Created::Known);
    }
    assert_eq!(prover.made.load(SeqCst), 6);
    assert!(adapter.desk().create(spec(7), b"another input").is_err());
    assert_eq!(adapter.desk().remove(|spec| spec.index < BatchIndex::new(3)).unwrap(), 3);
    assert_eq!(adapter.desk().proof(&spec(0).id()).unwrap(), None);
    worker.1.cancel();
    worker.0.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_killed_no_job_is_lost_and_no_proof_counts_twice() {
    const JOBS: u8 = 16;
    let mut random = StdRng::seed_from_u64(5);
    let folder = tempfile::tempdir().unwrap();
    let mut adapter = Adapter::new(&folder, LIMITS).await;
    let prover = Arc::new(Hashes { takes: Duration::from_millis(20), ..Hashes::default() });
    adapter.create(0..JOBS);
    let mut worker = Worker::start(&adapter, &prover, false, None);
    let (mut killed_workers, mut killed_adapters, mut first) = (0, 0, std::collections::BTreeMap::new());
    while adapter.desk().counts().proven < usize::from(JOBS) {
        tokio::time::sleep(Duration::from_millis(random.gen_range(0..500))).await;
        if random.gen_bool(0.5) {
            worker.0.abort();
            worker = Worker::start(&adapter, &prover, false, None);
            killed_workers += 1;
        } else {
            adapter.kill();
            adapter.start(None).await;
            killed_adapters += 1;
        }
        assert!(killed_adapters + killed_workers < 2_000);
        let jobs = adapter.desk().jobs();
        assert_eq!(jobs.len(), usize::from(JOBS), "a job is lost");
        for record in jobs {
            if let Phase::Proven { proof } = record.phase {
                assert_eq!(*first.entry(record.spec.id()).or_insert(proof), proof, "another proof counts");
            }
        }
        for id in first.keys() {
            let phase = adapter.desk().job(id).unwrap().phase;
            assert!(matches!(phase, Phase::Proven { .. }), "a proof is lost");
        }
    }
    println!("{killed_workers} workers and {killed_adapters} adapters killed, {JOBS} jobs proven");
    worker.1.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_liar_wastes_its_attempts_and_a_fallback_worker_proves() {
    let folder = tempfile::tempdir().unwrap();
    // A lease that runs out would be an attempt, too.
    let adapter = Adapter::new(&folder, Limits { attempts: 2, lease: 60_000, ..LIMITS }).await;
    adapter.create(0..1);
    let liar = Arc::new(Hashes::default());
    liar.lies.store(true, SeqCst);
    let lying = Worker::start(&adapter, &liar, false, None);
    // What is counted is counted after the change that everybody can see.
    adapter.until(|desk| desk.counters().invalid.load(SeqCst) == 2).await;
    assert_eq!(adapter.desk().jobs()[0].attempts, 2);
    let honest = Arc::new(Hashes::default());
    let fallback = Worker::start(&adapter, &honest, true, None);
    adapter.until(|desk| desk.counts().proven == 1).await;
    assert_eq!(liar.made.load(SeqCst), 2);
    lying.1.cancel();
    fallback.1.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_gives_back_what_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { lease: 60_000, ..LIMITS };
    let adapter = Adapter::new(&folder, limits).await;
    let slow = Arc::new(Hashes { takes: Duration::from_millis(300), ..Hashes::default() });
    let worker = Worker::start(&adapter, &slow, false, None);
    adapter.create(0..3);
    adapter.until(|desk| desk.counts().proven == 1).await;
    worker.1.cancel();
    worker.0.await.unwrap();
    adapter.until(|desk| desk.counts().leased == 0).await;
    assert!(adapter.desk().jobs().iter().all(|record| record.attempts == 0));
    let other = Worker::start(&adapter, &slow, false, None);
    adapter.until(|desk| desk.counts().proven == 3).await;
    other.1.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_access_token_nobody_works() {
    let folder = tempfile::tempdir().unwrap();
    let mut adapter = Adapter::new(&folder, LIMITS).await;
    adapter.kill();
    adapter.start(Some("secret")).await;
    adapter.create(0..1);
    let prover = Arc::new(Hashes::default());
    let stranger = Worker::start(&adapter, &prover, true, Some("guess"));
    let nobody = Worker::start(&adapter, &prover, true, None);
    let known = Worker::start(&adapter, &prover, false, Some("secret"));
    adapter.until(|desk| desk.counts().proven == 1).await;
    assert_eq!(adapter.desk().counters().workers.load(SeqCst), 1);
    [stranger, nobody, known].iter().for_each(|worker| worker.1.cancel());
}
