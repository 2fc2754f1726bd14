//! The state that the connections of a server share: the machine, its clock, and the tasks
//! to wake.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::machine::{ConnectionId, Relay};
use super::request::NetworkAddress;

/// The signals that wake the two halves of a connection.
#[derive(Default)]
pub(super) struct Wake {
    pub(super) reader: Notify,
    pub(super) writer: Notify,
    /// It must be dropped.
    dropped: Notify,
}

/// A connection that the machine knows; dropped, it has departed.
pub(super) struct Arrival {
    pub(super) shared: Arc<Shared>,
    pub(super) id: ConnectionId,
    pub(super) wake: Arc<Wake>,
}

impl Arrival {
    /// Returns when the connection must be dropped at once.
    ///
    /// # Cancel safety
    /// Whether it must is not lost: it stays so.
    pub(super) async fn dropped(&self) {
        while !self.shared.lock().relay.is_dropped(self.id) {
            self.wake.dropped.notified().await;
        }
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.shared.remove(self.id);
    }
}

/// The machine and its clock, for all connections.
pub(super) struct Shared {
    state: Mutex<State>,
    start: Instant,
    earlier_deadline: Notify,
    message_size: usize,
    ping_interval: Option<Duration>,
}

struct State {
    relay: Relay,
    wakes: HashMap<ConnectionId, Arc<Wake>>,
    last_connection: u64,
}

impl State {
    fn wake(&mut self) {
        while let Some(id) = self.relay.next_woken() {
            if let Some(wake) = self.wakes.get(&id) {
                wake.reader.notify_one();
                wake.writer.notify_one();
                wake.dropped.notify_one();
            }
        }
    }
}

impl Shared {
    pub(super) fn new(relay: Relay, ping_interval: Option<Duration>) -> Self {
        Self {
            ping_interval,
            message_size: relay.limits().message_size,
            state: Mutex::new(State { relay, wakes: HashMap::new(), last_connection: 0 }),
            start: Instant::now(),
            earlier_deadline: Notify::new(),
        }
    }

    pub(super) const fn message_size(&self) -> usize {
        self.message_size
    }

    pub(super) const fn ping_interval(&self) -> Option<Duration> {
        self.ping_interval
    }

    /// One step of the machine, and what follows from it.
    pub(super) fn with<T>(&self, step: impl FnOnce(&mut Relay, Duration) -> T) -> T {
        let mut state = self.lock();
        let deadline = state.relay.next_deadline();
        let result = step(&mut state.relay, self.start.elapsed());
        state.wake();
        if state.relay.next_deadline() != deadline {
            self.earlier_deadline.notify_one();
        }
        result
    }

    pub(super) fn accept(shared: &Arc<Self>, address: NetworkAddress) -> Arrival {
        let mut state = shared.lock();
        state.last_connection += 1;
        let id = ConnectionId(state.last_connection);
        let wake = Arc::<Wake>::default();
        state.wakes.insert(id, Arc::clone(&wake));
        state.relay.accept(id, address);
        state.wake();
        drop(state);
        Arrival { shared: Arc::clone(shared), id, wake }
    }

    pub(super) fn remove(&self, id: ConnectionId) {
        self.with(|relay, _| relay.remove(id));
        self.lock().wakes.remove(&id);
    }

    /// Ends tunnels when their time is over, for good.
    pub(super) async fn expire(&self) {
        loop {
            let deadline = self.lock().relay.next_deadline();
            let due = async {
                match deadline.and_then(|deadline| self.start.checked_add(deadline)) {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => self.with(|relay, now| relay.expire(now)),
                () = self.earlier_deadline.notified() => {}
            }
        }
    }

    /// No step of the machine is left half done by a panic elsewhere.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
