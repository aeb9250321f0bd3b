//! Four validators as processes, and nodes beside them, for the tests that hurt them.
#![allow(dead_code, reason = "each test uses a part of it")]

use serde_json::Value;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

pub(crate) const DEADLINE: Duration = Duration::from_secs(90);
/// How many validators there are.
pub(crate) const COUNT: usize = 4;
/// The node beside them, which has a home once [`Network::add_full_node`] made it.
pub(crate) const FULL_NODE: usize = COUNT;

pub(crate) fn fairlane(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fairlane"));
    command.env_clear().args(arguments).output().unwrap()
}

pub(crate) fn told(arguments: &[&str]) -> String {
    let output = fairlane(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn refused(arguments: &[&str]) -> String {
    let output = fairlane(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Consensus, segments, rpc, admin, metrics.
pub(crate) type Ports = [u16; 5];

pub(crate) struct Network {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) homes: Vec<PathBuf>,
    pub(crate) ports: Vec<Ports>,
    /// What the nodes' configurations say besides.
    pub(crate) settings: Vec<String>,
    nodes: Vec<Option<Child>>,
}

impl Network {
    pub(crate) fn new() -> Self {
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
        // Below the ports of outgoing connections, any of which could take one before its node listens. Networks that start
        // at once begin to look at different places.
        let first = 10_000 + (std::process::id() % 200) as u16 * 100;
        let free = (first..32_768).filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok());
        let taken: Vec<_> = free.take((COUNT + 1) * 5).collect();
        let ports: Vec<u16> = taken.iter().map(|taken| taken.local_addr().unwrap().port()).collect();
        let ports = ports.as_chunks::<5>().0.to_vec();
        let nodes = (0..=COUNT).map(|_| None).collect();
        let settings = ["consensus.idle_block=200ms", "segments.heartbeat=200ms"].map(str::to_owned).to_vec();
        Self { homes, ports, settings, nodes, dir }
    }

    pub(crate) fn genesis(&self) -> PathBuf {
        self.dir.path().join("genesis.json")
    }

    /// Makes the home of a node that is no validator.
    pub(crate) fn add_full_node(&mut self) {
        let home = self.dir.path().join("full");
        told(&["init", "--home", text(&home), "--genesis", text(&self.genesis())]);
        self.homes.push(home);
    }

    pub(crate) fn start(&mut self, at: usize) {
        let [consensus, segments, rpc, admin, metrics] = self.ports[at];
        let address = |port| format!("/ip4/127.0.0.1/tcp/{port}");
        let peers = |which: usize| {
            let others = self.ports.iter().take(COUNT).enumerate().filter(|(other, _)| *other != at);
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
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_fairlane"));
        command.args(["node", "--home", text(&self.homes[at])]);
        for setting in settings.iter().chain(&self.settings) {
            command.arg("--set").arg(setting);
        }
        let log = std::fs::File::options().create(true).append(true).open(self.log(at)).unwrap();
        let node = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.nodes[at] = Some(node);
    }

    pub(crate) fn kill(&mut self, at: usize) {
        let mut node = self.nodes[at].take().unwrap();
        node.kill().unwrap();
        node.wait().unwrap();
    }

    pub(crate) fn log(&self, at: usize) -> PathBuf {
        self.dir.path().join(format!("log{at}"))
    }

    pub(crate) fn endpoint(&self, at: usize) -> String {
        format!("http://127.0.0.1:{}", self.ports[at][2])
    }

    /// The address of the admin service.
    pub(crate) fn admin(&self, at: usize) -> String {
        format!("http://127.0.0.1:{}", self.ports[at][3])
    }

    pub(crate) fn status(&self, at: usize) -> Option<Value> {
        let output = fairlane(&["status", "--endpoint", &self.endpoint(at), "--json"]);
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    pub(crate) fn height(&self, at: usize) -> u64 {
        self.status(at).and_then(|status| status["height"].as_u64()).unwrap_or(0)
    }

    pub(crate) fn wait(&self, at: usize, what: &str, done: impl Fn(&Value) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !self.status(at).is_some_and(|status| done(&status)) {
            let log = || std::fs::read_to_string(self.log(at)).unwrap_or_default();
            assert!(Instant::now() < deadline, "validator {at}: no {what} in time; its log:\n{}", log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until so many blocks more are final, and a validator has them too and votes.
    pub(crate) fn goes_on(&self, at: usize, blocks: u64) {
        let height = self.height(0) + blocks;
        for at in [0, at] {
            self.wait(at, &format!("block {height}"), |status| status["height"].as_u64() >= Some(height));
        }
        self.wait(at, "vote", |status| status["watching"] == false);
    }

    /// The last line of a log that tells what the node has come to know of its own votes.
    pub(crate) fn doubt(&self, at: usize) -> String {
        let log = std::fs::read_to_string(self.log(at)).unwrap();
        let told = log.lines().rfind(|line| line.contains("how far this one may have signed"));
        told.unwrap_or_else(|| panic!("validator {at} did not ask; its log:\n{log}")).to_owned()
    }

    pub(crate) fn watched(&self, at: usize) -> usize {
        let log = std::fs::read_to_string(self.log(at)).unwrap();
        log.lines().filter(|line| line.contains("this validator votes again")).count()
    }

    pub(crate) fn nobody_is_accused(&self) {
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
pub(crate) fn validator(home: &Path) -> String {
    told(&["keys", "generate", "--home", text(home)]);
    let shown: Value =
        serde_json::from_str(&told(&["keys", "show", "--home", text(home), "--json"])).unwrap();
    shown["validator"].as_str().unwrap().to_owned()
}
