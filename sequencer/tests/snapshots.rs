//! Nodes that join from a snapshot: one that is no validator, and a validator that lost its disk.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod network;

use fairlane_proto::refusal;
use fairlane_proto::v1::batch_service_client::BatchServiceClient;
use fairlane_proto::v1::chain_service_client::ChainServiceClient;
use fairlane_proto::v1::{GetHeaderRequest, GetRangeRequest, Refusal};
use network::{COUNT, DEADLINE, FULL_NODE, Network, fairlane, refused, text, told};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

impl Network {
    /// Gives a transaction to a validator, and its id.
    fn submit(&self, at: usize, leg: &str) -> String {
        let (genesis, endpoint) = (self.genesis(), self.endpoint(at));
        let submit = ["submit", "--json", "--genesis", text(&genesis), "--endpoint", &endpoint, "--leg", leg];
        let receipt: Value = serde_json::from_str(&told(&submit)).unwrap();
        receipt["transaction"].as_str().unwrap().to_owned()
    }

    /// The next batch of rollup 1 after a cursor, as a node serves it and the command line verifies it.
    fn next_batch(&self, at: usize, cursor: &Path) -> Value {
        let (genesis, endpoint) = (self.genesis(), self.endpoint(at));
        let subscribe = ["subscribe", "--json", "--rollup", "1", "--limit", "1", "--genesis", text(&genesis)];
        let batch = told(&[&subscribe[..], &["--endpoint", &endpoint, "--state", text(cursor)]].concat());
        serde_json::from_str(&batch).unwrap()
    }

    /// A snapshot that a running validator makes of the newest state that it keeps, at a height or above.
    fn snapshot(&self, at: usize, height: u64) -> (PathBuf, u64) {
        let deadline = Instant::now() + DEADLINE;
        for number in 0.. {
            let file = self.dir.path().join(format!("snapshot-{number}"));
            let (home, admin) = (text(&self.homes[at]), self.admin(at));
            let made =
                fairlane(&["snapshot", "create", "--home", home, "--admin", &admin, "--out", text(&file)]);
            if made.status.success() {
                let found = told_height(&String::from_utf8(made.stdout).unwrap());
                if found >= height {
                    return (file, found);
                }
            }
            assert!(Instant::now() < deadline, "no snapshot: {}", String::from_utf8_lossy(&made.stderr));
            std::thread::sleep(Duration::from_millis(200));
        }
        unreachable!("numbers do not end")
    }

    fn restore(&self, at: usize, file: &Path) -> String {
        told(&["snapshot", "restore", "--home", text(&self.homes[at]), text(file)])
    }

    /// Whether a node has what the first validator had finalized when it was asked.
    fn has_caught_up(&self, at: usize) -> bool {
        let newest = self.height(0);
        self.status(at)
            .is_some_and(|status| status["height"].as_u64() >= Some(newest) && status["catching_up"] == false)
    }
}

/// The height that `fairlane snapshot` prints.
fn told_height(said: &str) -> u64 {
    let line = said.lines().find_map(|line| line.strip_prefix("height"));
    line.unwrap_or_else(|| panic!("no height is told: {said}")).trim().parse().unwrap()
}

/// Why a node refuses its first batch and its first header, with what it says.
fn refusals(endpoint: &str) -> [(Option<Refusal>, String); 2] {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let channel = tonic::transport::Channel::from_shared(endpoint.to_owned()).unwrap();
        let channel = channel.connect().await.unwrap();
        let range = GetRangeRequest { rollup_id: 1, from_index: 1, max_batches: 1 };
        let batch = BatchServiceClient::new(channel.clone()).get_range(range).await.map(drop).unwrap_err();
        let header = ChainServiceClient::new(channel).get_header(GetHeaderRequest { height: 1 }).await;
        [batch, header.map(drop).unwrap_err()]
            .map(|status| (refusal::reason_of(&status), status.message().to_owned()))
    })
}

#[test]
fn network_of_four_is_joined_from_a_snapshot_by_a_node_that_is_no_validator() {
    let mut network = Network::new();
    network.settings.push("store.snapshot_interval=10".to_owned());
    (0..COUNT).for_each(|at| network.start(at));
    network.goes_on(3, 2);
    let cursor = network.dir.path().join("cursor");
    let before = network.submit(1, "1:before");
    assert_eq!(network.next_batch(0, &cursor)["items"][0]["transaction"], Value::from(before));

    let (file, height) = network.snapshot(0, network.height(0));
    network.add_full_node();
    let home = network.homes[FULL_NODE].clone();
    let other = "00".repeat(32);
    let error = refused(&["snapshot", "restore", "--home", text(&home), "--block", &other, text(&file)]);
    assert!(error.contains("not of block"), "{error}");
    assert_eq!(told_height(&network.restore(FULL_NODE, &file)), height);
    let error = refused(&["snapshot", "restore", "--home", text(&home), text(&file)]);
    assert!(error.contains("exists"), "{error}");
    network.start(FULL_NODE);
    network.goes_on(FULL_NODE, 3);

    // From the snapshot on it serves what others verify, and of what is before it says where it begins.
    let after = network.submit(1, "1:after");
    assert_eq!(network.next_batch(FULL_NODE, &cursor)["items"][0]["transaction"], Value::from(after));
    assert_eq!(network.status(FULL_NODE).unwrap()["min_height"], height + 1);
    for (reason, said) in refusals(&network.endpoint(FULL_NODE)) {
        assert_eq!(reason, Some(Refusal::Pruned), "{said}");
        assert!(said.contains(&(height + 1).to_string()), "{said}");
    }

    // What it has become is as good a start: after a restart, and for others.
    network.kill(FULL_NODE);
    let again = network.dir.path().join("again");
    let said = told(&["snapshot", "create", "--home", text(&home), "--out", text(&again)]);
    assert!(told_height(&said) > height, "{said}");
    network.start(FULL_NODE);
    network.goes_on(FULL_NODE, 3);

    // A validator that lost its disk watches before it votes.
    network.kill(3);
    std::fs::remove_dir_all(network.homes[3].join("data")).unwrap();
    network.restore(3, &again);
    let watched = network.watched(3);
    network.start(3);
    network.goes_on(3, 10);
    assert_eq!(network.watched(3), watched + 1, "{}", network.doubt(3));
    network.nobody_is_accused();
}

/// A measurement: it prints how long joining takes.
#[test]
#[ignore = "takes many minutes: a chain of more than ten thousand blocks is made first"]
fn how_long_joining_above_height_ten_thousand_takes() {
    let mut network = Network::new();
    network.settings =
        ["consensus.idle_block=10ms", "segments.heartbeat=14ms", "consensus.min_block_interval=10ms"]
            .map(str::to_owned)
            .to_vec();
    (0..COUNT).for_each(|at| network.start(at));
    while network.height(0) < 10_000 {
        std::thread::sleep(Duration::from_secs(1));
    }
    let (file, height) = network.snapshot(0, 10_000);
    let bytes = std::fs::metadata(&file).unwrap().len();
    network.add_full_node();
    let started = Instant::now();
    network.restore(FULL_NODE, &file);
    let restored = started.elapsed();
    network.start(FULL_NODE);
    while !network.has_caught_up(FULL_NODE) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let live = started.elapsed();
    let now = network.height(FULL_NODE);
    println!("height {height}, {bytes} bytes: restored after {restored:?}, live at {now} after {live:?}");
}
