//! Checks that a driver keeps what [`RollupDriver`] promises. A rollup team runs it against its own:
//!
//! ```no_run
//! # async fn example<D: fairlane_adapter::RollupDriver>(open: impl AsyncFnMut() -> D, batches: Vec<(fairlane_types::Batch, D::Input)>) {
//! fairlane_adapter::conformance::check(open, &batches).await.unwrap();
//! # }
//! ```

use crate::driver::{DriverError, Heads, RollupDriver, Work};
use fairlane_types::{Batch, BatchHeader, BatchIndex, RollupHead};

/// What a driver broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the driver breaks `{rule}`: {what}")]
pub struct Violation {
    /// The rule.
    pub rule: &'static str,
    /// What was seen.
    pub what: String,
}

fn ensure(holds: bool, rule: &'static str, what: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { rule, what: what() }) }
}

fn done<T>(rule: &'static str, outcome: Result<T, DriverError>) -> Result<T, Violation> {
    outcome.map_err(|error| Violation { rule, what: error.to_string() })
}

/// Runs a driver through at least four consecutive batches, from the rollup's first on, with what comes with each. `open`
/// opens the same durable driver each time it is called, after the one before was dropped; it is new the first time.
///
/// # Errors
/// The first rule that the driver breaks.
pub async fn check<D: RollupDriver>(
    mut open: impl AsyncFnMut() -> D,
    batches: &[(Batch, D::Input)],
) -> Result<(), Violation> {
    const ENOUGH: usize = 4;
    ensure(batches.len() >= ENOUGH, "the suite", || format!("it needs {ENOUGH} batches"))?;
    let mut driver = open().await;
    let start = driver.heads();
    ensure(start.soft == start.settled && start.soft.index == BatchIndex::ZERO, "a new driver", || {
        format!("it begins at {start:?}")
    })?;
    let works = applies_in_order(&mut driver, batches).await?;
    refuses_what_is_not_next(&mut driver, batches).await?;
    rewinds(&mut driver, batches, &works, start).await?;
    settles(&mut driver, batches).await?;
    drop(driver);
    comes_back(open().await, batches, &works).await
}

/// Each batch moves the soft head by one, and applying it again changes nothing.
async fn applies_in_order<D: RollupDriver>(
    driver: &mut D,
    batches: &[(Batch, D::Input)],
) -> Result<Vec<Work>, Violation> {
    let mut works: Vec<Work> = Vec::new();
    for (batch, input) in batches {
        let before = driver.heads();
        let work = done("every batch is carried out", driver.apply(batch, input).await)?;
        let after = driver.heads();
        let index = batch.header().index;
        ensure(after.soft == work.after && after.soft.index == index, "the soft head", || {
            format!("after batch {index} it is {:?}, the work says {:?}", after.soft, work.after)
        })?;
        ensure(after.settled == before.settled, "the settled head", || "apply moved it".to_owned())?;
        ensure(is_chained(&works, &work), "jobs follow each other", || format!("not in batch {index}"))?;
        let again = done("idempotent by index", driver.apply(batch, input).await)?;
        ensure(again == work && driver.heads() == after, "idempotent by index", || {
            format!("batch {index} applied again gives other work, or moves a head")
        })?;
        works.push(work);
    }
    Ok(works)
}

/// Whether each job of a batch begins where the one before ends.
fn is_chained(before: &[Work], work: &Work) -> bool {
    let last = before.last().and_then(|work| work.jobs.last());
    let all: Vec<_> = last.into_iter().chain(&work.jobs).collect();
    all.windows(2).all(|pair| pair[1].spec.follows(&pair[0].spec))
}

async fn refuses_what_is_not_next<D: RollupDriver>(
    driver: &mut D,
    batches: &[(Batch, D::Input)],
) -> Result<(), Violation> {
    let Some((last, input)) = batches.last() else { return Ok(()) };
    let before = driver.heads();
    let header = |index: BatchIndex, previous_head| BatchHeader { index, previous_head, ..*last.header() };
    let next = before.soft.index.next();
    let gap = Batch::new(header(next.next(), before.soft.head), last.items().to_vec());
    let refused = matches!(driver.apply(&gap, input).await, Err(DriverError::Gap { .. }));
    ensure(refused, "no gap", || format!("batch {} came after {}", next.next(), before.soft.index))?;
    let elsewhere = RollupHead::from_bytes([0xee; 32]);
    for index in [next, before.soft.index] {
        let other = Batch::new(header(index, elsewhere), last.items().to_vec());
        let refused = matches!(driver.apply(&other, input).await, Err(DriverError::OtherHistory { .. }));
        ensure(refused, "one history", || format!("another batch {index} was taken"))?;
    }
    let early = driver.settle(next).await.is_err();
    ensure(early, "what is settled was applied", || format!("batch {next} was settled"))?;
    ensure(driver.heads() == before, "what is refused changes nothing", || "a head moved".to_owned())
}

/// Back to the settled point, and forth again with the same results.
async fn rewinds<D: RollupDriver>(
    driver: &mut D,
    batches: &[(Batch, D::Input)],
    works: &[Work],
    start: Heads,
) -> Result<(), Violation> {
    done("rewinds", driver.rewind().await)?;
    ensure(driver.heads() == start, "rewinds to the settled point", || format!("{:?}", driver.heads()))?;
    replay(driver, batches, works).await
}

async fn replay<D: RollupDriver>(
    driver: &mut D,
    batches: &[(Batch, D::Input)],
    works: &[Work],
) -> Result<(), Violation> {
    for ((batch, input), work) in batches.iter().zip(works) {
        let again = done("deterministic", driver.apply(batch, input).await)?;
        ensure(again == *work, "deterministic", || format!("batch {} differs", batch.header().index))?;
    }
    Ok(())
}

/// Settles the first two, one after another.
async fn settles<D: RollupDriver>(driver: &mut D, batches: &[(Batch, D::Input)]) -> Result<(), Violation> {
    let soft = driver.heads().soft;
    for (batch, input) in &batches[..2] {
        let index = batch.header().index;
        done("settles", driver.settle(index).await)?;
        done("settling again changes nothing", driver.settle(index).await)?;
        let heads = driver.heads();
        ensure(heads.settled.index == index && heads.soft == soft, "settles", || format!("{heads:?}"))?;
        let work = done("a settled batch is known", driver.apply(batch, input).await)?;
        ensure(work.jobs.is_empty(), "a settled batch has no jobs", || format!("batch {index}"))?;
    }
    done("rewinds", driver.rewind().await)?;
    let heads = driver.heads();
    ensure(heads.soft == heads.settled && heads.settled.index == BatchIndex::new(2), "rewinds", || {
        format!("{heads:?} after two batches were settled")
    })
}

/// A new process begins at the settled point, and gets to the same results.
async fn comes_back<D: RollupDriver>(
    mut driver: D,
    batches: &[(Batch, D::Input)],
    works: &[Work],
) -> Result<(), Violation> {
    let heads = driver.heads();
    let settled = works.get(1).map(|work| work.after);
    ensure(heads.soft == heads.settled && Some(heads.settled) == settled, "durable", || {
        format!("{heads:?}")
    })?;
    replay(&mut driver, &batches[2..], &works[2..]).await
}
