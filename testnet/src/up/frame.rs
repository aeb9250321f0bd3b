//! What one frame of the table shows.

use super::beside::Beside;
use crate::network::NodeStatus;
use crate::session::Session;
use crate::steps::{Step, Times};
use crate::table::columns;
use std::time::Instant;

pub(super) struct Frame {
    at: Instant,
    statuses: Vec<Option<NodeStatus>>,
    finalized: u64,
}

impl Frame {
    pub(super) async fn take(session: &mut Session) -> eyre::Result<Self> {
        let mut statuses = Vec::new();
        for node in &mut session.network.nodes {
            statuses.push(node.status().await.ok());
        }
        Ok(Self { at: Instant::now(), statuses, finalized: session.watch.completed() })
    }

    fn height(&self) -> u64 {
        self.statuses.iter().flatten().map(|status| status.height).max().unwrap_or(0)
    }

    fn rates(&self, before: &Self) -> (f64, f64) {
        let seconds = self.at.duration_since(before.at).as_secs_f64().max(f64::EPSILON);
        let blocks = self.height().saturating_sub(before.height()) as f64 / seconds;
        (blocks, self.finalized.saturating_sub(before.finalized) as f64 / seconds)
    }

    pub(super) fn summary(&self, before: &Self, begun: Instant) -> String {
        let (blocks, transactions) = self.rates(before);
        format!(
            "{:4.0} s  height {}  {blocks:.1} blocks/s  {transactions:.0} tx/s  {} verified",
            begun.elapsed().as_secs_f64(),
            self.height(),
            self.finalized
        )
    }

    /// The whole frame. Fails when a rollup's part has ended by itself.
    pub(super) async fn lines(
        &self,
        session: &Session,
        beside: &mut Beside,
        before: &Self,
        begun: Instant,
    ) -> eyre::Result<Vec<String>> {
        let mut lines = vec![self.summary(before, begun)];
        let mut block = |rows: Vec<Vec<String>>| {
            lines.push(String::new());
            lines.extend(columns(&rows));
        };
        block(load_rows(session));
        block(self.node_rows(session));
        beside.rows().await?.into_iter().for_each(&mut block);
        block(step_rows(session, beside));
        lines.extend(beside.lines());
        Ok(lines)
    }

    fn node_rows(&self, session: &Session) -> Vec<Vec<String>> {
        let mut rows = vec![header(&["validator", "height", "lane", "lag", "peers", "memory MB"])];
        for (node, status) in session.network.nodes.iter().zip(&self.statuses) {
            rows.push(node_row(node.pid(), status.as_ref()));
        }
        rows
    }
}

fn load_rows(session: &Session) -> Vec<Vec<String>> {
    let mut rows = vec![header(&["rollup", "batches", "transactions", "p50 ms", "p99 ms", "max ms"])];
    for rollup in session.watch.rollups() {
        let latency = rollup.latency();
        rows.push(vec![
            format!("{} ({})", rollup.id, rollup.kind),
            rollup.batches().to_string(),
            rollup.items().to_string(),
            format!("{:.1}", latency.p50),
            format!("{:.1}", latency.p99),
            format!("{:.1}", latency.max),
        ]);
    }
    rows
}

/// The median time to each step, of all rollups.
fn step_rows(session: &Session, beside: &Beside) -> Vec<Vec<String>> {
    let mut rows = vec![header(&["p50 since sent"])];
    rows[0].extend(Step::ALL.map(|step| step.name().to_owned()));
    let mut row = |name: String, times: Times| rows.push([name].into_iter().chain(times.cells()).collect());
    for rollup in session.watch.rollups() {
        let receipt = session.load.shared.receipt_median(rollup.id);
        let times = Times::default().with(Step::Receipt, receipt).with(Step::Final, rollup.median());
        row(format!("{} ({})", rollup.id, rollup.kind), times);
    }
    beside.medians().for_each(|(name, times)| row(name, times));
    rows
}

fn header(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn node_row(pid: Option<u32>, status: Option<&NodeStatus>) -> Vec<String> {
    let Some(status) = status else { return header(&["(no answer)", "", "", "", "", ""]) };
    let name: String = status.validator.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let own = status.lanes.iter().find(|lane| lane.validator == status.validator);
    let (head, lag) =
        own.map_or((0, 0), |lane| (lane.head_seq, lane.head_seq.saturating_sub(lane.decided_seq)));
    let memory = pid.map_or(0, crate::proc::resident_bytes) / 1_000_000;
    vec![
        name,
        status.height.to_string(),
        head.to_string(),
        lag.to_string(),
        format!("{}+{}", status.consensus_peers, status.segment_peers),
        memory.to_string(),
    ]
}
