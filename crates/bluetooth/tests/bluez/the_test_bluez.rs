//! The BlueZ for tests, asked without the crate: what the other tests take for
//! granted of it.

use std::time::Duration;

use dbus::Message;
use dbus::channel::Channel;
use dbus::message::MessageType;

use crate::bluez::{
    ADAPTER, ADVERTISING_MANAGER, Advert, Air, Answer, DEVICE, Ending, Machine, OBJECT_MANAGER,
    PROPERTIES, Policy, Power, Value,
};

const HCI0: &str = "/org/bluez/hci0";

/// A program on a machine, with plain D-Bus.
pub(crate) struct Program(Channel);

impl Program {
    pub(crate) fn on(machine: &Machine) -> Self {
        let mut channel = Channel::open_private(machine.bus_address()).unwrap();
        channel.register().unwrap();
        let program = Self(channel);
        for member in ["InterfacesAdded", "InterfacesRemoved", "PropertiesChanged"] {
            let rule = format!("type='signal',sender='org.bluez',member='{member}'");
            let add = Message::call_with_args(
                "org.freedesktop.DBus",
                "/org/freedesktop/DBus",
                "org.freedesktop.DBus",
                "AddMatch",
                (rule,),
            );
            program.0.send_with_reply_and_block(add, Duration::from_secs(10)).unwrap();
        }
        program
    }

    /// The error's name, if it is one.
    fn call<A: dbus::arg::AppendAll>(
        &self,
        path: &str,
        interface: &str,
        member: &str,
        told: A,
    ) -> Result<Message, String> {
        let mut call = Message::new_method_call("org.bluez", path, interface, member).unwrap();
        call.append_all(told);
        let answer = self.0.send_with_reply_and_block(call, Duration::from_secs(10));
        answer.map_err(|error| error.name().unwrap().to_owned())
    }

    /// Asks BlueZ for an answer; an error is an answer, too.
    pub(crate) fn round_trip(&self) {
        let _answered = self.call("/", "org.freedesktop.DBus.Peer", "Ping", ());
        while self.0.pop_message().is_some() {}
    }

    /// Discovers as Chromium does.
    pub(crate) fn discover(&self) {
        let le = std::collections::HashMap::from([("Transport", dbus::arg::Variant("le"))]);
        self.call(HCI0, ADAPTER, "SetDiscoveryFilter", (le,)).unwrap();
        self.start();
    }

    fn filter(&self, filter: &[(&str, dbus::arg::Variant<bool>)]) {
        let filter: std::collections::HashMap<_, _> = filter.iter().cloned().collect();
        self.call(HCI0, ADAPTER, "SetDiscoveryFilter", (filter,)).unwrap();
    }

    fn start(&self) {
        self.call(HCI0, ADAPTER, "StartDiscovery", ()).unwrap();
    }

    /// The signals until now: a round trip flushes them. By member and path.
    fn signals(&self) -> Vec<(String, String)> {
        self.call("/", "org.freedesktop.DBus.Peer", "Ping", ()).unwrap();
        let mut signals = Vec::new();
        while let Some(message) = self.0.pop_message() {
            if message.msg_type() == MessageType::Signal
                && message.interface().as_deref() != Some("org.freedesktop.DBus")
            {
                let about = match message.get1::<dbus::Path<'_>>() {
                    Some(object) => object.to_string(),
                    None => message.path().unwrap().to_string(),
                };
                signals.push((message.member().unwrap().to_string(), about));
            }
        }
        signals
    }
}

fn device(address: &str) -> String {
    format!("{HCI0}/dev_{}", address.replace(':', "_"))
}

const ADDRESS: &str = "11:22:33:44:55:66";
const DUPLICATES: (&str, dbus::arg::Variant<bool>) = ("DuplicateData", dbus::arg::Variant(true));

fn laptop(air: &Air) -> (Machine, Program) {
    let laptop = Machine::start(air, "laptop");
    laptop.plug_in("hci0", Power::On);
    let program = Program::on(&laptop);
    (laptop, program)
}

#[test]
fn without_a_filter_an_advert_that_is_not_discoverable_is_not_reported() {
    let Some(air) = Air::by_hand() else { return };
    let (_laptop, program) = laptop(&air);
    air.inject(Advert::new(0xfff9, [1]).from(ADDRESS));
    program.start();
    program.signals();
    air.interval();
    assert_eq!(program.signals(), []);

    program.filter(&[DUPLICATES]);
    air.interval();
    assert_eq!(program.signals(), [("InterfacesAdded".into(), device(ADDRESS))]);
}

#[test]
fn a_filter_of_services_matches_lists_of_services_and_not_service_data() {
    let Some(air) = Air::by_hand() else { return };
    let (_laptop, program) = laptop(&air);
    air.inject(Advert::new(0xfff9, [1]).from(ADDRESS));
    let services = vec!["0000fff9-0000-1000-8000-00805f9b34fb"];
    let filter = std::collections::HashMap::from([("UUIDs", dbus::arg::Variant(services))]);
    program.call(HCI0, ADAPTER, "SetDiscoveryFilter", (filter,)).unwrap();
    program.start();
    program.signals();
    air.interval();
    assert_eq!(program.signals(), []);
}

#[test]
fn service_data_is_signalled_again_only_with_duplicates() {
    let Some(air) = Air::by_hand() else { return };
    let (laptop, program) = laptop(&air);
    let advert = air.inject(Advert::new(0xfff9, [1]).from(ADDRESS));
    program.filter(&[("DuplicateData", dbus::arg::Variant(false))]);
    program.start();
    air.interval();
    program.signals();
    air.interval();
    assert_eq!(program.signals(), []);

    // What changed is signalled in any case.
    air.alter(advert, |advert| advert.rssi -= 1);
    air.interval();
    assert_eq!(program.signals(), [("PropertiesChanged".into(), device(ADDRESS))]);

    let other = Program::on(&laptop);
    other.filter(&[DUPLICATES]);
    other.start();
    program.signals();
    air.interval();
    assert_eq!(program.signals(), [("PropertiesChanged".into(), device(ADDRESS))]);
}

#[test]
fn devices_that_cannot_be_connected_to_are_removed_with_the_last_discovery() {
    let Some(air) = Air::by_hand() else { return };
    let (laptop, program) = laptop(&air);
    air.inject(Advert::new(0xfff9, [1]).from(ADDRESS));
    air.inject(Advert::new(0xfff9, [1]).from("22:22:33:44:55:66").connectable());
    program.filter(&[DUPLICATES]);
    program.start();
    air.interval();
    assert_eq!(laptop.objects().len(), 4);
    program.call(HCI0, ADAPTER, "StopDiscovery", ()).unwrap();
    assert_eq!(laptop.objects(), ["/org/bluez", HCI0, &device("22:22:33:44:55:66")]);
    assert_eq!(
        program.call(HCI0, ADAPTER, "StopDiscovery", ()).unwrap_err(),
        "org.bluez.Error.Failed"
    );
}

#[tokio::test]
async fn a_program_that_disconnects_ends_its_discovery() {
    let Some(air) = Air::by_hand() else { return };
    let (laptop, program) = laptop(&air);
    program.start();
    assert_eq!(laptop.discoverers("hci0").len(), 1);
    assert_eq!(
        program.call(HCI0, ADAPTER, "StartDiscovery", ()).unwrap_err(),
        "org.bluez.Error.InProgress"
    );
    drop(program);
    air.until("its discovery is over", || laptop.discoverers("hci0").is_empty()).await;
}

#[test]
fn an_adapter_that_is_off_refuses_and_forgets() {
    let Some(air) = Air::by_hand() else { return };
    let (laptop, program) = laptop(&air);
    program.start();
    laptop.switch("hci0", Power::Off);
    assert_eq!(laptop.discoverers("hci0"), [""; 0]);
    for member in ["StartDiscovery", "StopDiscovery"] {
        assert_eq!(
            program.call(HCI0, ADAPTER, member, ()).unwrap_err(),
            "org.bluez.Error.NotReady"
        );
    }
    let on = (ADAPTER, "Powered", dbus::arg::Variant(true));
    program.call(HCI0, PROPERTIES, "Set", on).unwrap();
    assert_eq!(laptop.power("hci0"), Power::On);
    program.start();
}

#[test]
fn an_adapter_comes_and_goes_with_signals() {
    let Some(air) = Air::by_hand() else { return };
    let (laptop, program) = laptop(&air);
    program.signals();
    laptop.plug_in("hci1", Power::Off);
    laptop.unplug("hci1");
    let path = || "/org/bluez/hci1".to_owned();
    assert_eq!(
        program.signals(),
        [("InterfacesAdded".into(), path()), ("InterfacesRemoved".into(), path())]
    );
}

#[test]
fn what_it_does_not_know_is_refused_and_never_left_unanswered() {
    let Some(air) = Air::by_hand() else { return };
    let (laptop, program) = laptop(&air);
    let unknown = "org.freedesktop.DBus.Error.UnknownMethod";
    assert_eq!(program.call(HCI0, ADAPTER, "Nonsense", ()).unwrap_err(), unknown);
    assert_eq!(program.call("/", "org.example.None", "Nonsense", ()).unwrap_err(), unknown);
    let nowhere = "org.freedesktop.DBus.Error.UnknownObject";
    assert_eq!(program.call("/nowhere", DEVICE, "Connect", ()).unwrap_err(), nowhere);
    // What Chromium asks beside discovery.
    let agent = (dbus::Path::from("/agent"), "KeyboardDisplay");
    program.call("/org/bluez", "org.bluez.AgentManager1", "RegisterAgent", agent).unwrap();
    program.call("/", "org.freedesktop.DBus.Introspectable", "Introspect", ()).unwrap();
    let objects = program.call("/", OBJECT_MANAGER, "GetManagedObjects", ()).unwrap();
    assert_eq!(objects.get_items().len(), 1);

    let calls = laptop.calls();
    assert_eq!(calls[0].member, "Nonsense");
    assert_eq!(
        laptop.calls_of("RegisterAgent")[0].arguments,
        [Value::Path("/agent".into()), Value::text("KeyboardDisplay")]
    );
}

#[tokio::test]
async fn a_method_can_fail_or_wait_and_what_waited_is_done_later() {
    let Some(air) = Air::by_hand() else { return };
    let (laptop, program) = laptop(&air);
    laptop.answer("StartDiscovery", Answer::error("org.bluez.Error.Failed", "not today"));
    let refused = program.call(HCI0, ADAPTER, "StartDiscovery", ()).unwrap_err();
    assert_eq!(refused, "org.bluez.Error.Failed");

    laptop.answer("StartDiscovery", Answer::Hold);
    let start = Message::new_method_call("org.bluez", HCI0, ADAPTER, "StartDiscovery").unwrap();
    program.0.send(start).unwrap();
    program.0.flush();
    air.until("the call arrives", || laptop.calls_of("StartDiscovery").len() == 2).await;
    assert_eq!(laptop.discoverers("hci0"), [""; 0]);
    laptop.answer_truly("StartDiscovery");
    assert_eq!(laptop.discoverers("hci0").len(), 1);
}

#[test]
fn a_bluetoothd_that_was_killed_leaves_a_busy_kernel_behind() {
    let Some(air) = Air::by_hand() else { return };
    let (laptop, program) = laptop(&air);
    let refused = |program: &Program| program.call(HCI0, ADAPTER, "StartDiscovery", ());
    let discovering = |program: &Program| {
        let asked = (ADAPTER, "Discovering");
        let answer = program.call(HCI0, PROPERTIES, "Get", asked).unwrap();
        answer.read1::<dbus::arg::Variant<bool>>().unwrap().0
    };
    let kill = || {
        laptop.stop_bluetoothd(Ending::Killed);
        laptop.start_bluetoothd();
    };
    // Only if it discovered.
    kill();
    program.start();
    kill();
    assert_eq!(refused(&program).unwrap_err(), "org.bluez.Error.InProgress");
    assert!(!discovering(&program));
    laptop.end_kernel_discovery("hci0");
    program.start();
    assert!(discovering(&program));
    // Switched off and on, the kernel has nothing left to do.
    kill();
    assert_eq!(refused(&program).unwrap_err(), "org.bluez.Error.InProgress");
    laptop.switch("hci0", Power::Off);
    laptop.switch("hci0", Power::On);
    program.start();
}

#[test]
fn bluetoothd_restarts_and_the_bus_can_be_closed_to_programs() {
    let Some(air) = Air::by_hand() else { return };
    let (laptop, program) = laptop(&air);
    for ending in [Ending::Crash, Ending::Orderly] {
        program.start();
        laptop.stop_bluetoothd(ending);
        assert_eq!(
            program.call(HCI0, ADAPTER, "StartDiscovery", ()).unwrap_err(),
            "org.freedesktop.DBus.Error.ServiceUnknown"
        );
        laptop.start_bluetoothd();
        assert_eq!(laptop.discoverers("hci0"), [""; 0]);
    }
    laptop.set_policy(&Policy::Closed);
    let denied = "org.freedesktop.DBus.Error.AccessDenied";
    assert_eq!(program.call(HCI0, ADAPTER, "StartDiscovery", ()).unwrap_err(), denied);
    laptop.set_policy(&Policy::Without(ADVERTISING_MANAGER));
    program.start();
    let nothing = (dbus::Path::from("/"),);
    let refused = program.call(HCI0, ADVERTISING_MANAGER, "UnregisterAdvertisement", nothing);
    assert_eq!(refused.unwrap_err(), denied);
    laptop.kill_bus();
    assert!(program.call(HCI0, ADAPTER, "StartDiscovery", ()).is_err());
}
