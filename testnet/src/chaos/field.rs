//! The validators during a chaos run, and what is seen of them from outside.

use super::ground::SlowableDisk;
use crate::network::Node;
use crate::proc;
use eyre::{OptionExt as _, ensure};
use fairlane_proto::convert::CertifiedHeader;
use fairlane_proto::v1::{GetHeaderRequest, GetStatusRequest};
use fairlane_types::ValidatorId;
use std::collections::BTreeMap;
use std::sync::{Mutex as StdMutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How often all validators are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// What was seen so far.
#[derive(Debug)]
pub(super) struct Sightings {
    /// The last height that each validator told.
    heights: Vec<u64>,
    /// Every block that any validator called final.
    pub(super) finals: BTreeMap<u64, bytes::Bytes>,
    /// The most memory that each validator used, in bytes.
    pub(super) memory: Vec<u64>,
    /// The longest time in which no validator got higher.
    pub(super) longest_halt: Duration,
    advanced: Instant,
}

/// The validators, shared by those who strike and those who watch.
#[derive(Debug)]
pub(super) struct Field {
    /// Locked for moments only, never while waiting for an answer.
    pub(super) nodes: Vec<Mutex<Node>>,
    /// The disk that can be slowed down, if any.
    pub(super) slow_disk: Option<SlowableDisk>,
    /// When load and faults began.
    pub(super) begun: Instant,
    sightings: StdMutex<Sightings>,
}

impl Field {
    pub(super) fn new(nodes: Vec<Node>, slow_disk: Option<SlowableDisk>) -> Self {
        let count = nodes.len();
        let sightings = Sightings {
            heights: vec![0; count],
            finals: BTreeMap::new(),
            memory: vec![0; count],
            longest_halt: Duration::ZERO,
            advanced: Instant::now(),
        };
        let nodes = nodes.into_iter().map(Mutex::new).collect();
        Self { nodes, slow_disk, begun: Instant::now(), sightings: StdMutex::new(sightings) }
    }

    /// Gives the validators back, and what was seen of them.
    pub(super) fn end(self) -> (Vec<Node>, Sightings) {
        let nodes = self.nodes.into_iter().map(Mutex::into_inner).collect();
        (nodes, self.sightings.into_inner().expect("no holder panics"))
    }

    pub(super) fn sightings(&self) -> MutexGuard<'_, Sightings> {
        self.sightings.lock().expect("no holder panics")
    }

    /// The highest height that any validator told.
    pub(super) fn best(&self) -> u64 {
        self.sightings().heights.iter().copied().max().unwrap_or(0)
    }

    /// Says what happens, with the time since the beginning.
    pub(super) fn tell(&self, text: impl AsRef<str>) {
        println!("{:6.1} s  {}", self.begun.elapsed().as_secs_f64(), text.as_ref());
    }

    /// Looks at all validators again and again. Ends only with an error: two blocks at one height.
    pub(super) async fn watch(&self) -> eyre::Result<std::convert::Infallible> {
        let mut tick = tokio::time::interval(LOOK);
        loop {
            tick.tick().await;
            let looks = (0..self.nodes.len()).map(|index| self.look(index));
            for look in futures::future::join_all(looks).await {
                look?;
            }
        }
    }

    /// Looks at one validator. One that gives no answer is not a fault here: that may be what was done to it.
    async fn look(&self, index: usize) -> eyre::Result<()> {
        let (pid, mut chain) = {
            let mut node = self.nodes[index].lock().await;
            (node.pid(), node.chain()?)
        };
        let memory = pid.map_or(0, proc::resident_bytes);
        let status = chain.get_status(GetStatusRequest {}).await.map(tonic::Response::into_inner);
        let mut seen = self.sightings();
        seen.memory[index] = seen.memory[index].max(memory);
        let Ok(status) = status else { return Ok(()) };
        if status.height > seen.heights.iter().copied().max().unwrap_or(0) {
            seen.longest_halt = seen.longest_halt.max(seen.advanced.elapsed());
            seen.advanced = Instant::now();
        }
        seen.heights[index] = status.height;
        if status.height > 0 {
            let known = seen.finals.entry(status.height).or_insert_with(|| status.block_id.clone());
            ensure!(
                *known == status.block_id,
                "validator {index} has finalized another block at height {} than another validator",
                status.height
            );
        }
        Ok(())
    }

    /// The newest block that a validator has, as it tells it.
    pub(super) async fn newest(&self, index: usize) -> eyre::Result<CertifiedHeader> {
        let mut chain = self.nodes[index].lock().await.chain()?;
        let answer = chain.get_header(GetHeaderRequest { height: 0 }).await?.into_inner();
        Ok(answer.block.ok_or_eyre("the answer has no block")?.try_into()?)
    }

    /// Whether a validator is where the others are, and its own vote stands in a certificate above `height`.
    pub(super) async fn takes_part(&self, index: usize, validator: ValidatorId, height: u64) -> bool {
        let Ok(block) = self.newest(index).await else { return false };
        let own = block.header.height.get();
        let votes = block.certificate.signatures.iter().any(|vote| vote.validator == validator);
        own > height && own + super::CAUGHT_UP_BLOCKS >= self.best() && votes
    }
}
