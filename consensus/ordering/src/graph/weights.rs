//! Powers as the pair kernel uses them: small integers, with the rounding accounted for.

/// The kernel counts in bit planes, so its cost grows with the bits of a sum. Wider sums are rounded to this many.
const MAX_PLANES: u32 = 12;

/// Lane powers, divided by their common divisor and, if the sum is still too wide, by a power of two.
///
/// A rounded sum `s` stands for an exact one in `[s << shift, (s << shift) + loss]`, both divided by `unit`. The
/// kernel decides by rounded sums where they suffice and falls back to [`Weights::exact`] where they do not.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    exact: Vec<u64>,
    total: u64,
    unit: u64,
    shift: u32,
    loss: u64,
    planes: u32,
    /// By plane, from the least significant: the lanes that have this bit in their rounded power.
    pub(super) levels: Vec<Vec<u32>>,
}

/// Which rounded sums surely reach a bound and which may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Sums in this half-line surely qualify; `None`: none does.
    pub(super) sure: Option<u64>,
    /// Sums in this half-line may qualify.
    pub(super) maybe: u64,
}

impl Weights {
    pub(crate) fn new(powers: &[u64]) -> Self {
        let unit = powers.iter().copied().fold(0, gcd).max(1);
        let exact: Vec<u64> = powers.iter().map(|power| power / unit).collect();
        let total = exact.iter().fold(0u64, |sum, power| sum.saturating_add(*power));
        let bits = u64::BITS - total.leading_zeros();
        let shift = bits.saturating_sub(MAX_PLANES);
        let loss = exact.iter().map(|power| power & ((1 << shift) - 1)).fold(0u64, u64::saturating_add);
        let planes = bits.clamp(1, MAX_PLANES);
        let has = |lane: usize, plane: u32| (exact[lane] >> shift) >> plane & 1 == 1;
        let levels = (0..planes)
            .map(|plane| (0..exact.len()).filter(|&lane| has(lane, plane)).map(|lane| lane as u32).collect())
            .collect();
        Self { exact, total, unit, shift, loss, planes, levels }
    }

    /// How many lanes there are.
    pub(super) fn lanes(&self) -> usize {
        self.exact.len()
    }

    /// How many bit planes hold any sum.
    pub(super) fn planes(&self) -> u32 {
        self.planes
    }

    /// Whether every lane counts one.
    pub(super) fn is_unit(&self) -> bool {
        self.exact.iter().all(|&power| power == 1)
    }

    /// Whether sums are rounded.
    pub(super) fn is_rounded(&self) -> bool {
        self.shift != 0
    }

    /// W in units.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// The power of a lane in units.
    pub(super) fn exact(&self, lane: usize) -> u64 {
        self.exact[lane]
    }

    /// A budget of power in units. Sums of powers are multiples of the unit, so rounding down changes no answer.
    pub(crate) fn units(&self, budget: u64) -> u64 {
        budget / self.unit
    }

    /// For "the sum is at most `bound`": a rounded sum qualifies when it is at most the value.
    pub(super) fn at_most(&self, bound: u64) -> Bounds {
        Bounds {
            sure: bound.checked_sub(self.loss).map(|rest| rest >> self.shift),
            maybe: bound >> self.shift,
        }
    }

    /// For "the sum is at least `bound`": a rounded sum qualifies when it is at least the value.
    pub(super) fn at_least(&self, bound: u64) -> Bounds {
        let up = |value: u64| value.div_ceil(1 << self.shift);
        Bounds { sure: Some(up(bound)), maybe: up(bound.saturating_sub(self.loss)) }
    }
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
