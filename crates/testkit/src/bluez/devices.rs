//! What an adapter receives, as objects with the interface `org.bluez.Device1`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::DEVICE;
use super::air::Advert;
use super::bluetoothd::{Bluetoothd, Properties};
use super::radio::{Radio, properties};
use super::value::Value;

/// bluetoothd's `TemporaryTimeout`.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);

impl Bluetoothd {
    /// The adapters that listen now.
    pub fn discovering(&self) -> Vec<(String, Radio)> {
        self.radios
            .iter()
            .filter(|(_, radio)| radio.is_on() && !radio.discoveries.is_empty())
            .map(|(name, radio)| (name.clone(), radio.clone()))
            .collect()
    }

    /// An adapter receives an advert that a discovering program wants.
    pub fn receive(&mut self, adapter: &str, advert: &Advert) {
        let radio = &self.radios[adapter];
        let path = format!("{}/dev_{}", radio.path(), advert.address.replace(':', "_"));
        let (on, duplicates) = (radio.path(), radio.wants_duplicates());
        self.last_received.insert(path.clone(), Instant::now());
        if advert.connectable {
            self.connectable.insert(path.clone());
        }
        let mut received = data(advert);
        let rssi = Value::I16(advert.rssi);
        let Some(known) = self.objects.get(&path).and_then(|object| object.get(DEVICE)) else {
            received.insert("RSSI".into(), rssi);
            received.extend(identity(advert, &on));
            received.extend(advert.instead.clone());
            self.add_object(&path, BTreeMap::from([(DEVICE.to_owned(), received)]));
            return;
        };
        received.extend(
            advert
                .instead
                .iter()
                .filter(|(name, _)| is_data(name))
                .map(|(n, v)| (n.clone(), v.clone())),
        );
        received.retain(|name, value| duplicates || known.get(name) != Some(value));
        let rssi = advert.instead.get("RSSI").cloned().unwrap_or(rssi);
        if known.get("RSSI") != Some(&rssi) {
            received.insert("RSSI".into(), rssi);
        }
        if !received.is_empty() {
            self.change(&path, DEVICE, received);
        }
    }

    pub fn devices_of(&self, adapter: &str) -> Vec<String> {
        let under = format!("/org/bluez/{adapter}/");
        self.last_received.keys().filter(|path| path.starts_with(&under)).cloned().collect()
    }

    pub fn forget(&mut self, device: &str) {
        self.last_received.remove(device);
        self.connectable.remove(device);
        self.remove_object(device);
    }

    pub fn forget_the_long_silent(&mut self) {
        let now = Instant::now();
        let silent = |(path, last): (&String, &Instant)| {
            (now.duration_since(*last) > FORGOTTEN_AFTER).then(|| path.clone())
        };
        for device in self.last_received.iter().filter_map(silent).collect::<Vec<_>>() {
            self.forget(&device);
        }
    }

    /// The last discovery through this adapter is over.
    pub fn forget_the_unconnectable(&mut self, adapter: &str) {
        for device in self.devices_of(adapter) {
            self.invalidate(&device, DEVICE, "RSSI");
            if !self.connectable.contains(&device) {
                self.forget(&device);
            }
        }
    }
}

fn is_data(property: &str) -> bool {
    matches!(property, "ServiceData" | "ManufacturerData")
}

/// What the advert says.
fn data(advert: &Advert) -> Properties {
    let mut said = Properties::new();
    if !advert.service_data.is_empty() {
        let services = advert.service_data.iter();
        let services = services.map(|(uuid, data)| (uuid, Value::Bytes(data.clone())));
        said.insert("ServiceData".into(), Value::properties(services));
    }
    if !advert.manufacturer_data.is_empty() {
        let makers = advert.manufacturer_data.iter();
        let makers =
            makers.map(|(id, data)| (Value::U16(*id), Value::Bytes(data.clone()).variant()));
        let makers = Value::Dict("q".into(), "v".into(), makers.collect());
        said.insert("ManufacturerData".into(), makers);
    }
    said
}

/// What bluetoothd knows of a device that it has just found.
fn identity(advert: &Advert, adapter: &str) -> Properties {
    let alias = advert.local_name.clone().unwrap_or_else(|| advert.address.replace(':', "-"));
    let flags = 0x04 | if advert.discoverable { 0x02 } else { 0 };
    let mut known = properties([
        ("Address", Value::text(&advert.address)),
        ("AddressType", Value::text(&advert.address_type)),
        ("Alias", Value::text(alias)),
        ("Paired", Value::Bool(false)),
        ("Bonded", Value::Bool(false)),
        ("Trusted", Value::Bool(false)),
        ("Blocked", Value::Bool(false)),
        ("LegacyPairing", Value::Bool(false)),
        ("Connected", Value::Bool(false)),
        ("ServicesResolved", Value::Bool(false)),
        ("UUIDs", Value::texts(advert.service_uuids.clone())),
        ("Adapter", Value::Path(adapter.into())),
        ("AdvertisingFlags", Value::Bytes(vec![flags])),
    ]);
    if let Some(name) = &advert.local_name {
        known.insert("Name".into(), Value::text(name));
    }
    known
}
