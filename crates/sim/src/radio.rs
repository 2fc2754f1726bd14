//! The air as a scanner and an advertiser, on tokio's clock.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::air::MIN_INTERVAL;
use super::{RadioConditions, SeededRng};
use fido_hybrid_proto::error::BluetoothError;
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_proto::ports::bluetooth::{
    AdapterState, AdvertReport, Advertisement, Advertiser, SERVICE_UUID, Scan, ScanEvent, Scanner,
};

/// A radio channel in memory: each clone receives what any clone advertises.
#[derive(Clone)]
pub struct Air {
    shared: Arc<Shared>,
}

struct Shared {
    conditions: RadioConditions,
    state: Mutex<State>,
    /// Counts the changes, so that listeners wake at once.
    changes: watch::Sender<u64>,
}

struct State {
    rng: SeededRng,
    next: u64,
    adverts: BTreeMap<u64, Vec<u8>>,
}

impl Air {
    /// Clear air.
    #[must_use]
    pub fn new() -> Self {
        Self::with_conditions(RadioConditions::default(), SeededRng::new(0))
    }

    /// Air of a certain kind; `rng` decides what is lost and how long it takes.
    #[must_use]
    pub fn with_conditions(conditions: RadioConditions, rng: SeededRng) -> Self {
        let state = State { rng, next: 0, adverts: BTreeMap::new() };
        let changes = watch::Sender::new(0);
        Self { shared: Arc::new(Shared { conditions, state: Mutex::new(state), changes }) }
    }

    /// How many adverts are being transmitted.
    #[must_use]
    pub fn adverts(&self) -> usize {
        self.shared.lock().adverts.len()
    }
}

impl Default for Air {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Air {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Air").field("adverts", &self.adverts()).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done by a panic elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }
}

impl Advertiser for Air {
    fn advertise(
        &self,
        service_data: Vec<u8>,
    ) -> BoxFuture<'_, Result<Box<dyn Advertisement>, BluetoothError>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let mut state = shared.lock();
            let number = state.next;
            state.next += 1;
            state.adverts.insert(number, service_data);
            drop(state);
            shared.changed();
            Ok(Box::new(OnAir { shared, number }) as Box<dyn Advertisement>)
        })
    }
}

struct OnAir {
    shared: Arc<Shared>,
    number: u64,
}

impl Advertisement for OnAir {}

impl Drop for OnAir {
    fn drop(&mut self) {
        self.shared.lock().adverts.remove(&self.number);
        self.shared.changed();
    }
}

impl Scanner for Air {
    fn state(&self) -> BoxFuture<'_, Result<AdapterState, BluetoothError>> {
        Box::pin(std::future::ready(Ok(AdapterState::On)))
    }

    fn scan(&self) -> BoxFuture<'_, Result<Box<dyn Scan>, BluetoothError>> {
        let changes = self.shared.changes.subscribe();
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let listener = Listener {
                shared,
                changes,
                received: BTreeMap::new(),
                numbers: 0,
                next: Instant::now(),
            };
            Ok(Box::new(listener) as Box<dyn Scan>)
        })
    }
}

struct Listener {
    shared: Arc<Shared>,
    changes: watch::Receiver<u64>,
    /// What was transmitted, by when it is reported; the number keeps apart
    /// what is reported at one time.
    received: BTreeMap<(Instant, u64), Vec<u8>>,
    numbers: u64,
    next: Instant,
}

impl Listener {
    fn listen(&mut self) {
        let now = Instant::now();
        let mut state = self.shared.lock();
        let State { rng, adverts, .. } = &mut *state;
        for advert in adverts.values() {
            for (delay, data) in self.shared.conditions.receive(advert, rng) {
                self.received.insert((now + delay, self.numbers), data);
                self.numbers += 1;
            }
        }
        self.next = now + self.shared.conditions.interval.max(MIN_INTERVAL);
    }
}

impl Scan for Listener {
    fn next(&mut self) -> BoxFuture<'_, Result<ScanEvent, BluetoothError>> {
        Box::pin(async move {
            loop {
                let now = Instant::now();
                if let Some(entry) = self.received.first_entry()
                    && entry.key().0 <= now
                {
                    let sighting = AdvertReport::new(SERVICE_UUID, entry.remove());
                    return Ok(ScanEvent::Advert(sighting));
                }
                if self.next <= now {
                    self.listen();
                    continue;
                }
                let wake =
                    self.received.keys().next().map_or(self.next, |(at, _)| self.next.min(*at));
                tokio::select! {
                    () = sleep_until(wake) => {}
                    // The sender lives as long as `shared`.
                    Ok(()) = self.changes.changed() => self.next = Instant::now(),
                }
            }
        })
    }
}
