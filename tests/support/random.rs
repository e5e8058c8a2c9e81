//! Numbers that look random and can be had again, and the question whether this run may take long.

/// Set: whole matrices and hundreds of kills; else as many as a developer waits for.
const LONG: &str = "TEALKEEP_LONG";
/// The seed of a run that is to be repeated.
const SEED: &str = "TEALKEEP_SEED";

/// Whether this is `tests/run --long`.
pub fn is_long() -> bool {
    std::env::var_os(LONG).is_some()
}

/// splitmix64 (Steele, Lea and Flood, 2014).
#[derive(Debug, Clone)]
pub struct Random {
    /// What it began with: `TEALKEEP_SEED` repeats a run.
    pub seed: u64,
    state: u64,
}

impl Random {
    /// From `TEALKEEP_SEED`, or else from the system.
    pub fn seeded() -> Random {
        let given = std::env::var(SEED)
            .ok()
            .map(|text| text.parse().expect("a seed is a number"));
        let seed = given.unwrap_or_else(|| {
            let mut bytes = [0_u8; 4];
            getrandom::fill(&mut bytes).expect("the system has random numbers");
            u64::from(u32::from_ne_bytes(bytes))
        });
        println!("{SEED}={seed} repeats this run");
        Random { seed, state: seed }
    }

    /// A number from 0 on, below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// An index into something of `length` items, which are not none.
    pub fn index(&mut self, length: usize) -> usize {
        let bound = u64::try_from(length).expect("a length fits");
        usize::try_from(self.below(bound)).expect("it is below a length")
    }

    /// `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count)
            .map(|_| u8::try_from(self.below(256)).expect("it is below 256"))
            .collect()
    }

    /// At most `count` of these, each as likely as any other, in the order in which they were drawn.
    pub fn draw<T>(&mut self, mut from: Vec<T>, count: usize) -> Vec<T> {
        let count = count.min(from.len());
        (0..count)
            .map(|_| {
                let at = self.index(from.len());
                from.swap_remove(at)
            })
            .collect()
    }
}
