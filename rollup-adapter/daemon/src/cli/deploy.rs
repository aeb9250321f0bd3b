//! `fairlane-adapter deploy`.

use super::ADAPTER_KEY;
use crate::zk::ZkDriver;
use clap::Args;
use eyre::eyre;
use fairlane_l1::endpoint::connect_with_key;
use fairlane_l1::settlement::{SettlementParams, deploy};
use fairlane_l1::{B256, Deployment};
use fairlane_prover::cli::VerificationKeyFile;
use std::io::Write as _;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct DeployCommand {
    /// The Ethereum endpoint.
    #[arg(long)]
    rpc: String,
    /// The record of the network's contracts. Their network must be open.
    #[arg(long)]
    deployment: PathBuf,
    /// The verification key, as `fairlane-prover keys` writes it.
    #[arg(long)]
    verification_key: PathBuf,
    /// The rollup's id.
    #[arg(long)]
    rollup: u64,
    /// Wei of a unit, in which the rollup counts.
    #[arg(long, default_value_t = 1_000_000_000)]
    unit_wei: u128,
    /// A file with the deployer's key. Without it, the environment variable FAIRLANE_ADAPTER_KEY.
    #[arg(long)]
    key_file: Option<PathBuf>,
    /// The record of the settlement contract. Where it exists, the deployment is finished and checked.
    #[arg(long)]
    out: PathBuf,
}

impl DeployCommand {
    pub(super) async fn run(self) -> eyre::Result<()> {
        let key = ADAPTER_KEY.read(self.key_file.as_deref())?;
        let deployer = key.address();
        let provider = connect_with_key(&self.rpc, key)?;
        let deployment = Deployment::load(&self.deployment)?;
        let network = deployment.network(&provider).await?;
        let network = network.ok_or_else(|| eyre!("the contracts' network is not open yet"))?;
        let verification_key = VerificationKeyFile::load(&self.verification_key)?;
        let params = SettlementParams {
            network: B256::new(*network.as_bytes()),
            rollup: self.rollup,
            root: ZkDriver::first_root(),
            unit: self.unit_wei,
            deposits_per_proof: verification_key.deposits.into(),
            key: verification_key.key_words()?.map(B256::new),
        };
        let record = deploy(&self.out, &provider, deployer, &deployment.contracts, &params).await?;
        let mut out = std::io::stdout();
        writeln!(out, "Groth16Verifier     {}", record.verifier)?;
        writeln!(out, "ZkRollupSettlement  {}", record.settlement)?;
        writeln!(out, "keys                {}", verification_key.set_up)?;
        Ok(())
    }
}
