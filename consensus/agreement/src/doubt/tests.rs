//! When a log of votes counts, and how long a validator without one only watches.

use super::{Memory, Told};
use fairlane_types::Height;

const LOST: Memory = Memory { decided: Height::ZERO, log: None, reserved: Height::ZERO };

fn height(height: u64) -> Height {
    Height::new(height)
}

/// A home with so much decided and a log of this height.
fn home(decided: u64, log: u64) -> Memory {
    Memory { decided: height(decided), log: Some(height(log)), reserved: height(64) }
}

/// Up to where such a home does not know what was signed, once a quorum has told that height.
fn unknown(memory: Memory, told: u64) -> u64 {
    memory.unknown_up_to(Told { decided: height(told), lane_ahead: false }).get()
}

#[test]
fn a_crash_alone_leaves_nothing_unknown() {
    assert_eq!(unknown(home(40, 41), 40), 0, "it stopped while it voted");
    assert_eq!(unknown(home(40, 40), 40), 0, "it stopped between two heights");
    assert_eq!(unknown(home(40, 41), 41), 0, "the others decided with its vote");
    assert_eq!(unknown(home(40, 41), 12), 0, "it is ahead of the others");
    assert_eq!(unknown(home(0, 1), 0), 0, "it stopped at the first height");
}

#[test]
fn when_all_stop_at_once_those_who_decided_the_last_block_go_on() {
    // One has decided 41 with the precommits of the others, and all of them stop.
    let homes = [home(41, 41), home(40, 41), home(40, 41), home(40, 40)];
    let waiting: Vec<u64> = homes.into_iter().map(|home| unknown(home, 41)).collect();
    assert_eq!(waiting, [0, 0, 0, 43], "three of four vote");
}

#[test]
fn a_log_that_the_chain_left_behind_counts_for_nothing() {
    assert_eq!(unknown(home(40, 41), 42), 44);
    assert_eq!(unknown(home(40, 40), 41), 43);
    // Watching moved the store on, and left the old log where it was.
    assert_eq!(unknown(home(101, 50), 101), 103);
}

#[test]
fn a_log_beside_an_older_store_counts_for_nothing() {
    let memory = Memory { reserved: height(128), ..home(40, 90) };
    assert_eq!(unknown(memory, 89), 128);
    assert_eq!(unknown(Memory { reserved: Height::ZERO, ..home(40, 90) }, 40), 90);
}

#[test]
fn a_segment_that_only_others_hold_gives_an_old_disk_away() {
    let told = Told { decided: height(40), lane_ahead: true };
    assert_eq!(home(40, 41).unknown_up_to(told).get(), 64);
    let begun = Told { decided: Height::ZERO, lane_ahead: true };
    assert_eq!(LOST.unknown_up_to(begun).get(), 2, "the network had begun");
}

#[test]
fn without_a_log_what_was_reserved_counts_too() {
    let memory = Memory { reserved: height(64), ..LOST };
    assert_eq!(unknown(memory, 40), 64);
    assert_eq!(unknown(memory, 80), 82);
    assert_eq!(unknown(memory, 0), 64, "something may have been signed before the first block");
}

#[test]
fn a_network_begins_without_logs() {
    assert_eq!(unknown(LOST, 0), 0);
    assert_eq!(unknown(LOST, 1), 3, "it has begun");
}
