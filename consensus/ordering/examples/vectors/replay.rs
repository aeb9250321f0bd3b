//! Replaying vectors: parsing them, stepping the engine through them, and comparing.

use fairlane_ordering::{
    Engine, Groups, LaneAppend, Ordered, OrderingParams, PlacedRun, Quantiles, Run, RunTx, TieBreak,
};
use fairlane_types::{GroupId, Timestamp, TxId, VotingPower};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// Replays all vectors of a file, telling line by line what comes out. Returns how many there are, or what is the
/// first thing that is wrong: with the file, or with a result.
pub(crate) fn replay_all(text: &str, tell: &mut dyn FnMut(String)) -> Result<usize, String> {
    let file: Value = serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
    let vectors = list(field(&file, "vectors")?, "vectors")?;
    for (index, vector) in vectors.iter().enumerate() {
        let name = vector.get("name").and_then(Value::as_str).map_or(format!("#{index}"), str::to_owned);
        tell(name.clone());
        replay(vector, tell).map_err(|error| format!("vector {name}: {error}"))?;
    }
    Ok(vectors.len())
}

/// The transactions of one vector by name. Ids ascend as names do, so that ids break ties as names would.
struct Names {
    ids: BTreeMap<String, TxId>,
    names: BTreeMap<TxId, String>,
}

impl Names {
    fn collect(heights: &[Value]) -> Result<Self, String> {
        let mut names = BTreeSet::new();
        for height in heights {
            for lane in list(field(height, "lanes")?, "lanes")? {
                for entry in list(field(lane, "entries")?, "entries")? {
                    names.insert(Entry::parse(entry)?.tx);
                }
            }
        }
        let ids = names.into_iter().zip(1u64..).map(|(name, number)| (name, id(number)));
        let ids: BTreeMap<String, TxId> = ids.collect();
        let names = ids.iter().map(|(name, id)| (*id, name.clone())).collect();
        Ok(Self { ids, names })
    }

    fn id(&self, name: &str) -> Result<TxId, String> {
        self.ids.get(name).copied().ok_or_else(|| format!("transaction {name} is in no lane"))
    }

    fn name(&self, id: &TxId) -> String {
        self.names.get(id).cloned().unwrap_or_else(|| id.to_string())
    }
}

fn id(number: u64) -> TxId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    TxId::from_bytes(bytes)
}

struct Entry {
    tx: String,
    time: u64,
    groups: Groups,
}

impl Entry {
    fn parse(value: &Value) -> Result<Self, String> {
        let wrong = || format!("entry {value} is not [tx, time, groups?]");
        let parts = value.as_array().filter(|parts| (2..=3).contains(&parts.len())).ok_or_else(wrong)?;
        let tx = text(&parts[0]).ok_or_else(wrong)?;
        let time = parts[1].as_u64().ok_or_else(wrong)?;
        let groups = match parts.get(2) {
            None => Groups::one(GroupId::ZERO),
            Some(groups) => {
                let ids = groups.as_array().ok_or_else(wrong)?.iter();
                let ids = ids.map(|id| id.as_u64().and_then(|id| u32::try_from(id).ok()).map(GroupId::new));
                let ids: Vec<GroupId> = ids.collect::<Option<_>>().ok_or_else(wrong)?;
                Groups::new(ids).map_err(|error| format!("entry {value}: {error}"))?
            }
        };
        Ok(Self { tx, time, groups })
    }
}

fn replay(vector: &Value, tell: &mut dyn FnMut(String)) -> Result<(), String> {
    let weights = list(field(vector, "weights")?, "weights")?.iter();
    let powers: Option<Vec<VotingPower>> =
        weights.map(|weight| weight.as_u64().map(VotingPower::new)).collect();
    let powers = powers.ok_or("weights: not all are whole numbers")?;
    let params = OrderingParams { group_cap: u32::MAX, expiry_bound: u64::MAX };
    let mut engine = Engine::new(&powers, params).map_err(|error| format!("weights: {error}"))?;
    let heights = list(field(vector, "heights")?, "heights")?;
    let names = Names::collect(heights)?;
    let mut emitted = HashSet::new();
    for (height, value) in (1..).zip(heights) {
        let at = |error: String| format!("height {height}: {error}");
        let appends = appends(value, &names, powers.len()).map_err(at)?;
        let ordered = engine.step_with(&appends, &emitted, TieBreak::ById);
        emitted.extend(ordered.txs().map(|tx| tx.id));
        let found = Found::new(&ordered, &engine, &names);
        tell(format!("  {height}: {found}"));
        check(value, &found, &ordered, &engine, &names).map_err(at)?;
    }
    Ok(())
}

fn appends(height: &Value, names: &Names, powers: usize) -> Result<Vec<LaneAppend>, String> {
    let lanes = list(field(height, "lanes")?, "lanes")?;
    if lanes.len() != powers {
        return Err(format!("{} lanes for {powers} weights", lanes.len()));
    }
    let parse = |(lane, value): (usize, &Value)| {
        let entries = list(field(value, "entries")?, "entries")?.iter();
        let runs = entries.map(|entry| {
            let Entry { tx, time, groups } = Entry::parse(entry)?;
            let tx = RunTx { id: names.id(&tx)?, groups, expires_at: Timestamp::MAX };
            Ok(PlacedRun { run: Arc::new(Run::new(vec![tx])), time: Timestamp::from_nanos(time) })
        });
        let head_time = match value.get("head") {
            None | Some(Value::Null) => None,
            Some(time) => Some(time.as_u64().ok_or_else(|| format!("head {time} is not a time"))?),
        };
        let runs = runs.collect::<Result<_, String>>()?;
        Ok(LaneAppend { lane, runs, head_time: head_time.map(Timestamp::from_nanos) })
    };
    lanes.iter().enumerate().map(parse).collect()
}

/// What a height gave, by name.
struct Found {
    emit: Vec<Vec<String>>,
    blocked: BTreeSet<String>,
    pending: BTreeSet<String>,
}

impl Found {
    fn new(ordered: &Ordered, engine: &Engine, names: &Names) -> Self {
        let component =
            |txs: &[fairlane_ordering::OrderedTx]| txs.iter().map(|tx| names.name(&tx.id)).collect();
        let blocked: BTreeSet<String> = ordered.held.iter().map(|id| names.name(id)).collect();
        let live: BTreeSet<String> = engine.live_ids().map(|id| names.name(&id)).collect();
        Self {
            emit: ordered.components.iter().map(|txs| component(&txs.txs)).collect(),
            pending: live.difference(&blocked).cloned().collect(),
            blocked,
        }
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "emit {:?} blocked {:?} pending {:?}", self.emit, self.blocked, self.pending)
    }
}

fn check(
    expected: &Value,
    found: &Found,
    ordered: &Ordered,
    engine: &Engine,
    names: &Names,
) -> Result<(), String> {
    let emit = list(field(expected, "emit")?, "emit")?.iter().map(|part| names_in(part, "emit"));
    compare("emit", &emit.collect::<Result<Vec<_>, _>>()?, &found.emit)?;
    for (name, found) in [("blocked", &found.blocked), ("pending", &found.pending)] {
        let expected = expected.get(name).map_or(Ok(Vec::new()), |value| names_in(value, name))?;
        compare(name, &expected.into_iter().collect(), found)?;
    }
    let Some(keys) = expected.get("keys") else { return Ok(()) };
    for (name, expected) in keys.as_object().ok_or("keys is not an object")? {
        let expected: Option<Vec<Option<u64>>> =
            expected.as_array().map(|times| times.iter().map(Value::as_u64).collect());
        let expected = expected.filter(|times| times.len() == 3);
        let expected = expected.ok_or_else(|| format!("keys of {name} are not [key, lo, hi]"))?;
        compare(&format!("keys of {name}"), &expected, &quantiles(ordered, engine, &names.id(name)?))?;
    }
    Ok(())
}

/// [key, lo, hi] of a transaction that was emitted at this height or is live after it.
fn quantiles(ordered: &Ordered, engine: &Engine, id: &TxId) -> Vec<Option<u64>> {
    let emitted = ordered.txs().find(|tx| tx.id == *id);
    let emitted = emitted.map(|tx| Quantiles { key: Some(tx.key), lo: Some(tx.lo), hi: Some(tx.hi) });
    let Some(found) = emitted.or_else(|| engine.quantiles(id)) else { return Vec::new() };
    [found.key, found.lo, found.hi].iter().map(|time| time.map(|time| time.as_nanos())).collect()
}

fn compare<T: PartialEq + std::fmt::Debug>(field: &str, expected: &T, found: &T) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    Err(format!("{field}: expected {expected:?}, got {found:?}"))
}

fn field<'a>(value: &'a Value, name: &str) -> Result<&'a Value, String> {
    value.get(name).ok_or_else(|| format!("{name} is missing"))
}

fn list<'a>(value: &'a Value, name: &str) -> Result<&'a Vec<Value>, String> {
    value.as_array().ok_or_else(|| format!("{name} is not a list"))
}

fn names_in(value: &Value, field: &str) -> Result<Vec<String>, String> {
    let names = list(value, field)?.iter().map(text).collect::<Option<Vec<_>>>();
    names.ok_or_else(|| format!("{field}: not all are names"))
}

/// A transaction's name: a text, or a number taken as one.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
