//! The record of a deployment: a JSON file with all that is needed to use the contracts, or to go on
//! deploying them.
//!
//! It is written before the first transaction leaves. The addresses follow from the deployer and its nonce,
//! so whatever interrupts a deployment, the file tells where each contract is or will be. It holds no
//! secrets.

use crate::epoch::EpochClock;
use crate::params::DeployParams;
use alloy_primitives::{Address, B256};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

/// Where the contracts of a deployment are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contracts {
    /// The token that is staked.
    pub token: Address,
    /// Judges evidence.
    pub evidence_verifier: Address,
    /// Judges proofs of possession.
    pub key_verifier: Address,
    /// Validators and stake.
    pub stake_manager: Address,
    /// Penalties.
    pub slashing_manager: Address,
    /// Rollups.
    pub rollup_registry: Address,
    /// Checkpoints.
    pub light_client: Address,
}

/// A block that the deployment builds on, by which its chain is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// The block's number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

/// A deployment, finished or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The chain.
    pub chain_id: u64,
    /// The newest block when it was planned.
    pub anchor: Anchor,
    /// The account that creates the contracts.
    pub deployer: Address,
    /// The nonce of its first transaction.
    pub first_nonce: u64,
    /// What was decided.
    pub params: DeployParams,
    /// Where everything is, or will be.
    pub contracts: Contracts,
    /// The block that created the StakeManager, with which epoch 0 begins; none as long as contracts are
    /// missing.
    pub start_block: Option<u64>,
}

/// A finished deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// The chain.
    pub chain_id: u64,
    /// Where the contracts are.
    pub contracts: Contracts,
    /// What was decided.
    pub params: DeployParams,
    /// When epochs begin. No event is older than the first block.
    pub clock: EpochClock,
}

/// Why a deployment file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentFileError {
    /// It cannot be read.
    #[error("deployment file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It cannot be written.
    #[error("deployment file {path} cannot be written: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is something else.
    #[error(
        "{path} is no deployment file ({source}); name another one, or write it anew with fairlane-deploy"
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// Where it goes wrong.
        source: serde_json::Error,
    },
    /// Contracts are missing.
    #[error("the deployment in {path} is not finished: run fairlane-deploy again, with the same parameters")]
    Unfinished {
        /// The file.
        path: PathBuf,
    },
}

impl Plan {
    /// Reads a file; `None` if there is none.
    pub fn load(path: &Path) -> Result<Option<Self>, DeploymentFileError> {
        load_record(path)
    }

    /// Writes the file, durably, and all of it or nothing.
    pub fn save(&self, path: &Path) -> Result<(), DeploymentFileError> {
        save_record(path, self)
    }

    /// What users of the contracts need; `None` as long as contracts are missing.
    pub fn finished(&self) -> Option<Deployment> {
        let epoch_length = NonZeroU32::new(self.params.epoch_length)?;
        Some(Deployment {
            chain_id: self.chain_id,
            contracts: self.contracts,
            params: self.params.clone(),
            clock: EpochClock { start_block: self.start_block?, epoch_length },
        })
    }
}

impl Deployment {
    /// Reads the file of a finished deployment.
    pub fn load(path: &Path) -> Result<Self, DeploymentFileError> {
        let missing = || DeploymentFileError::Read {
            path: path.to_owned(),
            source: std::io::ErrorKind::NotFound.into(),
        };
        let plan = Plan::load(path)?.ok_or_else(missing)?;
        plan.finished().ok_or_else(|| DeploymentFileError::Unfinished { path: path.to_owned() })
    }
}

/// Reads a record; `None` if there is no file.
pub(crate) fn load_record<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, DeploymentFileError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(DeploymentFileError::Read { path: path.to_owned(), source }),
    };
    let content = |source| DeploymentFileError::Content { path: path.to_owned(), source };
    serde_json::from_str(&text).map(Some).map_err(content)
}

/// Writes a record, durably, and all of it or nothing.
pub(crate) fn save_record(path: &Path, record: &impl Serialize) -> Result<(), DeploymentFileError> {
    let text = serde_json::to_string_pretty(record).expect("records have no maps with odd keys");
    write_durably(path, text.as_bytes())
        .map_err(|source| DeploymentFileError::Write { path: path.to_owned(), source })
}

fn write_durably(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(bytes)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}
