//! A place in a batch's body: what is hashed, and what is still to be read.
//!
//! A body is a count and items of any length (docs/protocol.md, "Batches and heads"). It is read in steps, each of which
//! takes in one transfer, or up to 128 bytes of something else, so that a proof of any number of steps can stop
//! anywhere and another go on there. The block in which the cursor stands is held whole and not hashed yet.

use crate::field::{self, Field};
use crate::poseidon::{self, Purpose};
use crate::transfer::PAYLOAD_BYTES;
use fairlane_types::BatchItem;
use fairlane_types::RollupHead;
use sha2::digest::generic_array::GenericArray;

/// Bytes of a block of SHA-256.
pub(crate) const BLOCK: usize = 64;
/// Bytes that a step takes in at most: a whole transfer with its length.
pub(crate) const STEP: usize = 4 + BatchItem::FIXED_BYTES + PAYLOAD_BYTES;

/// Where a step's window has the kind of the item that begins there, and the kind of a bundle's leg; a transaction of its own
/// has the one below.
const KIND: usize = 4;
const LEG: u8 = 1;

const _: () = assert!(STEP == 2 * BLOCK, "a transfer is two blocks");

/// A place in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The head before the batch.
    pub(crate) previous: RollupHead,
    /// The state of the hash before the block.
    pub(crate) chain: [u32; 8],
    /// The block in which the cursor stands.
    pub(crate) block: [u8; BLOCK],
    /// Bytes before the cursor.
    pub(crate) length: u64,
    /// Items that no step has begun.
    pub(crate) items: u32,
    /// Bytes that are left of the item that was begun last.
    pub(crate) bytes: u64,
    /// Items that were begun.
    pub(crate) begun: u32,
}

/// What a step takes in.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The two blocks behind the cursor's.
    pub(crate) blocks: [[u8; BLOCK]; 2],
    /// What stands at the cursor.
    pub(crate) window: [u8; STEP],
    /// Whether an item begins here.
    pub(crate) begins: bool,
    /// Whether that item has the form of a transfer.
    pub(crate) well_formed: bool,
}

impl Step {
    /// Whether the item that begins here is a leg of a bundle.
    pub(crate) fn is_leg(&self) -> bool {
        self.window[KIND] == LEG
    }
}

impl Cursor {
    /// Behind the count.
    pub(crate) fn start(previous: RollupHead, body: &[u8]) -> Self {
        let block = block(body, 0);
        let items = u32::from_be_bytes([block[0], block[1], block[2], block[3]]);
        Self { previous, chain: INITIAL, block, length: 4, items, bytes: 0, begun: 0 }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.items == 0 && self.bytes == 0
    }

    /// Takes in the next piece.
    pub(crate) fn step(&mut self, body: &[u8]) -> Step {
        let at = self.length as usize;
        let window: [u8; STEP] =
            std::array::from_fn(|offset| body.get(at + offset).copied().unwrap_or_default());
        let place = at / BLOCK;
        let blocks = [block(body, place + 1), block(body, place + 2)];

        let begins = self.bytes == 0 && self.items > 0;
        let length = u32::from_be_bytes([window[0], window[1], window[2], window[3]]);
        if begins {
            self.bytes = 4 + u64::from(length);
            self.items -= 1;
            self.begun += 1;
        }
        let taken = self.bytes.min(STEP as u64);
        self.bytes -= taken;
        self.length += taken;
        for block in &blocks[..self.length as usize / BLOCK - place] {
            sha2::compress256(&mut self.chain, &[*GenericArray::from_slice(&self.block)]);
            self.block = *block;
        }
        let well_formed = begins && length as usize == STEP - 4 && window[KIND] <= LEG;
        Step { blocks, window, begins, well_formed }
    }

    /// What stands for the place between two proofs.
    pub(crate) fn commitment(&self) -> Field {
        let chain: Vec<u8> = self.chain.iter().flat_map(|word| word.to_be_bytes()).collect();
        let mut counters = self.length.to_be_bytes().to_vec();
        counters.extend(self.items.to_be_bytes());
        counters.extend(self.bytes.to_be_bytes());
        counters.extend(self.begun.to_be_bytes());
        let halves = [self.previous.as_bytes().as_slice(), &chain, &self.block].concat();
        let elements: Vec<Field> =
            halves.chunks(16).chain([counters.as_slice()]).map(field::from_number).collect();
        poseidon::hash(Purpose::Cursor, &elements)
    }
}

/// A block of the body, with zeros behind its end.
fn block(body: &[u8], place: usize) -> [u8; BLOCK] {
    std::array::from_fn(|at| body.get(place * BLOCK + at).copied().unwrap_or_default())
}

/// The state of SHA-256 before the first block (FIPS 180-4, 5.3.3).
pub(crate) const INITIAL: [u32; 8] =
    [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
