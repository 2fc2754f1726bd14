//! A world in memory, the same for the same seed: for tests, demos and fuzzing.
//!
//! * [`SeededRng`]: randomness that repeats.
//! * [`RadioConditions`]: the conditions of the radio: loss, delay, other
//!   people's adverts.
//! * [`Pair`]: both transactions, the air and a tunnel between them, on a clock
//!   moved by hand. A whole ceremony costs little more than its cryptography;
//!   there are faults wherever a test wants them, and a transcript to compare.
//! * [`Air`] and [`MemoryRelay`]: the same air
//!   as a `Scanner` and `Advertiser`, and a tunnel service as a `TunnelDialer`,
//!   for the async objects.
//!
//! Simulation stands beside the real run, never in its place.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod air;
mod memory_relay;
mod pair;
mod radio;
mod random;
mod stages;

pub use air::RadioConditions;
pub use memory_relay::MemoryRelay;
pub use pair::{Delay, Observation, Observer, Pair, Setup, Side, SimulatedUser, Tamper};
pub use radio::Air;
pub use random::SeededRng;
pub use stages::STAGES;
