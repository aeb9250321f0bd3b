//! The binary `fairlane` as an operator meets it: what it writes, what it says, and how it exits.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

fn fairlane(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fairlane"));
    // Only what a test sets may have an effect.
    command.env_clear().args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "it failed: {}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs a command that must fail, and gives what it says.
fn failure(arguments: &[&str]) -> String {
    let output = fairlane(arguments);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
    let error = stderr(&output);
    assert!(error.starts_with("error: "), "{error}");
    assert!(!error.contains("panicked"), "{error}");
    error
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn help_names_every_command() {
    let help = stdout(&fairlane(&["--help"]));
    for command in [
        "init",
        "keys",
        "genesis",
        "snapshot",
        "node",
        "status",
        "explain",
        "evidence",
        "stake",
        "rollup",
        "submit",
        "subscribe",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is not in:\n{help}");
        assert!(stdout(&fairlane(&[command, "--help"])).contains("Usage: fairlane"));
    }
    assert!(stdout(&fairlane(&["--version"])).starts_with("fairlane "));
}

#[test]
fn wrong_usage_exits_with_2() {
    for arguments in [
        &["dance"][..],
        &["node"],
        &["node", "--home", "x", "--byzantine"],
        &["submit", "--leg", "nonsense"],
        &["subscribe"],
        &[],
    ] {
        assert_eq!(fairlane(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn init_makes_a_home_once() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let said = stdout(&fairlane(&["init", "--home", text(&home), "--moniker", "alice"]));
    assert!(said.contains("fairlane node --home"), "{said}");
    for key in ["keys/consensus.key", "keys/network.key", "keys/checkpoint.key"] {
        let mode = std::fs::metadata(home.join(key)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
    let config = std::fs::read_to_string(home.join("config.toml")).unwrap();
    assert!(config.contains("moniker = \"alice\""), "{config}");
    let checked = stdout(&fairlane(&["genesis", "check", text(&home.join("genesis.json"))]));
    assert!(checked.contains("validators  1"), "{checked}");
    assert!(failure(&["init", "--home", text(&home)]).contains("in use"));
}

#[test]
fn validators_make_a_network_together() {
    let dir = tempfile::tempdir().unwrap();
    let homes = ["a", "b"].map(|name| dir.path().join(name));
    let ids = homes.each_ref().map(|home| {
        fairlane(&["keys", "generate", "--home", text(home)]);
        let shown = stdout(&fairlane(&["keys", "show", "--home", text(home), "--json"]));
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        shown["validator"].as_str().unwrap().to_owned()
    });
    let genesis = dir.path().join("genesis.json");
    let [a, b] = ids.each_ref().map(|id| format!("{id}=10"));
    let arguments = [
        "genesis",
        "create",
        "--name",
        "ours",
        "--validator",
        &a,
        "--validator",
        &b,
        "--rollup",
        "7:1",
        "--rollup",
        "3",
        "--out",
        text(&genesis),
    ];
    let said = stdout(&fairlane(&arguments));
    assert!(said.contains("validators  2, voting power 20, quorum 14"), "{said}");
    assert!(failure(&arguments).contains("genesis.json cannot be written"));
    let said = stdout(&fairlane(&["init", "--home", text(&homes[0]), "--genesis", text(&genesis)]));
    assert!(said.contains("voting power 10"), "{said}");
    let follower = dir.path().join("c");
    let said = stdout(&fairlane(&["init", "--home", text(&follower), "--genesis", text(&genesis)]));
    assert!(said.contains("will follow"), "{said}");
}

#[test]
fn completions_and_manual_pages_come_from_the_command_line() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(&fairlane(&["completions", shell])).contains("explain"), "{shell}");
    }
    assert!(stdout(&fairlane(&["man"])).contains("fairlane\\-explain"));
    let dir = tempfile::tempdir().unwrap();
    stdout(&fairlane(&["man", "--out", text(dir.path())]));
    assert!(dir.path().join("fairlane-stake-register.1").exists());
}

#[test]
fn keys_are_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let home = text(dir.path());
    let first = stdout(&fairlane(&["keys", "generate", "--home", home]));
    assert!(failure(&["keys", "generate", "--home", home]).contains("not overwritten"));
    assert_eq!(stdout(&fairlane(&["keys", "show", "--home", home])), first);
}

#[test]
fn a_node_says_what_is_wrong_with_its_home() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let node = ["node", "--home", text(&home)];
    assert!(failure(&node).contains("fairlane init"));
    stdout(&fairlane(&["init", "--home", text(&home)]));

    let error = failure(&["node", "--home", text(&home), "--set", "rpc.colour=red"]);
    assert!(error.contains("--set rpc.colour=red") && error.contains("colour"), "{error}");
    let error = failure(&["node", "--home", text(&home), "--set", "admin.listen=0.0.0.0:1"]);
    assert!(error.contains("admin.listen") && error.contains("loopback"), "{error}");

    let key = home.join("keys/consensus.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = fairlane(&node);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("chmod 600"), "{}", stderr(&output));
    assert!(!stderr(&output).contains("panicked"));
}

#[test]
fn clients_say_that_no_node_answers() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    for arguments in
        [&["status", "--endpoint", &closed][..], &["submit", "--endpoint", &closed, "--leg", "1:hello"]]
    {
        assert!(failure(arguments).contains("no node answers"), "{arguments:?}");
    }
    assert!(failure(&["status", "--endpoint", "not an address"]).contains("http://127.0.0.1:26660"));
}
