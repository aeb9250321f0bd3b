//! An Ethereum development node (anvil) as a child process, for local networks and tests.
//!
//! The program comes from npm with the contracts' other tools (`slashing-contracts/check.sh` installs it),
//! from PATH, or from where the environment variable [`ANVIL_VARIABLE`] says.

use crate::error::CallError;
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_provider::{DynProvider, Provider as _};
use alloy_signer_local::PrivateKeySigner;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Names the program in the environment.
pub const ANVIL_VARIABLE: &str = "FAIRLANE_ANVIL";

/// How long the node may take to listen.
const STARTED_WITHIN: Duration = Duration::from_secs(30);

/// Why there is no development node.
#[derive(Debug, thiserror::Error)]
pub enum AnvilError {
    /// There is no such program.
    #[error(
        "no Ethereum development node found: install anvil (run `npm ci` in slashing-contracts, or \
         install Foundry), or name it in {ANVIL_VARIABLE}"
    )]
    NotFound,
    /// It does not start.
    #[error("{program} does not start: {source}")]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It ends or hangs without listening.
    #[error("{program} does not listen; its last line is: {last_line}")]
    Silent {
        /// The program.
        program: PathBuf,
        /// What it printed last.
        last_line: String,
    },
}

/// A running development node, which ends when this is dropped.
#[derive(Debug)]
pub struct Anvil {
    process: Child,
    url: String,
}

impl Anvil {
    /// Starts a node on a free port of this machine, with the rules of Osaka. It makes a block for each
    /// transaction, or one each `block_time` where that is given.
    pub fn start(block_time: Option<Duration>) -> Result<Self, AnvilError> {
        let program = find().ok_or(AnvilError::NotFound)?;
        let mut command = Command::new(&program);
        command.args(["--port", "0", "--hardfork", "osaka", "--disable-block-gas-limit"]);
        if let Some(time) = block_time {
            command.args(["--block-time", &time.as_secs_f64().to_string()]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let start = |source| AnvilError::Start { program: program.clone(), source };
        let mut process = command.spawn().map_err(start)?;
        let output = process.stdout.take().ok_or_else(|| start(std::io::ErrorKind::BrokenPipe.into()))?;
        match wait_until_listening(output) {
            Ok(address) => Ok(Self { process, url: format!("http://{address}") }),
            Err(last_line) => {
                end(&mut process);
                Err(AnvilError::Silent { program, last_line })
            }
        }
    }

    /// Its endpoint.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The process id.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// Makes a development node advance to a block, if it is not there yet.
pub async fn mine_to(provider: &DynProvider, block: u64) -> Result<(), CallError> {
    const WHAT: &str = "advancing the development chain";
    let transport = |error| CallError::transport(WHAT, error);
    let now = provider.get_block_number().await.map_err(transport)?;
    if let Some(missing) = block.checked_sub(now).filter(|missing| *missing > 0) {
        let _: () = provider.raw_request("anvil_mine".into(), (missing,)).await.map_err(transport)?;
    }
    Ok(())
}

/// Makes a development node produce a block each so many seconds, instead of one for each transaction; with zero, none at all.
pub async fn set_block_time(provider: &DynProvider, seconds: u64) -> Result<(), CallError> {
    let set = provider.raw_request::<_, ()>("evm_setIntervalMining".into(), (seconds,)).await;
    set.map_err(|error| CallError::transport("setting the development chain's pace", error))
}

/// Remembers a development node's state, to [`revert`] to.
pub async fn snapshot(provider: &DynProvider) -> Result<U256, CallError> {
    let id = provider.raw_request("evm_snapshot".into(), ()).await;
    id.map_err(|error| CallError::transport("remembering the development chain's state", error))
}

/// Takes a development node's chain back to a snapshot, which is used up by that.
pub async fn revert(provider: &DynProvider, snapshot: U256) -> Result<(), CallError> {
    const WHAT: &str = "taking the development chain back";
    let reverted = provider.raw_request::<_, bool>("evm_revert".into(), (snapshot,)).await;
    match reverted.map_err(|error| CallError::transport(WHAT, error))? {
        true => Ok(()),
        false => Err(CallError::Nonsense { what: WHAT, why: "there is no such snapshot".into() }),
    }
}

/// Puts a contract at an address of a development node that says, as any rollup's does, how far it has settled. One block
/// follows.
pub async fn say_settled(
    provider: &DynProvider,
    contract: Address,
    index: u64,
    head: B256,
) -> Result<(), CallError> {
    let transport = |error| CallError::transport("placing a contract", error);
    let word = index.to_be_bytes();
    // Stores both words in memory, and gives them and a zero back, whatever is asked.
    let code = [
        &[0x67][..],
        &word,
        &[0x60, 0x00, 0x52, 0x7f],
        head.as_slice(),
        &[0x60, 0x20, 0x52, 0x60, 0x60, 0x60, 0x00, 0xf3],
    ];
    let code = Bytes::from(code.concat());
    let _: () = provider.raw_request("anvil_setCode".into(), (contract, code)).await.map_err(transport)?;
    let _: () = provider.raw_request("anvil_mine".into(), (1,)).await.map_err(transport)?;
    Ok(())
}

/// The call data of a transaction of an account that waits in a development node's pool.
pub async fn waiting_call(provider: &DynProvider, account: Address) -> Result<Option<Bytes>, CallError> {
    const WHAT: &str = "looking at what waits";
    let pool = provider.raw_request::<_, serde_json::Value>("txpool_content".into(), ()).await;
    let pool = pool.map_err(|error| CallError::transport(WHAT, error))?;
    let accounts = pool["pending"].as_object().into_iter().flatten();
    let own = accounts.filter(|(of, _)| of.parse() == Ok(account));
    let waiting = own.flat_map(|(_, waiting)| waiting.as_object().into_iter().flatten());
    let input = waiting.filter_map(|(_, waiting)| waiting["input"].as_str()).next_back();
    let nonsense = |_| CallError::Nonsense { what: WHAT, why: "call data is no number".into() };
    input.map(|input| input.parse().map_err(nonsense)).transpose()
}

/// The gas that a mined transaction used.
pub async fn gas_of(provider: &DynProvider, transaction: B256) -> Result<u64, CallError> {
    const WHAT: &str = "asking for a receipt";
    let receipt = provider.get_transaction_receipt(transaction).await;
    let receipt = receipt.map_err(|error| CallError::transport(WHAT, error))?;
    let why = || format!("{transaction} is not mined");
    Ok(receipt.ok_or_else(|| CallError::Nonsense { what: WHAT, why: why() })?.gas_used)
}

/// What an account has, in wei.
pub async fn balance_of(provider: &DynProvider, account: Address) -> Result<U256, CallError> {
    let balance = provider.get_balance(account).await;
    balance.map_err(|error| CallError::transport("asking for a balance", error))
}

/// How many transactions of an account are mined.
pub async fn transactions_of(provider: &DynProvider, account: Address) -> Result<u64, CallError> {
    let count = provider.get_transaction_count(account).latest().await;
    count.map_err(|error| CallError::transport("counting transactions", error))
}

/// Ending what has ended already is no error.
fn end(process: &mut Child) {
    process.kill().ok();
    process.wait().ok();
}

/// The secret keys of the accounts that a development node gives 10,000 ether each. Everybody knows them:
/// they follow from the mnemonic "test test test test test test test test test test test junk".
pub fn funded_keys() -> Vec<PrivateKeySigner> {
    KEYS.iter().map(|key| PrivateKeySigner::from_bytes(key).expect("the keys are in range")).collect()
}

/// The addresses of [`funded_keys`].
pub fn funded_addresses() -> Vec<Address> {
    funded_keys().iter().map(PrivateKeySigner::address).collect()
}

const KEYS: [B256; 10] = [
    alloy_primitives::b256!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
    alloy_primitives::b256!("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"),
    alloy_primitives::b256!("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"),
    alloy_primitives::b256!("7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"),
    alloy_primitives::b256!("47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a"),
    alloy_primitives::b256!("8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"),
    alloy_primitives::b256!("92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e"),
    alloy_primitives::b256!("4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356"),
    alloy_primitives::b256!("dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97"),
    alloy_primitives::b256!("2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6"),
];

fn find() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(ANVIL_VARIABLE) {
        return Some(named.into());
    }
    from_npm().or_else(from_path)
}

/// Of the clone that one is in, or else of the one that this was built in.
fn from_npm() -> Option<PathBuf> {
    let here = std::env::current_dir().unwrap_or_default();
    let clones = here.ancestors().map(|folder| folder.join("slashing-contracts"));
    let mut contracts = clones.chain([Path::new(env!("CARGO_MANIFEST_DIR")).join("..")]);
    contracts.find_map(|contracts| from_packages(&contracts.join("node_modules/@foundry-rs")))
}

/// npm keeps the program in a package of its own for each platform.
fn from_packages(packages: &Path) -> Option<PathBuf> {
    let folders = std::fs::read_dir(packages).ok()?.filter_map(Result::ok);
    let platform = folders.filter(|folder| folder.file_name().to_string_lossy().starts_with("anvil-"));
    platform
        .map(|folder| folder.path().join("bin").join(format!("anvil{}", std::env::consts::EXE_SUFFIX)))
        .find(|program| program.is_file())
}

fn from_path() -> Option<PathBuf> {
    let name = format!("anvil{}", std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(&name)).find(|program| program.is_file())
}

/// Reads up to the line that names the address; `Err` with the last line if none comes in time. Everything
/// after is read and dropped for as long as the node runs, or it would stop at a full pipe.
fn wait_until_listening(output: impl std::io::Read + Send + 'static) -> Result<String, String> {
    let (found, address) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut last_line = String::new();
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        for line in lines.by_ref() {
            if let Some(address) = line.strip_prefix("Listening on ") {
                found.send(Ok(address.to_owned())).ok();
                break;
            }
            if !line.trim().is_empty() {
                last_line = line;
            }
        }
        found.try_send(Err(last_line)).ok();
        lines.for_each(drop);
    });
    address.recv_timeout(STARTED_WITHIN).unwrap_or_else(|_| Err("nothing within 30 seconds".into()))
}
