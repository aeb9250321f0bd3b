//! `fairlane status`: what a node says about itself and its network. Nothing of it is verified.

use super::out;
use crate::json;
use clap::Args;
use eyre::{WrapErr as _, bail};
use fairlane_proto::v1::chain_service_client::ChainServiceClient;
use fairlane_proto::v1::{GetStatusRequest, GetStatusResponse};
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
    /// Fail unless the node takes part: it has a block, is not catching up, and does vote if it is a validator.
    #[arg(long)]
    ready: bool,
}

impl Status {
    pub(super) async fn run(self) -> eyre::Result<()> {
        let status = get(&self.endpoint).await?;
        if self.json {
            out!("{:#}", json::status(&status))?;
        } else {
            print(&status)?;
        }
        match not_ready(&status) {
            Some(why) if self.ready => bail!("the node is not ready: {why}"),
            _ => Ok(()),
        }
    }
}

/// Why a node does not take part; `None` if it does.
fn not_ready(status: &GetStatusResponse) -> Option<&'static str> {
    if status.height == 0 {
        return Some("no block is finalized yet");
    }
    if status.catching_up {
        return Some("it is catching up");
    }
    status.watching.then_some("it watches, and does not vote yet")
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
