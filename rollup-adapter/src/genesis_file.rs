//! Genesis as a JSON file for people: ids in hex, time in RFC 3339, durations with units.
//!
//! What all nodes agree on is the network id, the hash of genesis's canonical bytes. The file carries it too, and
//! is refused when it does not match: a typo never starts another network.

use fairlane_types::{
    DecodeError, Genesis, GroupId, Incarnation, NetworkId, ProtocolParams, RollupId, RollupRules, RollupSpec,
    Timestamp, Validator, ValidatorId, ValidatorSet, ValidatorSetError, VotingPower,
};
use humantime_serde::re::humantime;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// Why a file holds no usable genesis.
#[derive(Debug, thiserror::Error)]
pub enum GenesisFileError {
    /// It cannot be read.
    #[error("{} cannot be read: {source}. `fairlane genesis create` and `fairlane init` write one", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no JSON of the right shape.
    #[error("{}: {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What and where.
        source: serde_json::Error,
    },
    /// It holds a value that is not allowed.
    #[error("{}: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: GenesisError,
    },
}

/// Why values make no genesis.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// A field's text is not what it should be.
    #[error("{field}: `{value}` {why}")]
    Field {
        /// The field.
        field: &'static str,
        /// Its text.
        value: String,
        /// What it must be.
        why: &'static str,
    },
    /// The validators make no set.
    #[error("validators: {0}")]
    Validators(#[from] ValidatorSetError),
    /// The whole is not consistent.
    #[error(transparent)]
    Check(#[from] DecodeError),
    /// The network id in the file is another one.
    #[error(
        "the file says network {stated}, but its content makes network {computed}: somebody changed the content. \
         Get the original file; or, for a network of your own, delete its `network` line"
    )]
    Network {
        /// What the file says.
        stated: String,
        /// What follows from its content.
        computed: NetworkId,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GenesisFile {
    name: String,
    /// Optional: a file that is written by hand need not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<String>,
    time: String,
    validators: Vec<ValidatorEntry>,
    rollups: Vec<RollupEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    l1: Option<L1Entry>,
    #[serde(default)]
    params: ParamsEntry,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ValidatorEntry {
    id: String,
    power: u64,
    #[serde(default)]
    incarnation: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RollupEntry {
    id: u64,
    #[serde(default)]
    group: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    leg_bytes: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct L1Entry {
    chain_id: u64,
    stake_manager: String,
    /// Whose set the validators are.
    epoch: u32,
}

macro_rules! params_entry {
    ($($size:ident),+; $($duration:ident),+) => {
        /// The protocol parameters: sizes in bytes, durations with units. What is left out has its default.
        #[derive(Debug, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        struct ParamsEntry {
            $($size: u32,)+
            $(#[serde(with = "humantime_serde")] $duration: Duration,)+
        }

        impl From<&ProtocolParams> for ParamsEntry {
            fn from(params: &ProtocolParams) -> Self {
                Self {
                    $($size: params.$size,)+
                    $($duration: Duration::from_nanos(params.$duration),)+
                }
            }
        }

        impl TryFrom<ParamsEntry> for ProtocolParams {
            type Error = GenesisError;
            fn try_from(entry: ParamsEntry) -> Result<Self, GenesisError> {
                Ok(Self {
                    $($size: entry.$size,)+
                    $($duration: nanos(concat!("params.", stringify!($duration)), entry.$duration)?,)+
                })
            }
        }
    };
}

params_entry!(
    max_leg_bytes, max_transaction_bytes, max_segment_bytes, max_segment_events, max_segment_transactions,
    lane_window_segments, lane_window_bytes, max_reference_bytes, max_block_lane_bytes,
    max_block_group_transactions, group_cap;
    expiry_bound, timeliness_bound
);

impl Default for ParamsEntry {
    fn default() -> Self {
        (&ProtocolParams::default()).into()
    }
}

fn nanos(field: &'static str, duration: Duration) -> Result<u64, GenesisError> {
    u64::try_from(duration.as_nanos()).map_err(|_| GenesisError::Field {
        field,
        value: format!("{duration:?}"),
        why: "is too long",
    })
}

impl From<&Genesis> for GenesisFile {
    fn from(genesis: &Genesis) -> Self {
        let time = UNIX_EPOCH + Duration::from_nanos(genesis.time.as_nanos());
        let has_l1 = genesis.l1_chain_id != 0 || genesis.stake_manager != [0; 20];
        Self {
            name: genesis.name.clone(),
            network: Some(genesis.network().to_string()),
            time: humantime::format_rfc3339_nanos(time).to_string(),
            validators: genesis
                .validators
                .members()
                .iter()
                .map(|member| ValidatorEntry {
                    id: member.id.to_string(),
                    power: member.power.get(),
                    incarnation: member.incarnation.get(),
                })
                .collect(),
            rollups: genesis
                .rollups
                .iter()
                .map(|rollup| RollupEntry {
                    id: rollup.id.get(),
                    group: rollup.rules.group.get(),
                    leg_bytes: rollup.rules.leg_bytes,
                })
                .collect(),
            l1: has_l1.then(|| L1Entry {
                chain_id: genesis.l1_chain_id,
                stake_manager: format!("0x{}", hex::encode(genesis.stake_manager)),
                epoch: genesis.l1_epoch,
            }),
            params: (&genesis.params).into(),
        }
    }
}

impl TryFrom<GenesisFile> for Genesis {
    type Error = GenesisError;

    fn try_from(file: GenesisFile) -> Result<Self, GenesisError> {
        let members = file.validators.into_iter().map(validator).collect::<Result<Vec<_>, _>>()?;
        let mut rollups: Vec<RollupSpec> = file
            .rollups
            .iter()
            .map(|entry| RollupSpec {
                id: RollupId::new(entry.id),
                rules: RollupRules { group: GroupId::new(entry.group), leg_bytes: entry.leg_bytes },
            })
            .collect();
        rollups.sort_by_key(|rollup| rollup.id);
        let (l1_chain_id, stake_manager, l1_epoch) = file.l1.map(l1).transpose()?.unwrap_or_default();
        let genesis = Self {
            name: file.name,
            time: time(&file.time)?,
            params: file.params.try_into()?,
            validators: ValidatorSet::new(members)?,
            rollups,
            l1_chain_id,
            stake_manager,
            l1_epoch,
        };
        genesis.check()?;
        let computed = genesis.network();
        match file.network {
            Some(stated) if NetworkId::from_hex(&stated).ok() != Some(computed) => {
                Err(GenesisError::Network { stated, computed })
            }
            _ => Ok(genesis),
        }
    }
}

fn validator(entry: ValidatorEntry) -> Result<Validator, GenesisError> {
    let id = ValidatorId::from_hex(&entry.id).map_err(|_| GenesisError::Field {
        field: "validators.id",
        value: entry.id,
        why: "must be a consensus public key: 64 hexadecimal digits, as `fairlane keys show` prints it",
    })?;
    Ok(Validator {
        id,
        power: VotingPower::new(entry.power),
        incarnation: Incarnation::new(entry.incarnation),
    })
}

fn l1(entry: L1Entry) -> Result<(u64, [u8; 20], u32), GenesisError> {
    let digits = entry.stake_manager.strip_prefix("0x").unwrap_or(&entry.stake_manager);
    let mut address = [0; 20];
    hex::decode_to_slice(digits, &mut address).map_err(|_| GenesisError::Field {
        field: "l1.stake_manager",
        value: entry.stake_manager.clone(),
        why: "must be an address: 0x and 40 hexadecimal digits",
    })?;
    Ok((entry.chain_id, address, entry.epoch))
}

fn time(text: &str) -> Result<Timestamp, GenesisError> {
    let wrong = |why| GenesisError::Field { field: "time", value: text.to_owned(), why };
    let time = humantime::parse_rfc3339(text)
        .map_err(|_| wrong("must be RFC 3339 in UTC, as in 2026-01-31T12:00:00Z"))?;
    let since = time.duration_since(UNIX_EPOCH).map_err(|_| wrong("must not be before 1970"))?;
    Ok(Timestamp::from_nanos(nanos("time", since)?))
}

/// Reads and fully checks a genesis file.
pub fn read(path: &Path) -> Result<Genesis, GenesisFileError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| GenesisFileError::Read { path: path.to_owned(), source })?;
    let file: GenesisFile = serde_json::from_str(&text)
        .map_err(|source| GenesisFileError::Syntax { path: path.to_owned(), source })?;
    file.try_into().map_err(|source| GenesisFileError::Content { path: path.to_owned(), source })
}

/// Writes a genesis file; one that is there already is not overwritten.
pub fn write(path: &Path, genesis: &Genesis) -> Result<(), GenesisFileError> {
    let io = |source: std::io::Error| GenesisFileError::Write { path: path.to_owned(), source };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(io)?;
    }
    let file = std::fs::File::create_new(path).map_err(io)?;
    serde_json::to_writer_pretty(&file, &GenesisFile::from(genesis)).map_err(|error| io(error.into()))?;
    std::io::Write::write_all(&mut &file, b"\n").and_then(|()| file.sync_all()).map_err(io)
}

#[cfg(test)]
mod tests;
