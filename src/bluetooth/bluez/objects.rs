//! What BlueZ's objects say. Any property may be missing or of another type.

use std::collections::HashMap;

use dbus::Path;
use dbus::arg::{PropMap, prop_cast};

use super::super::radio::Adapter;
use super::super::{
    AdapterState, Address, AddressKind, DEPRECATED_SERVICE_UUID, SERVICE_UUID, Sighting,
};
use super::{ADAPTER, ADVERTISING_MANAGER, DEVICE};

/// The most service data that is taken from one advert: what an extended
/// advertisement carries (Bluetooth Core, volume 4, part E, section 7.8.54).
const MAX_SERVICE_DATA: usize = 1650;

/// The longest name of an adapter that is shown, in characters.
const MAX_NAME: usize = 64;

pub(super) type Interfaces = HashMap<String, PropMap>;
pub(super) type Objects = HashMap<Path<'static>, Interfaces>;

/// An adapter and where BlueZ has it.
pub(super) struct Found {
    pub(super) path: Path<'static>,
    pub(super) adapter: Adapter,
    pub(super) discovering: bool,
    pub(super) advertises: bool,
}

impl Found {
    /// By id or by address: ids change when adapters are plugged in in another
    /// order.
    pub(super) fn is_chosen(&self, chosen: Option<&str>) -> bool {
        chosen.is_none_or(|chosen| {
            chosen == self.adapter.id
                || address(chosen).is_some_and(|chosen| {
                    self.adapter.address.is_some_and(|address| address.bytes == chosen)
                })
        })
    }
}

/// The adapters, in the order of their paths.
pub(super) fn adapters(objects: &Objects) -> Vec<Found> {
    let mut found: Vec<Found> = objects
        .iter()
        .filter_map(|(path, interfaces)| {
            let properties = interfaces.get(ADAPTER)?;
            let id = path.rsplit('/').next().unwrap_or_default().to_owned();
            let text = |name: &str| prop_cast::<String>(properties, name);
            let flag = |name: &str| prop_cast::<bool>(properties, name).copied().unwrap_or(false);
            let name = text("Alias").or_else(|| text("Name")).map_or_else(
                || id.clone(),
                |name| name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect(),
            );
            let kind = address_kind(properties).unwrap_or(AddressKind::Public);
            let address = text("Address").and_then(|text| address(text));
            let state = if flag("Powered") { AdapterState::On } else { AdapterState::Off };
            Some(Found {
                path: path.clone(),
                adapter: Adapter {
                    id,
                    name,
                    address: address.map(|bytes| Address { bytes, kind }),
                    state,
                },
                discovering: flag("Discovering"),
                advertises: interfaces.contains_key(ADVERTISING_MANAGER),
            })
        })
        .collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// What devices under `adapter` carry that are in range now. BlueZ keeps others
/// too, which it has not heard since the last scan: they have no RSSI.
pub(super) fn in_range<'a>(
    objects: &'a Objects,
    adapter: &'a Path<'static>,
) -> impl Iterator<Item = Sighting> + 'a {
    objects
        .iter()
        .filter(move |(path, _)| is_below(path, adapter))
        .filter_map(|(_, interfaces)| interfaces.get(DEVICE))
        .filter(|properties| rssi(properties).is_some())
        .flat_map(sightings)
}

pub(super) fn is_below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.starts_with('/'))
}

/// What one device carries under the two services: all, or what has changed.
pub(super) fn sightings(properties: &PropMap) -> Vec<Sighting> {
    let Some(service_data) = prop_cast::<PropMap>(properties, "ServiceData") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (uuid, data) in service_data {
        let Some(service) = service(uuid) else { continue };
        let Some(data) = dbus::arg::cast::<Vec<u8>>(&*data.0) else { continue };
        if data.len() <= MAX_SERVICE_DATA {
            let mut sighting = Sighting::new(service, data.clone());
            sighting.rssi = rssi(properties);
            sighting.address = device_address(properties);
            found.push(sighting);
        }
    }
    found
}

fn service(uuid: &str) -> Option<u16> {
    [SERVICE_UUID, DEPRECATED_SERVICE_UUID]
        .into_iter()
        .find(|service| uuid.eq_ignore_ascii_case(&long_uuid(*service)))
}

/// A 16-bit UUID in full (Bluetooth Core, volume 3, part B, section 2.5.1).
pub(super) fn long_uuid(short: u16) -> String {
    format!("0000{short:04x}-0000-1000-8000-00805f9b34fb")
}

pub(super) fn rssi(properties: &PropMap) -> Option<i16> {
    prop_cast::<i16>(properties, "RSSI").copied()
}

pub(super) fn device_address(properties: &PropMap) -> Option<Address> {
    let bytes = address(prop_cast::<String>(properties, "Address")?)?;
    Some(Address { bytes, kind: address_kind(properties)? })
}

fn address_kind(properties: &PropMap) -> Option<AddressKind> {
    match prop_cast::<String>(properties, "AddressType")?.as_str() {
        "public" => Some(AddressKind::Public),
        "random" => Some(AddressKind::Random),
        _ => None,
    }
}

/// `AA:BB:CC:DD:EE:FF`.
fn address(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(bytes)
}
