//! Which items become the block's transactions, and what else the block is.

use super::candidate::{Candidate, Candidates};
use super::skip::Skip;
use crate::rules::Rules;
use alloy_consensus::Header;
use alloy_eips::eip1559::{BaseFeeParams, calc_next_block_base_fee};
use alloy_primitives::{Address, B256, Bytes, U256};
use fairlane_types::{BatchHeader, NetworkId};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// In front of what `prevRandao` is the hash of.
const RANDAO_DOMAIN: &[u8; 15] = b"FAIRLANE-RND-v1";
/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// What the block after it depends on of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Its number: the index of its batch.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// The state after it.
    pub state_root: B256,
    /// Its time, in seconds of the Unix epoch.
    pub timestamp: u64,
    /// Its base fee, in wei.
    pub base_fee: u64,
    /// Gas that it used.
    pub gas_used: u64,
}

impl From<&Header> for Parent {
    fn from(header: &Header) -> Self {
        Self {
            number: header.number,
            hash: header.hash_slow(),
            state_root: header.state_root,
            timestamp: header.timestamp,
            base_fee: header.base_fee_per_gas.unwrap_or_default(),
            gas_used: header.gas_used,
        }
    }
}

/// A sender's account after the parent block. One that nobody has used yet is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The nonce of its next transaction.
    pub nonce: u64,
    /// What it has, in wei.
    pub balance: U256,
    /// Whether it is a contract.
    pub has_code: bool,
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is a transaction of the block.
    Included,
    /// It is not.
    Skipped(Skip),
}

/// The fields of a block that are known before it is executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// The block before.
    pub parent_hash: B256,
    /// The batch's index.
    pub number: u64,
    /// Seconds of the Unix epoch.
    pub timestamp: u64,
    /// A hash of the batch's head: nobody chose it, and everybody knew it when the batch was final.
    pub prev_randao: B256,
    /// Who gets the priority fees.
    pub fee_recipient: Address,
    /// The gas limit.
    pub gas_limit: u64,
    /// The base fee, in wei (EIP-1559).
    pub base_fee: u64,
    /// The batch's head: in the header's extra data, and where contracts look for the beacon block's root (EIP-4788).
    pub head: B256,
}

/// A block before its execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// All but its transactions.
    pub attributes: Attributes,
    /// Its transactions, in the batch's order.
    pub transactions: Vec<Bytes>,
    /// What became of each item of the batch.
    pub outcomes: Vec<Outcome>,
}

/// The block of a batch. `accounts` are those of the candidates' senders after the parent block; `refused` are places of
/// items that the building client has refused, which the rules give no reason for.
pub fn derive(
    rules: &Rules,
    network: &NetworkId,
    header: &BatchHeader,
    candidates: &Candidates,
    parent: &Parent,
    accounts: &BTreeMap<Address, Account>,
    refused: &BTreeSet<usize>,
) -> Plan {
    let attributes = attributes(rules, network, header, parent);
    let mut filling = Filling {
        rules,
        base_fee: attributes.base_fee,
        gas_left: rules.gas_limit,
        bytes_left: rules.max_bytes,
        accounts: accounts.clone(),
        transactions: Vec::new(),
    };
    let mut outcomes = Vec::with_capacity(candidates.0.len());
    for (place, candidate) in candidates.0.iter().enumerate() {
        let taken = match candidate {
            Err(skip) => Err(*skip),
            Ok(_) if refused.contains(&place) => Err(Skip::Refused),
            Ok(candidate) => filling.take(candidate),
        };
        outcomes.push(taken.map_or_else(Outcome::Skipped, |()| Outcome::Included));
    }
    Plan { attributes, transactions: filling.transactions, outcomes }
}

fn attributes(rules: &Rules, network: &NetworkId, header: &BatchHeader, parent: &Parent) -> Attributes {
    let head = header.head(network);
    let randao = Sha256::new_with_prefix(RANDAO_DOMAIN).chain_update(head.as_bytes()).finalize();
    let seconds = header.time.as_nanos().checked_div(SECOND).unwrap_or_default();
    Attributes {
        parent_hash: parent.hash,
        number: parent.number.saturating_add(1),
        timestamp: seconds.max(parent.timestamp.saturating_add(1)),
        prev_randao: B256::from(<[u8; 32]>::from(randao)),
        fee_recipient: rules.fee_recipient,
        gas_limit: rules.gas_limit,
        base_fee: calc_next_block_base_fee(
            parent.gas_used,
            rules.gas_limit,
            parent.base_fee,
            BaseFeeParams::ethereum(),
        ),
        head: B256::new(*head.as_bytes()),
    }
}

/// The block, as far as it is filled.
struct Filling<'a> {
    rules: &'a Rules,
    base_fee: u64,
    /// What is left if all transactions use what they allow.
    gas_left: u64,
    bytes_left: usize,
    /// The senders, without what they are paid within the block.
    accounts: BTreeMap<Address, Account>,
    transactions: Vec<Bytes>,
}

impl Filling<'_> {
    fn take(&mut self, candidate: &Candidate) -> Result<(), Skip> {
        let limit = candidate.gas_limit;
        let account = self.accounts.entry(candidate.sender).or_default();
        if account.has_code {
            return Err(Skip::Contract);
        }
        if candidate.nonce != account.nonce {
            return Err(Skip::Nonce { expected: account.nonce, found: candidate.nonce });
        }
        let next_nonce = account.nonce.checked_add(1).ok_or(Skip::NoNonces)?;
        if candidate.max_fee < u128::from(self.base_fee) {
            return Err(Skip::Fee { most: candidate.max_fee, base_fee: self.base_fee });
        }
        let cost = candidate.cost.unwrap_or(U256::MAX);
        let funds = account.balance;
        let left = candidate.cost.and_then(|cost| funds.checked_sub(cost));
        let balance = left.ok_or(Skip::Funds { cost, funds })?;
        if self.transactions.len() >= self.rules.max_transactions {
            return Err(Skip::Full);
        }
        let gas_left =
            self.gas_left.checked_sub(limit).ok_or(Skip::BlockGas { limit, left: self.gas_left })?;
        let bytes_left = self.bytes_left.checked_sub(candidate.bytes.len()).ok_or(Skip::TooLarge)?;
        (account.nonce, account.balance) = (next_nonce, balance);
        (self.gas_left, self.bytes_left) = (gas_left, bytes_left);
        self.transactions.push(candidate.bytes.clone());
        Ok(())
    }
}
