//! Creating the settlement contract and its verifier, and the record of both.
//!
//! As with the network's contracts, the record is written before the first transaction leaves, addresses follow from the
//! deployer's nonce, and a deployment that was interrupted goes on where it stopped.

use crate::contracts::{Groth16Verifier, ZkRollupSettlement};
use crate::creating::{Creation, Start, has_code};
use crate::deploy::{DeployError, expect};
use crate::deployment::{Anchor, Contracts, DeploymentFileError, load_record, save_record};
use alloy_primitives::{Address, B256, U256};
use alloy_provider::DynProvider;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What is decided with a settlement contract, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettlementParams {
    /// The network that orders for the rollup.
    pub network: B256,
    /// The rollup's id there.
    pub rollup: u64,
    /// The root of the accounts before the first batch.
    pub root: B256,
    /// Wei of a unit, in which the rollup counts.
    pub unit: u128,
    /// How many deposits a proof takes in.
    pub deposits_per_proof: u64,
    /// The verification key: alpha, beta, gamma, delta and the two points of the input.
    pub key: [B256; 18],
}

/// Where a settlement contract is, or will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettlementRecord {
    /// The chain.
    pub chain_id: u64,
    /// The newest block when it was planned. No event is older.
    pub anchor: Anchor,
    /// The account that creates the contracts.
    pub deployer: Address,
    /// The nonce of its first transaction.
    pub first_nonce: u64,
    /// Says what is final.
    pub light_client: Address,
    /// Checks proofs.
    pub verifier: Address,
    /// The settlement contract.
    pub settlement: Address,
    /// What was decided.
    pub params: SettlementParams,
}

/// Creates a rollup's settlement contract from `deployer`, whose key `provider` signs with, keeping the record at `path`.
/// With a record of the same deployment there, creates what is missing and checks the rest: running it again changes
/// nothing.
pub async fn deploy(
    path: &Path,
    provider: &DynProvider,
    deployer: Address,
    contracts: &Contracts,
    params: &SettlementParams,
) -> Result<SettlementRecord, DeployError> {
    let record = match load_record::<SettlementRecord>(path)? {
        Some(record) if record.is_for(deployer, contracts, params) => record,
        Some(_) => return Err(DeployError::OtherParameters),
        None => {
            let record = SettlementRecord::plan(provider, deployer, contracts, params).await?;
            save_record(path, &record)?;
            record
        }
    };
    record.start().create_missing(provider, record.creations(provider)).await?;
    record.check(provider).await?;
    Ok(record)
}

impl SettlementRecord {
    /// Reads a record.
    pub fn load(path: &Path) -> Result<Self, DeploymentFileError> {
        let missing = || DeploymentFileError::Read {
            path: path.to_owned(),
            source: std::io::ErrorKind::NotFound.into(),
        };
        load_record(path)?.ok_or_else(missing)
    }

    fn is_for(&self, deployer: Address, contracts: &Contracts, params: &SettlementParams) -> bool {
        self.deployer == deployer && self.light_client == contracts.light_client && self.params == *params
    }

    async fn plan(
        provider: &DynProvider,
        deployer: Address,
        contracts: &Contracts,
        params: &SettlementParams,
    ) -> Result<Self, DeployError> {
        let Start { chain_id, anchor, first_nonce, .. } = Start::now(provider, deployer).await?;
        Ok(Self {
            chain_id,
            anchor,
            deployer,
            first_nonce,
            light_client: contracts.light_client,
            verifier: deployer.create(first_nonce),
            settlement: deployer.create(first_nonce + 1),
            params: params.clone(),
        })
    }

    fn start(&self) -> Start {
        let Self { chain_id, anchor, deployer, first_nonce, .. } = *self;
        Start { chain_id, anchor, deployer, first_nonce }
    }

    fn creations<'a>(&self, provider: &'a DynProvider) -> [Creation<'a>; 2] {
        let p = &self.params;
        let settlement = ZkRollupSettlement::deploy_builder(
            provider,
            self.light_client,
            self.verifier,
            p.network,
            p.rollup,
            p.root,
            U256::from(p.unit),
            p.deposits_per_proof,
        );
        let verifier = Groth16Verifier::deploy_builder(provider, verification_key(&p.key));
        [("Groth16Verifier", self.verifier, verifier), ("ZkRollupSettlement", self.settlement, settlement)]
    }

    /// Compares the contracts on chain with this record.
    pub async fn check(&self, provider: &DynProvider) -> Result<(), DeployError> {
        self.start().check_chain(provider).await?;
        for (contract, address) in
            [("Groth16Verifier", self.verifier), ("ZkRollupSettlement", self.settlement)]
        {
            if !has_code(provider, address).await? {
                return Err(DeployError::Missing { contract, address });
            }
        }
        let (p, settlement) = (&self.params, ZkRollupSettlement::new(self.settlement, provider));
        expect("ZkRollupSettlement.lightClient", settlement.lightClient(), self.light_client).await?;
        expect("ZkRollupSettlement.verifier", settlement.verifier(), self.verifier).await?;
        expect("ZkRollupSettlement.network", settlement.network(), p.network).await?;
        expect("ZkRollupSettlement.rollup", settlement.rollup(), p.rollup).await?;
        expect("ZkRollupSettlement.unit", settlement.unit(), U256::from(p.unit)).await?;
        let deposits = settlement.depositsPerProof();
        expect("ZkRollupSettlement.depositsPerProof", deposits, p.deposits_per_proof).await
    }
}

fn verification_key(words: &[B256; 18]) -> Groth16Verifier::VerificationKey {
    let word = |at: usize| U256::from_be_bytes(words[at].0);
    let four = |at: usize| [word(at), word(at + 1), word(at + 2), word(at + 3)];
    Groth16Verifier::VerificationKey {
        alpha: [word(0), word(1)],
        beta: four(2),
        gamma: four(6),
        delta: four(10),
        inputs: [[word(14), word(15)], [word(16), word(17)]],
    }
}
