//! A scan: which adapters scan, and what they receive.
//!
//! Two sides share an [`Air`]. The task that reads from D-Bus hands it every
//! signal: adverts go on to the caller from there, so that other people's cost
//! no more than being looked at. Whatever may change the adapters only wakes
//! the scan's task, which then looks at all of them again and starts those that
//! should scan ([`Listening::look`]): one way for the start, for an adapter that is
//! plugged in or switched on, and for a BlueZ that was restarted.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;

use dbus::Path;
use dbus::arg::{PropMap, Variant};
use dbus::message::Message;
use dbus::nonblock::SyncConnection;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};
use tracing::{Instrument as _, debug};

use super::super::dbus_error::bluetooth_error;
use super::super::settings::Settings;
use super::air::Air;
use super::bus::{self, Bus};
use super::objects::{self, Found, Objects};
use super::refusals::{RETRY, Refusals, Verdict};
use super::{ADAPTER, DEVICE, PROPERTIES, best};
use fido_hybrid_proto::error::{ApiMisuse, BluetoothError};
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_proto::ports::bluetooth::{AdapterState, Scan, ScanEvent};

/// Events that wait for a caller who is slow. An advert beyond is dropped: its
/// phone repeats it.
const QUEUE: usize = 64;

type Events = mpsc::Sender<Result<ScanEvent, BluetoothError>>;

pub(in super::super) async fn scan(settings: &Settings) -> Result<Box<dyn Scan>, BluetoothError> {
    let mut bus = Bus::connect(settings.bus_address.as_deref()).await?;
    let (events, receiver) = mpsc::channel(QUEUE);
    let air = Arc::new(Air::new(&events));
    // From here on, dropping it stops what was begun.
    let mut scan = BluezScan {
        events: receiver,
        ended: None,
        air: Arc::clone(&air),
        connection: Arc::clone(bus.connection()),
        task: None,
    };
    let mut listening = Listening {
        connection: Arc::clone(bus.connection()),
        settings: settings.clone(),
        air,
        events,
        told: AdapterState::On,
        switched_on: BTreeSet::new(),
        refusals: Refusals::default(),
    };
    let begin = async {
        listening.subscribe().await?;
        listening.look().await
    };
    let next = bus.start(begin).await?;
    let work = async move {
        let events = listening.events.clone();
        if let Err(error) = bus.during(listening.keep_on(next)).await {
            let _dropped = events.send(Err(error)).await;
        }
    };
    let task = tokio::spawn(work.in_current_span());
    scan.task = Some(task.abort_handle());
    Ok(Box::new(scan))
}

struct BluezScan {
    events: mpsc::Receiver<Result<ScanEvent, BluetoothError>>,
    ended: Option<BluetoothError>,
    air: Arc<Air>,
    connection: Arc<SyncConnection>,
    task: Option<AbortHandle>,
}

impl Scan for BluezScan {
    fn next(&mut self) -> BoxFuture<'_, Result<ScanEvent, BluetoothError>> {
        Box::pin(async move {
            if let Some(error) = &self.ended {
                return Err(error.clone());
            }
            let event =
                self.events.recv().await.unwrap_or_else(|| Err(ApiMisuse::TaskEnded.into()));
            if let Err(error) = &event {
                self.ended = Some(error.clone());
            }
            event
        })
    }
}

impl Drop for BluezScan {
    fn drop(&mut self) {
        // At once, and not when the runtime comes round to closing the
        // connection, which stops it too.
        for adapter in &self.air.lock().listening {
            bus::call_without_reply(&self.connection, adapter, (ADAPTER, "StopDiscovery"), None);
        }
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// When to look again without being told that something has changed.
enum Next {
    OnChange,
    Soon,
}

struct Listening {
    connection: Arc<SyncConnection>,
    settings: Settings,
    air: Arc<Air>,
    events: Events,
    /// The last state that the caller knows.
    told: AdapterState,
    /// Adapters that this scan has switched on. Each is switched on once: a user
    /// who switches it off again wants it off.
    switched_on: BTreeSet<Path<'static>>,
    /// The adapters that refuse to listen.
    refusals: Refusals,
}

impl Listening {
    async fn subscribe(&self) -> Result<(), BluetoothError> {
        let air = Arc::clone(&self.air);
        let take = move |message: &Message, connection: &SyncConnection| {
            air.signal(message, connection);
        };
        bus::signals(&self.connection, &[ADAPTER, DEVICE], take).await
    }

    async fn keep_on(&mut self, mut next: Next) -> Result<(), BluetoothError> {
        let air = Arc::clone(&self.air);
        loop {
            let mut changed = pin!(air.changed.notified());
            match next {
                Next::OnChange => changed.await,
                Next::Soon => tokio::select! {
                    () = &mut changed => {}
                    () = sleep(RETRY) => {}
                },
            }
            next = self.look().await?;
        }
    }

    /// Looks at all adapters, makes listen what should, and tells the caller
    /// what has become of them.
    async fn look(&mut self) -> Result<Next, BluetoothError> {
        let objects = match self.ask().await {
            Ok(objects) => objects,
            Err(BluetoothError::Absent) => {
                self.refusals = Refusals::default();
                self.tell(AdapterState::Absent).await;
                return Ok(Next::OnChange);
            }
            Err(error) => return Err(error),
        };

        let chosen = self.settings.adapter.clone();
        let mut adapters = objects::adapters(&objects);
        adapters.retain(|adapter| adapter.is_chosen(chosen.as_deref()));
        self.refusals.forget_all_but(&adapters);
        let mut states = Vec::new();
        let mut next = Next::OnChange;
        let mut refused = None;
        for adapter in &adapters {
            match self.make_listen(adapter).await {
                Ok(state) => {
                    self.refusals.forget(&adapter.path);
                    if state == AdapterState::On {
                        objects::in_range(&objects, &adapter.path)
                            .for_each(|advert| self.air.received(advert));
                    }
                    states.push(state);
                }
                Err(error) => {
                    debug!(adapter = adapter.adapter.id, %error, "an adapter does not listen");
                    match self.refusals.refused(&adapter.path, &error, Instant::now()) {
                        Verdict::Retry => next = Next::Soon,
                        Verdict::TellAndRetry => {
                            next = Next::Soon;
                            states.push(AdapterState::NotReady);
                        }
                        Verdict::GiveUp => refused = Some(error),
                    }
                }
            }
        }
        match (best(states.iter().copied()), next, refused) {
            // The only adapter refuses for good.
            (AdapterState::Absent, Next::OnChange, Some(error)) => Err(error),
            // It may yet listen, and it is too early to tell.
            (AdapterState::Absent, Next::Soon, _) => Ok(Next::Soon),
            (state, next, _) => {
                self.tell(state).await;
                Ok(next)
            }
        }
    }

    /// All that BlueZ has. From now on signals count if the owner of `org.bluez` sent
    /// them: without that owner's name, the scan would receive nothing.
    async fn ask(&self) -> Result<Objects, BluetoothError> {
        let objects = bus::managed_objects(&self.connection).await.map_err(bluetooth_error)?;
        let owner = bus::owner(&self.connection).await.map_err(bluetooth_error)?;
        self.air.lock().owner = Some(owner);
        Ok(objects)
    }

    async fn make_listen(&mut self, found: &Found) -> Result<AdapterState, BluetoothError> {
        let Found { path, adapter, discovering, .. } = found;
        if adapter.state != AdapterState::On
            && !(self.settings.switch_on && self.switch_on(path).await)
        {
            return Ok(AdapterState::Off);
        }
        // Before it scans: adverts may arrive before the adapter reports `Discovering`.
        let is_new = self.air.lock().listening.insert(path.clone());
        if !is_new && *discovering {
            return Ok(AdapterState::On);
        }
        let refused = match self.start_discovery(path).await {
            Ok(()) => return Ok(AdapterState::On),
            Err(error) => bluetooth_error(error),
        };
        match refused {
            // BlueZ answers InProgress to a program that discovers already, and
            // also whenever the kernel refuses. Only the first is a success.
            BluetoothError::Busy if self.discovers(path).await => Ok(AdapterState::On),
            refused => {
                self.air.lock().listening.remove(path);
                match refused {
                    BluetoothError::Absent => Ok(AdapterState::Absent),
                    error => Err(error),
                }
            }
        }
    }

    /// Whether the adapter discovers now, for this program or another.
    async fn discovers(&self, path: &Path<'static>) -> bool {
        let asked = (ADAPTER, "Discovering");
        let get = bus::call::<(Variant<bool>,)>(&self.connection, path, (PROPERTIES, "Get"), asked);
        get.await.is_ok_and(|(discovering,)| discovering.0)
    }

    async fn start_discovery(&self, path: &Path<'static>) -> Result<(), dbus::Error> {
        let mut filter = PropMap::new();
        filter.insert("Transport".to_owned(), Variant(Box::new("le".to_owned())));
        // Without this, BlueZ reports an advert once. A filter for the services
        // would keep them out: it looks at the list of services alone.
        filter.insert("DuplicateData".to_owned(), Variant(Box::new(true)));
        let set_filter = (ADAPTER, "SetDiscoveryFilter");
        bus::call::<()>(&self.connection, path, set_filter, (filter,)).await?;
        bus::call(&self.connection, path, (ADAPTER, "StartDiscovery"), ()).await
    }

    /// Whether it is on now.
    async fn switch_on(&mut self, path: &Path<'static>) -> bool {
        if !self.switched_on.insert(path.clone()) {
            return false;
        }
        debug!("switching an adapter on");
        let powered = (ADAPTER, "Powered", Variant(true));
        let set = bus::call::<()>(&self.connection, path, (PROPERTIES, "Set"), powered).await;
        // Such as one that a hardware switch keeps off.
        set.inspect_err(|error| debug!(%error, "it stays off")).is_ok()
    }

    async fn tell(&mut self, state: AdapterState) {
        if self.told != state {
            self.told = state;
            let _dropped = self.events.send(Ok(ScanEvent::Adapter(state))).await;
        }
    }
}
