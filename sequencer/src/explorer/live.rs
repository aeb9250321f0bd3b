//! What the page shows of the chain: made a few times a second for all who listen.

use crate::evidence::Proof;
use crate::json;
use crate::rpc::Services;
use fairlane_proto::convert::CertifiedHeader;
use fairlane_types::NetworkId;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;

/// How often it is made.
const INTERVAL: Duration = Duration::from_millis(500);
/// Blocks that are told.
const BLOCKS: u64 = 40;
/// Offences that are told: the newest.
const OFFENCES: usize = 20;
/// Not every proof names its network. Where one is only shown, it does not matter which one is taken for it.
const ANY_NETWORK: NetworkId = NetworkId::from_bytes([0; 32]);

/// What listeners are told, as JSON text; `None` before the first of them came.
type Told = Option<Arc<str>>;

/// What the page shows. Cheap to clone.
#[derive(Clone)]
pub(super) struct Live {
    services: Services,
    told: watch::Sender<Told>,
    stop: CancellationToken,
}

impl Live {
    pub(super) fn start(services: Services, stop: CancellationToken) -> Self {
        let live = Self { services, told: watch::channel(None).0, stop };
        tokio::spawn(live.clone().run());
        live
    }

    /// What is told, from now on.
    pub(super) fn listen(&self) -> watch::Receiver<Told> {
        self.told.subscribe()
    }

    /// Resolves when the node stops.
    pub(super) fn stopped(&self) -> WaitForCancellationFutureOwned {
        self.stop.clone().cancelled_owned()
    }

    async fn run(self) {
        let mut tick = tokio::time::interval(INTERVAL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = self.stop.cancelled() => return,
            }
            if self.told.receiver_count() == 0 {
                continue;
            }
            // What could not be read was logged there; the page shows that nothing new comes.
            if let Ok(now) = self.look().await {
                self.told.send_replace(Some(now.to_string().into()));
            }
        }
    }

    /// How things stand.
    pub(super) async fn look(&self) -> Result<Value, Status> {
        let blocks = self.services.newest_blocks(BLOCKS).await?;
        let mut evidence = self.services.evidence();
        evidence.sort_by_key(|record| std::cmp::Reverse(record.found_at_nanos));
        let offences = evidence.iter().take(OFFENCES).filter_map(|record| {
            let proof = Proof::from_bytes(ANY_NETWORK, record.evidence.clone()).ok()?;
            Some(json::evidence(record, &proof))
        });
        Ok(json!({
            "status": json::status(&self.services.status()),
            "blocks": blocks.iter().map(block).collect::<Vec<_>>(),
            "evidence": offences.collect::<Vec<_>>(),
        }))
    }
}

/// A block, in short.
pub(super) fn block(block: &CertifiedHeader) -> Value {
    let signers = block.certificate.signatures.iter().map(|signed| signed.validator.to_string());
    json!({
        "height": block.header.height.get(),
        "id": block.header.id().to_string(),
        "time_nanos": block.header.time.as_nanos(),
        "ordered": block.header.ordered_count,
        "round": block.certificate.round.get(),
        "signers": signers.collect::<Vec<_>>(),
    })
}
