//! `fairlane-adapter claim`.

use super::status::page;
use super::{ADAPTER_KEY, WEI_PER_GWEI};
use crate::pages::ShownWithdrawal;
use clap::Args;
use eyre::eyre;
use fairlane_l1::checkpoint::Sender;
use fairlane_l1::endpoint::connect_with_key;
use fairlane_l1::settlement::{self, SettlementRecord};
use std::io::Write as _;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct ClaimCommand {
    /// The daemon's pages.
    #[arg(long, default_value = "http://127.0.0.1:26681")]
    http: String,
    /// The Ethereum endpoint.
    #[arg(long)]
    rpc: String,
    /// The record of the settlement contract.
    #[arg(long)]
    settlement: PathBuf,
    /// A file with the key of the account that pays the gas, which may be anybody's. Without it, the environment variable
    /// FAIRLANE_ADAPTER_KEY.
    #[arg(long)]
    key_file: Option<PathBuf>,
    /// The most gwei that a unit of gas may cost.
    #[arg(long, default_value_t = 100)]
    max_fee_gwei: u64,
    /// The batch.
    #[arg(long)]
    index: u64,
    /// The item's place in it.
    #[arg(long)]
    place: u32,
}

impl ClaimCommand {
    pub(super) async fn run(self) -> eyre::Result<()> {
        let shown: Vec<ShownWithdrawal> = serde_json::from_str(&page(&self.http, "withdrawals").await?)?;
        let withdrawal =
            shown.into_iter().find(|shown| (shown.index, shown.place) == (self.index, self.place));
        let withdrawal = withdrawal.ok_or_else(|| {
            eyre!("batch {} has no withdrawal at place {} that is settled for good", self.index, self.place)
        })?;
        let call = hex::decode(withdrawal.call.trim_start_matches("0x"))?;
        let key = ADAPTER_KEY.read(self.key_file.as_deref())?;
        let sender = Sender { account: key.address(), max_fee: u128::from(self.max_fee_gwei) * WEI_PER_GWEI };
        let provider = connect_with_key(&self.rpc, key)?;
        let record = SettlementRecord::load(&self.settlement)?;
        let receipt = settlement::claim(&provider, &record, sender, call.into()).await?;
        let gas = receipt.gas_used;
        writeln!(std::io::stdout(), "paid {} units to {}, {gas} gas", withdrawal.amount, withdrawal.to)?;
        Ok(())
    }
}
