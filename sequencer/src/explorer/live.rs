//! What the page shows of the chain: made a few times a second for all who listen. Lanes are looked at all the time.

use super::settled::Settled;
use super::uptime::{LaneKey, Uptime};
use crate::evidence::Proof;
use crate::json;
use crate::rpc::{OnEthereum, Services};
use fairlane_proto::convert::CertifiedHeader;
use fairlane_proto::v1::{GetStatusResponse, LaneStatus};
use fairlane_types::{NetworkId, RollupId};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;

/// How often it is made.
const INTERVAL: Duration = Duration::from_millis(500);
/// How often lanes are looked at.
const LOOK: Duration = Duration::from_secs(10);
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
    uptime: Arc<Mutex<Uptime>>,
    settled: Arc<Mutex<Settled>>,
    stop: CancellationToken,
}

impl Live {
    pub(super) fn start(services: Services, stop: CancellationToken) -> Self {
        let told = watch::channel(None).0;
        let live = Self { services, told, uptime: Arc::default(), settled: Arc::default(), stop };
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
        let [mut tick, mut look] = [INTERVAL, LOOK].map(|period| {
            let mut interval = tokio::time::interval(period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        });
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = look.tick() => {
                    let lanes = self.services.status().lanes;
                    self.uptime().look(lanes.iter().map(|lane| (key_of(lane), lane.head_seq)));
                    continue;
                }
                () = self.stop.cancelled() => return,
            }
            if self.told.receiver_count() == 0 {
                self.settled().rest(Instant::now());
                continue;
            }
            // What could not be read was logged there; the page shows that nothing new comes.
            if let Ok(now) = self.look().await {
                self.told.send_replace(Some(now.to_string().into()));
            }
        }
    }

    fn uptime(&self) -> MutexGuard<'_, Uptime> {
        self.uptime.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settled(&self) -> MutexGuard<'_, Settled> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the rollups of a status are settled; `None` where this node does not look at Ethereum. Closed ones come last.
    fn settlements(&self, status: &GetStatusResponse) -> Option<Value> {
        let settlements = self.services.settlements()?;
        let (closed, open): (Vec<_>, Vec<_>) = status.rollups.iter().partition(|rollup| rollup.closed);
        let ids = open.iter().chain(&closed).map(|rollup| RollupId::new(rollup.rollup_id));
        let ids = ids.collect::<Vec<_>>();
        Some(self.settled().look(Instant::now(), &ids, |id| settlements.watch(id)))
    }

    /// For each lane of a status, at how many of the last hour's looks it had grown.
    fn uptimes(&self, status: &GetStatusResponse) -> Vec<Value> {
        let uptime = self.uptime();
        let shown = |(grew, looks): (usize, usize)| json!({ "grew": grew, "looks": looks });
        status.lanes.iter().map(|lane| uptime.of(&key_of(lane)).map_or(Value::Null, shown)).collect()
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
        let (status, on_ethereum) = (self.services.status(), self.services.on_ethereum().await?);
        Ok(json!({
            "status": json::status(&status),
            "uptime": self.uptimes(&status),
            "ethereum": on_ethereum.as_ref().map(ethereum),
            "settled": self.settlements(&status),
            "blocks": blocks.iter().map(block).collect::<Vec<_>>(),
            "evidence": offences.collect::<Vec<_>>(),
        }))
    }
}

fn key_of(lane: &LaneStatus) -> LaneKey {
    (lane.validator.to_vec(), lane.incarnation)
}

/// What Ethereum knows to be final.
fn ethereum(known: &OnEthereum) -> Value {
    let rollups =
        known.heads.iter().map(|leaf| json!({ "rollup_id": leaf.rollup.get(), "batches": leaf.index.get() }));
    json!({ "checkpoint": known.checkpoint.get(), "rollups": rollups.collect::<Vec<_>>() })
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
