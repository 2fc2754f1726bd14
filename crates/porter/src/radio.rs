//! A radio channel in memory, in place of Bluetooth.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fido_hybrid_proto::client::Input;
use fido_hybrid_proto::ports::bluetooth::{AdvertReport, SERVICE_UUID};

/// A radio channel: each clone receives what any clone advertises.
///
/// It delivers an advert once to each scan, also to one that starts later. A real radio
/// repeats adverts several times per second and loses some of them.
#[derive(Clone, Debug, Default)]
pub struct Air(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    next_id: u64,
    adverts: Vec<(u64, Vec<u8>)>,
    scans: Vec<(u64, SyncSender<Input>)>,
}

/// A scan or an advert. Dropping it stops it.
pub(crate) struct Active {
    air: Air,
    id: u64,
}

impl Air {
    /// The number of adverts and of scans that are active.
    #[must_use]
    pub fn active(&self) -> (usize, usize) {
        let state = self.lock();
        (state.adverts.len(), state.scans.len())
    }

    pub(crate) fn advertise(&self, service_data: Vec<u8>) -> Active {
        let mut state = self.lock();
        for (_, scan) in &state.scans {
            deliver(scan, &service_data);
        }
        let id = state.next_id();
        state.adverts.push((id, service_data));
        Active { air: self.clone(), id }
    }

    pub(crate) fn scan(&self, scan: SyncSender<Input>) -> Active {
        let mut state = self.lock();
        for (_, service_data) in &state.adverts {
            deliver(&scan, service_data);
        }
        let id = state.next_id();
        state.scans.push((id, scan));
        Active { air: self.clone(), id }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A queue that is full loses the advert: waiting for the driver with the lock held could
/// block a driver that is about to stop its scan.
fn deliver(scan: &SyncSender<Input>, service_data: &[u8]) {
    let advert = AdvertReport::new(SERVICE_UUID, service_data.to_vec());
    let _full_or_over = scan.try_send(Input::Advert(advert));
}

impl State {
    fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        let mut state = self.air.lock();
        state.adverts.retain(|(id, _)| *id != self.id);
        state.scans.retain(|(id, _)| *id != self.id);
    }
}
