//! Four validators as processes: one is killed, robbed of its disk, put back to an old copy, and moved. Nobody signs
//! anything twice.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(90);
const COUNT: usize = 4;

fn fairlane(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fairlane"));
    command.env_clear().args(arguments).output().unwrap()
}

fn told(arguments: &[&str]) -> String {
    let output = fairlane(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let output = fairlane(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Consensus, segments, rpc, admin, metrics.
type Ports = [u16; 5];

struct Network {
    dir: tempfile::TempDir,
    homes: Vec<PathBuf>,
    ports: Vec<Ports>,
    nodes: Vec<Option<Child>>,
}

impl Network {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let homes: Vec<PathBuf> = (0..COUNT).map(|at| dir.path().join(format!("home{at}"))).collect();
        let genesis = dir.path().join("genesis.json");
        let mut create =
            vec!["genesis", "create", "--name", "four", "--rollup", "1", "--out", text(&genesis)];
        let members: Vec<String> = homes.iter().map(|home| format!("{}=1", validator(home))).collect();
        members.iter().for_each(|member| create.extend(["--validator", member]));
        told(&create);
        for home in &homes {
            told(&["init", "--home", text(home), "--genesis", text(&genesis)]);
        }
        let taken: Vec<_> = (0..COUNT * 5).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports: Vec<u16> = taken.iter().map(|taken| taken.local_addr().unwrap().port()).collect();
        let ports = ports.as_chunks::<5>().0.to_vec();
        let nodes = (0..COUNT).map(|_| None).collect();
        Self { homes, ports, nodes, dir }
    }

    fn start(&mut self, at: usize) {
        let [consensus, segments, rpc, admin, metrics] = self.ports[at];
        let address = |port| format!("/ip4/127.0.0.1/tcp/{port}");
        let peers = |which: usize| {
            let others = self.ports.iter().enumerate().filter(|(other, _)| *other != at);
            let quoted: Vec<String> =
                others.map(|(_, ports)| format!("{:?}", address(ports[which]))).collect();
            format!("[{}]", quoted.join(","))
        };
        let settings = [
            format!("consensus.listen={}", address(consensus)),
            format!("consensus.peers={}", peers(0)),
            format!("segments.listen={}", address(segments)),
            format!("segments.peers={}", peers(1)),
            format!("rpc.listen=127.0.0.1:{rpc}"),
            format!("admin.listen=127.0.0.1:{admin}"),
            format!("metrics.listen=127.0.0.1:{metrics}"),
            "consensus.idle_block=200ms".to_owned(),
            "segments.heartbeat=200ms".to_owned(),
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_fairlane"));
        command.args(["node", "--home", text(&self.homes[at])]);
        for setting in settings {
            command.arg("--set").arg(setting);
        }
        let log = std::fs::File::options().create(true).append(true).open(self.log(at)).unwrap();
        let node = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.nodes[at] = Some(node);
    }

    fn kill(&mut self, at: usize) {
        let mut node = self.nodes[at].take().unwrap();
        node.kill().unwrap();
        node.wait().unwrap();
    }

    fn log(&self, at: usize) -> PathBuf {
        self.dir.path().join(format!("log{at}"))
    }

    fn endpoint(&self, at: usize) -> String {
        format!("http://127.0.0.1:{}", self.ports[at][2])
    }

    fn status(&self, at: usize) -> Option<Value> {
        let output = fairlane(&["status", "--endpoint", &self.endpoint(at), "--json"]);
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    fn height(&self, at: usize) -> u64 {
        self.status(at).and_then(|status| status["height"].as_u64()).unwrap_or(0)
    }

    fn wait(&self, at: usize, what: &str, done: impl Fn(&Value) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !self.status(at).is_some_and(|status| done(&status)) {
            let log = || std::fs::read_to_string(self.log(at)).unwrap_or_default();
            assert!(Instant::now() < deadline, "validator {at}: no {what} in time; its log:\n{}", log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until so many blocks more are final, and a validator has them too and votes.
    fn goes_on(&self, at: usize, blocks: u64) {
        let height = self.height(0) + blocks;
        for at in [0, at] {
            self.wait(at, &format!("block {height}"), |status| status["height"].as_u64() >= Some(height));
        }
        self.wait(at, "vote", |status| status["watching"] == false);
    }

    /// The last line of a log that tells what the node has come to know of its own votes.
    fn doubt(&self, at: usize) -> String {
        let log = std::fs::read_to_string(self.log(at)).unwrap();
        let told = log.lines().rfind(|line| line.contains("how far this one may have signed"));
        told.unwrap_or_else(|| panic!("validator {at} did not ask; its log:\n{log}")).to_owned()
    }

    fn watched(&self, at: usize) -> usize {
        let log = std::fs::read_to_string(self.log(at)).unwrap();
        log.lines().filter(|line| line.contains("this validator votes again")).count()
    }

    fn nobody_is_accused(&self) {
        for at in 0..COUNT {
            let known = told(&["evidence", "list", "--endpoint", &self.endpoint(at), "--json"]);
            let known: Value = serde_json::from_str(&known).unwrap();
            assert_eq!(known, Value::Array(Vec::new()), "validator {at} accuses somebody");
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for mut node in self.nodes.iter_mut().filter_map(Option::take) {
            // It may have ended already.
            let _ = node.kill();
            let _ = node.wait();
        }
    }
}

/// Makes keys, and gives the validator's id.
fn validator(home: &Path) -> String {
    told(&["keys", "generate", "--home", text(home)]);
    let shown: Value =
        serde_json::from_str(&told(&["keys", "show", "--home", text(home), "--json"])).unwrap();
    shown["validator"].as_str().unwrap().to_owned()
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

#[test]
fn network_of_four_never_signs_twice_whatever_becomes_of_a_home() {
    let mut network = Network::new();
    (0..COUNT).for_each(|at| network.start(at));
    network.goes_on(3, 5);
    assert_eq!(network.watched(3), 0, "a network begins with votes: {}", network.doubt(3));

    // Killed and started again at once: the chain is hardly further.
    network.kill(3);
    network.start(3);
    network.goes_on(3, 5);

    // All killed at once.
    (0..COUNT).for_each(|at| network.kill(at));
    (0..COUNT).for_each(|at| network.start(at));
    network.goes_on(3, 5);

    // An old copy of the whole home, with its guard.
    network.kill(3);
    let (home, backup) = (network.homes[3].clone(), network.dir.path().join("backup"));
    copy(&home, &backup);
    network.start(3);
    network.goes_on(3, 10);
    network.kill(3);
    std::fs::remove_dir_all(&home).unwrap();
    copy(&backup, &home);
    let watched = network.watched(3);
    network.start(3);
    network.goes_on(3, 10);
    assert_eq!(network.watched(3), watched + 1, "{}", network.doubt(3));

    // All that was written is lost, the keys and the guard are not.
    network.kill(3);
    std::fs::remove_dir_all(home.join("data")).unwrap();
    network.start(3);
    network.goes_on(3, 10);
    assert_eq!(network.watched(3), watched + 2, "{}", network.doubt(3));

    // Only the guard is lost.
    network.kill(3);
    std::fs::remove_file(home.join("guard.json")).unwrap();
    network.start(3);
    network.goes_on(3, 10);
    assert_eq!(network.watched(3), watched + 3, "{}", network.doubt(3));

    // To another home.
    let file = network.dir.path().join("moved.json");
    let genesis = network.dir.path().join("genesis.json");
    let export = ["guard", "export", "--home", text(&home), text(&file)];
    let error = refused(&export);
    assert!(error.contains("another node runs"), "{error}");
    network.kill(3);
    let said = told(&export);
    assert!(said.contains("exported to"), "{said}");
    let error = refused(&["node", "--home", text(&home)]);
    assert!(error.contains("was exported"), "{error}");
    let new = network.dir.path().join("new");
    std::fs::create_dir(&new).unwrap();
    copy(&home.join("keys"), &new.join("keys"));
    told(&["init", "--home", text(&new), "--genesis", text(&genesis)]);
    told(&["guard", "import", "--home", text(&new), text(&file)]);
    network.homes[3] = new;
    network.start(3);
    network.goes_on(3, 10);
    assert_eq!(network.watched(3), watched + 4, "{}", network.doubt(3));

    network.nobody_is_accused();
}
