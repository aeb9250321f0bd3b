//! Jobs and accounts as bytes: what a prover elsewhere needs, and what survives a restart.
//!
//! Reading is total: any bytes are a job or an error. A job that was read proves nothing by itself: whether it follows from
//! the rules is what a proof shows, and who takes a proof reads the statement from its own copy.

use crate::cursor::{Cursor, Step};
use crate::field::{self, Field};
use crate::keys::{Context, PublicKey};
use crate::rollup::{Job, Shape, Witness};
use crate::state::{Account, Deposit, Opening};
use crate::statement::{Position, Statement};
use crate::tree::{ARITY, DEPTH, Path};
use fairlane_types::{BatchHeader, Decode, DecodeError, Encode, Reader, RollupHead, Writer};

/// The first byte of a job: what follows may change with it.
const VERSION: u8 = 1;
/// The most slots or deposits that a shape may have.
const MOST: u8 = 64;

impl Job {
    /// The job as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.u8(VERSION);
        out.u8(u8::try_from(self.shape.slots).unwrap_or(MOST));
        out.u8(u8::try_from(self.shape.deposits).unwrap_or(MOST));
        put_statement(&mut out, &self.statement);
        put_cursor(&mut out, &self.witness.cursor);
        self.witness.deposits.iter().for_each(|opening| put_opening(&mut out, opening));
        for (step, openings) in &self.witness.steps {
            step.blocks.iter().for_each(|block| out.bytes(block));
            out.bytes(&step.window);
            out.u8(u8::from(step.begins) | u8::from(step.well_formed) << 1);
            openings.iter().for_each(|opening| put_opening(&mut out, opening));
        }
        self.witness.header.encode(&mut out);
        out.into_vec()
    }

    /// Reads a job.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes.to_vec());
        let input = &mut reader;
        if input.take_u8()? != VERSION {
            return Err(DecodeError::Invalid { what: "job", why: "its version is unknown" });
        }
        let shape = Shape { slots: size(input)?, deposits: size(input)? };
        let statement = take_statement(input, shape)?;
        let cursor = take_cursor(input)?;
        let deposits = (0..shape.deposits).map(|_| take_opening(input)).collect::<Result<_, _>>()?;
        let steps = (0..shape.slots).map(|_| take_step(input)).collect::<Result<_, _>>()?;
        let header = BatchHeader::decode(input)?;
        reader.finish()?;
        Ok(Self { shape, statement, witness: Witness { cursor, deposits, steps, header } })
    }
}

impl Encode for Account {
    fn encode(&self, out: &mut Writer) {
        put_key(out, &self.key);
        out.u64(self.balance);
        out.u64(self.nonce);
    }
}

impl Decode for Account {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self { key: take_key(input)?, balance: input.take_u64()?, nonce: input.take_u64()? })
    }
}

fn size(input: &mut Reader) -> Result<usize, DecodeError> {
    match input.take_u8()? {
        size @ 1..=MOST => Ok(size.into()),
        _ => Err(DecodeError::Invalid { what: "job", why: "no circuit has its shape" }),
    }
}

fn put_field(out: &mut Writer, element: &Field) {
    out.bytes(&field::to_bytes(element));
}

fn take_field(input: &mut Reader) -> Result<Field, DecodeError> {
    let why = "it is not below the field's order";
    field::from_bytes(&input.array()?).ok_or(DecodeError::Invalid { what: "field element", why })
}

fn put_key(out: &mut Writer, key: &PublicKey) {
    put_field(out, &key.x);
    put_field(out, &key.y);
}

fn take_key(input: &mut Reader) -> Result<PublicKey, DecodeError> {
    Ok(PublicKey { x: take_field(input)?, y: take_field(input)? })
}

fn put_position(out: &mut Writer, position: &Position) {
    out.u8(u8::from(position.is_inside()));
    out.bytes(&position.to_bytes());
}

fn take_position(input: &mut Reader) -> Result<Position, DecodeError> {
    match input.take_u8()? {
        0 => Ok(Position::Head(RollupHead::from_bytes(input.array()?))),
        1 => Ok(Position::Inside(take_field(input)?)),
        _ => Err(DecodeError::Invalid { what: "position", why: "its kind is unknown" }),
    }
}

fn put_statement(out: &mut Writer, statement: &Statement) {
    statement.context.network.encode(out);
    statement.context.rollup.encode(out);
    out.u32(statement.first);
    out.u64(statement.withdrawals);
    put_field(out, &statement.old_root);
    put_field(out, &statement.new_root);
    put_position(out, &statement.old_position);
    put_position(out, &statement.new_position);
    for deposit in &statement.deposits {
        out.u16(deposit.account);
        put_key(out, &deposit.key);
        out.u64(deposit.amount);
    }
}

fn take_statement(input: &mut Reader, shape: Shape) -> Result<Statement, DecodeError> {
    let context = Context { network: Decode::decode(input)?, rollup: Decode::decode(input)? };
    let (first, withdrawals) = (input.take_u32()?, input.take_u64()?);
    let (old_root, new_root) = (take_field(input)?, take_field(input)?);
    let (old_position, new_position) = (take_position(input)?, take_position(input)?);
    let deposits = (0..shape.deposits).map(|_| take_deposit(input)).collect::<Result<_, _>>()?;
    Ok(Statement { context, first, withdrawals, old_root, new_root, old_position, new_position, deposits })
}

fn take_deposit(input: &mut Reader) -> Result<Deposit, DecodeError> {
    Ok(Deposit { account: input.take_u16()?, key: take_key(input)?, amount: input.take_u64()? })
}

fn put_cursor(out: &mut Writer, cursor: &Cursor) {
    cursor.previous.encode(out);
    cursor.chain.iter().for_each(|word| out.u32(*word));
    out.bytes(&cursor.block);
    out.u64(cursor.length);
    out.u32(cursor.items);
    out.u64(cursor.bytes);
    out.u32(cursor.begun);
}

fn take_cursor(input: &mut Reader) -> Result<Cursor, DecodeError> {
    let previous = Decode::decode(input)?;
    let mut chain = [0; 8];
    for word in &mut chain {
        *word = input.take_u32()?;
    }
    Ok(Cursor {
        previous,
        chain,
        block: input.array()?,
        length: input.take_u64()?,
        items: input.take_u32()?,
        bytes: input.take_u64()?,
        begun: input.take_u32()?,
    })
}

fn take_step(input: &mut Reader) -> Result<(Step, [Opening; 2]), DecodeError> {
    let (blocks, window) = ([input.array()?, input.array()?], input.array()?);
    let flags = input.take_u8()?;
    let step = Step { blocks, window, begins: flags & 1 != 0, well_formed: flags & 2 != 0 };
    Ok((step, [take_opening(input)?, take_opening(input)?]))
}

fn put_opening(out: &mut Writer, opening: &Opening) {
    opening.account.encode(out);
    opening.path.iter().flatten().for_each(|sibling| put_field(out, sibling));
}

fn take_opening(input: &mut Reader) -> Result<Opening, DecodeError> {
    let account = Account::decode(input)?;
    let mut path: Path = [[Field::default(); ARITY - 1]; DEPTH];
    for sibling in path.iter_mut().flatten() {
        *sibling = take_field(input)?;
    }
    Ok(Opening { account, path })
}
