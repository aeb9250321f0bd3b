//! Block zero: a file in geth's format, which every execution client reads, and the hash that it leads to.
//!
//! The EVM is Prague's from the beginning: [`crate::derive`] knows its rules and no other fork's, so a genesis that
//! plans another one is refused.

use alloy_consensus::proofs::{state_root_unhashed, storage_root_unhashed};
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH, Header, TrieAccount};
use alloy_eips::{eip2935, eip4788, eip7002, eip7251};
use alloy_primitives::{Address, B256, Bytes, U64, U256, keccak256};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The base fee of block zero, in wei.
const FIRST_BASE_FEE: u64 = 1_000_000_000;
/// When a fork comes that is there from the beginning.
const FROM_THE_BEGINNING: u64 = 0;

/// Why there is no block zero.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// The file cannot be read or written.
    #[error("genesis file {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is none.
    #[error("genesis file {}: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What and where.
        source: serde_json::Error,
    },
    /// Its EVM is another than the rules'.
    #[error(
        "genesis file {}: `pragueTime` must be 0 and no later fork may be planned, but `{fork}` says otherwise",
        path.display()
    )]
    Fork {
        /// The file.
        path: PathBuf,
        /// The field.
        fork: String,
    },
}

/// What the EVM is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    chain_id: u64,
    /// Forks and all that is not looked at here.
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// An account that is there from the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenesisAccount {
    /// In wei.
    pub balance: U256,
    /// The nonce.
    #[serde(default)]
    pub nonce: U64,
    /// The code of a contract.
    #[serde(default)]
    pub code: Bytes,
    /// The storage of a contract.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub storage: BTreeMap<B256, U256>,
}

impl From<&GenesisAccount> for TrieAccount {
    fn from(account: &GenesisAccount) -> Self {
        let storage = account.storage.iter().filter(|(_, value)| !value.is_zero());
        Self {
            nonce: account.nonce.to(),
            balance: account.balance,
            storage_root: storage_root_unhashed(storage.map(|(slot, value)| (*slot, *value))),
            code_hash: keccak256(&account.code),
        }
    }
}

/// Block zero and the chain's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Genesis {
    config: Config,
    nonce: U64,
    timestamp: U64,
    #[serde(default)]
    extra_data: Bytes,
    gas_limit: U64,
    difficulty: U256,
    mix_hash: B256,
    coinbase: Address,
    base_fee_per_gas: U64,
    alloc: BTreeMap<Address, GenesisAccount>,
}

impl Genesis {
    /// A chain with these accounts and the contracts that Prague's blocks call.
    pub fn new(chain_id: u64, gas_limit: u64, accounts: BTreeMap<Address, GenesisAccount>) -> Self {
        let mut alloc = accounts;
        alloc.extend(system_contracts());
        Self {
            config: Config { chain_id, others: prague() },
            nonce: U64::ZERO,
            timestamp: U64::ZERO,
            extra_data: Bytes::new(),
            gas_limit: U64::from(gas_limit),
            difficulty: U256::ZERO,
            mix_hash: B256::ZERO,
            coinbase: Address::ZERO,
            base_fee_per_gas: U64::from(FIRST_BASE_FEE),
            alloc,
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is no genesis, or is of another EVM.
    pub fn load(path: &Path) -> Result<Self, GenesisError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| GenesisError::File { path: path.to_owned(), source })?;
        let genesis: Self = serde_json::from_str(&text)
            .map_err(|source| GenesisError::Content { path: path.to_owned(), source })?;
        match genesis.foreign_fork() {
            Some(fork) => Err(GenesisError::Fork { path: path.to_owned(), fork }),
            None => Ok(genesis),
        }
    }

    /// Writes it as a file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), GenesisError> {
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|source| GenesisError::Content { path: path.to_owned(), source })?;
        text.push('\n');
        std::fs::write(path, text).map_err(|source| GenesisError::File { path: path.to_owned(), source })
    }

    /// The chain's id.
    pub fn chain_id(&self) -> u64 {
        self.config.chain_id
    }

    /// The gas limit, which is every block's.
    pub fn gas_limit(&self) -> u64 {
        self.gas_limit.to()
    }

    /// The header of block zero.
    pub fn header(&self) -> Header {
        Header {
            parent_hash: B256::ZERO,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: self.coinbase,
            state_root: state_root_unhashed(
                self.alloc.iter().map(|(address, account)| (*address, TrieAccount::from(account))),
            ),
            transactions_root: EMPTY_ROOT_HASH,
            receipts_root: EMPTY_ROOT_HASH,
            difficulty: self.difficulty,
            number: 0,
            gas_limit: self.gas_limit.to(),
            gas_used: 0,
            timestamp: self.timestamp.to(),
            extra_data: self.extra_data.clone(),
            mix_hash: self.mix_hash,
            nonce: self.nonce.to_be_bytes::<8>().into(),
            base_fee_per_gas: Some(self.base_fee_per_gas.to()),
            withdrawals_root: Some(EMPTY_ROOT_HASH),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::ZERO),
            requests_hash: Some(requests_hash(&[])),
            ..Header::default()
        }
    }

    /// The field that plans another fork than Prague from the beginning.
    fn foreign_fork(&self) -> Option<String> {
        let others = &self.config.others;
        let first = "pragueTime";
        if others.get(first).and_then(Value::as_u64) != Some(FROM_THE_BEGINNING) {
            return Some(first.to_owned());
        }
        let known = ["shanghaiTime", "cancunTime", first];
        let mut planned = others.iter().filter(|(_, value)| !value.is_null()).map(|(field, _)| field);
        planned.find(|field| field.ends_with("Time") && !known.contains(&field.as_str())).cloned()
    }
}

/// What a header commits to of what contracts ask of the layer below (EIP-7685).
pub(crate) fn requests_hash(requests: &[Bytes]) -> B256 {
    let mut all = Sha256::new();
    for request in requests.iter().filter(|request| request.len() > 1) {
        all.update(Sha256::digest(request));
    }
    B256::from(<[u8; 32]>::from(all.finalize()))
}

fn prague() -> BTreeMap<String, Value> {
    let blocks = [
        "homesteadBlock",
        "eip150Block",
        "eip155Block",
        "eip158Block",
        "byzantiumBlock",
        "constantinopleBlock",
        "petersburgBlock",
        "istanbulBlock",
        "berlinBlock",
        "londonBlock",
        "mergeNetsplitBlock",
    ];
    let times = ["shanghaiTime", "cancunTime", "pragueTime"];
    let mut config: BTreeMap<String, Value> =
        blocks.into_iter().chain(times).map(|fork| (fork.to_owned(), json!(FROM_THE_BEGINNING))).collect();
    config.insert("terminalTotalDifficulty".to_owned(), json!(0));
    config.insert("terminalTotalDifficultyPassed".to_owned(), json!(true));
    // Nobody deposits here for a beacon chain.
    config.insert("depositContractAddress".to_owned(), json!(Address::ZERO));
    let blobs = |target: u64, max: u64, fraction: u64| json!({ "target": target, "max": max, "baseFeeUpdateFraction": fraction });
    let schedule = json!({ "cancun": blobs(3, 6, 3_338_477), "prague": blobs(6, 9, 5_007_716) });
    config.insert("blobSchedule".to_owned(), schedule);
    config
}

/// The contracts that each block calls: without their code, a block of Prague is not valid.
fn system_contracts() -> [(Address, GenesisAccount); 4] {
    [
        (eip4788::BEACON_ROOTS_ADDRESS, eip4788::BEACON_ROOTS_CODE.clone()),
        (eip2935::HISTORY_STORAGE_ADDRESS, eip2935::HISTORY_STORAGE_CODE.clone()),
        (eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_CODE.clone()),
        (
            eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
            eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_CODE.clone(),
        ),
    ]
    .map(|(address, code)| (address, GenesisAccount { nonce: U64::from(1), code, ..Default::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn genesis() -> Genesis {
        let rich = GenesisAccount { balance: U256::from(10).pow(U256::from(24)), ..Default::default() };
        Genesis::new(771_001, 30_000_000, BTreeMap::from([(Address::repeat_byte(7), rich)]))
    }

    #[test]
    fn a_file_comes_back_with_the_same_hash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("genesis.json");
        genesis().write(&path).unwrap();
        let found = Genesis::load(&path).unwrap();
        assert_eq!(found, genesis());
        assert_eq!(found.header().hash_slow(), genesis().header().hash_slow());
    }

    /// ethereumjs gives this hash to the same file.
    #[test]
    fn block_zero_has_the_hash_that_clients_give_it() {
        let expected = "0x09f40e902f428939b7936c485adcae62ed8e54e8e187a404c59d072c8a46d958";
        assert_eq!(genesis().header().hash_slow().to_string(), expected);
    }

    #[test]
    fn another_fork_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("genesis.json");
        for (field, value) in [("osakaTime", json!(0)), ("pragueTime", json!(5)), ("pragueTime", Value::Null)]
        {
            let mut other = genesis();
            other.config.others.insert(field.to_owned(), value);
            other.write(&path).unwrap();
            let error = Genesis::load(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("`{field}` says")), "{error}");
        }
    }

    #[test]
    fn no_requests_have_the_hash_of_nothing() {
        let empty = "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(requests_hash(&[]).to_string(), empty);
        assert_eq!(requests_hash(&[Bytes::from_static(&[1])]).to_string(), empty, "a type alone is none");
    }
}
