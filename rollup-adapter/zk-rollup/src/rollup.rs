//! The rollup off chain: takes in verified batches and says what is to be proven of each.

use crate::cursor::{Cursor, Step};
use crate::field::Field;
use crate::keys::Context;
use crate::state::{Deposit, Form, Opening, Outcome, State};
use crate::statement::{Position, Statement};
use crate::transfer::Fields;
use fairlane_types::{Batch, BatchHeader, BatchIndex, RollupHead, RollupId};

/// How much one proof has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Steps through a batch: transfers, or pieces of 128 bytes of what is none. From 1 to 64.
    pub slots: usize,
    /// Deposits.
    pub deposits: usize,
}

impl Shape {
    /// For tests and demonstrations.
    pub const SMALL: Self = Self { slots: 4, deposits: 2 };
    /// For use.
    pub const STANDARD: Self = Self { slots: 16, deposits: 2 };
}

/// Why a batch is not taken in. Nothing has changed then, and trying again gives the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The batch is another rollup's.
    #[error("the batch is of another rollup")]
    WrongRollup,
    /// The batch does not continue this history.
    #[error("batch {index:?} continues another history")]
    WrongHead {
        /// The batch's index.
        index: BatchIndex,
    },
    /// There are more deposits than one proof takes in.
    #[error("{count} deposits at once, but a proof takes in {most}")]
    TooManyDeposits {
        /// How many there are.
        count: usize,
        /// How many a proof takes in.
        most: usize,
    },
}

/// What the circuit needs besides the statement: all that the statement follows from.
#[derive(Clone, Debug)]
pub(crate) struct Witness {
    pub(crate) cursor: Cursor,
    pub(crate) deposits: Vec<Opening>,
    pub(crate) steps: Vec<(Step, [Opening; 2])>,
    /// The batch: what its head commits to.
    pub(crate) header: BatchHeader,
}

/// One proof to make.
#[derive(Clone, Debug)]
pub struct Job {
    /// How much room the proof has.
    pub shape: Shape,
    /// What it says.
    pub statement: Statement,
    pub(crate) witness: Witness,
}

/// What follows from a batch.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Proofs to make, one after another; more than one only where the batch is too large for one.
    pub jobs: Vec<Job>,
    /// What became of each item.
    pub outcomes: Vec<Outcome>,
}

/// State and history of a rollup.
#[derive(Clone, Debug)]
pub struct Rollup {
    context: Context,
    shape: Shape,
    state: State,
    head: RollupHead,
}

impl Rollup {
    /// A rollup without history.
    pub fn new(context: Context, shape: Shape) -> Self {
        Self { context, shape, state: State::default(), head: RollupHead::default() }
    }

    /// A rollup with the history that led to this state and this head.
    pub fn resume(context: Context, shape: Shape, state: State, head: RollupHead) -> Self {
        Self { context, shape, state, head }
    }

    /// How much one proof has room for.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Network and rollup.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// All accounts.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The head after the last batch.
    pub fn head(&self) -> RollupHead {
        self.head
    }

    /// Takes in deposits, and then the next batch. Which deposits come before a batch is the settlement contract's rule: those
    /// that were due when the batch before was settled.
    pub fn apply(&mut self, batch: &Batch, deposits: &[Deposit]) -> Result<Applied, ApplyError> {
        let header = *batch.header();
        if header.rollup != self.context.rollup {
            return Err(ApplyError::WrongRollup);
        }
        if header.previous_head != self.head {
            return Err(ApplyError::WrongHead { index: header.index });
        }
        if deposits.len() > self.shape.deposits {
            return Err(ApplyError::TooManyDeposits { count: deposits.len(), most: self.shape.deposits });
        }
        let content = (batch.header(), batch.body().as_ref());
        let mut cursor = Cursor::start(self.head, batch.body());
        let mut applied = Applied { jobs: Vec::new(), outcomes: Vec::with_capacity(batch.items().len()) };
        let mut due = deposits.to_vec();
        loop {
            due.resize(self.shape.deposits, Deposit::default());
            applied.jobs.push(self.prove_next(&mut cursor, content, &due, &mut applied.outcomes));
            due.clear();
            if cursor.is_at_end() {
                break;
            }
        }
        self.head = header.head(&self.context.network);
        Ok(applied)
    }

    /// As much of a batch as one proof has room for.
    pub(crate) fn prove_next(
        &mut self,
        cursor: &mut Cursor,
        (header, body): (&BatchHeader, &[u8]),
        deposits: &[Deposit],
        outcomes: &mut Vec<Outcome>,
    ) -> Job {
        let (start, old_root) = (cursor.clone(), self.state.root());
        let openings = deposits.iter().map(|deposit| self.state.deposit(deposit)).collect();
        let mut withdrawals = 0;
        let mut steps = Vec::with_capacity(self.shape.slots);
        for _ in 0..self.shape.slots {
            let item = cursor.begun - start.begun;
            let step = cursor.step(body);
            let fields = Fields::of(&payload(&step));
            let (outcome, openings) = self.state.transfer(&self.context, &fields, form(&step));
            if step.begins {
                outcomes.push(outcome);
            }
            withdrawals |= u64::from(outcome == Outcome::Withdrawn) << item.min(63);
            steps.push((step, openings));
        }
        Job {
            shape: self.shape,
            statement: Statement {
                context: self.context,
                first: start.begun,
                withdrawals,
                old_root,
                new_root: self.state.root(),
                old_position: position(&start, start.begun > 0, start.previous),
                new_position: position(cursor, !cursor.is_at_end(), header.head(&self.context.network)),
                deposits: deposits.to_vec(),
            },
            witness: Witness { cursor: start, deposits: openings, steps, header: *header },
        }
    }
}

fn position(cursor: &Cursor, inside: bool, head: RollupHead) -> Position {
    if inside { Position::Inside(cursor.commitment()) } else { Position::Head(head) }
}

fn form(step: &Step) -> Form {
    match step.well_formed {
        false => Form::Malformed,
        true if step.is_leg() => Form::Leg,
        true => Form::Alone,
    }
}

/// The bytes of a step where a transfer's payload would stand.
fn payload(step: &Step) -> [u8; crate::transfer::PAYLOAD_BYTES] {
    std::array::from_fn(|at| step.window[step.window.len() - crate::transfer::PAYLOAD_BYTES + at])
}

/// The header of a batch after a head, with nothing else in it: the rules look at nothing else. Real batches have real ones;
/// this serves for keys, which depend on the shape alone, and for tests.
pub fn bare_header(rollup: RollupId, previous_head: RollupHead) -> BatchHeader {
    BatchHeader {
        rollup,
        index: Default::default(),
        height: Default::default(),
        time: Default::default(),
        count: 0,
        tx_root: Default::default(),
        payload_hash: Default::default(),
        previous_head,
    }
}

impl Job {
    /// A job of a shape with nothing to do: for making keys, which depend on the shape alone.
    pub(crate) fn empty(shape: Shape) -> Self {
        let context = Context { network: Default::default(), rollup: Default::default() };
        let batch = Batch::new(bare_header(context.rollup, Default::default()), Vec::new());
        let mut rollup = Rollup::new(context, shape);
        let mut cursor = Cursor::start(rollup.head, batch.body());
        let deposits = vec![Deposit::default(); shape.deposits];
        rollup.prove_next(&mut cursor, (batch.header(), batch.body()), &deposits, &mut Vec::new())
    }

    /// The root that the job leads to.
    pub fn new_root(&self) -> Field {
        self.statement.new_root
    }
}
