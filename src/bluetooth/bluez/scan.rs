//! A scan: which adapters listen, and what they hear.
//!
//! Two sides share an [`Air`]. The task that reads from D-Bus hands it every
//! signal: adverts go on to the caller from there, so that other people's cost
//! no more than being looked at. Whatever may change the adapters only wakes
//! the scan's task, which then looks at all of them anew and makes listen what
//! should ([`Listening::look`]): one way for the start, for an adapter that is
//! plugged in or switched on, and for a BlueZ that was restarted.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dbus::Path;
use dbus::arg::{PropMap, Variant};
use dbus::message::Message;
use dbus::nonblock::{NonblockReply as _, SyncConnection};
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;
use tokio::time::sleep;
use tracing::debug;

use super::super::settings::Settings;
use super::super::{AdapterState, Scan, ScanEvent, Sighting};
use super::bus::{self, Bus, fault};
use super::objects::{self, Found, Interfaces, Objects};
use super::{ADAPTER, BLUEZ, DEVICE, PROPERTIES, best};
use crate::BoxFuture;
use crate::error::{ApiMisuse, BluetoothFault};

/// Events that wait for a caller who is slow. An advert beyond is dropped: its
/// phone repeats it.
const QUEUE: usize = 64;

/// Addresses that are being asked for at once.
const LOOKUPS: usize = 32;

/// How often an adapter that is on is asked again to listen when it refuses,
/// and how long is waited in between: one that was just plugged in does at
/// first.
const ATTEMPTS: u32 = 5;
const RETRY: Duration = Duration::from_millis(400);

type Events = mpsc::Sender<Result<ScanEvent, BluetoothFault>>;

pub(in super::super) async fn scan(settings: &Settings) -> Result<Box<dyn Scan>, BluetoothFault> {
    let mut bus = Bus::connect(settings.bus_address.as_deref()).await?;
    let (events, receiver) = mpsc::channel(QUEUE);
    let air = Arc::new(Air {
        state: Mutex::default(),
        changed: Notify::new(),
        events: events.downgrade(),
    });
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
        refusals: BTreeMap::new(),
    };
    bus.during(listening.subscribe()).await?;
    let next = bus.during(listening.look()).await?;
    let task = tokio::spawn(async move {
        let events = listening.events.clone();
        if let Err(fault) = bus.during(listening.keep_on(next)).await {
            let _gone = events.send(Err(fault)).await;
        }
    });
    scan.task = Some(task.abort_handle());
    Ok(Box::new(scan))
}

struct BluezScan {
    events: mpsc::Receiver<Result<ScanEvent, BluetoothFault>>,
    ended: Option<BluetoothFault>,
    air: Arc<Air>,
    connection: Arc<SyncConnection>,
    task: Option<AbortHandle>,
}

impl Scan for BluezScan {
    fn next(&mut self) -> BoxFuture<'_, Result<ScanEvent, BluetoothFault>> {
        Box::pin(async move {
            if let Some(fault) = &self.ended {
                return Err(fault.clone());
            }
            let event =
                self.events.recv().await.unwrap_or_else(|| Err(bus::failed(ApiMisuse::TaskEnded)));
            if let Err(fault) = &event {
                self.ended = Some(fault.clone());
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

/// What the signals of BlueZ are held against.
struct Air {
    state: Mutex<State>,
    /// The adapters are to be looked at.
    changed: Notify,
    /// The scan's task holds the other end open, so that the caller learns of its
    /// end.
    events: mpsc::WeakSender<Result<ScanEvent, BluetoothFault>>,
}

#[derive(Default)]
struct State {
    /// BlueZ's unique name.
    owner: Option<String>,
    /// The adapters that listen for this scan, or are being asked to.
    listening: BTreeSet<Path<'static>>,
    /// The devices whose addresses are being asked for.
    lookups: BTreeSet<Path<'static>>,
}

impl Air {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done by a panic elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A signal. What cannot be read is passed over: one odd device is not to
    /// end the scan.
    fn signal(self: &Arc<Self>, message: &Message, connection: &SyncConnection) {
        let (Some(sender), Some(member)) = (message.sender(), message.member()) else { return };
        if &*sender == "org.freedesktop.DBus" && &*member == "NameOwnerChanged" {
            if let Ok((BLUEZ, _, owner)) = message.read3::<&str, &str, &str>() {
                let mut state = self.lock();
                state.owner = Some(owner).filter(|owner| !owner.is_empty()).map(str::to_owned);
                state.listening.clear();
                state.lookups.clear();
                drop(state);
                self.changed.notify_one();
            }
            return;
        }
        if self.lock().owner.as_deref() != Some(&*sender) {
            return;
        }
        match &*member {
            "PropertiesChanged" => {
                let Some(path) = message.path() else { return };
                match message.read2::<&str, PropMap>() {
                    Ok((ADAPTER, changed)) => self.adapter_changed(&path.into_static(), &changed),
                    Ok((DEVICE, changed)) => {
                        self.device_changed(&path.into_static(), &changed, connection);
                    }
                    _ => {}
                }
            }
            "InterfacesAdded" => {
                let Ok((path, interfaces)) = message.read2::<Path<'_>, Interfaces>() else {
                    return;
                };
                if interfaces.contains_key(ADAPTER) {
                    self.changed.notify_one();
                }
                if let Some(device) = interfaces.get(DEVICE)
                    && self.is_ours(&path)
                {
                    objects::sightings(device)
                        .into_iter()
                        .for_each(|sighting| self.heard(sighting));
                }
            }
            "InterfacesRemoved" => {
                let Ok((path, interfaces)) = message.read2::<Path<'static>, Vec<&str>>() else {
                    return;
                };
                if interfaces.contains(&ADAPTER) {
                    self.lock().listening.remove(&path);
                    self.changed.notify_one();
                }
            }
            _ => {}
        }
    }

    fn adapter_changed(&self, path: &Path<'static>, changed: &PropMap) {
        let flag = |name| dbus::arg::prop_cast::<bool>(changed, name).copied();
        if flag("Powered") == Some(false) {
            // Its scans end with it.
            self.lock().listening.remove(path);
        }
        if changed.contains_key("Powered") || flag("Discovering") == Some(false) {
            self.changed.notify_one();
        }
    }

    /// A device was heard again. What has changed does not say who it is.
    fn device_changed(
        self: &Arc<Self>,
        path: &Path<'static>,
        changed: &PropMap,
        connection: &SyncConnection,
    ) {
        let sightings = objects::sightings(changed);
        if sightings.is_empty() || !self.is_ours(path) {
            return;
        }
        let is_new = {
            let mut state = self.lock();
            state.lookups.len() < LOOKUPS && state.lookups.insert(path.clone())
        };
        if !is_new {
            // One whose address does not come is heard without it.
            sightings.into_iter().for_each(|sighting| self.heard(sighting));
            return;
        }
        let ask = Message::method_call(&BLUEZ.into(), path, &PROPERTIES.into(), &"GetAll".into())
            .append1(DEVICE);
        let (air, device) = (Arc::clone(self), path.clone());
        let sent = connection.send_with_reply(
            ask,
            Box::new(move |reply, _| {
                air.lock().lookups.remove(&device);
                // A device that was forgotten meanwhile was heard all the same.
                let known = reply.read1::<PropMap>().ok().filter(|_| !is_error(&reply));
                for mut sighting in sightings {
                    if let Some(known) = &known {
                        sighting.address = objects::device_address(known);
                        sighting.rssi = sighting.rssi.or_else(|| objects::rssi(known));
                    }
                    air.heard(sighting);
                }
            }),
        );
        if sent.is_err() {
            self.lock().lookups.remove(path);
        }
    }

    /// Whether an adapter that listens for this scan has this device.
    fn is_ours(&self, device: &str) -> bool {
        self.lock().listening.iter().any(|adapter| objects::is_below(device, adapter))
    }

    fn heard(&self, sighting: Sighting) {
        if let Some(events) = self.events.upgrade() {
            let _full_or_gone = events.try_send(Ok(ScanEvent::Sighting(sighting)));
        }
    }
}

fn is_error(message: &Message) -> bool {
    message.msg_type() == dbus::MessageType::Error
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
    /// Adapters that this scan has switched on: each once, since whoever
    /// switches it off again wants it so.
    switched_on: BTreeSet<Path<'static>>,
    /// How often adapters have refused to listen in a row.
    refusals: BTreeMap<Path<'static>, u32>,
}

impl Listening {
    async fn subscribe(&self) -> Result<(), BluetoothFault> {
        let air = Arc::clone(&self.air);
        let take = move |message: &Message, connection: &SyncConnection| {
            air.signal(message, connection);
        };
        bus::signals(&self.connection, &[ADAPTER, DEVICE], take).await
    }

    async fn keep_on(&mut self, mut next: Next) -> Result<(), BluetoothFault> {
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
    async fn look(&mut self) -> Result<Next, BluetoothFault> {
        let objects = match self.ask().await {
            Ok(objects) => objects,
            Err(BluetoothFault::Absent) => {
                self.tell(AdapterState::Absent).await;
                return Ok(Next::OnChange);
            }
            Err(fault) => return Err(fault),
        };

        let chosen = self.settings.adapter.clone();
        let mut adapters = objects::adapters(&objects);
        adapters.retain(|adapter| adapter.is_chosen(chosen.as_deref()));
        self.refusals.retain(|path, _| {
            adapters
                .iter()
                .any(|found| found.path == *path && found.adapter.state == AdapterState::On)
        });
        let mut states = Vec::new();
        let mut next = Next::OnChange;
        let mut refused = None;
        for adapter in &adapters {
            match self.make_listen(adapter).await {
                Ok(state) => {
                    if state == AdapterState::On {
                        objects::in_range(&objects, &adapter.path)
                            .for_each(|sighting| self.air.heard(sighting));
                    }
                    states.push(state);
                }
                Err(fault) => {
                    debug!(adapter = adapter.adapter.id, %fault, "an adapter does not listen");
                    let refusals = self.refusals.entry(adapter.path.clone()).or_default();
                    *refusals = match fault {
                        // Waiting does not change what is allowed.
                        BluetoothFault::NotPermitted => ATTEMPTS,
                        _ => refusals.saturating_add(1),
                    };
                    match fault {
                        _ if *refusals < ATTEMPTS => next = Next::Soon,
                        BluetoothFault::Off => states.push(AdapterState::Off),
                        fault => refused = Some(fault),
                    }
                }
            }
        }
        match (best(states.iter().copied()), next, refused) {
            // The one adapter there is will not.
            (AdapterState::Absent, Next::OnChange, Some(fault)) => Err(fault),
            // It may yet.
            (AdapterState::Absent, Next::Soon, _) => Ok(Next::Soon),
            (state, next, _) => {
                self.tell(state).await;
                Ok(next)
            }
        }
    }

    /// All that BlueZ has. From now on signals count from whoever BlueZ is:
    /// without that name, nothing would be heard.
    async fn ask(&self) -> Result<Objects, BluetoothFault> {
        let objects = bus::managed_objects(&self.connection).await.map_err(fault)?;
        let owner = bus::owner(&self.connection).await.map_err(fault)?;
        self.air.lock().owner = Some(owner);
        Ok(objects)
    }

    async fn make_listen(&mut self, found: &Found) -> Result<AdapterState, BluetoothFault> {
        let Found { path, adapter, discovering, .. } = found;
        if adapter.state != AdapterState::On
            && !(self.settings.switch_on && self.switch_on(path).await)
        {
            return Ok(AdapterState::Off);
        }
        // Before it listens: it may hear something before it says that it does.
        let is_new = self.air.lock().listening.insert(path.clone());
        if !is_new && *discovering {
            return Ok(AdapterState::On);
        }
        match self.start_discovery(path).await {
            // It does already: BlueZ has halted it for a moment.
            Err(error) if error.name() == Some("org.bluez.Error.InProgress") => {
                Ok(AdapterState::On)
            }
            Ok(()) => Ok(AdapterState::On),
            Err(error) => {
                self.air.lock().listening.remove(path);
                match fault(error) {
                    BluetoothFault::Absent => Ok(AdapterState::Absent),
                    fault => Err(fault),
                }
            }
        }
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
            let _gone = self.events.send(Ok(ScanEvent::Adapter(state))).await;
        }
    }
}
