//! Dependencies point one way: types <- pure cores <- shells <- binaries.
//!
//! Reads `cargo metadata` and fails on an edge that should never be: between our crates by an explicit table, and
//! from the pure cores to anything that brings I/O, directly or through others.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// What each of our crates may depend on among our crates (normal and build dependencies).
const ALLOWED: &[(&str, &[&str])] = &[
    ("fairlane-types", &[]),
    ("fairlane-ordering", &["fairlane-types"]),
    ("fairlane-lanes", &["fairlane-types"]),
    ("fairlane-chain", &["fairlane-types", "fairlane-lanes", "fairlane-ordering"]),
    ("fairlane-verify", &["fairlane-types"]),
    ("fairlane-checkpoint", &["fairlane-types"]),
    ("fairlane-proto", &["fairlane-types"]),
    ("fairlane-agreement", &["fairlane-types"]),
    ("fairlane-log", &[]),
    ("fairlane-l1", &["fairlane-types", "fairlane-checkpoint"]),
    ("fairlane-engine", &["fairlane-types", "fairlane-lanes", "fairlane-chain", "fairlane-agreement"]),
    ("fairlane-rollup-adapter", &["fairlane-types", "fairlane-proto", "fairlane-verify"]),
    ("fairlane-zk-rollup", &["fairlane-types"]),
    ("fairlane-evm-rollup", &["fairlane-types"]),
    ("fairlane-prover", &["fairlane-types", "fairlane-proto", "fairlane-zk-rollup"]),
    (
        "fairlane-adapter",
        &[
            "fairlane-types",
            "fairlane-proto",
            "fairlane-rollup-adapter",
            "fairlane-zk-rollup",
            "fairlane-evm-rollup",
            "fairlane-prover",
            "fairlane-l1",
            "fairlane-log",
        ],
    ),
    (
        "fairlane-sequencer",
        &[
            "fairlane-types",
            "fairlane-lanes",
            "fairlane-ordering",
            "fairlane-chain",
            "fairlane-verify",
            "fairlane-checkpoint",
            "fairlane-engine",
            "fairlane-proto",
            "fairlane-rollup-adapter",
            "fairlane-l1",
            "fairlane-log",
        ],
    ),
    (
        "fairlane-testnet",
        &[
            "fairlane-types",
            "fairlane-lanes",
            "fairlane-ordering",
            "fairlane-chain",
            "fairlane-verify",
            "fairlane-engine",
            "fairlane-proto",
            "fairlane-rollup-adapter",
            "fairlane-sequencer",
            "fairlane-sim",
            "fairlane-l1",
            "fairlane-zk-rollup",
            "fairlane-evm-rollup",
            "fairlane-prover",
            "fairlane-adapter",
        ],
    ),
    (
        "fairlane-sim",
        &["fairlane-types", "fairlane-lanes", "fairlane-chain", "fairlane-verify", "fairlane-agreement"],
    ),
];

/// The crates that know nothing of runtimes, networks, Ethereum clients and disks.
const PURE: &[&str] = &[
    "fairlane-types",
    "fairlane-ordering",
    "fairlane-lanes",
    "fairlane-chain",
    "fairlane-verify",
    "fairlane-checkpoint",
];

/// Beginnings of package names that pure crates must not reach, even through others.
const IMPURE: &[&str] =
    &["tokio", "libp2p", "tonic", "prost", "alloy", "redb", "arc-malachitebft", "hyper", "mio", "socket2"];

struct Graph {
    /// Our packages.
    ours: BTreeSet<String>,
    /// Normal and build dependencies, by name.
    edges: BTreeMap<String, BTreeSet<String>>,
}

fn name_of(packages: &BTreeMap<String, String>, id: &Value) -> String {
    packages[id.as_str().expect("ids are strings")].clone()
}

impl Graph {
    /// A package and all that it depends on, directly or through others.
    fn reached_from(&self, package: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::from([package.to_owned()]);
        let mut open = vec![package.to_owned()];
        while let Some(at) = open.pop() {
            for next in self.edges.get(&at).into_iter().flatten() {
                if reached.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        reached
    }
}

fn begins_with_one_of(starts: &[&str], name: &str) -> bool {
    starts.iter().any(|start| name == *start || name.starts_with(&format!("{start}-")))
}

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--manifest-path", "../Cargo.toml"])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

fn array(value: &Value) -> Vec<Value> {
    value.as_array().expect("an array").clone()
}

fn graph() -> Graph {
    let metadata = metadata();
    let packages: BTreeMap<String, String> = array(&metadata["packages"])
        .iter()
        .map(|package| {
            (package["id"].as_str().unwrap().to_owned(), package["name"].as_str().unwrap().to_owned())
        })
        .collect();
    let ours = array(&metadata["workspace_members"]).iter().map(|id| name_of(&packages, id)).collect();
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for node in array(&metadata["resolve"]["nodes"]) {
        let from = name_of(&packages, &node["id"]);
        for dependency in array(&node["deps"]) {
            let only_for_tests = array(&dependency["dep_kinds"]).iter().all(|kind| kind["kind"] == "dev");
            if !only_for_tests {
                edges.entry(from.clone()).or_default().insert(name_of(&packages, &dependency["pkg"]));
            }
        }
    }
    Graph { ours, edges }
}

#[test]
fn our_crates_depend_on_each_other_in_one_direction() {
    let graph = graph();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    for package in &graph.ours {
        let allowed =
            allowed.get(package.as_str()).unwrap_or_else(|| panic!("{package} is not in the table"));
        let found = graph.edges.get(package).cloned().unwrap_or_default();
        for dependency in found.intersection(&graph.ours) {
            assert!(allowed.contains(&dependency.as_str()), "{package} must not depend on {dependency}");
        }
    }
}

#[test]
fn pure_crates_reach_no_runtime_network_or_disk() {
    let graph = graph();
    for package in PURE {
        for found in graph.reached_from(package) {
            assert!(!begins_with_one_of(IMPURE, &found), "{package} reaches {found}");
        }
    }
}

#[test]
fn agreement_knows_the_traits_of_consensus_and_not_its_actors() {
    let found = graph().edges.remove("fairlane-agreement").unwrap_or_default();
    let foreign = found.iter().map(String::as_str).filter(|name| begins_with_one_of(IMPURE, name));
    assert_eq!(foreign.collect::<Vec<_>>(), ["arc-malachitebft-core-types", "arc-malachitebft-signing"]);
}

/// What is compiled for tests, benches and demonstrations alone: feature, and the packages that may ask for it.
const NOT_FOR_NODES: &[(&str, &[&str])] =
    &[("byzantine", &["fairlane-testnet"]), ("concatenate", &["fairlane-testnet"]), ("testing", &[])];

#[test]
fn no_node_is_built_with_what_is_there_for_tests() {
    let metadata = metadata();
    for package in array(&metadata["packages"]) {
        let name = package["name"].as_str().unwrap();
        if !name.starts_with("fairlane-") {
            continue;
        }
        for (feature, takers) in NOT_FOR_NODES {
            let may_ask = takers.contains(&name);
            for dependency in array(&package["dependencies"]) {
                let (of, for_tests) = (dependency["name"].as_str().unwrap(), dependency["kind"] == "dev");
                let asks = of.starts_with("fairlane-")
                    && array(&dependency["features"]).iter().any(|asked| asked == feature);
                assert!(!asks || may_ask || for_tests, "{name} asks {of} for the feature `{feature}`");
            }
            for (own, enabled) in package["features"].as_object().unwrap() {
                let forwards = array(enabled).iter().any(|enabled| {
                    let enabled = enabled.as_str().unwrap();
                    enabled == *feature || enabled.ends_with(&format!("/{feature}"))
                });
                assert!(own != "default" || !forwards, "{name} has the feature `{feature}` by default");
                assert!(
                    !forwards || may_ask || own == feature,
                    "{name} passes the feature `{feature}` on by `{own}`"
                );
            }
        }
    }
}
