//! The rule read literally, for comparison: quadratic to cubic in everything, and sharing nothing with the engine.
//!
//! Lanes keep their whole history. Every quantity is computed from it, as `docs/fair-ordering.md` defines it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A transaction's id, which is also its tie-break.
pub(crate) type Id = u32;

/// What a height appends to a lane: runs of entries with a time, and the head's time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Append {
    pub(crate) runs: Vec<(Vec<Tx>, u64)>,
    pub(crate) head: Option<u64>,
}

/// A transaction as it comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tx {
    pub(crate) id: Id,
    pub(crate) groups: BTreeSet<u32>,
    pub(crate) expires: u64,
}

#[derive(Clone, Default)]
struct History {
    /// (id, tau), in receive order.
    entries: Vec<(Id, u64)>,
    last: Option<u64>,
    stated: u64,
}

/// The result of a height.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) clock: u64,
    pub(crate) omega: u64,
    /// (id, key, lo, hi) by component.
    pub(crate) emitted: Vec<Vec<(Id, u64, u64, u64)>>,
    pub(crate) held: BTreeSet<Id>,
    pub(crate) pending: BTreeSet<Id>,
    pub(crate) dropped: BTreeSet<Id>,
    pub(crate) capped: BTreeSet<u32>,
    /// By emitted transaction: everything live on a cycle of evidence with it, separations between groups counting
    /// as evidence.
    pub(crate) cycles: BTreeMap<Id, BTreeSet<Id>>,
}

#[derive(Clone)]
pub(crate) struct Oracle {
    powers: Vec<u128>,
    cap: usize,
    bound: u64,
    clock: u64,
    lanes: Vec<History>,
    live: BTreeMap<Id, Tx>,
    emitted: BTreeSet<Id>,
}

/// Infinity.
const NEVER: u64 = u64::MAX;

impl Oracle {
    pub(crate) fn new(powers: &[u64], cap: usize, bound: u64) -> Self {
        Self {
            powers: powers.iter().map(|&power| u128::from(power)).collect(),
            cap,
            bound,
            clock: 0,
            lanes: vec![History::default(); powers.len()],
            live: BTreeMap::new(),
            emitted: BTreeSet::new(),
        }
    }

    pub(crate) fn change(&mut self, powers: &[u64], from: &[Option<usize>]) {
        self.powers = powers.iter().map(|&power| u128::from(power)).collect();
        self.lanes =
            from.iter().map(|old| old.map_or_else(History::default, |old| self.lanes[old].clone())).collect();
    }

    fn w(&self) -> u128 {
        self.powers.iter().sum()
    }

    fn f(&self) -> u128 {
        self.w().div_ceil(3) - 1
    }

    fn q(&self) -> u128 {
        self.w() - self.f()
    }

    fn m(&self) -> u128 {
        self.w() / 2 + 1
    }

    fn position(&self, lane: usize, id: Id) -> Option<usize> {
        self.lanes[lane].entries.iter().position(|entry| entry.0 == id)
    }

    /// N(t).
    fn n(&self, id: Id) -> u128 {
        (0..self.lanes.len()).filter(|&i| self.position(i, id).is_some()).map(|i| self.powers[i]).sum()
    }

    fn quantile(&self, id: Id, p: u128) -> u64 {
        let tau = |i: usize| self.position(i, id).map(|at| self.lanes[i].entries[at].1);
        let times: BTreeSet<u64> = (0..self.lanes.len()).filter_map(tau).collect();
        let reached = |t: u64| {
            (0..self.lanes.len())
                .filter(|&i| tau(i).is_some_and(|x| x <= t))
                .map(|i| self.powers[i])
                .sum::<u128>()
        };
        times.into_iter().find(|&t| reached(t) >= p).unwrap_or(NEVER)
    }

    fn key(&self, id: Id) -> u64 {
        self.quantile(id, self.m())
    }

    fn lo(&self, id: Id) -> u64 {
        self.quantile(id, (self.q() - self.f()).min(self.m()))
    }

    fn hi(&self, id: Id) -> u64 {
        self.quantile(id, self.q())
    }

    pub(crate) fn step(&mut self, appends: &[Append]) -> Outcome {
        let before = self.clock;
        self.advance(appends);
        let mut outcome = Outcome { clock: self.clock, ..Outcome::default() };
        outcome.dropped = self.live.values().filter(|tx| tx.expires <= self.clock).map(|tx| tx.id).collect();
        self.forget(&outcome.dropped);
        for (lane, append) in appends.iter().enumerate() {
            self.append(lane, append, before);
        }
        let rule = View::new(self);
        outcome.omega = rule.omega;
        let (selected, capped) = rule.select(self.cap);
        let full: Vec<Id> = rule.all.clone();
        let reach = rule.follow(&full, |u, v| rule.edge(u, v, self.f()) || rule.hi[&u] < rule.lo[&v]);
        for component in rule.order(&selected.emit, self.f()) {
            for &id in &component {
                let same =
                    full.iter().copied().filter(|&x| reach[&id].contains(&x) && reach[&x].contains(&id));
                outcome.cycles.insert(id, same.collect());
            }
            let row = |&id: &Id| (id, rule.key[&id], rule.lo[&id], rule.hi[&id]);
            outcome.emitted.push(component.iter().map(row).collect());
        }
        outcome.capped = capped;
        outcome.held = selected.fin.difference(&selected.emit).copied().collect();
        outcome.pending = full.iter().copied().filter(|id| !selected.fin.contains(id)).collect();
        self.emitted.extend(selected.emit.iter().copied());
        self.forget(&selected.emit);
        outcome
    }

    fn advance(&mut self, appends: &[Append]) {
        for (lane, append) in self.lanes.iter_mut().zip(appends) {
            let times = append.runs.iter().map(|run| run.1).chain(append.head).chain(lane.last);
            lane.stated = times.fold(lane.stated, u64::max);
        }
        let reached = |t: u64| {
            (0..self.lanes.len()).filter(|&i| self.lanes[i].stated >= t).map(|i| self.powers[i]).sum::<u128>()
        };
        let best = self.lanes.iter().map(|lane| lane.stated).filter(|&t| reached(t) >= self.q()).max();
        self.clock = self.clock.max(best.unwrap_or(0));
    }

    fn forget(&mut self, ids: &BTreeSet<Id>) {
        self.live.retain(|id, _| !ids.contains(id));
        for lane in &mut self.lanes {
            lane.entries.retain(|(id, _)| !ids.contains(id));
        }
    }

    fn append(&mut self, lane: usize, append: &Append, before: u64) {
        for (txs, time) in &append.runs {
            for tx in txs {
                let repeated = self.position(lane, tx.id).is_some();
                let in_time = self.clock < tx.expires && tx.expires <= self.clock.saturating_add(self.bound);
                if repeated || !in_time || tx.groups.is_empty() || self.emitted.contains(&tx.id) {
                    continue;
                }
                let lane = &mut self.lanes[lane];
                let at = lane.last.map_or(*time, |last| (*time).max(last + 1));
                lane.last = Some(at);
                lane.entries.push((tx.id, at.max(before)));
                self.live.entry(tx.id).or_insert_with(|| tx.clone());
            }
        }
    }
}

struct Selected {
    fin: BTreeSet<Id>,
    emit: BTreeSet<Id>,
}

/// The quantities of one height, tabulated.
struct View<'a> {
    oracle: &'a Oracle,
    all: Vec<Id>,
    key: BTreeMap<Id, u64>,
    lo: BTreeMap<Id, u64>,
    hi: BTreeMap<Id, u64>,
    p: HashMap<(Id, Id), u128>,
    omega: u64,
}

impl<'a> View<'a> {
    fn new(oracle: &'a Oracle) -> Self {
        let all: Vec<Id> = oracle.live.keys().copied().collect();
        let key: BTreeMap<Id, u64> = all.iter().map(|&id| (id, oracle.key(id))).collect();
        let short = |id: &&Id| key[*id] < oracle.clock && oracle.n(**id) < oracle.q();
        let omega =
            all.iter().filter(short).map(|id| key[id]).min().map_or(oracle.clock, |t| t.min(oracle.clock));
        let places = |lane: &History| lane.entries.iter().map(|entry| entry.0).zip(0..).collect();
        let places: Vec<BTreeMap<Id, usize>> = oracle.lanes.iter().map(places).collect();
        let mut p = HashMap::new();
        for &a in &all {
            p.extend(all.iter().map(|&b| ((a, b), Self::power_before(oracle, &places, a, b))));
        }
        let lo = all.iter().map(|&id| (id, oracle.lo(id))).collect();
        let hi = all.iter().map(|&id| (id, oracle.hi(id))).collect();
        Self { oracle, all, key, lo, hi, p, omega }
    }

    /// P(a, b), with the places of all transactions by lane.
    fn power_before(oracle: &Oracle, places: &[BTreeMap<Id, usize>], a: Id, b: Id) -> u128 {
        let counts = |lane: &BTreeMap<Id, usize>| match (lane.get(&a), lane.get(&b)) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(a), Some(b)) => a < b,
        };
        places.iter().zip(&oracle.powers).filter(|(lane, _)| counts(lane)).map(|(_, power)| power).sum()
    }

    fn groups(&self, id: Id) -> &BTreeSet<u32> {
        &self.oracle.live[&id].groups
    }

    fn edge(&self, u: Id, v: Id, b: u128) -> bool {
        u != v
            && !self.groups(u).is_disjoint(self.groups(v))
            && (self.p[&(v, u)] <= b || self.hi[&u] < self.lo[&v])
    }

    /// What each of `set` reaches inside `set` by E_b, itself included.
    fn reach(&self, set: &[Id], b: u128) -> BTreeMap<Id, BTreeSet<Id>> {
        self.follow(set, |u, v| self.edge(u, v, b))
    }

    fn follow(&self, set: &[Id], edge: impl Fn(Id, Id) -> bool) -> BTreeMap<Id, BTreeSet<Id>> {
        let targets = |&u: &Id| (0..set.len()).filter(|&v| edge(u, set[v])).collect();
        let targets: Vec<Vec<usize>> = set.iter().map(targets).collect();
        let follow = |from: usize| {
            let mut seen = vec![false; set.len()];
            seen[from] = true;
            let mut open = vec![from];
            while let Some(u) = open.pop() {
                for &v in &targets[u] {
                    if !std::mem::replace(&mut seen[v], true) {
                        open.push(v);
                    }
                }
            }
            (set[from], (0..set.len()).filter(|&v| seen[v]).map(|v| set[v]).collect())
        };
        (0..set.len()).map(follow).collect()
    }

    fn priority(&self, id: Id) -> (u64, Id) {
        (self.key[&id], id)
    }

    /// Fin under the caps, and the groups over theirs.
    fn fin(&self, cap: usize) -> (BTreeSet<Id>, BTreeSet<u32>) {
        let candidates: Vec<Id> = self.all.iter().copied().filter(|id| self.key[id] < self.omega).collect();
        let mut limits: BTreeMap<u32, (u64, Id)> = BTreeMap::new();
        let groups: BTreeSet<u32> =
            candidates.iter().flat_map(|&id| self.groups(id).iter().copied()).collect();
        for &group in &groups {
            let members = candidates.iter().copied().filter(|&id| self.groups(id).contains(&group));
            let mut priorities: Vec<(u64, Id)> = members.map(|id| self.priority(id)).collect();
            priorities.sort_unstable();
            if let Some(&limit) = priorities.get(cap) {
                limits.insert(group, limit);
            }
        }
        let mut over: BTreeSet<u32> = BTreeSet::new();
        loop {
            let inside = |id: &Id, limits: &BTreeMap<u32, (u64, Id)>| {
                let below = |group: &u32| limits.get(group).is_none_or(|&limit| self.priority(*id) < limit);
                self.groups(*id).iter().all(below)
            };
            let mut next = limits.clone();
            for &id in candidates.iter().filter(|id| !inside(id, &limits)) {
                for &group in self.groups(id) {
                    let limit = next.entry(group).or_insert(self.priority(id));
                    *limit = (*limit).min(self.priority(id));
                }
            }
            if next == limits {
                let fin: BTreeSet<Id> = candidates.iter().copied().filter(|id| inside(id, &limits)).collect();
                for &group in &groups {
                    if fin.iter().filter(|&&id| self.groups(id).contains(&group)).count() == cap
                        && limits.contains_key(&group)
                    {
                        over.insert(group);
                    }
                }
                return (fin, over);
            }
            limits = next;
        }
    }

    fn select(&self, cap: usize) -> (Selected, BTreeSet<u32>) {
        let f = self.oracle.f();
        let (fin, over) = self.fin(cap);
        let list: Vec<Id> = fin.iter().copied().collect();
        let reach = self.reach(&list, f);
        let mut emit = BTreeSet::new();
        for &v in &list {
            let reaches = |u: &&Id| list.iter().any(|&x| self.edge(**u, x, f) && reach[&x].contains(&v));
            let lambda =
                self.all.iter().filter(|u| !fin.contains(u)).filter(reaches).map(|u| self.lo[u]).min();
            if lambda.is_none_or(|lambda| self.hi[&v] < lambda) {
                emit.insert(v);
            }
        }
        let close = |set: &mut BTreeSet<Id>| {
            let more: Vec<Id> =
                list.iter().copied().filter(|x| reach[x].iter().any(|y| set.contains(y))).collect();
            set.extend(more);
        };
        close(&mut emit);
        let in_group = |id: &Id, group: u32| self.groups(*id).contains(&group);
        let stuck = |group: &u32| {
            !emit.iter().any(|id| in_group(id, *group)) && fin.iter().any(|id| in_group(id, *group))
        };
        let capped: BTreeSet<u32> = over.into_iter().filter(stuck).collect();
        for &group in &capped {
            emit.extend(fin.iter().copied().filter(|id| in_group(id, group)));
        }
        close(&mut emit);
        (Selected { fin, emit }, capped)
    }

    /// Order(X, b).
    fn order(&self, set: &BTreeSet<Id>, b: u128) -> Vec<Vec<Id>> {
        let list: Vec<Id> = set.iter().copied().collect();
        let reach = self.reach(&list, b);
        let mut components: BTreeSet<BTreeSet<Id>> = BTreeSet::new();
        for &x in &list {
            components.insert(reach[&x].iter().copied().filter(|y| reach[y].contains(&x)).collect());
        }
        let components: Vec<BTreeSet<Id>> = components.into_iter().collect();
        let precedes =
            |c: &BTreeSet<Id>, d: &BTreeSet<Id>| c.iter().any(|&u| d.iter().any(|&v| self.edge(u, v, b)));
        let before = |d: usize| {
            let others = (0..components.len()).filter(|&c| c != d);
            (d, others.filter(|&c| precedes(&components[c], &components[d])).collect())
        };
        let mut waiting: BTreeMap<usize, BTreeSet<usize>> = (0..components.len()).map(before).collect();
        let largest = |c: usize| components[c].iter().map(|&id| self.priority(id)).max();
        let mut out = Vec::new();
        while !waiting.is_empty() {
            let ready = waiting.iter().filter(|(_, before)| before.is_empty()).map(|(&c, _)| c);
            let next = ready.min_by_key(|&c| largest(c)).expect("condensations have no cycles");
            waiting.remove(&next);
            waiting.values_mut().for_each(|before| {
                before.remove(&next);
            });
            out.push(self.inner(&components[next], b));
        }
        out
    }

    fn inner(&self, component: &BTreeSet<Id>, b: u128) -> Vec<Id> {
        let mut list: Vec<Id> = component.iter().copied().collect();
        if list.len() == 1 {
            return list;
        }
        if b == 0 {
            list.sort_by_key(|&id| self.priority(id));
            return list;
        }
        self.order(component, b / 2).into_iter().flatten().collect()
    }
}
