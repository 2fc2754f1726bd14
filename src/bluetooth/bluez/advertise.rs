//! An advert on the air: an object of ours that BlueZ reads and registers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use dbus::Path;
use dbus::arg::{PropMap, RefArg, Variant, prop_cast};
use dbus::channel::{MatchingReceiver as _, Sender as _};
use dbus::message::{MatchRule, Message};
use dbus::nonblock::SyncConnection;
use dbus_crossroads::Crossroads;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tracing::debug;

use super::super::settings::Settings;
use super::super::{AdapterState, Advertisement, SERVICE_UUID};
use super::bus::{self, Bus, fault};
use super::objects::{self, Found, long_uuid};
use super::{ADAPTER, ADVERTISEMENT, ADVERTISING_MANAGER, BLUEZ, PROPERTIES};
use crate::BoxFuture;
use crate::error::{ApiMisuse, BluetoothFault};

const PATH: &str = "/org/fido_hybrid/advertisement";

/// Between transmissions, in milliseconds. By default it is more than a second:
/// too long for a person who waits.
const MIN_INTERVAL: u32 = 100;
const MAX_INTERVAL: u32 = 150;

/// The longest service data that leaves room for the list of services in the
/// 31 bytes of an advertisement: 4 bytes for the list, 4 before the data.
const ROOM_BESIDE_LIST: usize = 31 - 4 - 4;

pub(in super::super) async fn advertise(
    settings: &Settings,
    service_data: Vec<u8>,
) -> Result<Box<dyn Advertisement>, BluetoothFault> {
    let mut bus = Bus::connect(settings.bus_address.as_deref()).await?;
    let connection = Arc::clone(bus.connection());
    let (losing, lost) = watch::channel(None);
    let watching =
        Arc::new(Watching { owner: Mutex::default(), adapter: Mutex::default(), losing });
    let adapter = bus
        .start(async {
            let heeding = Arc::clone(&watching);
            bus::signals(&connection, &[ADAPTER], move |message, _| {
                if let Some(fault) = heeding.fault(message) {
                    heeding.lose(fault);
                }
            })
            .await?;
            offer(&connection, service_data, Arc::clone(&watching));
            let objects = bus::managed_objects(&connection).await.map_err(fault)?;
            let owner = bus::owner(&connection).await.map_err(fault)?;
            *watching.owner.lock().unwrap_or_else(PoisonError::into_inner) = Some(owner);
            let adapters = objects::adapters(&objects);
            let adapters =
                adapters.into_iter().filter(|found| found.is_chosen(settings.adapter.as_deref()));
            register(&connection, adapters.collect(), settings.switch_on, &watching).await
        })
        .await?;
    let reading = tokio::spawn(async move {
        let ending = Ending(watching);
        let fault = bus.lost().await;
        ending.0.lose(fault);
    });
    Ok(Box::new(OnAir { connection, adapter, lost, reading: reading.abort_handle() }))
}

struct OnAir {
    connection: Arc<SyncConnection>,
    adapter: Path<'static>,
    lost: watch::Receiver<Option<BluetoothFault>>,
    reading: AbortHandle,
}

/// However reading ends, the advert ends with it.
struct Ending(Arc<Watching>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.lose(ApiMisuse::TaskEnded.into());
    }
}

impl Advertisement for OnAir {
    fn lost(&mut self) -> BoxFuture<'_, BluetoothFault> {
        Box::pin(async {
            let lost = self.lost.wait_for(Option::is_some).await;
            let fault = lost.ok().and_then(|fault| fault.clone());
            // Whoever tells has told before it went.
            fault.unwrap_or_else(|| ApiMisuse::TaskEnded.into())
        })
    }
}

impl Drop for OnAir {
    fn drop(&mut self) {
        // At once, and not when the runtime comes round to closing the
        // connection, which takes it off too.
        bus::call_without_reply(
            &self.connection,
            &self.adapter,
            (ADVERTISING_MANAGER, "UnregisterAdvertisement"),
            Some(&Path::from(PATH)),
        );
        self.reading.abort();
    }
}

/// What the signals and calls of BlueZ are held against.
struct Watching {
    /// BlueZ's unique name.
    owner: Mutex<Option<String>>,
    /// The adapter that has the advert, or is asked to take it.
    adapter: Mutex<Option<Path<'static>>>,
    losing: watch::Sender<Option<BluetoothFault>>,
}

impl Watching {
    fn is_owner(&self, sender: Option<&str>) -> bool {
        let owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        owner.is_some() && owner.as_deref() == sender
    }

    fn is_adapter(&self, path: &str) -> bool {
        let adapter = self.adapter.lock().unwrap_or_else(PoisonError::into_inner);
        adapter.as_deref() == Some(path)
    }

    /// What a signal says about the advert, if it says anything.
    fn fault(&self, message: &Message) -> Option<BluetoothFault> {
        let sender = message.sender()?;
        match &*message.member()? {
            "NameOwnerChanged" if &*sender == "org.freedesktop.DBus" => {
                let (name, before, _) = message.read3::<&str, &str, &str>().ok()?;
                // BlueZ comes back, if it does, without the adverts that it had.
                (name == BLUEZ && self.is_owner(Some(before))).then_some(BluetoothFault::Absent)
            }
            "InterfacesRemoved" if self.is_owner(Some(&sender)) => {
                let (path, interfaces) = message.read2::<Path<'_>, Vec<&str>>().ok()?;
                let is_gone = interfaces
                    .iter()
                    .any(|interface| [ADAPTER, ADVERTISING_MANAGER].contains(interface));
                (is_gone && self.is_adapter(&path)).then_some(BluetoothFault::Absent)
            }
            "PropertiesChanged" if self.is_owner(Some(&sender)) => {
                let (interface, changed) = message.read2::<&str, PropMap>().ok()?;
                let is_off = prop_cast::<bool>(&changed, "Powered") == Some(&false);
                (interface == ADAPTER && is_off && self.is_adapter(&message.path()?))
                    .then_some(BluetoothFault::Off)
            }
            _ => None,
        }
    }

    fn lose(&self, fault: BluetoothFault) {
        self.losing.send_if_modified(|lost| {
            let is_first = lost.is_none();
            if is_first {
                debug!(%fault, "the advert is off the air");
                *lost = Some(fault);
            }
            is_first
        });
    }
}

/// What BlueZ reads of the object.
struct Offer {
    service_data: Vec<u8>,
    watching: Arc<Watching>,
}

/// Puts the object there that BlueZ will read.
fn offer(connection: &Arc<SyncConnection>, service_data: Vec<u8>, watching: Arc<Watching>) {
    let mut objects = Crossroads::new();
    let has_list = service_data.len() <= ROOM_BESIDE_LIST;
    let interface = objects.register(ADVERTISEMENT, |interface| {
        // Not connectable, and so with a random address of its own rather than
        // with the adapter's, which never changes.
        interface.property("Type").get(|_, _: &mut Offer| Ok("broadcast".to_owned()));
        interface.property("ServiceData").get(|_, offer| {
            let data: Box<dyn RefArg> = Box::new(offer.service_data.clone());
            Ok(HashMap::from([(long_uuid(SERVICE_UUID), Variant(data))]))
        });
        if has_list {
            // Filters of systems look at the list alone.
            interface.property("ServiceUUIDs").get(|_, _| Ok(vec![long_uuid(SERVICE_UUID)]));
        }
        interface.property("MinInterval").get(|_, _| Ok(MIN_INTERVAL));
        interface.property("MaxInterval").get(|_, _| Ok(MAX_INTERVAL));
        interface.method("Release", (), (), |_, offer, ()| {
            // The adapter goes, or BlueZ does.
            offer.watching.lose(BluetoothFault::Absent);
            Ok(())
        });
    });
    objects.insert(PATH, &[interface], Offer { service_data, watching: Arc::clone(&watching) });
    connection.start_receive(
        MatchRule::new_method_call(),
        Box::new(move |message, connection| {
            if watching.is_owner(message.sender().as_deref()) {
                // It answers whatever is wrong with the call.
                let _answered = objects.handle_message(message, connection);
            } else {
                let denied = "org.freedesktop.DBus.Error.AccessDenied".into();
                let _unsent = connection.send(message.error(&denied, c"this is for BlueZ alone"));
            }
            true
        }),
    );
}

/// Registers the object with the first adapter that takes it.
async fn register(
    connection: &Arc<SyncConnection>,
    adapters: Vec<Found>,
    switch_on: bool,
    watching: &Watching,
) -> Result<Path<'static>, BluetoothFault> {
    // The first reason is of the adapter that a person would name first, but an
    // adapter that is on says more than one that is off.
    let mut refused = BluetoothFault::Absent;
    for found in &adapters {
        match register_with(connection, found, switch_on, watching).await {
            Ok(()) => return Ok(found.path.clone()),
            Err(fault) => {
                debug!(adapter = found.adapter.id, %fault, "an adapter does not advertise");
                if matches!(refused, BluetoothFault::Absent | BluetoothFault::Off) {
                    refused = fault;
                }
            }
        }
    }
    Err(refused)
}

async fn register_with(
    connection: &Arc<SyncConnection>,
    found: &Found,
    switch_on: bool,
    watching: &Watching,
) -> Result<(), BluetoothFault> {
    if found.adapter.state != AdapterState::On {
        if !switch_on {
            return Err(BluetoothFault::Off);
        }
        let powered = (ADAPTER, "Powered", Variant(true));
        let set = bus::call::<()>(connection, &found.path, (PROPERTIES, "Set"), powered).await;
        set.map_err(|error| match fault(error) {
            BluetoothFault::NotPermitted => BluetoothFault::NotPermitted,
            // Such as one that a hardware switch keeps off.
            _ => BluetoothFault::Off,
        })?;
    }
    if !found.advertises {
        return Err(BluetoothFault::Unsupported("advertise"));
    }
    *watching.adapter.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.path.clone());
    let advert = (Path::from(PATH), PropMap::new());
    let register = (ADVERTISING_MANAGER, "RegisterAdvertisement");
    bus::call::<()>(connection, &found.path, register, advert).await.map_err(|error| {
        match error.name() {
            Some("org.bluez.Error.NotPermitted") => BluetoothFault::NoAdvertisingSlot,
            Some("org.bluez.Error.InvalidLength") => {
                BluetoothFault::Unsupported("send an advert as long as this")
            }
            Some("org.bluez.Error.NotSupported") => BluetoothFault::Unsupported("advertise"),
            _ => fault(error),
        }
    })
}
