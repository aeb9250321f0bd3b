//! Counting in bit planes: 256 sums at once, as wide as the largest of them needs.
//!
//! Bit `c` of plane `k` is bit `k` of sum `c`. Adding a mask with weight `2^k` is a carry chain from plane `k` on;
//! comparing with a constant is one pass from the top plane down. Plain integers, which compilers turn into
//! whatever vectors the target has.

/// Words in one block of columns.
pub(super) const WORDS: usize = 4;
/// Columns in one block.
pub(super) const COLUMNS: usize = WORDS * 64;

/// One bit for each column of a block.
pub(super) type Mask = [u64; WORDS];

/// 256 sums of at most `K` bits.
#[derive(Clone, Copy)]
pub(super) struct Planes<const K: usize>([Mask; K]);

impl<const K: usize> Planes<K> {
    pub(super) const ZERO: Self = Self([[0; WORDS]; K]);

    /// Adds `2^level` where the mask is set.
    #[inline(always)]
    pub(super) fn add(&mut self, level: usize, mask: &Mask) {
        let mut carry = *mask;
        for plane in &mut self.0[level..] {
            for (bits, carry) in plane.iter_mut().zip(&mut carry) {
                let up = *bits & *carry;
                *bits ^= *carry;
                *carry = up;
            }
        }
    }

    /// Adds `2^level` for each of two masks: one full adder, then one carry chain.
    #[inline(always)]
    pub(super) fn add_pair(&mut self, level: usize, a: &Mask, b: &Mask) {
        let mut carry = [0; WORDS];
        for w in 0..WORDS {
            let bits = &mut self.0[level][w];
            let (either, both) = (a[w] ^ b[w], a[w] & b[w]);
            carry[w] = both | (*bits & either);
            *bits ^= either;
        }
        if level + 1 < K {
            self.add(level + 1, &carry);
        }
    }

    /// Where the sum is at most `bound`.
    #[inline(always)]
    pub(super) fn at_most(&self, bound: u64) -> Mask {
        if bound >> K != 0 {
            return [!0; WORDS];
        }
        let mut below = [0; WORDS];
        let mut equal = [!0; WORDS];
        for (k, plane) in self.0.iter().enumerate().rev() {
            let one = 0u64.wrapping_sub(bound >> k & 1);
            for w in 0..WORDS {
                below[w] |= equal[w] & !plane[w] & one;
                equal[w] &= !(plane[w] ^ one);
            }
        }
        for w in 0..WORDS {
            below[w] |= equal[w];
        }
        below
    }

    /// Where the sum is at least `bound`.
    #[inline(always)]
    pub(super) fn at_least(&self, bound: u64) -> Mask {
        match bound.checked_sub(1) {
            None => [!0; WORDS],
            Some(below) => not(self.at_most(below)),
        }
    }
}

/// The complement.
pub(super) fn not(mask: Mask) -> Mask {
    mask.map(|word| !word)
}

/// What is in both.
pub(super) fn and(a: Mask, b: Mask) -> Mask {
    std::array::from_fn(|w| a[w] & b[w])
}

/// The first `count` columns.
pub(super) fn first_columns(count: usize) -> Mask {
    std::array::from_fn(|w| match count.saturating_sub(w * 64) {
        0 => 0,
        rest if rest >= 64 => !0,
        rest => (1 << rest) - 1,
    })
}

/// Transposes a 64 x 64 bit matrix in place: bit `y` of word `x` becomes bit `x` of word `y`.
pub(super) fn transpose(tile: &mut [u64; 64]) {
    let mut width = 32;
    let mut mask = 0x0000_0000_FFFF_FFFFu64;
    while width != 0 {
        let mut at = 0;
        while at < 64 {
            let swap = ((tile[at] >> width) ^ tile[at + width]) & mask;
            tile[at] ^= swap << width;
            tile[at + width] ^= swap;
            at = (at + width + 1) & !width;
        }
        width >>= 1;
        mask ^= mask << width;
    }
}
