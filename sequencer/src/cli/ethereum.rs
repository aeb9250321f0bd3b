//! What the commands about Ethereum share: which contracts, and sending or only rehearsing.

use super::amount::Amount;
use super::out;
use clap::Args;
use fairlane_l1::endpoint::{connect, connect_with_key};
use fairlane_l1::transactions::{Rehearsal, Transactions};
use fairlane_l1::wallet::KeySource;
use fairlane_l1::{Address, Deployment, DynProvider, PrivateKeySigner};
use std::path::{Path, PathBuf};

/// Ether is counted in wei.
const ETHER_DECIMALS: u8 = 18;

/// Which contracts.
#[derive(Debug, Args)]
pub(super) struct Chain {
    /// An Ethereum endpoint: http://… or https://…
    #[arg(long, env = "FAIRLANE_ETHEREUM")]
    rpc: String,
    /// The deployment's record, as fairlane-deploy wrote it.
    #[arg(long)]
    deployment: PathBuf,
}

/// Whether to send.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Sending {
    /// Show what would be sent and what it would cost, as Ethereum is now, and send nothing.
    #[arg(long)]
    dry_run: bool,
}

/// An account that is about to send: the contracts are found to be the ones of the record.
pub(super) struct Signer {
    pub(super) deployment: Deployment,
    /// Signs with the account's key.
    pub(super) provider: DynProvider,
    pub(super) address: Address,
}

impl Chain {
    /// The contracts, and a connection that signs.
    pub(super) fn connect_with_key(&self, key: PrivateKeySigner) -> eyre::Result<(Deployment, DynProvider)> {
        Ok((Deployment::load(&self.deployment)?, connect_with_key(&self.rpc, key)?))
    }

    /// Opens the account of a key that is in a file, or else in the environment.
    pub(super) async fn open(&self, key: KeySource, file: Option<&Path>) -> eyre::Result<Signer> {
        let key = key.read(file)?;
        let address = key.address();
        let (deployment, provider) = self.connect_with_key(key)?;
        // Money goes to these contracts.
        deployment.check(&provider).await?;
        Ok(Signer { deployment, provider, address })
    }

    /// The contracts, and a connection for reading.
    pub(super) fn connect(&self) -> eyre::Result<(Deployment, DynProvider)> {
        Ok((Deployment::load(&self.deployment)?, connect(&self.rpc)?))
    }
}

impl Sending {
    /// Sends transactions, or only says what they would do.
    pub(super) async fn carry_out(self, done: &str, transactions: Transactions<'_>) -> eyre::Result<()> {
        if self.dry_run {
            return show(&transactions.rehearse().await?);
        }
        let receipt = transactions.send().await?;
        out!(
            "{done}: transaction {} in block {}, {} gas",
            receipt.transaction_hash,
            receipt.block_number.unwrap_or_default(),
            receipt.gas_used
        )?;
        Ok(())
    }
}

pub(super) fn show(rehearsal: &Rehearsal) -> eyre::Result<()> {
    for step in &rehearsal.steps {
        out!("would send: {}, {} gas", step.what, step.gas)?;
    }
    let cost = Amount::from_units(rehearsal.cost(), ETHER_DECIMALS);
    out!("at most {cost} ether as fees are now; nothing was sent")?;
    Ok(())
}
