//! The clients' programs: found, or made where they are missing.

use eyre::{OptionExt as _, WrapErr as _, ensure};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

/// Names the program that runs ethrex in the environment.
pub(crate) const CLIENT_VARIABLE: &str = "FAIRLANE_EVM_CLIENT";
/// Where both clients are in a clone of the repository.
const FOLDER: &str = "rollup-adapter/evm-client";

/// The clients' programs.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// Runs ethrex.
    pub(crate) ethrex: PathBuf,
    /// Runs ethereumjs.
    pub(crate) ethereumjs: PathBuf,
}

/// Finds them, or makes them.
pub(crate) async fn find(client: Option<PathBuf>) -> eyre::Result<Programs> {
    let here = std::env::current_dir().wrap_err("finding the current folder")?;
    let folder = here.ancestors().map(|folder| folder.join(FOLDER)).find(|folder| folder.is_dir());
    let folder = folder.ok_or_eyre(
        "the clients are found in a clone of the repository: there is no rollup-adapter/evm-client here",
    )?;
    let ethrex = match client {
        Some(client) => client,
        None => build(&folder).await?,
    };
    ensure!(ethrex.is_file(), "there is no program {}", ethrex.display());
    let ethereumjs = folder.join("ethereumjs");
    if !ethereumjs.join("node_modules").is_dir() {
        println!("Installing ethereumjs, once ...");
        run(&ethereumjs, "npm", ["ci", "--no-audit", "--no-fund"]).await?;
    }
    Ok(Programs { ethrex, ethereumjs: ethereumjs.join("start.sh") })
}

/// It is a workspace of its own, with a target folder of its own.
async fn build(folder: &Path) -> eyre::Result<PathBuf> {
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => std::path::absolute(target)?.join("evm-client"),
        None => folder.join("target"),
    };
    println!("Building the client; the first time this takes minutes ...");
    let target_argument = target.display().to_string();
    run(folder, "cargo", ["build", "--locked", "--target-dir", target_argument.as_str()]).await?;
    Ok(target.join("debug/fairlane-evm-client"))
}

async fn run<A: AsRef<OsStr>>(
    folder: &Path,
    program: &str,
    arguments: impl IntoIterator<Item = A>,
) -> eyre::Result<()> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.wrap_err_with(|| format!("running {program}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} failed in {}:\n{errors}", folder.display());
    Ok(())
}
