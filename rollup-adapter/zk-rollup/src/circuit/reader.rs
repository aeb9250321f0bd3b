//! Reading a batch's body in constraints: the hash runs along, whatever stands there.
//!
//! Where items begin depends on the lengths of those before, so a step first turns the bytes around its cursor until
//! what it reads stands at fixed places. Everything that moves the cursor is computed from the bytes themselves.

use super::poseidon;
use super::sha256::{self, Chain};
use super::wire::{Bit, Builder, Num, Synthesis};
use crate::cursor::{BLOCK, Cursor, STEP, Step};
use crate::poseidon::Purpose;
use crate::transfer::PAYLOAD_BYTES;
use ark_bn254::Fr;
use ark_ff::Field;

const BLOCK_BITS: usize = 8 * BLOCK;
/// Bits of a place in a block.
const PLACE_BITS: usize = 6;

/// A place in a body; see `Cursor`.
pub(crate) struct CursorWires {
    /// The head before the batch, 256 bits.
    pub(crate) previous: Vec<Bit>,
    pub(crate) chain: Chain,
    pub(crate) block: Vec<Bit>,
    pub(crate) length: Num,
    /// The last bits of the length: the place in the block.
    pub(crate) place: Vec<Bit>,
    pub(crate) items: Num,
    pub(crate) bytes: Num,
    pub(crate) begun: Num,
}

/// What a step found.
pub(crate) struct StepWires {
    /// Whether an item begins here.
    pub(crate) begins: Bit,
    /// Whether it has the form of a transfer.
    pub(crate) well_formed: Bit,
    /// The item's kind: in what is well-formed 0 for a transaction of its own, 1 for a leg of a bundle.
    pub(crate) kind: Num,
    /// Where a transfer's payload stands, most significant bit first.
    pub(crate) payload: Vec<Bit>,
}

impl CursorWires {
    /// A cursor that the commitment, or the start of a batch, has to confirm.
    pub(crate) fn new(builder: &Builder, cursor: &Cursor) -> Synthesis<Self> {
        let chain = cursor.chain.map(u32::to_be_bytes).concat();
        let length = builder.witness(cursor.length.into())?;
        let length_bits = builder.decompose(&length, 64)?;
        Ok(Self {
            previous: builder.bytes(cursor.previous.as_bytes())?,
            chain: chain_of(&builder.bytes(&chain)?),
            block: builder.bytes(&cursor.block)?,
            place: length_bits[64 - PLACE_BITS..].to_vec(),
            length,
            items: builder.witness(Fr::from(cursor.items))?,
            bytes: builder.witness(cursor.bytes.into())?,
            begun: builder.witness(Fr::from(cursor.begun))?,
        })
    }

    /// Holds the cursor, where the condition does, to the place behind the count of a body that nothing was read of.
    pub(crate) fn start_if(&self, builder: &Builder, condition: Bit, position: &[Bit]) -> Synthesis<()> {
        for (word, initial) in self.chain.iter().zip(sha256::initial()) {
            builder.equal_if(condition, &sha256::number(word), &sha256::number(&initial))?;
        }
        for (previous, position) in self.previous.chunks(128).zip(position.chunks(128)) {
            builder.equal_if(condition, &Num::from_bits(previous), &Num::from_bits(position))?;
        }
        builder.equal_if(condition, &self.length, &Num::from(4))?;
        builder.equal_if(condition, &self.items, &Num::from_bits(&self.block[..32]))?;
        builder.equal_if(condition, &self.bytes, &Num::zero())?;
        builder.equal_if(condition, &self.begun, &Num::zero())
    }

    pub(crate) fn commitment(&self, builder: &Builder) -> Synthesis<Num> {
        let chain = self.chain.concat();
        let halves = self.previous.chunks(128).chain(chain.chunks(128)).chain(self.block.chunks(128));
        let mut elements: Vec<Num> = halves.map(Num::from_bits).collect();
        let shifted = |number: &Num, by: u32| number * Fr::from(2u64).pow([u64::from(by)]);
        elements.push(Num::sum([
            shifted(&self.length, 128),
            shifted(&self.items, 96),
            shifted(&self.bytes, 32),
            self.begun.clone(),
        ]));
        poseidon::hash(builder, Purpose::Cursor, &elements)
    }

    pub(crate) fn is_at_end(&self, builder: &Builder) -> Synthesis<Bit> {
        builder.and(builder.is_zero(&self.items)?, builder.is_zero(&self.bytes)?)
    }

    /// Takes in the next piece.
    pub(crate) fn step(&mut self, builder: &Builder, step: &Step) -> Synthesis<StepWires> {
        let blocks = [builder.bytes(&step.blocks[0])?, builder.bytes(&step.blocks[1])?];
        let stream = [self.block.as_slice(), &blocks[0], &blocks[1]].concat();
        let window = turn(builder, stream.chunks(8).map(Num::from_bits).collect(), &self.place)?;

        let begins = builder.and(builder.is_zero(&self.bytes)?, builder.is_zero(&self.items)?.not())?;
        let length = big_endian(&window[..4]);
        let fits = builder.is_equal(&length, &Num::from(STEP as u64 - 4))?;
        let kind = window[4].clone();
        let is_item = builder.is_zero(&builder.multiply(&kind, &(&kind - &Num::from(1)))?)?;
        let well_formed = builder.all(&[begins, fits, is_item])?;

        let left = &self.bytes + &builder.multiply(&begins.into(), &(&length + &Num::from(4)))?;
        let taken = at_most_a_step(builder, &left)?;
        self.items = &self.items - &begins.into();
        self.begun = &self.begun + &begins.into();
        self.bytes = &left - &taken;
        self.length = &self.length + &taken;
        self.move_on(builder, &taken, blocks)?;

        let mut payload = Vec::with_capacity(8 * PAYLOAD_BYTES);
        for byte in &window[STEP - PAYLOAD_BYTES..] {
            payload.extend(builder.decompose(byte, 8)?);
        }
        Ok(StepWires { begins, well_formed, kind, payload })
    }

    /// Hashes the blocks that the cursor leaves behind: none, one or two.
    fn move_on(&mut self, builder: &Builder, taken: &Num, blocks: [Vec<Bit>; 2]) -> Synthesis<()> {
        let sum = builder.decompose(&(&Num::from_bits(&self.place) + taken), PLACE_BITS + 2)?;
        let (two, one) = (sum[0], sum[1]);
        self.place = sum[2..].to_vec();
        let after_one = sha256::compress(builder, &self.chain, &self.block)?;
        let after_two = sha256::compress(builder, &after_one, &blocks[0])?;
        let chain =
            choose(builder, [two, one], [&self.chain.concat(), &after_one.concat(), &after_two.concat()])?;
        self.block = choose(builder, [two, one], [&self.block, &blocks[0], &blocks[1]])?;
        self.chain = chain_of(&chain);
        Ok(())
    }
}

/// Eight words.
pub(crate) fn chain_of(bits: &[Bit]) -> Chain {
    std::array::from_fn(|word| std::array::from_fn(|bit| bits[32 * word + bit]))
}

/// Bits that are those of the first choice where no flag is set, of the second where `one` is, of the third where `two`
/// is. Both flags are never set.
fn choose(builder: &Builder, [two, one]: [Bit; 2], choices: [&[Bit]; 3]) -> Synthesis<Vec<Bit>> {
    let index = usize::from(one.value()) + 2 * usize::from(two.value());
    let chosen = choices[index.min(2)];
    let bits = chosen.iter().map(|bit| builder.bit(bit.value())).collect::<Synthesis<Vec<_>>>()?;
    for (at, words) in bits.chunks(128).enumerate() {
        let [none, first, second] = choices.map(|choice| Num::from_bits(&choice[128 * at..][..words.len()]));
        let difference = builder.multiply(&one.into(), &(&first - &none))?;
        let sum = Num::sum([none.clone(), difference, builder.multiply(&two.into(), &(&second - &none))?]);
        builder.equal(&Num::from_bits(words), &sum)?;
    }
    Ok(bits)
}

/// The bytes of a step's length that begin at a place in the first block. Those between an item's kind and its payload are
/// not needed, and zero.
fn turn(builder: &Builder, mut bytes: Vec<Num>, place: &[Bit]) -> Synthesis<Vec<Num>> {
    for (level, bit) in place.iter().enumerate() {
        let by = 1 << (PLACE_BITS - 1 - level);
        let is_needed = |at: &usize| *at < 5 + by - 1 || *at >= STEP - PAYLOAD_BYTES;
        let turned = |at: usize| match is_needed(&at) {
            true => builder.select(*bit, &bytes[at + by], &bytes[at]),
            false => Ok(Num::zero()),
        };
        bytes = (0..STEP + by - 1).map(turned).collect::<Synthesis<_>>()?;
    }
    Ok(bytes)
}

fn big_endian(bytes: &[Num]) -> Num {
    bytes.iter().fold(Num::zero(), |number, byte| &(&number * Fr::from(256u64)) + byte)
}

/// The number itself, or the bytes of a step where it is larger. The number is below 2^33.
fn at_most_a_step(builder: &Builder, number: &Num) -> Synthesis<Num> {
    let offset = Num::constant(Fr::from(1u64 << 33) - Fr::from(STEP as u64 + 1));
    let is_larger = builder.decompose(&(number + &offset), 34)?[0];
    builder.select(is_larger, &Num::from(STEP as u64), number)
}

/// The length of the body in bits and where the body ends in the cursor's block: what the last blocks of its hash need.
pub(crate) fn finish(builder: &Builder, cursor: &CursorWires) -> Synthesis<Chain> {
    // A body has less than 2^61 bytes: 2^22 items of less than 2^32.
    let mut length = builder.decompose(&cursor.length, 61)?;
    length.extend([Bit::ZERO; 3]);
    let ends = one_hot(builder, &cursor.place)?;
    // Whether the length finds room in the same block.
    let short = one_of(builder, &ends[..BLOCK - 8])?;

    let mut block = Vec::with_capacity(BLOCK_BITS);
    // Set until the body's end is reached.
    let mut before = Bit::ONE;
    for (byte, end) in ends.iter().enumerate() {
        before = minus(builder, before, *end)?;
        for bit in 0..8 {
            let at = 8 * byte + bit;
            let mut parts = vec![builder.and(before, cursor.block[at])?];
            if bit == 0 {
                parts.push(*end);
            }
            if byte >= BLOCK - 8 {
                parts.push(builder.and(short, length[at - 8 * (BLOCK - 8)])?);
            }
            block.push(one_of(builder, &parts)?);
        }
    }
    let in_one = sha256::compress(builder, &cursor.chain, &block)?;
    let mut last = vec![Bit::ZERO; BLOCK_BITS - 64];
    last.extend(length);
    let in_two = sha256::compress(builder, &in_one, &last)?;
    Ok(chain_of(&choose(
        builder,
        [short.not(), short],
        [&in_one.concat(), &in_one.concat(), &in_two.concat()],
    )?))
}

/// One bit for each value that some bits can have, of which exactly the one is set that they do have.
fn one_hot(builder: &Builder, bits: &[Bit]) -> Synthesis<Vec<Bit>> {
    let mut hot = vec![Bit::ONE];
    for bit in bits {
        let mut next = Vec::with_capacity(2 * hot.len());
        for above in hot {
            next.push(builder.and(above, bit.not())?);
            next.push(builder.and(above, *bit)?);
        }
        hot = next;
    }
    Ok(hot)
}

/// Whether any of some bits is set, of which never two are.
fn one_of(builder: &Builder, bits: &[Bit]) -> Synthesis<Bit> {
    let any = builder.unchecked_bit(bits.iter().any(|bit| bit.value()))?;
    builder.equal(&any.into(), &Num::sum(bits.iter().map(|bit| Num::from(*bit))))?;
    Ok(any)
}

/// A bit without one that is set only where it is.
fn minus(builder: &Builder, bit: Bit, without: Bit) -> Synthesis<Bit> {
    let rest = builder.unchecked_bit(bit.value() && !without.value())?;
    builder.equal(&rest.into(), &(&Num::from(bit) - &without.into()))?;
    Ok(rest)
}
