//! More inputs from one, so that what a fuzzer does for each of its inputs, which takes longer than a target, is done once for many.

/// How many variants there are of an input, besides itself.
pub const COUNT: u64 = 15;

/// The longest variant, in bytes.
const LONGEST: usize = 400;

/// Random bytes after a script: as many as a few calls read.
const TAIL: usize = 24;

/// Runs an input, and its variants: a few bytes of it are others, or all of them from some place on. They depend on nothing but the
/// input, so that one that fails can be made again.
pub fn run_each(bytes: &[u8], mut run: impl FnMut(&[u8])) {
    run(bytes);
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let mut next = Draw::new(bytes);
    let mut room = [0; LONGEST + TAIL];
    for _ in 0..COUNT {
        room[..bytes.len()].copy_from_slice(bytes);
        // New bytes from some place on, or after the last one, or none.
        let (kept, new) = match next.below(3) {
            0 => (next.below(bytes.len() + 1), 1 + next.below(TAIL)),
            1 => (bytes.len(), 1 + next.below(TAIL)),
            _ => (bytes.len(), 0),
        };
        let count = kept + new;
        room[kept..count].fill_with(|| next.byte());
        for _ in 0..=next.below(3) {
            let at = next.below(count.max(1));
            room[..count].get_mut(at).into_iter().for_each(|byte| *byte = next.byte());
        }
        run(&room[..count]);
    }
}

/// Numbers at random: xorshift64*.
#[derive(Debug)]
struct Draw(u64);

impl Draw {
    fn new(seed: &[u8]) -> Self {
        let mix = |sum: u64, &byte: &u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(seed.iter().fold(0xcbf2_9ce4_8422_2325, mix) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    /// A number below `count`, which is not 0.
    fn below(&mut self, count: usize) -> usize {
        let high = usize::try_from(self.next() >> 40).unwrap_or(0);
        high % count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        run_each(bytes, |variant| all.push(variant.to_vec()));
        all
    }

    #[test]
    fn variants_are_others_and_always_the_same() {
        for bytes in [&[][..], &[7], &[1, 2, 3, 4, 5, 6, 7, 8, 9], &[3; 1000]] {
            let found = all(bytes);
            assert_eq!(found, all(bytes));
            assert_eq!(found[0], bytes);
            assert_eq!(found.len(), usize::try_from(COUNT).unwrap() + 1);
            let others = found.iter().skip(1).filter(|it| **it != found[0]).count();
            assert!(others > 5, "{others}");
        }
    }
}
