//! Which final transactions can be emitted: those that nothing unfinished can still precede.

use super::Graph;
use super::walk::Walk;
use crate::lane::NEVER;

impl Graph<'_> {
    /// S, by transaction: R closed under predecessors, where R are those that no pending transaction reaches, or
    /// whose `hi` lies below the least `lo` of those that do (lambda).
    pub(crate) fn select(&self) -> Vec<bool> {
        let mut selected = vec![true; self.len()];
        let blockers = self.blockers();
        if blockers.is_empty() {
            return selected;
        }
        let (reached, released) = self.sweep(&blockers);
        for &tx in &reached {
            selected[tx as usize] = false;
        }
        self.close(&mut selected, &released);
        selected
    }

    /// Selects these as well, and everything that must precede them.
    pub(crate) fn close(&self, selected: &mut [bool], txs: &[u32]) {
        let open: Vec<u32> = (0..self.len() as u32).filter(|&tx| !selected[tx as usize]).collect();
        let mut walk = Walk::new(self);
        walk.activate(&open);
        let mut closed: Vec<u32> = txs.iter().copied().filter(|&tx| walk.visit(tx)).collect();
        while let Some(tx) = closed.pop() {
            selected[tx as usize] = true;
            walk.predecessors(tx, &mut closed);
        }
    }

    /// Pending transactions' edges into the final ones: (least `lo` of a pending source, target), ascending.
    fn blockers(&self) -> Vec<(u64, u32)> {
        let mut blockers = Vec::new();
        for group in &self.groups {
            for (node, &lo) in group.evidence.blockers.iter().enumerate().filter(|&(_, &lo)| lo != NEVER) {
                blockers.extend(group.members(node).first().map(|&tx| (lo, tx)));
            }
        }
        blockers.sort_unstable();
        blockers
    }

    /// Walks on from the blocked ones by ascending `lo`, so that the first visit tells lambda. Returns what was
    /// reached, and those of them that are released all the same.
    fn sweep(&self, blockers: &[(u64, u32)]) -> (Vec<u32>, Vec<u32>) {
        let all: Vec<u32> = (0..self.len() as u32).collect();
        let mut walk = Walk::new(self);
        walk.activate(&all);
        let (mut reached, mut released) = (Vec::new(), Vec::new());
        let mut next = 0;
        for &(lambda, tx) in blockers {
            if walk.visit(tx) {
                reached.push(tx);
            }
            while let Some(&tx) = reached.get(next) {
                if self.hi[tx as usize] < lambda {
                    released.push(tx);
                }
                walk.successors(tx, &mut reached);
                next += 1;
            }
        }
        (reached, released)
    }
}
