//! The conditions under which adverts are transmitted.

use std::time::Duration;

use rand_core::Rng;

use super::SeededRng;
use fido_hybrid_proto::transport::ADVERT_LENGTH;

/// The shortest time between transmissions: without one, nothing else would
/// ever be due.
pub(super) const MIN_INTERVAL: Duration = Duration::from_millis(1);

/// The state of the air between an advertiser and a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RadioConditions {
    /// How many of a thousand transmissions are lost.
    pub lost_per_thousand: u16,
    /// The longest that a transmission may take to be reported; each takes a
    /// random part of it.
    pub delay: Duration,
    /// How many other people's adverts are received with each transmission.
    pub foreign: usize,
    /// How often an advert is transmitted; at the most once in a millisecond.
    pub interval: Duration,
}

impl Default for RadioConditions {
    /// Clear conditions: nothing is lost or delayed, no other device advertises, and
    /// each advert is transmitted every 100 ms.
    fn default() -> Self {
        Self {
            lost_per_thousand: 0,
            delay: Duration::ZERO,
            foreign: 0,
            interval: Duration::from_millis(100),
        }
    }
}

impl RadioConditions {
    /// Returns what a scanner receives of one transmission: service data, and the delay
    /// after the transmission.
    pub fn receive(&self, advert: &[u8], rng: &mut SeededRng) -> Vec<(Duration, Vec<u8>)> {
        let delay_nanos = u64::try_from(self.delay.as_nanos()).unwrap_or(u64::MAX);
        let mut received = Vec::with_capacity(self.foreign + 1);
        for _ in 0..self.foreign {
            let mut foreign = vec![0; ADVERT_LENGTH];
            rng.fill_bytes(&mut foreign);
            received.push(foreign);
        }
        if rng.below(1000) >= u64::from(self.lost_per_thousand) {
            received.push(advert.to_vec());
        }
        received
            .into_iter()
            .map(|data| (Duration::from_nanos(rng.below(delay_nanos.saturating_add(1))), data))
            .collect()
    }
}
