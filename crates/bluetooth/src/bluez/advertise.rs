//! An advert: which adapter sends it, and what becomes of that.
//!
//! As with a scan, whatever may change the adapters wakes the advert's task, which
//! then looks at all of them again ([`Advertising::look`]): one way for the start, for
//! an adapter that comes back, and for a BlueZ that was restarted.

use std::collections::BTreeSet;
use std::sync::Arc;

use dbus::Path;
use dbus::arg::{PropMap, Variant};
use dbus::nonblock::SyncConnection;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};
use tracing::{Instrument as _, debug};

use super::super::dbus_error::bluetooth_error;
use super::super::settings::Settings;
use super::bus::{self, Bus};
use super::objects::{self, Found};
use super::offer::{self, Kind, Offer, PATH};
use super::refusals::{RETRY, Refusals, Verdict};
use super::{ADAPTER, ADVERTISING_MANAGER, PROPERTIES, best};
use fido_hybrid_proto::error::{ApiMisuse, BluetoothError};
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_proto::ports::bluetooth::{AdapterState, Advertisement};

/// States that wait for a caller who is slow.
const QUEUE: usize = 16;

/// How often an adapter may fail to broadcast before it is asked to send an advert
/// that can be connected to.
const BROADCASTS: u32 = 3;

type Events = mpsc::Sender<Result<AdapterState, BluetoothError>>;

pub(in super::super) async fn advertise(
    settings: &Settings,
    service_data: Vec<u8>,
) -> Result<Box<dyn Advertisement>, BluetoothError> {
    let mut bus = Bus::connect(settings.bus_address.as_deref()).await?;
    let connection = Arc::clone(bus.connection());
    let (events, receiver) = mpsc::channel(QUEUE);
    let offer = Arc::new(Offer::new(service_data));
    // From here on, dropping it stops what was begun.
    let mut advert = Advert {
        events: receiver,
        ended: None,
        offer: Arc::clone(&offer),
        connection: Arc::clone(&connection),
        task: None,
    };
    let mut advertising = Advertising {
        connection: Arc::clone(&connection),
        settings: settings.clone(),
        offer: Arc::clone(&offer),
        events,
        told: AdapterState::On,
        switched_on: BTreeSet::new(),
        refusals: Refusals::default(),
        has_started: false,
    };
    let heeding = Arc::clone(&offer);
    let subscribe = bus::signals(&connection, &[ADAPTER], move |message, connection| {
        heeding.signal(message, connection);
    });
    let starting = async {
        subscribe.await?;
        offer::publish(&connection, &offer);
        // An advert that failed at once may succeed a moment later: it is not given
        // back before the one or the other is known, or told.
        loop {
            match advertising.look().await? {
                Next::Soon if advertising.told == AdapterState::On => sleep(RETRY).await,
                next => return Ok(next),
            }
        }
    };
    let next = bus.start(starting).await?;
    advertising.has_started = true;
    let work = async move {
        let events = advertising.events.clone();
        if let Err(error) = bus.during(advertising.keep_on(next)).await {
            debug!(%error, "the advert ends");
            let _dropped = events.send(Err(error)).await;
        }
    };
    let task = tokio::spawn(work.in_current_span());
    advert.task = Some(task.abort_handle());
    Ok(Box::new(advert))
}

struct Advert {
    events: mpsc::Receiver<Result<AdapterState, BluetoothError>>,
    ended: Option<BluetoothError>,
    offer: Arc<Offer>,
    connection: Arc<SyncConnection>,
    task: Option<AbortHandle>,
}

impl Advertisement for Advert {
    fn next(&mut self) -> BoxFuture<'_, Result<AdapterState, BluetoothError>> {
        Box::pin(async {
            if let Some(error) = &self.ended {
                return Err(error.clone());
            }
            let event = self.events.recv().await;
            let event = event.unwrap_or_else(|| Err(ApiMisuse::TaskEnded.into()));
            self.ended = event.as_ref().err().cloned();
            event
        })
    }
}

impl Drop for Advert {
    fn drop(&mut self) {
        // At once, and not when the runtime comes round to closing the
        // connection, which takes it off too.
        self.offer.withdraw(&self.connection);
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

struct Advertising {
    connection: Arc<SyncConnection>,
    settings: Settings,
    offer: Arc<Offer>,
    events: Events,
    /// The last state that the caller knows.
    told: AdapterState,
    /// Adapters that this advert has switched on: each once, since a person who
    /// switches it off again wants it so.
    switched_on: BTreeSet<Path<'static>>,
    /// The adapters that refuse to advertise.
    refusals: Refusals,
    /// The caller has the advert: it waits for an adapter that may come back.
    has_started: bool,
}

impl Advertising {
    async fn keep_on(&mut self, mut next: Next) -> Result<(), BluetoothError> {
        let offer = Arc::clone(&self.offer);
        loop {
            match next {
                Next::OnChange => tokio::select! {
                    () = offer.changed.notified() => {}
                    // If BlueZ releases what it was just given, this is no race.
                    () = offer.released.notified() => sleep(RETRY).await,
                },
                Next::Soon => tokio::select! {
                    () = offer.changed.notified() => {}
                    () = sleep(RETRY) => {}
                },
            }
            next = self.look().await?;
        }
    }

    /// Looks at all adapters, registers the advert with the first that takes it if
    /// none has it, and tells the caller what has become of it.
    async fn look(&mut self) -> Result<Next, BluetoothError> {
        let objects = match bus::managed_objects(&self.connection).await.map_err(bluetooth_error) {
            Ok(objects) => objects,
            Err(BluetoothError::Absent) => {
                self.refusals = Refusals::default();
                self.tell(AdapterState::Absent).await;
                return Ok(Next::OnChange);
            }
            Err(error) => return Err(error),
        };
        let owner = match bus::owner(&self.connection).await.map_err(bluetooth_error) {
            Ok(owner) => owner,
            // BlueZ stopped meanwhile; a `NameOwnerChanged` signal reports it.
            Err(BluetoothError::Absent) => return Ok(Next::OnChange),
            Err(error) => return Err(error),
        };
        let is_registered = {
            let mut state = self.offer.lock();
            state.owner = Some(owner);
            state.adapter.is_some()
        };
        if is_registered {
            return Ok(Next::OnChange);
        }
        let chosen = self.settings.adapter.clone();
        let mut adapters = objects::adapters(&objects);
        adapters.retain(|adapter| adapter.is_chosen(chosen.as_deref()));
        self.refusals.forget_all_but(&adapters);
        let mut states = Vec::new();
        let mut next = Next::OnChange;
        let mut refused = None;
        let mut lacks_a_slot = false;
        for found in &adapters {
            match self.register(found).await {
                Ok(()) => {
                    self.refusals = Refusals::default();
                    self.tell(AdapterState::On).await;
                    return Ok(Next::OnChange);
                }
                Err(BluetoothError::Off) => states.push(AdapterState::Off),
                Err(BluetoothError::Absent) => {}
                Err(error) => {
                    debug!(adapter = found.adapter.id, %error, "an adapter does not advertise");
                    match self.refusals.refused(&found.path, &error, Instant::now()) {
                        Verdict::Retry => next = Next::Soon,
                        Verdict::TellAndRetry => {
                            next = Next::Soon;
                            states.push(AdapterState::NotReady);
                        }
                        // Such an adapter may stand beside the one that had the advert.
                        Verdict::GiveUp if self.has_started && cannot(&error) => {
                            if matches!(error, BluetoothError::NoAdvertisingSlot) {
                                lacks_a_slot = true;
                                // No signal says that a slot becomes free.
                                next = Next::Soon;
                            }
                        }
                        // The first reason is of the adapter that a person would
                        // name first.
                        Verdict::GiveUp => refused = refused.or(Some(error)),
                    }
                }
            }
        }
        if states.is_empty() && lacks_a_slot {
            states.push(AdapterState::NotReady);
        }
        match (next, refused) {
            // At first, an adapter that is on says more than one that is off. Later,
            // the one that is off may have had the advert.
            (Next::OnChange, Some(error)) if !self.has_started || states.is_empty() => Err(error),
            (Next::Soon, _) if states.is_empty() => Ok(Next::Soon),
            (next, _) => {
                self.tell(best(states.into_iter())).await;
                Ok(next)
            }
        }
    }

    async fn register(&mut self, found: &Found) -> Result<(), BluetoothError> {
        let path = &found.path;
        if found.adapter.state != AdapterState::On {
            self.switch_on(path).await?;
        }
        if !found.advertises {
            return Err(BluetoothError::Unsupported("advertise"));
        }
        let kind = {
            let mut state = self.offer.lock();
            state.adapter = Some(path.clone());
            let failures = state.failures.get(path).copied().unwrap_or_default();
            let kind = if failures < BROADCASTS { Kind::Broadcast } else { Kind::Peripheral };
            state.kind = kind;
            kind
        };
        let advert = (Path::from(PATH), PropMap::new());
        let register = (ADVERTISING_MANAGER, "RegisterAdvertisement");
        let registered = bus::call::<()>(&self.connection, path, register, advert).await;
        let Err(error) = registered else {
            debug!(adapter = found.adapter.id, ?kind, "the adapter advertises");
            // The next time begins with a broadcast again: what failed may have passed,
            // and an advert of the other kind tells the adapter's address.
            self.offer.lock().failures.clear();
            return Ok(());
        };
        let mut state = self.offer.lock();
        state.adapter = None;
        let refused = match error.name() {
            Some("org.bluez.Error.NotPermitted") => BluetoothError::NoAdvertisingSlot,
            Some("org.bluez.Error.InvalidLength") => {
                BluetoothError::Unsupported("send an advert as long as this")
            }
            // It may support the other kind.
            Some("org.bluez.Error.NotSupported") if kind == Kind::Peripheral => {
                BluetoothError::Unsupported("advertise")
            }
            _ => bluetooth_error(error),
        };
        if matches!(refused, BluetoothError::Failed(_)) {
            let failures = state.failures.entry(path.clone()).or_default();
            *failures = failures.saturating_add(1);
        }
        Err(refused)
    }

    /// # Errors
    /// [`BluetoothError::Off`] where it is not to be switched on, or stays off.
    async fn switch_on(&mut self, path: &Path<'static>) -> Result<(), BluetoothError> {
        if !self.settings.switch_on || !self.switched_on.insert(path.clone()) {
            return Err(BluetoothError::Off);
        }
        let powered = (ADAPTER, "Powered", Variant(true));
        let set = bus::call::<()>(&self.connection, path, (PROPERTIES, "Set"), powered).await;
        set.map_err(|error| match bluetooth_error(error) {
            BluetoothError::NotPermitted => BluetoothError::NotPermitted,
            // Such as one that a hardware switch keeps off.
            _ => BluetoothError::Off,
        })
    }

    async fn tell(&mut self, state: AdapterState) {
        if self.told != state {
            self.told = state;
            let _dropped = self.events.send(Ok(state)).await;
        }
    }
}

/// Whether the adapter has no means to advertise, or none left.
const fn cannot(error: &BluetoothError) -> bool {
    matches!(error, BluetoothError::Unsupported(_) | BluetoothError::NoAdvertisingSlot)
}
