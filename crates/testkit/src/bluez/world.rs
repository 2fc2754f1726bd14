//! The state of an air and of all machines under it, behind one lock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;

use super::air::{AdvertId, OnAir};
use super::bluetoothd::Bluetoothd;

/// Whose bluetoothd: a machine's place in the world.
pub type MachineIndex = usize;

pub struct Shared {
    world: Mutex<World>,
    changed: watch::Sender<u64>,
    runtime: Option<Runtime>,
}

#[derive(Default)]
pub struct World {
    pub intervals: u64,
    pub adverts: BTreeMap<AdvertId, OnAir>,
    pub machines: Vec<Bluetoothd>,
    last_advert: u64,
}

impl World {
    pub fn next_advert(&mut self) -> AdvertId {
        self.last_advert += 1;
        AdvertId(self.last_advert)
    }
}

impl Shared {
    pub fn new() -> Arc<Self> {
        // One thread for all that happens on the buses: what reaches a machine
        // first is answered first.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("bluez")
            .enable_all()
            .build()
            .unwrap();
        Arc::new(Self {
            world: Mutex::default(),
            changed: watch::Sender::new(0),
            runtime: Some(runtime),
        })
    }

    pub fn handle(&self) -> Handle {
        self.runtime.as_ref().unwrap().handle().clone()
    }

    /// Looks at the world or changes it. Signals that a change sends are sent
    /// under the lock, so they are in the order of the changes.
    pub fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        // A failed assertion of another test thread must not hide this one's.
        let answer = look(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_modify(|version| *version += 1);
        answer
    }

    /// The same for those who only look, and wait for others to change it.
    pub fn look<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The last owner may be an async test, in which waiting is forbidden.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What callbacks keep: weak, so that the air ends when its last owner drops it.
pub type WeakShared = Weak<Shared>;
