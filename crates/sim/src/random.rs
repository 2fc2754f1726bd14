//! Randomness that repeats.

use std::convert::Infallible;

use rand_core::{Rng, TryCryptoRng, TryRng};

use fido_hybrid_proto::crypto::sha256;

/// A generator whose output is fixed by its seed: SHA-256 in counter mode.
///
/// It is marked as fit for cryptography because the machines ask for that; it
/// is, as far as its seed is. Never use it outside tests and demos.
#[derive(Clone)]
pub struct SeededRng {
    seed: [u8; 32],
    counter: u64,
    block: [u8; 32],
    used: usize,
}

impl SeededRng {
    /// Starts from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed: sha256(&[&seed.to_le_bytes()]), counter: 0, block: [0; 32], used: 32 }
    }

    /// A generator of its own for one part of a test, so that drawing more
    /// there changes nothing elsewhere.
    #[must_use]
    pub fn fork(&self, part: &str) -> Self {
        Self { seed: sha256(&[&self.seed, part.as_bytes()]), counter: 0, block: [0; 32], used: 32 }
    }

    /// A number below `bound`, which is not zero; slightly uneven.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound.max(1)
    }

    fn next_byte(&mut self) -> u8 {
        if self.used == self.block.len() {
            self.block = sha256(&[&self.seed, &self.counter.to_le_bytes()]);
            self.counter += 1;
            self.used = 0;
        }
        let byte = self.block.get(self.used).copied().unwrap_or_default();
        self.used += 1;
        byte
    }
}

impl TryRng for SeededRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            *byte = self.next_byte();
        }
        Ok(())
    }
}

impl TryCryptoRng for SeededRng {}

impl std::fmt::Debug for SeededRng {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SeededRng(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes_in_any_portions() {
        let (mut one, mut other) = (SeededRng::new(7), SeededRng::new(7));
        let mut bytes = [0; 100];
        one.fill_bytes(&mut bytes);
        let (mut first, mut second) = ([0; 33], [0; 67]);
        other.fill_bytes(&mut first);
        other.fill_bytes(&mut second);
        assert_eq!(bytes[..33], first);
        assert_eq!(bytes[33..], second);
        assert_ne!(SeededRng::new(8).next_u64(), SeededRng::new(7).next_u64());
        assert_ne!(SeededRng::new(7).fork("a").next_u64(), SeededRng::new(7).fork("b").next_u64());
    }
}
