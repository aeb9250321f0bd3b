//! `fairlane submit`: one transaction, and its receipt once it is verified here.

use super::{out, status};
use crate::clock::system_time;
use clap::Args;
use eyre::{WrapErr as _, bail, ensure};
use fairlane_proto::v1;
use fairlane_proto::v1::submit_service_client::SubmitServiceClient;
use fairlane_rollup_adapter::{Client, genesis_file};
use fairlane_types::{Leg, NetworkId, Receipt, RollupId, Timestamp, Transaction};
use rand::RngCore as _;
use std::path::PathBuf;
use std::str::FromStr;

#[derive(Debug, Args)]
pub(super) struct Submit {
    /// A validator's gRPC address.
    #[arg(long, env = "FAIRLANE_ENDPOINT", default_value = "http://127.0.0.1:26660")]
    endpoint: String,
    /// A payload for a rollup: text, or hexadecimal digits after 0x. Several legs make an atomic bundle.
    #[arg(long = "leg", value_name = "ROLLUP:PAYLOAD", required = true)]
    legs: Vec<LegArgument>,
    /// After this time the transaction is not ordered any more.
    #[arg(long, default_value = "60s", value_parser = humantime_serde::re::humantime::parse_duration)]
    expires_in: std::time::Duration,
    /// The network's genesis file. With it, the receipt's signer is checked to be a validator of the network.
    #[arg(long)]
    genesis: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// `ROLLUP:PAYLOAD`
#[derive(Clone, Debug)]
struct LegArgument(Leg);

impl FromStr for LegArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (rollup, payload) = text.split_once(':').ok_or("write it as ROLLUP:PAYLOAD")?;
        let rollup = rollup.parse().map_err(|_| "the rollup must be a whole number")?;
        let payload = match payload.strip_prefix("0x") {
            Some(digits) => hex::decode(digits).map_err(|error| format!("the payload after 0x: {error}"))?,
            None => payload.as_bytes().to_vec(),
        };
        Ok(Self(Leg { rollup: RollupId::new(rollup), payload: payload.into() }))
    }
}

impl Submit {
    pub(super) async fn run(self) -> eyre::Result<()> {
        let transaction = self.transaction()?;
        let receipt = match &self.genesis {
            Some(path) => {
                let genesis = genesis_file::read(path)?;
                Client::connect(&self.endpoint, &genesis).await?.submit(&transaction).await?
            }
            None => submit(&self.endpoint, &transaction).await?,
        };
        self.print(&receipt)?;
        Ok(())
    }

    fn transaction(&self) -> eyre::Result<Transaction> {
        let expires_in = u64::try_from(self.expires_in.as_nanos()).unwrap_or(u64::MAX);
        let Some(expires_at) = system_time().checked_add(expires_in) else {
            bail!("--expires-in is too long");
        };
        let mut salt = [0; 16];
        rand::rngs::OsRng.fill_bytes(&mut salt);
        let legs = self.legs.iter().map(|leg| leg.0.clone()).collect();
        Ok(Transaction::new(legs, Timestamp::from_nanos(expires_at.as_nanos()), salt)?)
    }

    fn print(&self, receipt: &Receipt) -> std::io::Result<()> {
        let header = &receipt.header;
        if self.json {
            return out!(
                "{:#}",
                serde_json::json!({
                    "transaction": receipt.transaction.to_string(),
                    "validator": header.lane.validator.to_string(),
                    "incarnation": header.lane.incarnation.get(),
                    "seq": header.seq.get(),
                    "index": receipt.index,
                    "segment": header.digest().to_string(),
                    "time_nanos": header.timestamp.as_nanos(),
                    "member_checked": self.genesis.is_some(),
                })
            );
        }
        out!("transaction  {}", receipt.transaction)?;
        out!("lane         {}/{}", header.lane.validator, header.lane.incarnation)?;
        out!("place        segment {}, transaction {}", header.seq, receipt.index)?;
        out!("segment      {}", header.digest())?;
        match self.genesis {
            Some(_) => out!("receipt      verified: a validator of the network signed it"),
            None => out!("receipt      verified (give --genesis to check that the signer is a validator)"),
        }
    }
}

/// Submits and checks the receipt: it is for this transaction, and the lane's key signed it for the node's network.
async fn submit(endpoint: &str, transaction: &Transaction) -> eyre::Result<Receipt> {
    let network = status::get(endpoint).await?.network;
    let network: [u8; 32] =
        network.as_ref().try_into().wrap_err("the node's network id does not have 32 bytes")?;
    let mut service = SubmitServiceClient::new(status::connect(endpoint).await?);
    let content = v1::submit_request::Content::Envelope(transaction.envelope().clone());
    let response = service.submit(v1::SubmitRequest { content: Some(content) }).await;
    let receipt = response.map_err(status::refused)?.into_inner().receipt;
    let receipt: Receipt = receipt
        .ok_or(fairlane_proto::ConvertError::Missing("receipt"))
        .and_then(TryInto::try_into)
        .wrap_err("the node's receipt is not well formed")?;
    ensure!(receipt.transaction == transaction.id(), "the node's receipt is for another transaction");
    receipt.verify(&NetworkId::from_bytes(network)).wrap_err("the node's receipt does not verify")?;
    Ok(receipt)
}
