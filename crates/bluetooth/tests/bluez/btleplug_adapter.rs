//! A scanner for btleplug's adapter, with the real btleplug.
//!
//! btleplug connects to the bus that `DBUS_SYSTEM_BUS_ADDRESS` names. The environment
//! of a process that has threads cannot be changed safely, so each test runs in a process of its own.

use std::collections::HashMap;
use std::env;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use dbus::Message;
use dbus::arg::{PropMap, Variant};
use dbus::channel::Channel;
use fido_hybrid::bluetooth::btleplug::api::{Central as _, CentralState, Manager as _};
use fido_hybrid::bluetooth::btleplug::platform::{Adapter, Manager};
use fido_hybrid::bluetooth::{
    AdapterState, AddressKind, BtleplugScanner, DEPRECATED_SERVICE_UUID, SERVICE_UUID, ScanEvent,
    Scanner as _,
};

use crate::bluez::{Advert, Air, DEVICE, Machine, PROPERTIES, Power, uuid};
use crate::{HCI0, event, nothing_was_received, sighting, soon, state};

/// The folder of the socket that btleplug connects to.
const FOLDER: &str = "FIDO_HYBRID_TEST_BTLEPLUG";
const DATA: [u8; 20] = [0xb7; 20];
const ADDRESS: &str = "3C:22:33:44:55:66";

/// An air, and a machine whose bus is the system's for this process. `None`: the
/// test has run in a process of its own, or there is no `dbus-daemon`.
fn world(test: &str) -> Option<(Air, Machine)> {
    let air = Air::by_hand()?;
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else {
        run_alone(test);
        return None;
    };
    let machine = Machine::start(&air, "laptop");
    let socket = machine.bus_address().strip_prefix("unix:path=").unwrap();
    symlink(socket, folder.join("bus")).unwrap();
    Some((air, machine))
}

fn run_alone(test: &str) {
    let folder = env::temp_dir().join(format!("btleplug-{}-{test}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", &format!("btleplug_adapter::{test}")])
        .env(FOLDER, &folder)
        .env("DBUS_SYSTEM_BUS_ADDRESS", format!("unix:path={}/bus", folder.display()))
        .output()
        .unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// btleplug's only adapter.
async fn adapter() -> Adapter {
    let manager = soon("btleplug", Manager::new()).await.unwrap();
    let adapters = soon("the adapters", manager.adapters()).await.unwrap();
    let [adapter] = &adapters[..] else { panic!("{adapters:?}") };
    adapter.clone()
}

#[tokio::test]
async fn adverts_are_received_when_new_and_each_time_again() {
    let Some((air, laptop)) = world("adverts_are_received_when_new_and_each_time_again") else {
        return;
    };
    laptop.plug_in("hci0", Power::On);
    let scanner = BtleplugScanner::new(adapter().await);
    assert_eq!(scanner.state().await.unwrap(), AdapterState::On);
    let mut scan = soon("a scan", scanner.scan()).await.unwrap();
    for service in [SERVICE_UUID, DEPRECATED_SERVICE_UUID] {
        let id = air.inject(Advert::new(service, DATA).from(ADDRESS).rssi(-61));
        for _ in 0..3 {
            air.interval();
            let advert = sighting(&mut scan).await;
            assert_eq!((advert.service, &*advert.service_data), (service, &DATA[..]));
            let address = advert.address.unwrap();
            assert_eq!(address.bytes, [0x3c, 0x22, 0x33, 0x44, 0x55, 0x66]);
            assert_eq!((address.kind, advert.rssi), (AddressKind::Random, Some(-61)));
        }
        air.withdraw(id);
        laptop.forget(&format!("{HCI0}/dev_{}", ADDRESS.replace(':', "_")));
    }
    air.inject(Advert::new(0x180f, DATA));
    air.inject(Advert::foreign());
    air.interval();
    nothing_was_received(&air, &mut scan).await;
}

#[tokio::test]
async fn an_adapter_that_is_off_is_used_once_the_user_switches_it_on() {
    let Some((air, laptop)) = world("an_adapter_that_is_off_is_used_once_the_user_switches_it_on")
    else {
        return;
    };
    laptop.plug_in("hci0", Power::Off);
    let scanner = BtleplugScanner::new(adapter().await);
    assert_eq!(scanner.state().await.unwrap(), AdapterState::Off);
    let mut scan = soon("a scan", scanner.scan()).await.unwrap();
    assert_eq!(event(&mut scan).await, ScanEvent::Adapter(AdapterState::Off));
    assert_eq!(laptop.power("hci0"), Power::Off);
    assert!(laptop.calls_of("StartDiscovery").is_empty());

    air.inject(Advert::new(SERVICE_UUID, DATA).from(ADDRESS));
    for _ in 0..2 {
        laptop.switch("hci0", Power::On);
        assert_eq!(state(&mut scan).await, AdapterState::On);
        air.interval();
        assert_eq!(sighting(&mut scan).await.service_data, DATA);
        laptop.switch("hci0", Power::Off);
        assert_eq!(state(&mut scan).await, AdapterState::Off);
        assert_eq!(laptop.power("hci0"), Power::Off);
    }
}

#[tokio::test]
async fn an_adapter_that_is_removed_is_absent() {
    let Some((_air, laptop)) = world("an_adapter_that_is_removed_is_absent") else { return };
    laptop.plug_in("hci0", Power::On);
    let scanner = BtleplugScanner::new(adapter().await);
    let mut scan = soon("a scan", scanner.scan()).await.unwrap();
    laptop.unplug("hci0");
    assert_eq!(state(&mut scan).await, AdapterState::Absent);
    assert_eq!(scanner.state().await.unwrap(), AdapterState::Absent);
}

#[tokio::test]
async fn the_drop_of_the_last_scan_stops_it_and_the_adapter_still_works() {
    let Some((air, laptop)) =
        world("the_drop_of_the_last_scan_stops_it_and_the_adapter_still_works")
    else {
        return;
    };
    laptop.plug_in("hci0", Power::On);
    let adapter = adapter().await;
    let scanner = BtleplugScanner::new(adapter.clone());
    for _ in 0..2 {
        let one = soon("a scan", scanner.scan()).await.unwrap();
        let mut other = soon("a scan", scanner.clone().scan()).await.unwrap();
        assert_eq!(laptop.discoverers("hci0").len(), 1);
        drop(one);
        air.inject(Advert::new(SERVICE_UUID, DATA));
        air.interval();
        assert_eq!(sighting(&mut other).await.service_data, DATA);
        assert_eq!(laptop.discoverers("hci0").len(), 1);
        drop(other);
        air.until("the scan stops", || laptop.discoverers("hci0").is_empty()).await;
        assert_eq!(adapter.adapter_state().await.unwrap(), CentralState::PoweredOn);
    }
}

#[tokio::test]
async fn what_was_received_before_the_scan_is_no_advert() {
    let Some((air, laptop)) = world("what_was_received_before_the_scan_is_no_advert") else {
        return;
    };
    laptop.plug_in("hci0", Power::On);
    let scanner = BtleplugScanner::new(adapter().await);
    let mut earlier = soon("a scan", scanner.scan()).await.unwrap();
    // One that can be connected to stays known, with what it carried.
    let advert = air.inject(Advert::new(SERVICE_UUID, DATA).from(ADDRESS).connectable());
    air.interval();
    assert_eq!(sighting(&mut earlier).await.service_data, DATA);
    air.withdraw(advert);
    drop(earlier);
    air.until("the scan stops", || laptop.discoverers("hci0").is_empty()).await;
    assert!(laptop.objects().iter().any(|path| path.contains("/dev_")));

    let mut scan = soon("a scan", scanner.scan()).await.unwrap();
    nothing_was_received(&air, &mut scan).await;
}

#[tokio::test]
async fn a_signal_of_another_program_is_no_advert() {
    let Some((air, laptop)) = world("a_signal_of_another_program_is_no_advert") else { return };
    laptop.plug_in("hci0", Power::On);
    let scanner = BtleplugScanner::new(adapter().await);
    let mut scan = soon("a scan", scanner.scan()).await.unwrap();
    let device = air.inject(Advert::new(SERVICE_UUID, DATA).from(ADDRESS));
    air.interval();
    assert_eq!(sighting(&mut scan).await.service_data, DATA);

    // Of a device that BlueZ knows, so that all but the service data is true.
    let forged: PropMap =
        [(uuid(SERVICE_UUID), Variant(Box::new(vec![0x66_u8; 20]) as Box<_>))].into();
    let changed: PropMap =
        HashMap::from([("ServiceData".to_owned(), Variant(Box::new(forged) as Box<_>))]);
    let path = format!("{HCI0}/dev_{}", ADDRESS.replace(':', "_"));
    let mut signal = Message::new_signal(path, PROPERTIES, "PropertiesChanged").unwrap().append3(
        DEVICE,
        changed,
        Vec::<String>::new(),
    );
    signal.set_destination(Some(laptop.discoverers("hci0")[0].clone().into()));
    let mut impostor = Channel::open_private(laptop.bus_address()).unwrap();
    impostor.register().unwrap();
    impostor.send(signal).unwrap();
    impostor.flush();

    air.withdraw(device);
    nothing_was_received(&air, &mut scan).await;
}

#[tokio::test]
async fn devices_that_are_no_phones_cost_no_call_and_do_not_delay_a_phone() {
    let Some((air, laptop)) =
        world("devices_that_are_no_phones_cost_no_call_and_do_not_delay_a_phone")
    else {
        return;
    };
    laptop.plug_in("hci0", Power::On);
    let scanner = BtleplugScanner::new(adapter().await);
    let mut scan = soon("a scan", scanner.scan()).await.unwrap();
    for n in 0..=u8::MAX {
        air.inject(Advert::foreign().from(&format!("2B:00:00:00:00:{n:02X}")));
    }
    // The first makes the devices known, and the others change their properties.
    for _ in 0..4 {
        air.interval();
    }
    let phone = air.inject(Advert::new(SERVICE_UUID, DATA).from(ADDRESS));
    air.interval_of(phone);
    assert_eq!(sighting(&mut scan).await.service_data, DATA);
    let lookups = laptop.calls().into_iter().filter(|call| call.path.contains("/dev_2B_"));
    assert_eq!(lookups.count(), 0);
}
