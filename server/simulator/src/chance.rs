//! Chance that is the same each time.

use switchback_engine::ports::Chance;

/// Splitmix64: small, even, and the same on every machine.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Chance from a seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5151_C0DE)
    }

    /// Chance of one moment and one thing: the same whatever else happens in that moment.
    pub fn of(seed: u64, moment: u64, thing: &str) -> Dice {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        let hash = thing.bytes().fold(0xCBF2_9CE4_8422_2325, mix);
        let mut dice = Dice::new(seed ^ hash ^ moment.rotate_left(32));
        dice.roll();
        dice
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both possible.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.roll() % (high.saturating_sub(low) + 1)
    }

    /// True that many times of a hundred.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.roll() % 100 < percent
    }

    /// One of them.
    ///
    /// # Panics
    /// When there are none.
    pub fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        let index = self.between(0, all.len() as u64 - 1);
        all[usize::try_from(index).expect("an index of a list")]
    }
}

/// The console's chance: a matter of the moment, not of who asks first in it, so that tasks that wake together may do so in any order.
#[derive(Debug)]
pub struct SeededChance {
    seed: u64,
    began: tokio::time::Instant,
}

impl SeededChance {
    /// From a seed.
    pub fn new(seed: u64) -> SeededChance {
        SeededChance { seed, began: tokio::time::Instant::now() }
    }
}

impl Chance for SeededChance {
    fn fill(&self, bytes: &mut [u8]) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut dice = Dice::new(self.seed ^ now.rotate_left(20) ^ bytes.len() as u64);
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&dice.roll().to_le_bytes()[..chunk.len()]);
        }
    }
}
