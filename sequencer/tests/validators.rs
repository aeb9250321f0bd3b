//! Four validators as processes: one is killed, robbed of its disk, put back to an old copy, and moved. Nobody signs
//! anything twice.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod network;

use network::{COUNT, Network, refused, text, told};
use std::path::Path;
use std::process::Command;

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
