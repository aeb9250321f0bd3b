//! Writes or checks the golden vectors in `vectors/`: `--write` after a deliberate change of an encoding, `--check`
//! at all other times.
#![allow(clippy::unwrap_used, reason = "the samples are fixed, and one that cannot be made is a bug here")]

mod cases;
mod json;
mod samples;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    // As cargo tells it to what it runs: what is built is shared by clones in other places.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| "consensus/types".into());
    let folder = Path::new(&package).join("vectors");
    let done = match std::env::args().nth(1).as_deref() {
        Some("--write") => write(&folder),
        Some("--check") => check(&folder),
        _ => Err("usage: golden --write | --check".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> Result<(), String> {
    for (name, content) in cases::all() {
        let path = folder.join(name);
        std::fs::write(&path, text(&content)).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn check(folder: &Path) -> Result<(), String> {
    for (name, content) in cases::all() {
        let path = folder.join(name);
        let found = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if found != text(&content) {
            return Err(format!("{name} differs from what the code gives"));
        }
    }
    Ok(())
}

fn text(content: &serde_json::Value) -> String {
    format!("{content:#}\n")
}
