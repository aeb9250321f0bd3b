//! A short run of every target on any toolchain: the kept inputs, changed in small ways by a generator with a fixed seed.
//! It has no eye for coverage, so `fuzz/run.sh` is what finds new things; this tells what an edit has broken.

use std::path::Path;

/// How many changed inputs each target gets.
const INPUTS: usize = 600;
/// The longest input.
const MAX_BYTES: usize = 8192;

/// Vigna's xorshift64*.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// Changes an input in up to four places; `other` is another one to take pieces from.
    fn change(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(16)).min(bytes.len());
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..end)),
                2 => {
                    let from = self.below(other.len() + 1);
                    let to = (from + self.below(64)).min(other.len());
                    bytes.splice(at..end, other[from..to].iter().copied());
                }
                3 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                4 if at < bytes.len() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
                _ => bytes.insert(at, self.next() as u8),
            }
        }
        bytes.truncate(MAX_BYTES);
        bytes
    }
}

#[test]
fn changed_inputs_keep_every_promise() {
    for (name, target) in fairlane_fuzz::TARGETS {
        let corpus = Path::new("corpus").join(name);
        let files = std::fs::read_dir(&corpus).expect("the corpus can be listed");
        let mut paths: Vec<_> = files.map(|file| file.expect("it can be listed").path()).collect();
        paths.sort();
        let kept: Vec<Vec<u8>> =
            paths.iter().map(|path| std::fs::read(path).expect("an input can be read")).collect();
        let mut random = Random(0x5eed);
        for round in 0..INPUTS {
            let (input, other) = (&kept[random.below(kept.len())], &kept[random.below(kept.len())]);
            let changed = random.change(input, other);
            let outcome = std::panic::catch_unwind(|| target(&changed));
            assert!(outcome.is_ok(), "{name}, input {round}: {}", hex(&changed));
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
