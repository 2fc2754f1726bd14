//! The object on D-Bus that BlueZ reads an advert from, and what BlueZ's signals and
//! calls say of that advert.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dbus::Path;
use dbus::arg::{PropMap, RefArg, Variant, prop_cast};
use dbus::channel::{MatchingReceiver as _, Sender as _};
use dbus::message::{MatchRule, Message};
use dbus::nonblock::SyncConnection;
use dbus_crossroads::Crossroads;
use tokio::sync::Notify;

use super::objects::{Interfaces, long_uuid};
use super::{ADAPTER, ADVERTISEMENT, ADVERTISING_MANAGER, BLUEZ, bus};
use fido_hybrid_proto::ports::bluetooth::SERVICE_UUID;

pub(super) const PATH: &str = "/org/fido_hybrid/advertisement";

/// Between transmissions, in milliseconds. By default it is more than a second:
/// too long for a person who waits.
const MIN_INTERVAL: u32 = 100;
const MAX_INTERVAL: u32 = 150;

/// The longest service data that leaves room for the list of services in the
/// 31 bytes of an advertisement: 4 bytes for the list, 4 before the data.
const ROOM_BESIDE_LIST: usize = 31 - 4 - 4;

/// BlueZ adds the flags to an advert that can be connected to.
const FLAGS: usize = 3;

/// Whether the advert says that the adapter can be connected to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// It cannot: BlueZ then sends it from a random address of its own rather than
    /// from the adapter's, which never changes.
    #[default]
    Broadcast,
    /// It can, from the adapter's address. Only for adapters that send nothing else.
    Peripheral,
}

/// One advert, as BlueZ and this program know it.
#[derive(Default)]
pub(super) struct Offer {
    service_data: Vec<u8>,
    state: Mutex<State>,
    /// The adapters are to be looked at.
    pub(super) changed: Notify,
    /// BlueZ took the advert off the air, and may be about to remove its adapter.
    pub(super) released: Notify,
}

#[derive(Default)]
pub(super) struct State {
    /// BlueZ's unique name.
    pub(super) owner: Option<String>,
    /// The adapter that has the advert, or is asked to take it.
    pub(super) adapter: Option<Path<'static>>,
    pub(super) kind: Kind,
    /// How often each adapter has failed to take the advert.
    pub(super) failures: BTreeMap<Path<'static>, u32>,
}

impl Offer {
    pub(super) fn new(service_data: Vec<u8>) -> Self {
        Self { service_data, ..Self::default() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done by a panic elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has BlueZ give up the advert, where it has it.
    pub(super) fn withdraw(&self, connection: &SyncConnection) {
        if let Some(adapter) = self.lock().adapter.take() {
            bus::call_without_reply(
                connection,
                &adapter,
                (ADVERTISING_MANAGER, "UnregisterAdvertisement"),
                Some(&Path::from(PATH)),
            );
        }
    }

    /// A signal. What cannot be read is passed over.
    pub(super) fn signal(&self, message: &Message, connection: &SyncConnection) {
        let (Some(sender), Some(member)) = (message.sender(), message.member()) else { return };
        if &*sender == "org.freedesktop.DBus" && &*member == "NameOwnerChanged" {
            if let Ok((BLUEZ, _, owner)) = message.read3::<&str, &str, &str>() {
                // BlueZ comes back, if it does, without the adverts that it had.
                let owner = Some(owner).filter(|owner| !owner.is_empty()).map(str::to_owned);
                *self.lock() = State { owner, ..State::default() };
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
                let Ok((ADAPTER, changed)) = message.read2::<&str, PropMap>() else { return };
                match prop_cast::<bool>(&changed, "Powered") {
                    Some(true) => self.changed.notify_one(),
                    Some(false) => {
                        // BlueZ would send it again by itself; meanwhile another
                        // adapter may.
                        if self.has(&path) {
                            self.withdraw(connection);
                        }
                        self.changed.notify_one();
                    }
                    None => {}
                }
            }
            "InterfacesAdded" => {
                let Ok((_, interfaces)) = message.read2::<Path<'_>, Interfaces>() else { return };
                if [ADAPTER, ADVERTISING_MANAGER].iter().any(|it| interfaces.contains_key(*it)) {
                    self.changed.notify_one();
                }
            }
            "InterfacesRemoved" => {
                let Ok((path, interfaces)) = message.read2::<Path<'_>, Vec<&str>>() else { return };
                if [ADAPTER, ADVERTISING_MANAGER].iter().any(|it| interfaces.contains(it)) {
                    if self.has(&path) {
                        self.lock().adapter = None;
                    }
                    self.changed.notify_one();
                }
            }
            _ => {}
        }
    }

    fn has(&self, adapter: &str) -> bool {
        self.lock().adapter.as_deref() == Some(adapter)
    }

    fn services(&self) -> Vec<String> {
        let flags = match self.lock().kind {
            Kind::Broadcast => 0,
            Kind::Peripheral => FLAGS,
        };
        let has_room = self.service_data.len() <= ROOM_BESIDE_LIST - flags;
        // Filters of systems look at the list alone.
        has_room.then(|| long_uuid(SERVICE_UUID)).into_iter().collect()
    }
}

/// Puts the object there that BlueZ will read.
pub(super) fn publish(connection: &Arc<SyncConnection>, offer: &Arc<Offer>) {
    let mut objects = Crossroads::new();
    let interface = objects.register(ADVERTISEMENT, |interface| {
        interface.property("Type").get(|_, offer: &mut Arc<Offer>| {
            Ok(match offer.lock().kind {
                Kind::Broadcast => "broadcast".to_owned(),
                Kind::Peripheral => "peripheral".to_owned(),
            })
        });
        interface.property("ServiceData").get(|_, offer| {
            let data: Box<dyn RefArg> = Box::new(offer.service_data.clone());
            Ok(HashMap::from([(long_uuid(SERVICE_UUID), Variant(data))]))
        });
        interface.property("ServiceUUIDs").get(|_, offer| Ok(offer.services()));
        interface.property("MinInterval").get(|_, _| Ok(MIN_INTERVAL));
        interface.property("MaxInterval").get(|_, _| Ok(MAX_INTERVAL));
        interface.method("Release", (), (), |_, offer, ()| {
            // The adapter goes, or BlueZ does, or it has had enough of the advert.
            offer.lock().adapter = None;
            offer.released.notify_one();
            Ok(())
        });
    });
    objects.insert(PATH, &[interface], Arc::clone(offer));
    let offer = Arc::clone(offer);
    connection.start_receive(
        MatchRule::new_method_call(),
        Box::new(move |message, connection| {
            let owner = offer.lock().owner.clone();
            if owner.is_some() && owner.as_deref() == message.sender().as_deref() {
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
