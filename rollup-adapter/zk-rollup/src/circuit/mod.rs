//! The circuit: that a statement follows from a batch, deposits and accounts which nobody but the prover has to see.
//!
//! The one public input is the hash of the statement (`Statement::public_input`). What the prover chooses freely is only
//! what the statement then commits to: the content of the batch, through its head, and the accounts, through their root. The
//! rules are in `state`, `cursor` and `statement`, which compute the same without constraints.

mod accounts;
mod curve;
mod poseidon;
mod reader;
mod sha256;
#[cfg(test)]
mod tests;
mod transfer;
mod wire;

use crate::rollup::{Job, Shape};
use crate::statement::{DOMAIN, INPUT_BITS, Statement};
use accounts::{DepositWires, ID_BITS};
use ark_bn254::Fr;

use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystem, ConstraintSystemRef, SynthesisError, SynthesisMode,
};
use fairlane_types::{BatchHeader, Domain};
use reader::CursorWires;
use sha2::{Digest, Sha256};
use wire::{Bit, Builder, Num, Observer, Synthesis, constant_bits};

/// A job as a circuit.
pub(crate) struct Circuit<'a>(pub(crate) &'a Job);

impl ConstraintSynthesizer<Fr> for Circuit<'_> {
    fn generate_constraints(self, system: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        build(&Builder::new(system), self.0)
    }
}

/// What a circuit is, apart from what is proven with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) constraints: usize,
    /// A hash of all constraints.
    pub(crate) digest: [u8; 32],
}

/// Describes the circuit of a shape.
pub(crate) fn describe(shape: Shape) -> Synthesis<Description> {
    let seen = observe(&Job::empty(shape), Observer { digest: Some(Sha256::new()), ..Observer::default() })?;
    let digest = seen.digest.unwrap_or_default().finalize().into();
    Ok(Description { constraints: seen.constraints, digest })
}

/// The first constraint that a job breaks, counted from 0. One that breaks none can be proven.
pub(crate) fn first_broken(job: &Job) -> Synthesis<Option<usize>> {
    Ok(observe(job, Observer::default())?.broken)
}

/// Walks through the constraints without keeping them.
fn observe(job: &Job, observer: Observer) -> Synthesis<Observer> {
    let system = ConstraintSystem::new_ref();
    system.set_mode(SynthesisMode::Prove { construct_matrices: false, generate_lc_assignments: false });
    let builder = Builder::observed(system, observer);
    build(&builder, job)?;
    Ok(builder.into_observer())
}

fn build(builder: &Builder, job: &Job) -> Synthesis<()> {
    let input = builder.input(job.statement.public_input())?;
    let statement = StatementWires::new(builder, &job.statement)?;
    let hash = sha256::hash(builder, &statement.message())?.concat();
    builder.equal(&input, &Num::from_bits(&hash[..INPUT_BITS]))?;
    prove(builder, job, &statement)
}

/// The statement, bit by bit.
struct StatementWires {
    from_inside: Bit,
    to_inside: Bit,
    network: Vec<Bit>,
    rollup: Vec<Bit>,
    first: Vec<Bit>,
    withdrawals: Vec<Bit>,
    old_root: Vec<Bit>,
    new_root: Vec<Bit>,
    old_position: Vec<Bit>,
    new_position: Vec<Bit>,
    deposits: Vec<DepositBits>,
}

struct DepositBits {
    account: Vec<Bit>,
    x: Vec<Bit>,
    y: Vec<Bit>,
    amount: Vec<Bit>,
}

impl StatementWires {
    fn new(builder: &Builder, statement: &Statement) -> Synthesis<Self> {
        let bytes = |bytes: &[u8]| builder.bytes(bytes);
        let element = |element: &Fr| builder.bytes(&crate::field::to_bytes(element));
        let mut deposits = Vec::with_capacity(statement.deposits.len());
        for deposit in &statement.deposits {
            deposits.push(DepositBits {
                account: bytes(&deposit.account.to_be_bytes())?,
                x: element(&deposit.key.x)?,
                y: element(&deposit.key.y)?,
                amount: bytes(&deposit.amount.to_be_bytes())?,
            });
        }
        Ok(Self {
            from_inside: builder.bit(statement.old_position.is_inside())?,
            to_inside: builder.bit(statement.new_position.is_inside())?,
            network: bytes(statement.context.network.as_bytes())?,
            rollup: bytes(&statement.context.rollup.get().to_be_bytes())?,
            first: bytes(&statement.first.to_be_bytes())?,
            withdrawals: bytes(&statement.withdrawals.to_be_bytes())?,
            old_root: element(&statement.old_root)?,
            new_root: element(&statement.new_root)?,
            old_position: bytes(&statement.old_position.to_bytes())?,
            new_position: bytes(&statement.new_position.to_bytes())?,
            deposits,
        })
    }

    /// The statement's bytes (`Statement::to_bytes`).
    fn message(&self) -> Vec<Bit> {
        let mut message = constant_bits(DOMAIN);
        message.extend([Bit::ZERO; 6]);
        message.extend([self.to_inside, self.from_inside]);
        let parts = [&self.network, &self.rollup, &self.first, &self.withdrawals, &self.old_root];
        let more = [&self.new_root, &self.old_position, &self.new_position];
        for part in parts.into_iter().chain(more) {
            message.extend(part);
        }
        for deposit in &self.deposits {
            for part in [&deposit.account, &deposit.x, &deposit.y, &deposit.amount] {
                message.extend(part);
            }
        }
        message
    }

    /// What signatures are bound to (`Context`).
    fn context(&self) -> [Num; 2] {
        let (high, low) = self.network.split_at(128);
        [Num::from_bits(high), Num::from_bits(&[self.rollup.as_slice(), low].concat())]
    }
}

fn prove(builder: &Builder, job: &Job, statement: &StatementWires) -> Synthesis<()> {
    let witness = &job.witness;
    let mut cursor = CursorWires::new(builder, &witness.cursor)?;
    let commitment = cursor.commitment(builder)?;
    builder.equal_if(statement.from_inside, &commitment, &Num::from_bits(&statement.old_position))?;
    cursor.start_if(builder, statement.from_inside.not(), &statement.old_position)?;
    builder.equal(&cursor.begun, &Num::from_bits(&statement.first))?;

    let mut root = Num::from_bits(&statement.old_root);
    for (deposit, opening) in statement.deposits.iter().zip(&witness.deposits) {
        let wires = DepositWires {
            account: &deposit.account[deposit.account.len() - ID_BITS..],
            x: Num::from_bits(&deposit.x),
            y: Num::from_bits(&deposit.y),
            amount: Num::from_bits(&deposit.amount),
        };
        root = accounts::deposit(builder, &root, &wires, opening)?;
    }

    let context = statement.context();
    let mut withdrawals = Num::zero();
    let mut weight = Num::from(1);
    for (step, openings) in &witness.steps {
        let read = cursor.step(builder, step)?;
        let done = transfer::transfer(builder, &context, &root, &read, openings)?;
        root = done.root;
        withdrawals = &withdrawals + &builder.multiply(&weight, &done.withdrawn.into())?;
        weight = &weight + &builder.multiply(&weight, &read.begins.into())?;
    }
    builder.equal(&withdrawals, &Num::from_bits(&statement.withdrawals))?;
    builder.equal(&root, &Num::from_bits(&statement.new_root))?;
    end(builder, &cursor, &witness.header, statement)
}

/// Where the proof ends: at the head of the batch where all of it was read, else at a commitment.
fn end(
    builder: &Builder,
    cursor: &CursorWires,
    header: &BatchHeader,
    statement: &StatementWires,
) -> Synthesis<()> {
    let at_end = cursor.is_at_end(builder)?;
    builder.equal(&statement.to_inside.into(), &at_end.not().into())?;
    let head = head(builder, cursor, header, statement)?;
    for (head, position) in head.chunks(128).zip(statement.new_position.chunks(128)) {
        builder.equal_if(at_end, &Num::from_bits(head), &Num::from_bits(position))?;
    }
    let commitment = cursor.commitment(builder)?;
    builder.equal_if(at_end.not(), &commitment, &Num::from_bits(&statement.new_position))
}

/// The head of the batch, if the cursor is at its end (docs/protocol.md, "Batches and heads").
///
/// Index, height, time, count and transactions' root are free: the network makes the head of a batch whose body has this
/// hash only with those that belong to it.
fn head(
    builder: &Builder,
    cursor: &CursorWires,
    header: &BatchHeader,
    statement: &StatementWires,
) -> Synthesis<Vec<Bit>> {
    let payload_hash = reader::finish(builder, cursor)?;
    let mut message = constant_bits(Domain::BATCH.as_bytes());
    message.extend(&statement.network);
    message.extend(&statement.rollup);
    message.extend(&cursor.previous);
    message.extend(builder.bytes(&header.index.get().to_be_bytes())?);
    message.extend(builder.bytes(&header.height.get().to_be_bytes())?);
    message.extend(builder.bytes(&header.time.as_nanos().to_be_bytes())?);
    message.extend(builder.bytes(&header.count.to_be_bytes())?);
    message.extend(builder.bytes(header.tx_root.as_bytes())?);
    message.extend(payload_hash.concat());
    Ok(sha256::hash(builder, &message)?.concat())
}
