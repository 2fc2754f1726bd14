//! bluetoothd on one machine: the objects of `org.bluez` on that machine's bus, and
//! the adapters under them, which are there whether it runs or not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use dbus::Message;
use dbus::channel::{Channel, MatchingReceiver as _, Sender as _};
use dbus::message::MatchRule;
use dbus::nonblock::{NonblockReply as _, SyncConnection};
use dbus::strings::{ErrorName, Path};
use tokio::task::AbortHandle;

use super::air::AdvertId;
use super::bus::Bus;
use super::machine::{Answer, Call, Ending};
use super::radio::Radio;
use super::value::{Value, arguments, with_arguments};
use super::world::{MachineIndex, Shared, WeakShared, World};
use super::{ADVERTISEMENT, INTROSPECTABLE, OBJECT_MANAGER, PROPERTIES};

/// For what a bus answers at once.
const PATIENCE: Duration = Duration::from_secs(20);
/// `RequestName`: its flag not to wait for the name, and its answer that it is ours.
const NOT_QUEUED: u32 = 4;
const OWNER: u32 = 1;
/// More bytes than a socket takes at once.
const LONG: usize = 1 << 20;
/// Calls that are kept for tests; a browser that runs for hours must not fill memory.
const CALLS: usize = 100_000;

pub type Properties = BTreeMap<String, Value>;
/// By interface.
pub type Object = BTreeMap<String, Properties>;

/// A connection to the bus, as bluetoothd while it runs.
pub struct Running {
    pub connection: Arc<SyncConnection>,
    task: AbortHandle,
    /// Closed by the end of the task, which holds the connection, too.
    gone: mpsc::Receiver<()>,
}

impl Running {
    /// Leaves the bus. Not under the world's lock, for which the task may wait.
    pub fn leave(self) {
        AsRef::<Channel>::as_ref(&*self.connection).flush();
        self.task.abort();
        drop(self.connection);
        let _ = self.gone.recv_timeout(PATIENCE);
    }
}

pub struct Bluetoothd {
    pub index: MachineIndex,
    pub shared: WeakShared,
    pub bus: Bus,
    pub running: Option<Running>,
    /// By path.
    pub objects: BTreeMap<String, Object>,
    /// By name.
    pub radios: BTreeMap<String, Radio>,
    /// By path of the device.
    pub last_received: BTreeMap<String, Instant>,
    pub connectable: BTreeSet<String>,
    pub calls: VecDeque<Call>,
    /// By method.
    pub answers: BTreeMap<String, Answer>,
    pub broken_objects: BTreeSet<String>,
    pub held: Vec<Message>,
    /// Programs that have disconnected from the bus.
    pub gone: BTreeSet<String>,
    /// How many adapters have ever been plugged in.
    pub plugged: usize,
}

impl Bluetoothd {
    pub fn new(name: &str, index: MachineIndex, shared: WeakShared) -> Self {
        Self {
            index,
            shared,
            bus: Bus::start(name),
            running: None,
            objects: BTreeMap::new(),
            radios: BTreeMap::new(),
            last_received: BTreeMap::new(),
            connectable: BTreeSet::new(),
            calls: VecDeque::new(),
            answers: BTreeMap::new(),
            broken_objects: BTreeSet::new(),
            held: Vec::new(),
            gone: BTreeSet::new(),
            plugged: 0,
        }
    }

    /// Connects, shows its objects and takes its name on the bus.
    pub fn start(shared: &Arc<Shared>, index: MachineIndex) {
        let (address, weak) = shared.look(|world| {
            let machine = &world.machines[index];
            assert!(machine.running.is_none(), "this bluetoothd runs already");
            (machine.bus.address(), machine.shared.clone())
        });
        let mut channel = Channel::open_private(&address).unwrap();
        channel.register().unwrap();
        // dbus-tokio 0.7 only ever waits for room on the socket if there is something
        // to write when it is given the channel; and without that, an answer that does
        // not fit at once is never finished. libdbus writes little at a time.
        let long = Message::new_signal("/", "org.example.Nothing", "Nothing").unwrap();
        channel.send(long.append1(vec![0_u8; LONG])).unwrap();
        assert!(channel.has_messages_to_send(), "this was to be longer than one write");
        let (resource, connection) =
            dbus_tokio::connection::from_channel::<SyncConnection>(channel).unwrap();

        AsRef::<Channel>::as_ref(&*connection).flush();

        let world = weak.clone();
        connection.start_receive(
            MatchRule::new_method_call(),
            Box::new(move |message, _| {
                if let Some(shared) = world.upgrade() {
                    shared.with(|world| world.called(index, message));
                }
                true
            }),
        );
        let world = weak;
        connection.start_receive(
            MatchRule::new_signal("org.freedesktop.DBus", "NameOwnerChanged"),
            Box::new(move |message, _| {
                if let (Some(name), Some(_), Some("")) = message.get3::<&str, &str, &str>()
                    && let Some(shared) = world.upgrade()
                {
                    shared.with(|world| world.program_lost(index, name));
                }
                true
            }),
        );
        let (alive, gone) = mpsc::channel::<()>();
        let open = Arc::clone(&connection);
        let serving = async move {
            // dbus-tokio closes the socket before it forgets it. By then its number
            // may be another connection's.
            let _open = open;
            let _alive = alive;
            resource.await
        };
        let task = shared.handle().spawn(serving).abort_handle();

        shared.with(|world| {
            let machine = &mut world.machines[index];
            machine.objects = BTreeMap::from([(
                "/org/bluez".to_owned(),
                BTreeMap::from([
                    ("org.bluez.AgentManager1".to_owned(), Properties::new()),
                    ("org.bluez.ProfileManager1".to_owned(), Properties::new()),
                ]),
            )]);
            for radio in machine.radios.values() {
                machine.objects.insert(radio.path(), radio.object());
            }
            machine.running = Some(Running { connection: Arc::clone(&connection), task, gone });
        });
        let owners = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'";
        ask_the_bus(&connection, "AddMatch", &[Value::text(owners)]);
        let name = [Value::text("org.bluez"), Value::U32(NOT_QUEUED)];
        let answer = ask_the_bus(&connection, "RequestName", &name);
        assert_eq!(answer, [Value::U32(OWNER)], "org.bluez belongs to another program");
    }

    // ---- objects and signals ----------------------------------------------------

    pub fn send(&self, message: Message) {
        if let Some(running) = &self.running {
            // A bus that was killed takes nothing any more.
            let _ = running.connection.send(message);
        }
    }

    pub fn signal(&self, path: &str, interface: &str, member: &str, arguments: &[Value]) {
        let signal = Message::new_signal(path, interface, member).unwrap();
        self.send(with_arguments(signal, arguments));
    }

    pub fn add_object(&mut self, path: &str, object: Object) {
        self.signal(
            "/",
            OBJECT_MANAGER,
            "InterfacesAdded",
            &[Value::Path(path.into()), interfaces(&object)],
        );
        self.objects.insert(path.into(), object);
    }

    pub fn remove_object(&mut self, path: &str) {
        let Some(object) = self.objects.remove(path) else { return };
        let names = object.keys().map(String::as_str).chain([PROPERTIES, INTROSPECTABLE]);
        self.signal(
            "/",
            OBJECT_MANAGER,
            "InterfacesRemoved",
            &[Value::Path(path.into()), Value::texts(names)],
        );
    }

    /// Sets properties and signals them, whether they are new or not.
    pub fn change(&mut self, path: &str, interface: &str, changed: Properties) {
        let Some(known) = self.objects.get_mut(path).and_then(|it| it.get_mut(interface)) else {
            return;
        };
        known.extend(changed.clone());
        self.signal(
            path,
            PROPERTIES,
            "PropertiesChanged",
            &[
                Value::text(interface),
                Value::properties(changed),
                Value::Array("s".into(), Vec::new()),
            ],
        );
    }

    pub fn invalidate(&mut self, path: &str, interface: &str, property: &str) {
        let Some(known) = self.objects.get_mut(path).and_then(|it| it.get_mut(interface)) else {
            return;
        };
        if known.remove(property).is_some() {
            self.signal(
                path,
                PROPERTIES,
                "PropertiesChanged",
                &[
                    Value::text(interface),
                    Value::Dict("s".into(), "v".into(), Vec::new()),
                    Value::texts([property]),
                ],
            );
        }
    }

    /// What `GetManagedObjects` answers.
    pub fn managed_objects(&self) -> Value {
        let entry =
            |(path, object): (&String, &Object)| (Value::Path(path.clone()), interfaces(object));
        Value::Dict("o".into(), "a{sa{sv}}".into(), self.objects.iter().map(entry).collect())
    }

    // ---- an end -----------------------------------------------------------------

    /// Returns the adverts that it transmitted, and the connection to close.
    pub fn end(&mut self, ending: Ending) -> (Vec<AdvertId>, Option<Running>) {
        let mut ended = Vec::new();
        for name in self.radios.keys().cloned().collect::<Vec<_>>() {
            if ending == Ending::Orderly {
                ended.extend(self.release_adverts(&name));
                let path = self.radios[&name].path();
                for device in self.devices_of(&name) {
                    self.forget(&device);
                }
                self.remove_object(&path);
            }
            let radio = self.radios.get_mut(&name).unwrap();
            radio.kernel_discovers |= ending == Ending::Killed && !radio.discoveries.is_empty();
            radio.filters.clear();
            radio.discoveries.clear();
            ended.extend(
                std::mem::take(&mut radio.registered).into_values().flatten().map(|it| it.advert),
            );
        }
        self.last_received.clear();
        self.connectable.clear();
        self.objects.clear();
        self.held.clear();
        (ended, self.running.take())
    }
}

impl World {
    /// A program that leaves the bus takes with it what it had going.
    fn program_lost(&mut self, index: MachineIndex, program: &str) {
        let machine = &mut self.machines[index];
        if machine.calls.iter().any(|call| call.program == program) {
            machine.gone.insert(program.into());
        }
        machine.held.retain(|call| call.sender().as_deref() != Some(program));
        for name in machine.radios.keys().cloned().collect::<Vec<_>>() {
            let radio = machine.radios.get_mut(&name).unwrap();
            radio.filters.remove(program);
            radio.discoveries.remove(program);
            let (gone, stay): (BTreeMap<_, _>, BTreeMap<_, _>) =
                std::mem::take(&mut radio.registered)
                    .into_iter()
                    .partition(|((owner, _), _)| owner == program);
            radio.registered = stay;
            machine.discovery_changed(&name);
            if !gone.is_empty() {
                machine.count_adverts(&name);
            }
            for registered in gone.into_values().flatten() {
                self.adverts.remove(&registered.advert);
            }
        }
    }

    fn called(&mut self, index: MachineIndex, message: Message) {
        let machine = &mut self.machines[index];
        if machine.calls.len() == CALLS {
            machine.calls.pop_front();
        }
        let call = Call::new(&message);
        match machine.answer_to(&call) {
            Some(Answer::Hold) => machine.held.push(message),
            Some(Answer::DoInSilence) => {
                let mut silent = message;
                silent.set_no_reply(true);
                self.answer(index, &silent);
            }
            Some(Answer::Values(values)) => machine.reply(&message, Ok(values)),
            Some(Answer::Error { name, text }) => machine.refuse(&message, &name, &text),
            None => self.answer(index, &message),
        }
        self.machines[index].calls.push_back(call);
    }
}

impl Bluetoothd {
    fn answer_to(&self, call: &Call) -> Option<Answer> {
        if self.broken_objects.contains(&call.path) {
            return Some(Answer::error("org.bluez.Error.Failed", "this object is broken"));
        }
        self.answers.get(&call.member).cloned()
    }

    pub fn refuse(&self, call: &Message, name: &str, text: &str) {
        if call.get_no_reply() {
            return;
        }
        let text = std::ffi::CString::new(text).unwrap();
        self.send(call.error(&ErrorName::new(name).unwrap(), &text));
    }

    /// Asks an object of the program that called.
    pub fn ask_back(
        &self,
        call: &Message,
        path: &str,
        then: impl FnOnce(Message) + Send + 'static,
    ) {
        let Some(running) = &self.running else { return };
        let program = call.sender().unwrap();
        let question = Message::method_call(
            &program,
            &Path::new(path.to_owned()).unwrap(),
            &PROPERTIES.into(),
            &"GetAll".into(),
        );
        let question = with_arguments(question, &[Value::text(ADVERTISEMENT)]);
        let then = SyncConnection::make_f(move |reply, _: &SyncConnection| then(reply));
        let _ = running.connection.send_with_reply(question, then);
    }
}

/// Each object has these two beside its own interfaces.
fn interfaces(object: &Object) -> Value {
    let none = Properties::new();
    let standard = [PROPERTIES, INTROSPECTABLE].map(|name| (name, &none));
    let own = object.iter().map(|(name, properties)| (name.as_str(), properties));
    let entry = |(name, properties): (&str, &Properties)| {
        (Value::text(name), Value::properties(properties.clone()))
    };
    Value::Dict("s".into(), "a{sv}".into(), own.chain(standard).map(entry).collect())
}

fn ask_the_bus(connection: &SyncConnection, member: &str, question: &[Value]) -> Vec<Value> {
    let call = Message::new_method_call(
        "org.freedesktop.DBus",
        "/org/freedesktop/DBus",
        "org.freedesktop.DBus",
        member,
    )
    .unwrap();
    let (answered, answer) = mpsc::channel();
    let then = SyncConnection::make_f(move |reply: Message, _: &SyncConnection| {
        let _ = answered.send(arguments(&reply));
    });
    connection.send_with_reply(with_arguments(call, question), then).unwrap();
    answer.recv_timeout(PATIENCE).expect("the bus answers")
}
