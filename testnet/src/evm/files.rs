//! What clients and adapter of a rollup read: its genesis, its rules, and the secret of the Engine API.

use super::accounts::Accounts;
use alloy_primitives::B256;
use fairlane_evm_rollup::Address;
use rand::RngCore as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The rollup's genesis, in geth's format.
pub(crate) const GENESIS: &str = "genesis.json";
/// The rollup's rules.
pub(crate) const RULES: &str = "rules.toml";
/// The secret, which only its owner may read.
pub(crate) const SECRET: &str = "jwt.hex";

/// Writes them for a chain of these accounts. A secret that is there already stays. Gives the hash of block zero.
pub(crate) fn write(folder: &Path, accounts: &Accounts) -> eyre::Result<B256> {
    let genesis = accounts.genesis();
    genesis.write(&folder.join(GENESIS))?;
    let recipient = Address::repeat_byte(0xfe);
    std::fs::write(folder.join(RULES), format!("genesis = {GENESIS:?}\nfee_recipient = \"{recipient}\"\n"))?;
    let secret = folder.join(SECRET);
    if !secret.exists() {
        let mut bytes = [0; 32];
        rand::thread_rng().fill_bytes(&mut bytes);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(secret)?;
        writeln!(file, "{:x}", B256::from(bytes))?;
    }
    Ok(genesis.header().hash_slow())
}
