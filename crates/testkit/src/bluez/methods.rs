//! What bluetoothd answers. A method that it does not have is answered, too, with
//! `UnknownMethod`: never with silence.

use std::collections::BTreeMap;
use std::sync::Arc;

use dbus::Message;

use super::air::{Advert, OnAir, random_address};
use super::bluetoothd::Bluetoothd;
use super::radio::{Advertising, Filter, Power, Registered, properties};
use super::value::{Value, arguments, with_arguments};
use super::world::{MachineIndex, World};
use super::{ADAPTER, ADVERTISING_MANAGER, DEVICE, INTROSPECTABLE, OBJECT_MANAGER, PROPERTIES};

/// Bytes of advertising data that a 4.x controller sends.
const LEGACY_ADVERT: usize = 31;

/// What it refuses, as D-Bus has it.
pub struct Refused {
    name: String,
    text: String,
}

type Answered = Result<Vec<Value>, Refused>;

fn refused<T>(name: &str, text: &str) -> Result<T, Refused> {
    let name = if name.contains('.') { name.into() } else { format!("org.bluez.Error.{name}") };
    Err(Refused { name, text: text.into() })
}

fn invalid<T>() -> Result<T, Refused> {
    refused("InvalidArguments", "Invalid arguments in method call")
}

impl World {
    /// Answers a call, now or when the program has said more.
    pub fn answer(&mut self, index: MachineIndex, call: &Message) {
        let told = arguments(call);
        let [interface, member] = [
            call.interface().map(|it| it.to_string()).unwrap_or_default(),
            call.member().map(|it| it.to_string()).unwrap_or_default(),
        ];
        if (&*interface, &*member) == (ADVERTISING_MANAGER, "RegisterAdvertisement") {
            let asked = self.machines[index].register_advertisement(call, &told);
            if let Err(Refused { name, text }) = asked {
                self.machines[index].refuse(call, &name, &text);
            }
            return;
        }
        let answered = self.dispatch(index, call, &interface, &member, &told);
        self.machines[index].reply(call, answered);
    }

    fn dispatch(
        &mut self,
        index: MachineIndex,
        call: &Message,
        interface: &str,
        member: &str,
        told: &[Value],
    ) -> Answered {
        let path = call.path().map(|it| it.to_string()).unwrap_or_default();
        let program = call.sender().map(|it| it.to_string()).unwrap_or_default();
        let machine = &mut self.machines[index];
        let unknown_object = |machine: &Bluetoothd| {
            interface.starts_with("org.bluez.")
                && !machine.objects.get(&path).is_some_and(|it| it.contains_key(interface))
        };
        let name = path.strip_prefix("/org/bluez/").unwrap_or_default().to_owned();
        match (interface, member) {
            ("org.freedesktop.DBus.Peer", "Ping") => Ok(Vec::new()),
            (OBJECT_MANAGER, "GetManagedObjects") => Ok(vec![machine.managed_objects()]),
            (INTROSPECTABLE, "Introspect") => Ok(vec![Value::Text(machine.introspect(&path))]),
            (PROPERTIES, "Get") => machine.get(&path, told),
            (PROPERTIES, "GetAll") => machine.get_all(&path, told),
            (PROPERTIES, "Set") => machine.set(&path, told),
            _ if METHODS.contains(&(interface, member)) && unknown_object(machine) => {
                refused("org.freedesktop.DBus.Error.UnknownObject", "there is no such object")
            }
            (ADAPTER, "SetDiscoveryFilter") => machine.set_filter(&name, &program, told),
            (ADAPTER, "StartDiscovery") => machine.start_discovery(&name, &program),
            (ADAPTER, "StopDiscovery") => machine.stop_discovery(&name, &program),
            (ADAPTER, "GetDiscoveryFilters") => Ok(vec![Value::texts([
                "UUIDs",
                "RSSI",
                "Pathloss",
                "Transport",
                "DuplicateData",
                "Discoverable",
                "Pattern",
            ])]),
            (ADAPTER, "RemoveDevice") => match told {
                [Value::Path(device)] if machine.last_received.contains_key(device) => {
                    machine.forget(device);
                    Ok(Vec::new())
                }
                [Value::Path(_)] => refused("DoesNotExist", "Does Not Exist"),
                _ => invalid(),
            },
            (ADVERTISING_MANAGER, "UnregisterAdvertisement") => {
                let [Value::Path(described)] = told else { return invalid() };
                let radio = machine.radios.get_mut(&name).unwrap();
                let Some(registered) = radio.registered.remove(&(program, described.clone()))
                else {
                    return refused("DoesNotExist", "Does Not Exist");
                };
                machine.count_adverts(&name);
                if let Some(registered) = registered {
                    self.adverts.remove(&registered.advert);
                }
                Ok(Vec::new())
            }
            (DEVICE, "Connect" | "Pair") => refused("Failed", "le-connection-abort-by-local"),
            // Said yes to, and nothing done: agents, profiles, applications.
            _ if METHODS.contains(&(interface, member)) => Ok(Vec::new()),
            _ => refused(
                "org.freedesktop.DBus.Error.UnknownMethod",
                &format!("Method \"{member}\" on interface \"{interface}\" doesn't exist"),
            ),
        }
    }

    /// The program has described what it wants to advertise.
    fn described(&mut self, index: MachineIndex, call: &Message, mut answer: Message) {
        let machine = &mut self.machines[index];
        let program = call.sender().map(|it| it.to_string()).unwrap_or_default();
        let Some(Value::Path(path)) = arguments(call).into_iter().next() else { return };
        let on = call.path().map(|it| it.to_string()).unwrap_or_default();
        let name = on.strip_prefix("/org/bluez/").unwrap_or_default().to_owned();
        let key = (program.clone(), path.clone());
        // Unplugged, unregistered or disconnected in the meantime.
        let Some(radio) = machine.radios.get_mut(&name) else {
            return machine.reply(call, refused("Failed", "Failed to register advertisement"));
        };
        if radio.registered.remove(&key).is_none() {
            return machine.reply(call, refused("Failed", "Failed to register advertisement"));
        }
        let answer = match answer.as_result() {
            Ok(answer) => arguments(answer).into_iter().next(),
            Err(_) => None,
        };
        let read = match answer {
            Some(said) => read_advert(&said, &radio.address).map(|advert| (advert, said)),
            None => refused("Failed", "Failed to parse advertisement."),
        };
        let read = match read {
            Ok((advert, _)) if !advert.connectable && !radio.plug.broadcasts => {
                refused("Failed", "Failed to register advertisement")
            }
            read => read,
        };
        let (mut advert, said) = match read {
            Ok(read) => read,
            Err(refusal) => {
                machine.count_adverts(&name);
                return machine.reply(call, Err(refusal));
            }
        };
        let id = self.next_advert();
        if !advert.connectable {
            advert.address = random_address(id.0);
        }
        let sender = Some((index, name.clone()));
        self.adverts.insert(id, OnAir { advert: Arc::new(advert), sender });
        let registered = Registered { program, path, properties: said, advert: id };
        let machine = &mut self.machines[index];
        let radio = machine.radios.get_mut(&name).unwrap();
        radio.registered.insert(key, Some(registered));
        machine.count_adverts(&name);
        machine.reply(call, Ok(Vec::new()));
    }
}

fn read_advert(said: &Value, public: &str) -> Result<Advert, Refused> {
    let connectable = match said.entry("Type") {
        Some(Value::Text(kind)) if kind == "broadcast" => false,
        Some(Value::Text(kind)) if kind == "peripheral" => true,
        _ => return refused("Failed", "Failed to parse advertisement."),
    };
    let bytes = |value: &Value| match value {
        Value::Bytes(bytes) => bytes.clone(),
        _ => Vec::new(),
    };
    let mut advert = Advert {
        service_data: said.entry("ServiceData").map_or_else(BTreeMap::new, |services| {
            let entries = services.entries();
            entries.map(|(k, v)| (k.as_text().unwrap_or_default().into(), bytes(v))).collect()
        }),
        service_uuids: said.entry("ServiceUUIDs").and_then(Value::as_texts).unwrap_or_default(),
        manufacturer_data: said.entry("ManufacturerData").map_or_else(BTreeMap::new, |makers| {
            let entries = makers.entries();
            entries
                .filter_map(|(k, v)| match k {
                    Value::U16(id) => Some((*id, bytes(v))),
                    _ => None,
                })
                .collect()
        }),
        local_name: said.entry("LocalName").and_then(Value::as_text).map(str::to_owned),
        connectable,
        discoverable: said.entry("Discoverable") == Some(&Value::Bool(true)),
        ..Advert::new(0, [])
    };
    if connectable {
        advert = advert.from(public).public();
    }
    if advert.length() > LEGACY_ADVERT {
        let why = "Advertising data too long or couldn't be generated.";
        return refused("InvalidLength", why);
    }
    Ok(advert)
}

impl Bluetoothd {
    pub fn reply(&self, call: &Message, answered: Answered) {
        match answered {
            Ok(said) if !call.get_no_reply() => {
                self.send(with_arguments(call.method_return(), &said));
            }
            Ok(_) => {}
            Err(Refused { name, text }) => self.refuse(call, &name, &text),
        }
    }

    fn set_filter(&mut self, name: &str, program: &str, told: &[Value]) -> Answered {
        let radio = self.radios.get_mut(name).unwrap();
        if !radio.is_on() {
            return refused("NotReady", "Resource Not Ready");
        }
        let [dictionary @ Value::Dict(..)] = told else { return invalid() };
        let Some(filter) = Filter::read(dictionary) else { return invalid() };
        // An empty filter removes the filter.
        let filter = (dictionary.entries().next().is_some()).then_some(filter);
        match (radio.discoveries.get_mut(program), filter) {
            (Some(current), filter) => *current = filter,
            (None, Some(filter)) => drop(radio.filters.insert(program.into(), filter)),
            (None, None) => drop(radio.filters.remove(program)),
        }
        Ok(Vec::new())
    }

    fn start_discovery(&mut self, name: &str, program: &str) -> Answered {
        let radio = self.radios.get_mut(name).unwrap();
        if !radio.is_on() {
            return refused("NotReady", "Resource Not Ready");
        }
        if radio.discoveries.contains_key(program) {
            return refused("InProgress", "Operation already in progress");
        }
        let filter = radio.filters.remove(program);
        if radio.kernel_discovers {
            // So bluetoothd answers whenever the kernel does not begin.
            return refused("InProgress", "Operation already in progress");
        }
        radio.discoveries.insert(program.into(), filter);
        self.discovery_changed(name);
        Ok(Vec::new())
    }

    fn stop_discovery(&mut self, name: &str, program: &str) -> Answered {
        let radio = self.radios.get_mut(name).unwrap();
        if !radio.is_on() {
            return refused("NotReady", "Resource Not Ready");
        }
        if radio.discoveries.remove(program).is_none() {
            return refused("Failed", "No discovery started");
        }
        self.discovery_changed(name);
        Ok(Vec::new())
    }

    fn register_advertisement(&mut self, call: &Message, told: &[Value]) -> Result<(), Refused> {
        let on = call.path().map(|it| it.to_string()).unwrap_or_default();
        let name = on.strip_prefix("/org/bluez/").unwrap_or_default().to_owned();
        let Some(radio) = self.radios.get_mut(&name) else {
            return refused("org.freedesktop.DBus.Error.UnknownObject", "there is no such object");
        };
        let Advertising::Slots(slots) = radio.plug.advertising else {
            return refused(
                "org.freedesktop.DBus.Error.UnknownMethod",
                "Method \"RegisterAdvertisement\" on interface \
                 \"org.bluez.LEAdvertisingManager1\" doesn't exist",
            );
        };
        let [Value::Path(path), Value::Dict(..)] = told else { return invalid() };
        if !radio.is_on() {
            return refused("NotReady", "Resource Not Ready");
        }
        let key = (call.sender().map(|it| it.to_string()).unwrap_or_default(), path.clone());
        if radio.registered.contains_key(&key) {
            return refused("AlreadyExists", "Already Exists");
        }
        if radio.registered.len() >= usize::from(slots) {
            return refused("NotPermitted", "Maximum advertisements reached");
        }
        radio.registered.insert(key, None);
        let (world, index) = (self.shared.clone(), self.index);
        // A copy has no serial of its own, which an answer needs.
        let mut again = call.duplicate().unwrap();
        again.set_sender(call.sender());
        again.set_serial(call.get_serial().unwrap());
        self.ask_back(call, path, move |answer| {
            if let Some(shared) = world.upgrade() {
                shared.with(|world| world.described(index, &again, answer));
            }
        });
        Ok(())
    }

    fn get(&self, path: &str, told: &[Value]) -> Answered {
        let [Value::Text(interface), Value::Text(name)] = told else { return invalid() };
        let known = self.objects.get(path).and_then(|it| it.get(interface)?.get(name));
        match known {
            Some(value) => Ok(vec![value.clone().variant()]),
            None => refused("org.freedesktop.DBus.Error.InvalidArgs", "No such property"),
        }
    }

    fn get_all(&self, path: &str, told: &[Value]) -> Answered {
        let [Value::Text(interface)] = told else { return invalid() };
        match self.objects.get(path).and_then(|it| it.get(interface)) {
            Some(known) => Ok(vec![Value::properties(known.clone())]),
            None => refused("org.freedesktop.DBus.Error.InvalidArgs", "No such interface"),
        }
    }

    fn set(&mut self, path: &str, told: &[Value]) -> Answered {
        let [Value::Text(interface), Value::Text(name), Value::Variant(value)] = told else {
            return invalid();
        };
        if !self.objects.get(path).is_some_and(|it| it.contains_key(interface)) {
            return refused("org.freedesktop.DBus.Error.InvalidArgs", "No such interface");
        }
        match (&**interface, &**name, &**value) {
            (ADAPTER, "Powered", Value::Bool(on)) => {
                let adapter = path.strip_prefix("/org/bluez/").unwrap_or_default().to_owned();
                self.switch(&adapter, if *on { Power::On } else { Power::Off });
                Ok(Vec::new())
            }
            (ADAPTER, "Powered", _) => invalid(),
            (
                ADAPTER,
                "Discoverable" | "DiscoverableTimeout" | "Pairable" | "PairableTimeout" | "Alias",
                value,
            )
            | (DEVICE, "Trusted" | "Blocked" | "Alias", value) => {
                self.change(path, interface, properties([(name, value.clone())]));
                Ok(Vec::new())
            }
            _ => refused("org.freedesktop.DBus.Error.PropertyReadOnly", "Property is not writable"),
        }
    }

    fn introspect(&self, path: &str) -> String {
        let under = format!("{}/", path.trim_end_matches('/'));
        let mut children: Vec<&str> = self
            .objects
            .keys()
            .filter_map(|path| path.strip_prefix(&under)?.split('/').next())
            .collect();
        children.dedup();
        let mut xml = String::from("<node>");
        for (interface, known) in self.objects.get(path).into_iter().flatten() {
            xml += &format!("<interface name=\"{interface}\">");
            for (_, method) in METHODS.iter().filter(|(of, _)| of == interface) {
                xml += &format!("<method name=\"{method}\"/>");
            }
            for (name, value) in known {
                let signature = value.signature();
                xml += &format!(
                    "<property name=\"{name}\" type=\"{signature}\" access=\"readwrite\"/>"
                );
            }
            xml += "</interface>";
        }
        for child in children {
            xml += &format!("<node name=\"{child}\"/>");
        }
        xml + "</node>"
    }
}

/// The methods of BlueZ's own interfaces.
const METHODS: &[(&str, &str)] = &[
    (ADAPTER, "SetDiscoveryFilter"),
    (ADAPTER, "StartDiscovery"),
    (ADAPTER, "StopDiscovery"),
    (ADAPTER, "GetDiscoveryFilters"),
    (ADAPTER, "RemoveDevice"),
    (ADVERTISING_MANAGER, "RegisterAdvertisement"),
    (ADVERTISING_MANAGER, "UnregisterAdvertisement"),
    ("org.bluez.AgentManager1", "RegisterAgent"),
    ("org.bluez.AgentManager1", "UnregisterAgent"),
    ("org.bluez.AgentManager1", "RequestDefaultAgent"),
    ("org.bluez.ProfileManager1", "RegisterProfile"),
    ("org.bluez.ProfileManager1", "UnregisterProfile"),
    ("org.bluez.GattManager1", "RegisterApplication"),
    ("org.bluez.GattManager1", "UnregisterApplication"),
    (DEVICE, "Connect"),
    (DEVICE, "Pair"),
    (DEVICE, "Disconnect"),
    (DEVICE, "CancelPairing"),
];
