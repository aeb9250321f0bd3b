//! A network of one validator, run as a process: blocks, transactions, metrics, and restarts.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(60);

/// A home directory, and the addresses that its node listens at.
struct Network {
    dir: tempfile::TempDir,
    ports: [u16; 5],
}

impl Network {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let taken = [(); 5].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = taken.each_ref().map(|listener| listener.local_addr().unwrap().port());
        let network = Self { dir, ports };
        assert!(network.fairlane(&["init", "--home", network.home().to_str().unwrap()]).status.success());
        network
    }

    fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[2])
    }

    fn fairlane(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_fairlane")).args(arguments).output().unwrap()
    }

    fn start(&self) -> Node {
        let [consensus, segments, rpc, admin, metrics] = self.ports;
        let settings = [
            format!("consensus.listen=/ip4/127.0.0.1/tcp/{consensus}"),
            format!("segments.listen=/ip4/127.0.0.1/tcp/{segments}"),
            format!("rpc.listen=127.0.0.1:{rpc}"),
            format!("admin.listen=127.0.0.1:{admin}"),
            format!("metrics.listen=127.0.0.1:{metrics}"),
            "store.snapshot_interval=5".to_owned(),
            "consensus.idle_block=200ms".to_owned(),
            "segments.heartbeat=200ms".to_owned(),
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_fairlane"));
        command.arg("node").arg("--home").arg(self.home());
        for setting in settings {
            command.arg("--set").arg(setting);
        }
        let log =
            std::fs::File::options().create(true).append(true).open(self.dir.path().join("log")).unwrap();
        Node(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// What `fairlane status` says, once a node answers.
    fn status(&self) -> Option<serde_json::Value> {
        let output = self.fairlane(&["status", "--endpoint", &self.endpoint(), "--json"]);
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    fn height(&self) -> u64 {
        self.status().and_then(|status| status["height"].as_u64()).unwrap_or(0)
    }

    /// Waits until the chain is at least so high.
    fn reach(&self, height: u64) {
        self.wait("a height", || self.height() >= height);
    }

    fn wait(&self, what: &str, mut done: impl FnMut() -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !done() {
            assert!(Instant::now() < deadline, "no {what} in time; the log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Submits a transaction and gives its id.
    fn submit(&self, legs: &[&str]) -> String {
        let mut arguments = vec!["submit", "--json", "--genesis"];
        let genesis = self.home().join("genesis.json");
        arguments.extend([genesis.to_str().unwrap(), "--endpoint"]);
        let endpoint = self.endpoint();
        arguments.push(&endpoint);
        legs.iter().for_each(|leg| arguments.extend(["--leg", leg]));
        let output = self.fairlane(&arguments);
        assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), self.log());
        let receipt: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(receipt["member_checked"], true);
        receipt["transaction"].as_str().unwrap().to_owned()
    }

    /// The first so many batches of a rollup.
    fn batches(&self, rollup: &str, count: usize, state: &Path) -> Vec<serde_json::Value> {
        let genesis = self.home().join("genesis.json");
        let mut child = Command::new(env!("CARGO_BIN_EXE_fairlane"))
            .args(["subscribe", "--json", "--rollup", rollup, "--endpoint", &self.endpoint()])
            .args(["--limit", &count.to_string()])
            .arg("--genesis")
            .arg(genesis)
            .arg("--state")
            .arg(state)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let batches = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
        assert!(child.wait().unwrap().success());
        batches
    }

    /// Both the command line and the explorer say where a bundle of two legs stands, and who saw it.
    fn explains(&self, bundle: &str, leg: Option<u64>) {
        assert_eq!(leg, Some(0));
        let asked = ["explain", "--json", "--endpoint", &self.endpoint(), bundle];
        let output = self.fairlane(&asked);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["batches"].as_array().unwrap().len(), 2, "{told}");
        let seen = &told["lanes"][0]["sighting"];
        assert_eq!(seen["from_seq"], seen["seq"], "a client gave it to this validator: {told}");
        let shown = self.page(&format!("/api/transaction/{bundle}"));
        assert!(shown.starts_with("HTTP/1.1 200"), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(shown.lines().last().unwrap()).unwrap(), told);
        assert!(self.page(&format!("/api/block/{}", told["height"])).contains(bundle));

        let unknown = "ab".repeat(32);
        let refused = self.fairlane(&["explain", "--endpoint", &self.endpoint(), &unknown]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("REFUSAL_NOT_FOUND"));
        assert!(self.page(&format!("/api/transaction/{unknown}")).starts_with("HTTP/1.1 404"));
        assert!(self.page("/api/transaction/nonsense").starts_with("HTTP/1.1 400"));
        assert!(self.page("/api/block/99999999").starts_with("HTTP/1.1 410"));
        assert!(self.page("/").contains("<title>Fairlane</title>"));
        assert!(self.page("/api/now").contains("\"blocks\":[{"));
    }

    fn page(&self, path: &str) -> String {
        let address = SocketAddr::from(([127, 0, 0, 1], self.ports[4]));
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page
    }
}

struct Node(Child);

impl Node {
    /// Tells the node to stop and expects that it does, in good order.
    fn stop(mut self, network: &Network) {
        let told = Command::new("kill").arg("-TERM").arg(self.0.id().to_string()).status().unwrap();
        assert!(told.success());
        let deadline = Instant::now() + DEADLINE;
        let status = loop {
            match self.0.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(Instant::now() < deadline, "it does not stop; the log:\n{}", network.log()),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success(), "{status}; the log:\n{}", network.log());
    }

    /// Kills the node without warning.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn one_validator_finalizes_and_survives_stops_and_kills() {
    let network = Network::new();
    let node = network.start();
    network.reach(2);

    let single = network.submit(&["1:hello"]);
    let bundle = network.submit(&["1:0xdead", "2:0xbeef"]);
    let cursor = network.dir.path().join("cursor");
    let mut items = Vec::new();
    while items.len() < 2 {
        for batch in network.batches("1", 1, &cursor) {
            items.extend(batch["items"].as_array().unwrap().clone());
        }
    }
    assert_eq!((&items[0]["transaction"], &items[0]["payload"]), (&single.into(), &"0x68656c6c6f".into()));
    assert_eq!((&items[1]["transaction"], &items[1]["legs"]), (&bundle.clone().into(), &2.into()));
    let other = network.batches("2", 1, &network.dir.path().join("other"));
    assert_eq!(other[0]["items"][0]["transaction"], serde_json::Value::from(bundle.clone()));

    network.explains(&bundle, items[1]["leg"].as_u64());
    assert!(network.page("/health").starts_with("HTTP/1.1 200"));
    assert!(network.page("/ready").starts_with("HTTP/1.1 200"));
    let metrics = network.page("/metrics");
    for name in ["fairlane_consensus_height", "fairlane_store_commits_total", "fairlane_lane_head"] {
        assert!(metrics.contains(name), "{name} is not in:\n{metrics}");
    }
    let height = network.height();
    node.stop(&network);

    let node = network.start();
    network.reach(height + 3);
    node.kill();

    let node = network.start();
    network.reach(height + 6);
    // The subscriber goes on where it was, across both restarts.
    let late = network.submit(&["1:late"]);
    let next = &network.batches("1", 1, &cursor)[0];
    assert_eq!(next["items"][0]["transaction"], serde_json::Value::from(late));
    node.stop(&network);
}
