//! `fairlane status`: what a node says about itself and its network. Nothing of it is verified.

use super::out;
use clap::Args;
use eyre::WrapErr as _;
use fairlane_proto::v1::chain_service_client::ChainServiceClient;
use fairlane_proto::v1::{GetStatusRequest, GetStatusResponse};
use serde_json::{Value, json};
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};

#[derive(Debug, Args)]
pub(super) struct Status {
    /// A node's gRPC address.
    #[arg(long, env = "FAIRLANE_ENDPOINT", default_value = "http://127.0.0.1:26660")]
    endpoint: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) async fn run(self) -> eyre::Result<()> {
        let status = get(&self.endpoint).await?;
        if self.json {
            out!("{:#}", to_json(&status))?;
        } else {
            print(&status)?;
        }
        Ok(())
    }
}

/// Connects to a node.
pub(super) async fn connect(endpoint: &str) -> eyre::Result<Channel> {
    let address = Endpoint::from_shared(endpoint.to_owned())
        .wrap_err_with(|| format!("`{endpoint}` is no address: write it as in http://127.0.0.1:26660"))?;
    let channel = address.connect_timeout(Duration::from_secs(5)).timeout(Duration::from_secs(30));
    channel.connect().await.wrap_err_with(|| {
        format!("no node answers at {endpoint}: does it run, and is this the `listen` of its [rpc]?")
    })
}

/// Asks a node for its status.
pub(super) async fn get(endpoint: &str) -> eyre::Result<GetStatusResponse> {
    let mut chain = ChainServiceClient::new(connect(endpoint).await?);
    let status = chain.get_status(GetStatusRequest {}).await;
    Ok(status.map_err(refused)?.into_inner())
}

/// A refusal with the server's reason for it.
pub(super) fn refused(status: tonic::Status) -> eyre::Report {
    match fairlane_proto::refusal::reason_of(&status) {
        Some(reason) => eyre::eyre!("the node refused ({}): {}", reason.as_str_name(), status.message()),
        None => eyre::eyre!("the call failed ({:?}): {}", status.code(), status.message()),
    }
}

fn print(status: &GetStatusResponse) -> std::io::Result<()> {
    out!("network     {} ({})", hex::encode(&status.network), status.network_name)?;
    out!("version     {}", status.version)?;
    out!("height      {}{}", status.height, if status.catching_up { " (catching up)" } else { "" })?;
    out!("block       {}", hex::encode(&status.block_id))?;
    out!("kept from   {}", status.min_height)?;
    out!("ordered     {} transactions", status.ordered_transactions)?;
    out!("peers       {} consensus, {} segments", status.consensus_peers, status.segment_peers)?;
    if !status.validator.is_empty() {
        let watching = if status.watching { " (watching: it does not vote yet)" } else { "" };
        out!("validator   {}{watching}", hex::encode(&status.validator))?;
    }
    for lane in &status.lanes {
        out!(
            "lane        {}/{} power {} head {} decided {}{}",
            hex::encode(&lane.validator),
            lane.incarnation,
            lane.voting_power,
            lane.head_seq,
            lane.decided_seq,
            if lane.frozen { " frozen" } else { "" },
        )?;
    }
    for rollup in &status.rollups {
        out!(
            "rollup      {} group {} batches {} last height {} head {}",
            rollup.rollup_id,
            rollup.ordering_group,
            rollup.batches,
            rollup.last_height,
            hex::encode(&rollup.head),
        )?;
    }
    Ok(())
}

fn to_json(status: &GetStatusResponse) -> Value {
    let lanes: Vec<Value> = status
        .lanes
        .iter()
        .map(|lane| {
            json!({
                "validator": hex::encode(&lane.validator),
                "incarnation": lane.incarnation,
                "voting_power": lane.voting_power,
                "head_seq": lane.head_seq,
                "decided_seq": lane.decided_seq,
                "frozen": lane.frozen,
            })
        })
        .collect();
    let rollups: Vec<Value> = status
        .rollups
        .iter()
        .map(|rollup| {
            json!({
                "rollup_id": rollup.rollup_id,
                "ordering_group": rollup.ordering_group,
                "batches": rollup.batches,
                "head": hex::encode(&rollup.head),
                "last_height": rollup.last_height,
            })
        })
        .collect();
    json!({
        "network": hex::encode(&status.network),
        "network_name": status.network_name,
        "version": status.version,
        "height": status.height,
        "block_id": hex::encode(&status.block_id),
        "time_nanos": status.time_nanos,
        "min_height": status.min_height,
        "catching_up": status.catching_up,
        "validator": hex::encode(&status.validator),
        "watching": status.watching,
        "consensus_peers": status.consensus_peers,
        "segment_peers": status.segment_peers,
        "ordered_transactions": status.ordered_transactions,
        "lanes": lanes,
        "rollups": rollups,
    })
}
