//! `fairlane explain`: why a transaction stands where it stands, from the lanes that a node keeps.

use super::{out, status};
use crate::json;
use clap::Args;
use eyre::{bail, ensure};
use fairlane_proto::v1::chain_service_client::ChainServiceClient;
use fairlane_proto::v1::comparison::Decider;
use fairlane_proto::v1::explain_transaction_response::Standing;
use fairlane_proto::v1::{Comparison, ExplainTransactionRequest, Explanation, LaneReport};
use fairlane_types::TxId;

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The transaction's id: 64 hexadecimal digits.
    #[arg(value_parser = id)]
    transaction: TxId,
    /// The block that ordered it, as its batch says: needed for transactions that the node has forgotten the place of.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    height: u64,
    /// A node's gRPC address.
    #[arg(long, env = "FAIRLANE_ENDPOINT", default_value = "http://127.0.0.1:26660")]
    endpoint: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn id(text: &str) -> Result<TxId, &'static str> {
    TxId::from_hex(text).map_err(|_| "it must be 64 hexadecimal digits")
}

impl Explain {
    pub(super) async fn run(self) -> eyre::Result<()> {
        let mut chain = ChainServiceClient::new(status::connect(&self.endpoint).await?);
        let transaction_id = fairlane_proto::convert::to_field(&self.transaction);
        let request = ExplainTransactionRequest { transaction_id, height: self.height };
        let answer = chain.explain_transaction(request).await.map_err(status::refused)?.into_inner();
        match answer.standing {
            Some(Standing::Ordered(why)) => {
                ensure!(why.total_power > 0, "the node's answer names no voting power");
                match self.json {
                    true => out!("{:#}", json::explanation(&why))?,
                    false => print(&why)?,
                }
                Ok(())
            }
            Some(Standing::Pending(_)) if self.json => {
                let id = self.transaction.to_string();
                Ok(out!("{:#}", serde_json::json!({ "transaction": id, "pending": true }))?)
            }
            Some(Standing::Pending(_)) => {
                Ok(out!("transaction {} is in a lane and not ordered yet: ask again soon", self.transaction)?)
            }
            None => bail!("the node's answer says nothing"),
        }
    }
}

fn print(why: &Explanation) -> std::io::Result<()> {
    out!("transaction  {}", hex::encode(&why.transaction_id))?;
    out!("block        {} ({})", why.height, hex::encode(&why.block_id))?;
    out!("position     {} of {} (the first is 0)", why.position, why.ordered_count)?;
    for place in &why.batches {
        let leg = match place.leg_count {
            0 | 1 => String::new(),
            count => format!(", leg {} of {count}", place.leg_index.saturating_add(1)),
        };
        out!("batch        rollup {}, batch {}, item {}{leg}", place.rollup_id, place.index, place.item)?;
    }
    let seconds = std::time::Duration::from_nanos(why.key_nanos);
    let key = humantime_serde::re::humantime::format_rfc3339_nanos(std::time::UNIX_EPOCH + seconds);
    out!("key          {key}: by then lanes of more than half the power had it")?;
    out!(
        "honest       between {} and {} (times from here on are told from the key)",
        offset(why.lo_nanos, why.key_nanos),
        offset(why.hi_nanos, why.key_nanos)
    )?;
    for lane in &why.lanes {
        out!("lane         {}", told(lane, why.key_nanos))?;
    }
    match why.component_size {
        0 | 1 => out!("component    it stood on no cycle of contradicting evidence")?,
        size => out!("component    one of {size} on a cycle of contradicting evidence")?,
    }
    if why.capped {
        out!("capped       a group was so crowded in this block that fairness is weakened in it")?;
    }
    for compared in &why.compared {
        out!("{}", against(compared, why))?;
    }
    out!("looked at    lanes from block {} on", why.looked_from)
}

/// A time from the key, in milliseconds.
fn offset(nanos: u64, key: u64) -> String {
    let millis = (i128::from(nanos) - i128::from(key)) as f64 / 1e6;
    format!("{millis:+.3} ms")
}

fn short(id: &[u8]) -> String {
    hex::encode(id.get(..8).unwrap_or(id))
}

fn told(lane: &LaneReport, key: u64) -> String {
    let name = format!("{} power {}", short(&lane.validator), lane.voting_power);
    let Some(seen) = &lane.sighting else { return format!("{name}  has not told of it up to this block") };
    let by = match seen.from_validator == lane.validator && seen.from_seq == seen.seq {
        true => "from a client".to_owned(),
        false => format!("with segment {} of {}", seen.from_seq, short(&seen.from_validator)),
    };
    let counted = match seen.counted_nanos == seen.received_nanos {
        true => String::new(),
        false => format!(", counted at {}", offset(seen.counted_nanos, key)),
    };
    format!(
        "{name}  received {}{counted} {by}; its segment {}, decided by block {}",
        offset(seen.received_nanos, key),
        seen.seq,
        seen.height
    )
}

fn against(compared: &Comparison, why: &Explanation) -> String {
    let (word, for_it) = match compared.position < why.position {
        true => ("after ", compared.power_other_first),
        false => ("before", compared.power_explained_first),
    };
    let reason = match compared.decider() {
        Decider::Groups => "they share no ordering group".to_owned(),
        Decider::Cycle => format!("one cycle; power {for_it} of {} saw it so", why.total_power),
        Decider::Separation => {
            format!("intervals do not overlap; power {for_it} of {} saw it so", why.total_power)
        }
        Decider::Evidence => format!("evidence: power {for_it} of {} saw it so", why.total_power),
        Decider::Key => format!("no evidence (power {for_it} of {}): by key", why.total_power),
        Decider::Tie => "equal keys: by the hash of id and parent block".to_owned(),
        Decider::Others | Decider::Unspecified => "by what stands between them".to_owned(),
    };
    format!(
        "{word}       {} at {}, key {}: {reason}",
        short(&compared.transaction_id),
        compared.position,
        offset(compared.key_nanos, why.key_nanos)
    )
}
