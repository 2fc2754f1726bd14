//! Adapters that are absent, off, not permitted, on; that come, go and change.

use fido_hybrid::bluetooth::{AdapterState, Bluetooth, SERVICE_UUID, Scanner as _};
use fido_hybrid::error::BluetoothError;

use crate::bluez::{
    ADAPTER, Advert, Air, Answer, Ending, Machine, PROPERTIES, Plug, Policy, Power, Value,
};
use crate::{bluetooth, event, laptop, nothing_was_received, scanning, sighting, soon, state};

const DATA: [u8; 20] = [0x5a; 20];

async fn state_of(radio: &Bluetooth) -> AdapterState {
    soon("the state", radio.state()).await.unwrap()
}

/// A program must never have switched anything.
fn assert_nothing_was_set(machine: &Machine) {
    assert_eq!(machine.calls_of("Set"), []);
}

#[tokio::test]
async fn absent_off_not_permitted_and_on_are_four_answers() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = Machine::start(&air, "laptop");
    let radio = bluetooth(&laptop);
    assert_eq!(state_of(&radio).await, AdapterState::Absent);
    assert_eq!(radio.adapters().await.unwrap(), []);
    laptop.plug_in("hci0", Power::Off);
    assert_eq!(state_of(&radio).await, AdapterState::Off);
    laptop.switch("hci0", Power::On);
    assert_eq!(state_of(&radio).await, AdapterState::On);
    laptop.set_policy(&Policy::Closed);
    assert_eq!(state_of(&radio).await, AdapterState::NotPermitted);
    laptop.set_policy(&Policy::Open);
    laptop.stop_bluetoothd(Ending::Crash);
    assert_eq!(state_of(&radio).await, AdapterState::Absent);
    let no_bluez = radio.adapters().await;
    let Err(BluetoothError::NoService(source)) = no_bluez else { panic!("{no_bluez:?}") };
    assert_eq!(source.to_string(), "BlueZ is not running");
    laptop.kill_bus();
    let no_bus = soon("the state", radio.state()).await;
    assert!(matches!(no_bus, Err(BluetoothError::NoService(_))), "{no_bus:?}");
    assert_nothing_was_set(&laptop);
    assert_eq!(laptop.calls_of("StartDiscovery"), []);
}

#[tokio::test]
async fn a_scan_that_is_not_permitted_reports_it_and_one_without_a_bus_fails() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    laptop.set_policy(&Policy::Closed);
    let denied = bluetooth(&laptop).scan().await.err();
    assert!(matches!(denied, Some(BluetoothError::NotPermitted)), "{denied:?}");

    // BlueZ itself may ask the system's policy, too.
    laptop.set_policy(&Policy::Open);
    laptop.answer("StartDiscovery", Answer::error("org.bluez.Error.NotAuthorized", "no"));
    let denied = soon("an answer", bluetooth(&laptop).scan()).await.err();
    assert!(matches!(denied, Some(BluetoothError::NotPermitted)), "{denied:?}");

    laptop.kill_bus();
    let failed = bluetooth(&laptop).scan().await.err();
    assert!(matches!(failed, Some(BluetoothError::NoService(_))), "{failed:?}");
}

#[tokio::test]
async fn an_adapter_that_is_off_is_said_and_used_once_it_is_on() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = Machine::start(&air, "laptop");
    laptop.plug_in("hci0", Power::Off);
    air.inject(Advert::new(SERVICE_UUID, DATA));
    let mut scan = scanning(&laptop).await;
    assert_eq!(state(&mut scan).await, AdapterState::Off);
    for _ in 0..3 {
        laptop.switch("hci0", Power::On);
        assert_eq!(state(&mut scan).await, AdapterState::On);
        air.interval();
        assert_eq!(sighting(&mut scan).await.service_data, DATA);
        laptop.switch("hci0", Power::Off);
        assert_eq!(state(&mut scan).await, AdapterState::Off);
    }
    assert_nothing_was_set(&laptop);
}

#[tokio::test]
async fn an_adapter_that_is_plugged_in_later_is_used_and_may_be_removed_again() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = Machine::start(&air, "laptop");
    air.inject(Advert::new(SERVICE_UUID, DATA));
    let mut scan = scanning(&laptop).await;
    assert_eq!(state(&mut scan).await, AdapterState::Absent);
    for name in ["hci0", "hci1", "hci0"] {
        laptop.plug_in(name, Power::On);
        assert_eq!(state(&mut scan).await, AdapterState::On);
        air.interval();
        assert_eq!(sighting(&mut scan).await.service_data, DATA);
        laptop.unplug(name);
        assert_eq!(state(&mut scan).await, AdapterState::Absent);
    }
    assert_nothing_was_set(&laptop);
}

#[tokio::test]
async fn an_adapter_that_is_plugged_in_off_is_said_to_be_off() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = Machine::start(&air, "laptop");
    let mut scan = scanning(&laptop).await;
    assert_eq!(state(&mut scan).await, AdapterState::Absent);
    laptop.plug_in("hci0", Power::Off);
    assert_eq!(state(&mut scan).await, AdapterState::Off);
    assert_eq!(laptop.calls_of("StartDiscovery"), []);
}

#[tokio::test]
async fn bluetooth_is_switched_on_only_for_those_who_ask() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = Machine::start(&air, "laptop");
    laptop.plug_in("hci0", Power::Off);
    let mut scan = scanning(&laptop).await;
    assert_eq!(state(&mut scan).await, AdapterState::Off);
    assert_eq!(laptop.power("hci0"), Power::Off);
    drop(scan);
    assert_nothing_was_set(&laptop);

    air.inject(Advert::new(SERVICE_UUID, DATA));
    let mut scan = bluetooth(&laptop).switch_on().scan().await.unwrap();
    assert_eq!(laptop.power("hci0"), Power::On);
    air.until("it discovers", || !laptop.discoverers("hci0").is_empty()).await;
    air.interval();
    assert_eq!(sighting(&mut scan).await.service_data, DATA);
    let [set] = &laptop.calls_of("Set")[..] else { panic!("switched once") };
    assert_eq!(set.interface, PROPERTIES);
    let powered = [Value::text(ADAPTER), Value::text("Powered"), Value::Bool(true).variant()];
    assert_eq!(set.arguments, powered);

    // A user who switches it off during the scan wants it off.
    laptop.switch("hci0", Power::Off);
    assert_eq!(state(&mut scan).await, AdapterState::Off);
    assert_eq!(laptop.calls_of("Set").len(), 1);
}

#[tokio::test]
async fn an_adapter_that_cannot_be_switched_on_is_off() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = Machine::start(&air, "laptop");
    laptop.plug_in("hci0", Power::Off);
    laptop.answer("Set", Answer::error("org.bluez.Error.Blocked", "Blocked through rfkill"));
    let mut scan = bluetooth(&laptop).switch_on().scan().await.unwrap();
    assert_eq!(state(&mut scan).await, AdapterState::Off);
}

#[tokio::test]
async fn all_adapters_listen() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    laptop.plug_in("hci1", Power::On);
    laptop.plug_in("hci2", Power::Off);
    let mut scan = scanning(&laptop).await;
    for (name, listens) in [("hci0", 1), ("hci1", 1), ("hci2", 0)] {
        assert_eq!(laptop.discoverers(name).len(), listens, "{name}");
    }
    // One is enough: that others leave changes nothing for the caller.
    laptop.unplug("hci0");
    laptop.switch("hci2", Power::On);
    air.until("the third listens", || !laptop.discoverers("hci2").is_empty()).await;
    laptop.switch("hci1", Power::Off);
    nothing_was_received(&air, &mut scan).await;
    laptop.unplug("hci2");
    assert_eq!(state(&mut scan).await, AdapterState::Off);
}

#[tokio::test]
async fn one_adapter_can_be_chosen_and_the_others_are_left_alone() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let radio = bluetooth(&laptop).adapter("hci1");
    assert_eq!(state_of(&radio).await, AdapterState::Absent);
    let mut scan = radio.scan().await.unwrap();
    assert_eq!(state(&mut scan).await, AdapterState::Absent);
    laptop.plug_in("hci1", Power::Off);
    assert_eq!(state(&mut scan).await, AdapterState::Off);
    laptop.switch("hci1", Power::On);
    assert_eq!(state(&mut scan).await, AdapterState::On);
    assert_eq!(state_of(&radio).await, AdapterState::On);

    // What another program receives through the other one is not ours.
    let _another_program = bluetooth(&laptop).adapter("hci0").scan().await.unwrap();
    air.inject(Advert::new(SERVICE_UUID, DATA));
    air.interval();
    assert_eq!(sighting(&mut scan).await.service_data, DATA);
    laptop.switch("hci1", Power::Off);
    assert_eq!(state(&mut scan).await, AdapterState::Off);
    air.interval();
    laptop.switch("hci1", Power::On);
    assert_eq!(
        event(&mut scan).await,
        fido_hybrid::bluetooth::ScanEvent::Adapter(AdapterState::On)
    );
    assert_eq!(
        laptop.calls_of("StartDiscovery").iter().filter(|it| it.path.ends_with("0")).count(),
        1
    );
}

#[tokio::test]
async fn an_adapter_can_be_chosen_by_its_address() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    laptop.plug_in("hci1", Power::On);
    let address = laptop.address("hci1").to_lowercase();
    let _scan = bluetooth(&laptop).adapter(address).scan().await.unwrap();
    assert_eq!(laptop.discoverers("hci0").len(), 0);
    assert_eq!(laptop.discoverers("hci1").len(), 1);
}

#[tokio::test]
async fn adapters_are_listed_with_name_address_and_state() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = Machine::start(&air, "laptop");
    let radio = bluetooth(&laptop);
    assert_eq!(radio.adapters().await.unwrap(), []);
    laptop.plug_in("hci1", Power::Off);
    laptop.plug(Plug::new("hci0", Power::On).address("02:11:22:33:44:55"));
    let listed = radio.adapters().await.unwrap();
    let told: Vec<_> = listed.iter().map(|it| (&*it.id, &*it.name, it.state)).collect();
    let expected = [("hci0", "hci0", AdapterState::On), ("hci1", "hci1", AdapterState::Off)];
    assert_eq!(told, expected);
    assert_eq!(listed[0].address.unwrap().bytes, [0x02, 0x11, 0x22, 0x33, 0x44, 0x55]);
}
