//! What no BlueZ says, and what others say in its name.

use dbus::Message;
use dbus::channel::Channel;
use fido_hybrid::bluetooth::{AdapterState, SERVICE_UUID, Scanner as _};
use fido_hybrid::error::BluetoothError;

use crate::bluez::{
    ADAPTER, Advert, Air, Answer, DEVICE, Machine, OBJECT_MANAGER, PROPERTIES, Value, uuid,
};
use crate::{
    HCI0, bluetooth, bluetooth_scan, end, laptop, nothing_was_received, scanning, sighting, soon,
};

const DATA: [u8; 20] = [0x66; 20];
const ADDRESS: &str = "2A:00:00:00:00:01";

/// One value of each type that D-Bus has, and some that contain others.
fn values() -> Vec<Value> {
    let empty = |key: &str, value: &str| Value::Dict(key.into(), value.into(), Vec::new());
    let mut values = vec![
        Value::Bool(true),
        Value::Byte(1),
        Value::I16(-1),
        Value::U16(1),
        Value::I32(-1),
        Value::U32(1),
        Value::I64(-1),
        Value::U64(1),
        Value::Double(f64::NAN),
        Value::text(""),
        Value::text("x".repeat(100_000)),
        Value::text("AA:BB:CC:DD:EE"),
        Value::text("AA:BB:CC:DD:EE:FF:00"),
        Value::text("+A:BB:CC:DD:EE:-1"),
        Value::text("éé:éé:éé:éé:éé:éé"),
        Value::Path("/".into()),
        Value::Signature("a{sv}".into()),
        Value::Bytes(Vec::new()),
        Value::Bytes(vec![0xff; 100_000]),
        Value::Array("s".into(), Vec::new()),
        Value::texts([uuid(SERVICE_UUID)]),
        Value::Array("ay".into(), vec![Value::Bytes(vec![1])]),
        Value::Array("v".into(), vec![Value::Byte(1).variant()]),
        Value::Struct(vec![Value::Byte(1), Value::text("two")]),
        Value::Byte(1).variant().variant(),
    ];
    for key in ["b", "y", "n", "q", "i", "u", "x", "t", "d", "s", "o", "g"] {
        values.push(empty(key, "v"));
        values.push(empty(key, "ay"));
    }
    let service = || Value::text(uuid(SERVICE_UUID));
    let pair = |key: &str, of: Value, value: &str, to: Value| {
        Value::Dict(key.into(), value.into(), vec![(of, to)])
    };
    values.extend([
        pair("s", service(), "s", Value::text("text")),
        pair("s", service(), "ay", Value::Bytes(DATA.to_vec())),
        pair("s", service(), "v", Value::text("text").variant()),
        pair("s", service(), "v", Value::U32(1).variant()),
        pair("s", service(), "v", Value::Array("q".into(), vec![Value::U16(1)]).variant()),
        pair("s", service(), "v", Value::Bytes(DATA.to_vec()).variant().variant()),
        pair("s", service(), "v", Value::Bytes(vec![1; 70_000]).variant()),
        pair("s", Value::text("no uuid"), "v", Value::Bytes(DATA.to_vec()).variant()),
        pair("q", Value::U16(SERVICE_UUID), "v", Value::Bytes(DATA.to_vec()).variant()),
        pair("o", Value::Path("/".into()), "v", Value::Bytes(DATA.to_vec()).variant()),
        pair("g", Value::Signature("s".into()), "v", Value::Bytes(DATA.to_vec()).variant()),
        pair("b", Value::Bool(true), "v", Value::Bytes(DATA.to_vec()).variant()),
        pair("d", Value::Double(0.5), "v", Value::Bytes(DATA.to_vec()).variant()),
    ]);
    values
}

/// Whether the scan still works, past whatever it makes of what came before.
async fn it_still_receives(air: &Air, scan: &mut Box<dyn fido_hybrid::bluetooth::Scan>) {
    const MARK: &[u8] = b"all is well";
    let mark = air.inject(Advert::new(SERVICE_UUID, MARK).from("0F:00:00:00:00:0F"));
    air.interval();
    while sighting(scan).await.service_data != MARK {}
    air.withdraw(mark);
}

#[tokio::test]
async fn service_data_of_0_to_255_bytes_is_handed_on_as_it_is() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut scan = scanning(&laptop).await;
    for length in 0..=255_u8 {
        let data = vec![length; usize::from(length)];
        let address = format!("2A:00:00:00:00:{length:02X}");
        let advert = air.inject(Advert::new(SERVICE_UUID, data.clone()).from(&address));
        air.interval();
        assert_eq!(sighting(&mut scan).await.service_data, data);
        air.withdraw(advert);
    }
}

#[tokio::test]
async fn properties_of_a_device_may_be_of_any_type() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut scan = scanning(&laptop).await;
    let names = ["ServiceData", "RSSI", "Address", "AddressType", "ManufacturerData", "UUIDs"];
    for (n, (name, value)) in names
        .into_iter()
        .flat_map(|name| values().into_iter().map(move |it| (name, it)))
        .enumerate()
    {
        let [_, _, high, low] = u32::try_from(n).unwrap().to_be_bytes();
        let address = format!("2A:00:00:00:{high:02X}:{low:02X}");
        let advert = Advert::new(SERVICE_UUID, DATA).from(&address);
        let id = air.inject(advert.instead(name, value.clone()));
        // Once as a new device, once as one that changes.
        air.interval();
        air.interval();
        air.withdraw(id);
        if n % 16 == 0 {
            it_still_receives(&air, &mut scan).await;
        }
    }
    it_still_receives(&air, &mut scan).await;
    // All of them are there when the next scan begins.
    let mut second = scanning(&laptop).await;
    it_still_receives(&air, &mut second).await;
}

#[tokio::test]
async fn what_is_wrong_with_one_property_does_not_cost_the_others() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut scan = scanning(&laptop).await;
    let plain = || Advert::new(SERVICE_UUID, DATA);
    let nowhere = Value::text("not an address");
    for (n, (advert, has_address, has_rssi)) in [
        (plain().instead("RSSI", Value::U32(50)), true, false),
        (plain().instead("Address", nowhere), false, true),
        (plain().instead("AddressType", Value::text("odd")), false, true),
    ]
    .into_iter()
    .enumerate()
    {
        let id = air.inject(advert.from(&format!("2A:00:00:00:00:{n:02X}")));
        for _ in ["new", "again"] {
            air.interval();
            let received = sighting(&mut scan).await;
            assert_eq!(received.service_data, DATA);
            let told = (received.address.is_some(), received.rssi.is_some());
            assert_eq!(told, (has_address, has_rssi), "{n}");
        }
        air.withdraw(id);
    }
}

#[tokio::test]
async fn a_device_that_fails_each_call_is_reported_all_the_same() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut scan = scanning(&laptop).await;
    laptop.break_object(&format!("{HCI0}/dev_{}", ADDRESS.replace(':', "_")));
    air.inject(Advert::new(SERVICE_UUID, DATA).from(ADDRESS));
    for _ in 0..3 {
        air.interval();
        assert_eq!(sighting(&mut scan).await.service_data, DATA);
    }
}

#[tokio::test]
async fn properties_of_an_adapter_may_be_of_any_type() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    laptop.plug_in("hci1", crate::bluez::Power::On);
    for name in ["Powered", "Address", "AddressType", "Alias", "Name", "Discovering"] {
        for value in values() {
            laptop.set_property(HCI0, ADAPTER, name, value);
        }
        laptop.set_property(HCI0, ADAPTER, name, Value::text("odd"));
        assert_eq!(bluetooth(&laptop).state().await.unwrap(), AdapterState::On);
        assert_eq!(bluetooth(&laptop).adapters().await.unwrap().len(), 2);
    }
    // What cannot be read is not on.
    let odd = bluetooth(&laptop).adapter("hci0").state().await.unwrap();
    assert_eq!(odd, AdapterState::Off);
    let mut scan = scanning(&laptop).await;
    for value in values() {
        laptop.set_property(HCI0, ADAPTER, "Powered", value.clone());
        laptop.set_property(HCI0, ADAPTER, "Discovering", value);
    }
    it_still_receives(&air, &mut scan).await;
}

#[tokio::test]
async fn an_adapters_name_is_cut_and_has_no_control_characters() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let name = format!("\u{1b}[31m{}", "x".repeat(10_000));
    laptop.set_property(HCI0, ADAPTER, "Alias", Value::text(name));
    let [adapter] = &bluetooth(&laptop).adapters().await.unwrap()[..] else { panic!("one") };
    assert!(!adapter.name.contains('\u{1b}'));
    assert!(adapter.name.chars().count() <= 64, "{}", adapter.name.len());
}

#[tokio::test]
async fn signals_may_say_anything() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut scan = scanning(&laptop).await;
    let device = format!("{HCI0}/dev_2A_00_00_00_00_02");
    for said in values().into_iter().map(|it| vec![it]).chain([vec![]]) {
        for (path, interface, member) in [
            ("/", OBJECT_MANAGER, "InterfacesAdded"),
            ("/", OBJECT_MANAGER, "InterfacesRemoved"),
            (&*device, PROPERTIES, "PropertiesChanged"),
            (HCI0, PROPERTIES, "PropertiesChanged"),
        ] {
            laptop.signal(path, interface, member, &said);
            let [path_first, name_first] = [Value::Path(device.clone()), Value::text(DEVICE)]
                .map(|it| [vec![it], said.clone()].concat());
            laptop.signal(path, interface, member, &path_first);
            laptop.signal(path, interface, member, &name_first);
        }
    }
    it_still_receives(&air, &mut scan).await;
}

#[tokio::test]
async fn answers_may_say_anything() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    for said in values().into_iter().map(|it| vec![it]).chain([vec![]]) {
        laptop.answer("GetManagedObjects", Answer::Values(said.clone()));
        let radio = bluetooth(&laptop);
        // An error, or no adapter: any answer, and soon.
        match soon("the state", radio.state()).await {
            Ok(AdapterState::Absent) | Err(BluetoothError::Failed(_)) => {}
            other => panic!("{said:?}: {other:?}"),
        }
        match soon("the scan", radio.scan()).await {
            Ok(mut scan) => assert_eq!(crate::state(&mut scan).await, AdapterState::Absent),
            Err(BluetoothError::Failed(_)) => {}
            Err(other) => panic!("{said:?}: {other:?}"),
        }
    }
    laptop.answer_truly("GetManagedObjects");
    for method in ["StartDiscovery", "SetDiscoveryFilter"] {
        laptop.answer(method, Answer::Values(values()));
        // That it was done is all that is asked.
        let error = bluetooth_scan(&laptop).await.err();
        assert!(error.is_none(), "{method}: {error:?}");
        laptop.answer_truly(method);
    }
}

/// A program that pretends to be BlueZ.
struct Impostor(Channel);

impl Impostor {
    fn on(machine: &Machine) -> Self {
        let mut channel = Channel::open_private(machine.bus_address()).unwrap();
        channel.register().unwrap();
        Self(channel)
    }

    fn tell(&self, program: &str, mut signal: Message) {
        signal.set_destination(Some(program.to_owned().into()));
        self.0.send(signal).unwrap();
        self.0.flush();
    }
}

#[tokio::test]
async fn signals_of_other_programs_are_no_adverts_and_no_adapters() {
    type Interfaces = std::collections::HashMap<
        String,
        std::collections::HashMap<String, dbus::arg::Variant<Box<dyn dbus::arg::RefArg>>>,
    >;
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut scan = scanning(&laptop).await;
    let program = laptop.discoverers("hci0")[0].clone();
    let impostor = Impostor::on(&laptop);
    let calls = laptop.calls().len();

    let data: Box<dyn dbus::arg::RefArg> = Box::new(DATA.to_vec());
    let services: dbus::arg::PropMap = [(uuid(SERVICE_UUID), dbus::arg::Variant(data))].into();
    let device: dbus::arg::PropMap = [
        ("ServiceData".to_owned(), dbus::arg::Variant(Box::new(services) as Box<_>)),
        ("RSSI".to_owned(), dbus::arg::Variant(Box::new(-40_i16) as Box<_>)),
    ]
    .into();
    let path = dbus::Path::from(format!("{HCI0}/dev_2A_00_00_00_00_03"));
    let received: Interfaces = [(DEVICE.to_owned(), device)].into();
    let added = Message::new_signal("/", OBJECT_MANAGER, "InterfacesAdded").unwrap();
    impostor.tell(&program, added.append2(path.clone(), received));

    // It could make the scan believe that the adapter is off or absent,
    let off: dbus::arg::PropMap =
        [("Powered".to_owned(), dbus::arg::Variant(Box::new(false) as Box<_>))].into();
    let changed = Message::new_signal(HCI0, PROPERTIES, "PropertiesChanged").unwrap();
    impostor.tell(&program, changed.append3(ADAPTER, off, Vec::<String>::new()));
    let removed = Message::new_signal("/", OBJECT_MANAGER, "InterfacesRemoved").unwrap();
    impostor.tell(&program, removed.append2(dbus::Path::from(HCI0), vec![ADAPTER]));
    // or that it is BlueZ itself.
    let own = impostor.0.unique_name().unwrap().to_owned();
    let owner =
        Message::new_signal("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged");
    impostor.tell(&program, owner.unwrap().append3("org.bluez", "", own));
    let _ = impostor.0.read_write(Some(std::time::Duration::ZERO));

    // Whatever the impostor said came first: the bus keeps the order of what it
    // is sent, and this one has waited for the bus.
    let ping = Message::new_method_call(
        "org.freedesktop.DBus",
        "/org/freedesktop/DBus",
        "org.freedesktop.DBus",
        "GetId",
    );
    impostor.0.send_with_reply_and_block(ping.unwrap(), crate::PATIENCE).unwrap();
    nothing_was_received(&air, &mut scan).await;
    // Nor is BlueZ asked anything because of it.
    assert_eq!(laptop.calls().len(), calls);
}

#[tokio::test]
async fn an_adapter_object_that_fails_each_call_ends_in_an_error() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    laptop.break_object(HCI0);
    let error = match bluetooth_scan(&laptop).await {
        Ok(mut scan) => end(&mut scan).await,
        Err(error) => error,
    };
    assert!(matches!(error, BluetoothError::Failed(_)), "{error:?}");
}
