//! Fairness: theorems T1 and T2 of `docs/fair-ordering.md`, the medians that a block tells, and that nobody but the
//! parent block's hash decides between equals.

use super::ledger::{Fact, Interval, Ledger};
use super::{Cast, Verdict, broken};
use crate::observe::Committed;
use fairlane_chain::OrderedEntry;
use fairlane_types::{BlockId, TxId};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// A transaction of the block, or one that could have been.
struct Candidate<'a> {
    id: TxId,
    fact: &'a Fact,
    interval: Interval,
    /// Its place in the block.
    place: Option<usize>,
}

/// What a block is judged by.
struct Judge<'a> {
    cast: &'a Cast,
    ledger: &'a Ledger,
    candidates: Vec<Candidate<'a>>,
}

/// Checks the order of a block. The ledger has taken in the block's cut, and not yet what it ordered.
pub(super) fn check(cast: &Cast, ledger: &Ledger, parent: &BlockId, block: &Committed) -> Verdict {
    let entries = &block.order.entries;
    if entries.is_empty() {
        return Ok(());
    }
    let places: BTreeMap<TxId, usize> = entries.iter().map(|entry| entry.id).zip(0..).collect();
    let candidates = ledger.all_live().map(|(id, fact)| {
        let interval = ledger.interval(cast, fact);
        Candidate { id: *id, fact, interval, place: places.get(id).copied() }
    });
    let judge = Judge { cast, ledger, candidates: candidates.collect() };
    judge.check_told(entries)?;
    for (at, second) in judge.candidates.iter().enumerate().filter(|(_, second)| second.place.is_some()) {
        for (of, first) in judge.candidates.iter().enumerate() {
            let early = first.place.is_some() && first.place < second.place;
            if of == at || early || !first.fact.shares_group(second.fact) {
                continue;
            }
            judge.check_separation(first, second)?;
            if !block.proposal.header.capped {
                judge.check_fairness(of, at)?;
            }
        }
    }
    judge.check_ties(entries, parent)
}

impl Judge<'_> {
    /// The medians and intervals that the block tells are those of the lanes.
    fn check_told(&self, entries: &[OrderedEntry]) -> Verdict {
        let by_id: BTreeMap<TxId, Interval> = self.candidates.iter().map(|it| (it.id, it.interval)).collect();
        for OrderedEntry { id, key, lo, hi, .. } in entries {
            let told = Interval { lo: lo.as_nanos(), key: key.as_nanos(), hi: hi.as_nanos() };
            if by_id.get(id) != Some(&told) {
                let what = format!("{id}: told {told:?}, found {:?}", by_id.get(id));
                return broken("a block tells the times of receipt", what);
            }
        }
        Ok(())
    }

    /// T2: whoever was received by a quorum before the other was received by honest power comes first.
    fn check_separation(&self, first: &Candidate, second: &Candidate) -> Verdict {
        if first.interval.hi < second.interval.lo {
            let what = format!("{} comes after {}", first.id, second.id);
            return broken("separated transactions keep their order (T2)", what);
        }
        Ok(())
    }

    /// T1: what honest power of a quorum received first comes first, or both stand on a cycle of evidence.
    fn check_fairness(&self, first: usize, second: usize) -> Verdict {
        let (a, b) = (&self.candidates[first], &self.candidates[second]);
        let honest = self.ledger.power_before(self.cast, a.fact, b.fact, true);
        if honest < self.cast.quorum() || self.leads_to(second, first) {
            return Ok(());
        }
        let what = format!("honest power {honest} received {} before {}, which comes first", a.id, b.id);
        broken("a quorum's order of receipt is kept (T1)", what)
    }

    /// Whether evidence or separation says that the one at `from` comes before the one at `to`.
    fn has_edge(&self, from: usize, to: usize) -> bool {
        let (from, to) = (&self.candidates[from], &self.candidates[to]);
        from.fact.shares_group(to.fact)
            && (from.interval.hi < to.interval.lo
                || self.ledger.power_before(self.cast, to.fact, from.fact, false) <= self.cast.faulty())
    }

    fn leads_to(&self, from: usize, to: usize) -> bool {
        let mut reached = BTreeSet::from([from]);
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            if at == to {
                return true;
            }
            for next in 0..self.candidates.len() {
                if !reached.contains(&next) && self.has_edge(at, next) {
                    reached.insert(next);
                    open.push(next);
                }
            }
        }
        false
    }

    /// Of two components that stand next to each other without an edge between them, the one with the lesser greatest
    /// priority comes first: by key, then by the hash of parent block and id.
    fn check_ties(&self, entries: &[OrderedEntry], parent: &BlockId) -> Verdict {
        let places: BTreeMap<TxId, usize> = self.candidates.iter().map(|it| it.id).zip(0..).collect();
        let mut components: Vec<Vec<usize>> = Vec::new();
        for entry in entries {
            if entry.component as usize >= components.len() {
                components.push(Vec::new());
            }
            components[entry.component as usize].extend(places.get(&entry.id));
        }
        for pair in components.windows(2) {
            let [one, next] = pair else { continue };
            let bound = one.iter().any(|from| next.iter().any(|to| self.has_edge(*from, *to)));
            if !bound && self.priority(one, parent) > self.priority(next, parent) {
                let what =
                    format!("{} comes before {}", self.candidates[one[0]].id, self.candidates[next[0]].id);
                return broken("only times and the parent's hash rank what evidence does not", what);
            }
        }
        Ok(())
    }

    fn priority(&self, component: &[usize], parent: &BlockId) -> Option<(u64, [u8; 32])> {
        let of = |at: &usize| {
            let candidate = &self.candidates[*at];
            let rank = Sha256::new().chain_update(parent.as_bytes()).chain_update(candidate.id.as_bytes());
            (candidate.interval.key, rank.finalize().into())
        };
        component.iter().map(of).max()
    }
}
