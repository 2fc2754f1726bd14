//! Reads the properties of BlueZ's objects. Any property may be missing or of another type.

use std::collections::HashMap;

use dbus::Path;
use dbus::arg::{PropMap, prop_cast};

use super::super::Adapter;
use super::{ADAPTER, ADVERTISING_MANAGER, DEVICE};
use fido_hybrid_proto::ports::bluetooth::{
    AdapterState, AddressKind, AdvertReport, BluetoothAddress, DEPRECATED_SERVICE_UUID,
    SERVICE_UUID,
};

/// The most service data that is taken from one advert: what an extended
/// advertisement carries [Bluetooth Core Vol 4 Part E §7.8.54].
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
                    address: address.map(|bytes| BluetoothAddress { bytes, kind }),
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

/// The adverts of devices under `adapter` that are in range now. BlueZ keeps others
/// too, which it has not received since the last scan: they have no RSSI.
pub(super) fn in_range<'a>(
    objects: &'a Objects,
    adapter: &'a Path<'static>,
) -> impl Iterator<Item = AdvertReport> + 'a {
    objects
        .iter()
        .filter(move |(path, _)| is_below(path, adapter))
        .filter_map(|(_, interfaces)| interfaces.get(DEVICE))
        .filter(|properties| rssi(properties).is_some())
        .flat_map(adverts)
}

pub(super) fn is_below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.starts_with('/'))
}

/// The service data of one device for the two services: all, or what has changed.
pub(super) fn adverts(properties: &PropMap) -> Vec<AdvertReport> {
    let Some(service_data) = prop_cast::<PropMap>(properties, "ServiceData") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (uuid, data) in service_data {
        let Some(service) = service(uuid) else { continue };
        let Some(data) = dbus::arg::cast::<Vec<u8>>(&*data.0) else { continue };
        if data.len() <= MAX_SERVICE_DATA {
            let mut advert = AdvertReport::new(service, data.clone());
            advert.rssi = rssi(properties);
            advert.address = device_address(properties);
            found.push(advert);
        }
    }
    found
}

fn service(uuid: &str) -> Option<u16> {
    [SERVICE_UUID, DEPRECATED_SERVICE_UUID]
        .into_iter()
        .find(|service| uuid.eq_ignore_ascii_case(&long_uuid(*service)))
}

/// A 16-bit UUID in full [Bluetooth Core Vol 3 Part B §2.5.1].
pub(super) fn long_uuid(short: u16) -> String {
    format!("0000{short:04x}-0000-1000-8000-00805f9b34fb")
}

pub(super) fn rssi(properties: &PropMap) -> Option<i16> {
    prop_cast::<i16>(properties, "RSSI").copied()
}

pub(super) fn device_address(properties: &PropMap) -> Option<BluetoothAddress> {
    let bytes = address(prop_cast::<String>(properties, "Address")?)?;
    Some(BluetoothAddress { bytes, kind: address_kind(properties)? })
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
        let is_byte =
            |part: &&str| part.len() == 2 && part.bytes().all(|digit| digit.is_ascii_hexdigit());
        let part = parts.next().filter(is_byte)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use dbus::arg::{RefArg, Variant};

    use super::*;

    fn properties<const N: usize>(of: [(&str, Box<dyn RefArg>); N]) -> PropMap {
        of.into_iter().map(|(name, value)| (name.to_owned(), Variant(value))).collect()
    }

    fn text(text: &str) -> Box<dyn RefArg> {
        Box::new(text.to_owned())
    }

    fn service_data<const N: usize>(of: [(&str, Box<dyn RefArg>); N]) -> (&str, Box<dyn RefArg>) {
        ("ServiceData", Box::new(properties(of)))
    }

    const FIDO: &str = "0000fff9-0000-1000-8000-00805f9b34fb";

    #[test]
    fn a_sighting_keeps_service_data_address_and_strength() {
        let device = properties([
            ("Address", text("0A:1b:FF:00:7E:80")),
            ("AddressType", text("random")),
            ("RSSI", Box::new(-61_i16)),
            service_data([(FIDO, Box::new(vec![1_u8, 2])), ("180f", Box::new(vec![3_u8]))]),
        ]);
        let mut expected = AdvertReport::new(SERVICE_UUID, vec![1, 2]);
        let bytes = [0x0a, 0x1b, 0xff, 0, 0x7e, 0x80];
        expected.address = Some(BluetoothAddress { bytes, kind: AddressKind::Random });
        expected.rssi = Some(-61);
        assert_eq!(adverts(&device), [expected]);
    }

    #[test]
    fn both_services_count_in_capitals_too_and_no_other() {
        let device = properties([service_data([
            ("0000FFF9-0000-1000-8000-00805F9B34FB", Box::new(vec![1_u8])),
            ("0000fde2-0000-1000-8000-00805f9b34fb", Box::new(vec![2_u8])),
            ("0000fff9-0000-1000-8000-00805f9b34fc", Box::new(vec![3_u8])),
            ("fff9", Box::new(vec![4_u8])),
            ("", Box::new(vec![5_u8])),
        ])]);
        let mut received = adverts(&device);
        received.sort_by_key(|advert| advert.service_data.clone());
        assert_eq!(
            received,
            [
                AdvertReport::new(SERVICE_UUID, vec![1]),
                AdvertReport::new(DEPRECATED_SERVICE_UUID, vec![2])
            ]
        );
    }

    #[test]
    fn a_property_of_another_type_is_as_good_as_none() {
        for odd in [
            properties([("ServiceData", text("none"))]),
            properties([service_data([(FIDO, text("text"))])]),
            properties([service_data([(FIDO, Box::new(vec![1_u32]))])]),
            properties([service_data([(FIDO, Box::new(vec![0_u8; MAX_SERVICE_DATA + 1]))])]),
        ] {
            assert!(adverts(&odd).is_empty(), "{odd:?}");
        }
        let odd = properties([
            ("Address", text("0A:1B:FF:00:7E:80:00")),
            ("AddressType", text("random")),
            ("RSSI", Box::new(200_u32)),
            service_data([(FIDO, Box::new(vec![0_u8; MAX_SERVICE_DATA]))]),
        ]);
        let expected = AdvertReport::new(SERVICE_UUID, vec![0; MAX_SERVICE_DATA]);
        assert_eq!(adverts(&odd), [expected]);
    }

    #[test]
    fn an_address_is_six_bytes_in_hexadecimal() {
        assert_eq!(address("00:11:22:33:44:fF"), Some([0, 0x11, 0x22, 0x33, 0x44, 0xff]));
        for other in
            ["", "00:11:22:33:44", "00:11:22:33:44:5", "00:11:22:33:44:5é", "+1:11:22:33:44:55"]
        {
            assert_eq!(address(other), None, "{other}");
        }
    }

    #[test]
    fn a_device_is_below_its_own_adapter_alone() {
        assert!(is_below("/org/bluez/hci1/dev_00", "/org/bluez/hci1"));
        assert!(!is_below("/org/bluez/hci10/dev_00", "/org/bluez/hci1"));
        assert!(!is_below("/org/bluez/hci1", "/org/bluez/hci1"));
    }

    #[test]
    fn adapters_are_found_and_chosen_by_id_or_address() {
        let adapter = |address: &str, powered: Box<dyn RefArg>| {
            let name = text("desk\u{7}top");
            properties([("Address", text(address)), ("Alias", name), ("Powered", powered)])
        };
        let objects = Objects::from([
            (
                Path::from("/org/bluez/hci1"),
                Interfaces::from([
                    (ADAPTER.to_owned(), adapter("02:00:00:00:00:01", Box::new(true))),
                    (ADVERTISING_MANAGER.to_owned(), PropMap::new()),
                ]),
            ),
            (
                Path::from("/org/bluez/hci0"),
                Interfaces::from([(ADAPTER.to_owned(), adapter("02:00:00:00:00:02", text("yes")))]),
            ),
            (Path::from("/org/bluez"), Interfaces::new()),
        ]);
        let found = adapters(&objects);
        let ids: Vec<&str> = found.iter().map(|found| found.adapter.id.as_str()).collect();
        assert_eq!(ids, ["hci0", "hci1"]);
        assert_eq!(found[0].adapter.state, AdapterState::Off, "what cannot be read is not on");
        assert_eq!(found[1].adapter.state, AdapterState::On);
        assert_eq!((found[0].advertises, found[1].advertises), (false, true));
        assert_eq!(found[1].adapter.name, "desktop");
        for (chosen, first, second) in [
            (None, true, true),
            (Some("hci0"), true, false),
            (Some("02:00:00:00:00:01"), false, true),
            (Some("hci"), false, false),
        ] {
            assert_eq!(found[0].is_chosen(chosen), first, "{chosen:?}");
            assert_eq!(found[1].is_chosen(chosen), second, "{chosen:?}");
        }
    }
}
