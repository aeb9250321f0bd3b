//! Replays a file of test vectors and prints what each height emits, holds back and leaves pending.
//!
//! `cargo run -p fairlane-ordering --example vectors -- FILE`. An entry is `[tx, lane time, groups?]`; without
//! groups it is `[0]`. The tie-break is the order of the names. Ends with an error that names vector, height and
//! field at the first difference, or says what is wrong with the file.

mod replay;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (Some(path), None) = (args.next(), args.next()) else {
        eprintln!("usage: vectors FILE");
        return ExitCode::from(2);
    };
    match read_and_replay(&path) {
        Ok(count) => {
            println!("{count} vectors agree");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn read_and_replay(path: &str) -> Result<usize, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    replay::replay_all(&text, &mut |line| println!("{line}"))
}
