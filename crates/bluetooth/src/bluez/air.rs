//! Reads BlueZ's signals during a scan: adverts go on to the caller, and anything
//! that may change the adapters wakes the scan's task.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dbus::Path;
use dbus::arg::PropMap;
use dbus::message::Message;
use dbus::nonblock::{NonblockReply as _, SyncConnection};
use tokio::sync::{Notify, mpsc};

use super::objects::{self, Interfaces};
use super::{ADAPTER, BLUEZ, DEVICE, PROPERTIES};
use fido_hybrid_proto::error::BluetoothError;
use fido_hybrid_proto::ports::bluetooth::{AdvertReport, ScanEvent};

/// Addresses that are being asked for at once.
const LOOKUPS: usize = 32;

/// The state that signals of BlueZ are compared with.
pub(super) struct Air {
    state: Mutex<State>,
    /// The adapters are to be looked at.
    pub(super) changed: Notify,
    /// The scan's task holds the other end open, so that the caller learns of its
    /// end.
    events: mpsc::WeakSender<Result<ScanEvent, BluetoothError>>,
}

#[derive(Default)]
pub(super) struct State {
    /// BlueZ's unique name.
    pub(super) owner: Option<String>,
    /// The adapters that listen for this scan, or are being asked to.
    pub(super) listening: BTreeSet<Path<'static>>,
    /// The devices whose addresses are being asked for.
    lookups: BTreeSet<Path<'static>>,
}

impl Air {
    pub(super) fn new(events: &mpsc::Sender<Result<ScanEvent, BluetoothError>>) -> Self {
        Self { state: Mutex::default(), changed: Notify::new(), events: events.downgrade() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done by a panic elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A signal. What cannot be read is passed over: one odd device is not to
    /// end the scan.
    pub(super) fn signal(self: &Arc<Self>, message: &Message, connection: &SyncConnection) {
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
                    objects::adverts(device).into_iter().for_each(|advert| self.received(advert));
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

    /// BlueZ received a device again. The changed properties do not name the device.
    fn device_changed(
        self: &Arc<Self>,
        path: &Path<'static>,
        changed: &PropMap,
        connection: &SyncConnection,
    ) {
        let adverts = objects::adverts(changed);
        if adverts.is_empty() || !self.is_ours(path) {
            return;
        }
        let is_new = {
            let mut state = self.lock();
            state.lookups.len() < LOOKUPS && state.lookups.insert(path.clone())
        };
        if !is_new {
            // Without an answer for its address, the advert is reported without one.
            adverts.into_iter().for_each(|advert| self.received(advert));
            return;
        }
        let ask = Message::method_call(&BLUEZ.into(), path, &PROPERTIES.into(), &"GetAll".into())
            .append1(DEVICE);
        let (air, device) = (Arc::clone(self), path.clone());
        let sent = connection.send_with_reply(
            ask,
            Box::new(move |reply, _| {
                air.lock().lookups.remove(&device);
                // BlueZ may have forgotten the device meanwhile; its advert was received.
                let known = reply.read1::<PropMap>().ok().filter(|_| !is_error(&reply));
                for mut advert in adverts {
                    if let Some(known) = &known {
                        advert.address = objects::device_address(known);
                        advert.rssi = advert.rssi.or_else(|| objects::rssi(known));
                    }
                    air.received(advert);
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

    pub(super) fn received(&self, advert: AdvertReport) {
        if let Some(events) = self.events.upgrade() {
            let _full_or_dropped = events.try_send(Ok(ScanEvent::Advert(advert)));
        }
    }
}

fn is_error(message: &Message) -> bool {
    message.msg_type() == dbus::MessageType::Error
}
