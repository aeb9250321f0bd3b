//! What everybody who follows a rollup has to agree on, besides the sequencer's order: a small file, which names the
//! genesis file beside it.

use crate::genesis::{Genesis, GenesisError};
use alloy_consensus::Header;
use alloy_primitives::Address;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The most transactions of a block: ethereumjs executes no larger ones when they come.
const MAX_TRANSACTIONS: usize = 200;
/// The most bytes of a block's transactions: ethrex reads no more than twice as many digits.
const MAX_BYTES: usize = 900_000;

/// Why there are no rules.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The file cannot be read.
    #[error("rules file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is none.
    #[error("rules file {}: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What and where.
        source: toml::de::Error,
    },
    /// A value is not allowed.
    #[error("rules file {}: `{field}` must be from 1 to {most}", path.display())]
    Range {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// The largest value.
        most: usize,
    },
    /// The genesis file is none.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    genesis: PathBuf,
    fee_recipient: Address,
    #[serde(default = "max_transactions")]
    max_transactions: usize,
    #[serde(default = "max_bytes")]
    max_bytes: usize,
}

fn max_transactions() -> usize {
    MAX_TRANSACTIONS
}

fn max_bytes() -> usize {
    MAX_BYTES
}

/// A rollup's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The id that transactions are signed for.
    pub chain_id: u64,
    /// Every block's gas limit.
    pub gas_limit: u64,
    /// Who gets the priority fees.
    pub fee_recipient: Address,
    /// The most transactions of a block.
    pub max_transactions: usize,
    /// The most bytes of a block's transactions.
    pub max_bytes: usize,
    /// The header of block zero.
    pub genesis: Header,
}

impl Rules {
    /// The rules of a genesis, with the largest blocks that are allowed.
    pub fn new(genesis: &Genesis, fee_recipient: Address) -> Self {
        Self {
            chain_id: genesis.chain_id(),
            gas_limit: genesis.gas_limit(),
            fee_recipient,
            max_transactions: MAX_TRANSACTIONS,
            max_bytes: MAX_BYTES,
            genesis: genesis.header(),
        }
    }

    /// Reads a file, and the genesis file that it names.
    ///
    /// # Errors
    /// A file cannot be read, or makes no sense.
    pub fn load(path: &Path) -> Result<Self, RulesError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| RulesError::Read { path: path.to_owned(), source })?;
        let file: File =
            toml::from_str(&text).map_err(|source| RulesError::Content { path: path.to_owned(), source })?;
        let bounds = [
            ("max_transactions", file.max_transactions, MAX_TRANSACTIONS),
            ("max_bytes", file.max_bytes, MAX_BYTES),
        ];
        for (field, value, most) in bounds {
            if !(1..=most).contains(&value) {
                return Err(RulesError::Range { path: path.to_owned(), field, most });
            }
        }
        let genesis = Genesis::load(&path.parent().unwrap_or(Path::new(".")).join(&file.genesis))?;
        Ok(Self {
            max_transactions: file.max_transactions,
            max_bytes: file.max_bytes,
            ..Self::new(&genesis, file.fee_recipient)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn load(more: &str) -> Result<Rules, RulesError> {
        let folder = tempfile::tempdir().unwrap();
        Genesis::new(5, 30_000_000, BTreeMap::new()).write(&folder.path().join("genesis.json")).unwrap();
        let path = folder.path().join("rules.toml");
        let recipient = Address::repeat_byte(1);
        std::fs::write(&path, format!("genesis = \"genesis.json\"\nfee_recipient = \"{recipient}\"\n{more}"))
            .unwrap();
        Rules::load(&path)
    }

    #[test]
    fn the_genesis_file_says_most_of_it() {
        let rules = load("max_transactions = 7").unwrap();
        assert_eq!((rules.chain_id, rules.gas_limit, rules.max_transactions), (5, 30_000_000, 7));
        assert_eq!(rules.max_bytes, MAX_BYTES);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (more, named) in [
            ("max_transactions = 0", "max_transactions"),
            ("max_bytes = 10_000_000", "max_bytes"),
            ("max_blobs = 1", "max_blobs"),
        ] {
            let error = load(more).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
