//! Order(X, b): components in topological order, the smallest ready one first, and the same again inside.
//!
//! Taking always the ready component with the smallest priority means: the component of the greatest priority `r`
//! comes as late as it can, when only its descendants are left. So what `r` does not reach is ordered first, then
//! `r`'s component, then what it reaches. Scanning by descending priority and visiting what each root reaches
//! splits the whole set that way at once; each part is then split in turn, on an explicit stack.

use super::Graph;
use super::walk::Walk;

/// Transactions in order, divided into components.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sequence {
    txs: Vec<u32>,
    ends: Vec<u32>,
}

impl Sequence {
    /// The components, in order.
    pub(crate) fn components(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.txs[start as usize..end as usize])
    }

    fn push(&mut self, component: impl IntoIterator<Item = u32>) {
        self.txs.extend(component);
        self.ends.push(self.txs.len() as u32);
    }
}

/// What is still to be ordered; the top of the stack comes first.
enum Part {
    /// One transaction that is a component of its own.
    Single(u32),
    /// A root, first, and everything of lesser priority that it reaches.
    Reached(Vec<u32>),
}

impl Graph<'_> {
    /// Orders these transactions, given ascending.
    pub(crate) fn order(&self, txs: &[u32]) -> Sequence {
        let mut out = Sequence { txs: Vec::with_capacity(txs.len()), ends: Vec::with_capacity(txs.len()) };
        let mut walk = Walk::new(self);
        let mut parts = Vec::with_capacity(txs.len());
        self.split(txs, &mut walk, &mut parts);
        while let Some(part) = parts.pop() {
            match part {
                Part::Single(tx) => out.push([tx]),
                Part::Reached(txs) => self.order_reached(txs, &mut walk, &mut parts, &mut out),
            }
        }
        out
    }

    /// Divides transactions by the root that reaches them, and pushes the parts, the last first.
    fn split(&self, txs: &[u32], walk: &mut Walk, parts: &mut Vec<Part>) {
        walk.activate(txs);
        for &root in txs.iter().rev() {
            if !walk.visit(root) {
                continue;
            }
            if self.reaches_nothing_lesser(root) {
                walk.retire(root);
                parts.push(Part::Single(root));
                continue;
            }
            let mut reached = vec![root];
            let mut next = 0;
            while let Some(&tx) = reached.get(next) {
                walk.successors(tx, &mut reached);
                next += 1;
            }
            parts.push(if reached.len() == 1 { Part::Single(root) } else { Part::Reached(reached) });
        }
    }

    /// Whether every edge from `tx` leads to a greater priority. Separation always does.
    fn reaches_nothing_lesser(&self, tx: u32) -> bool {
        self.places(tx).iter().all(|place| {
            let group = &self.groups[place.group as usize];
            let node = place.node as usize;
            group.members(node).len() == 1 && group.evidence.backward_out(node).is_empty()
        })
    }

    /// Emits the root's component and leaves the rest on the stack.
    fn order_reached(&self, mut txs: Vec<u32>, walk: &mut Walk, parts: &mut Vec<Part>, out: &mut Sequence) {
        let root = txs[0];
        txs.sort_unstable();
        walk.activate(&txs);
        walk.visit(root);
        let mut component = vec![root];
        let mut next = 0;
        while let Some(&tx) = component.get(next) {
            walk.predecessors(tx, &mut component);
            next += 1;
        }
        let rest: Vec<u32> = txs.iter().copied().filter(|&tx| walk.is_active(tx)).collect();
        walk.finish(&txs);
        component.sort_unstable();
        self.order_component(component, out);
        match rest.as_slice() {
            [] => {}
            &[tx] => parts.push(Part::Single(tx)),
            txs => self.split(txs, walk, parts),
        }
    }

    /// Emits one component (ascending), ordered inside by stricter evidence and at last by priority.
    fn order_component(&self, component: Vec<u32>, out: &mut Sequence) {
        if component.len() == 1 || self.budget == 0 {
            return out.push(component);
        }
        let inner = self.restrict(&component, self.budget / 2);
        let all: Vec<u32> = (0..inner.len() as u32).collect();
        out.push(inner.order(&all).txs.into_iter().map(|number| component[number as usize]));
    }
}
