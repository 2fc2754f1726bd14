//! A machine in a test's hands: its bus, its bluetoothd, its adapters.

use std::sync::Arc;

use dbus::Message;

use super::air::Air;
use super::bluetoothd::Bluetoothd;
use super::bus::Policy;
use super::radio::{Plug, Power, Registered};
use super::value::{Value, arguments};
use super::world::{MachineIndex, Shared};

/// A machine. Dropped, it is switched off: its bus and its adverts end.
pub struct Machine {
    shared: Arc<Shared>,
    index: MachineIndex,
    bus_address: String,
}

/// A call that reached BlueZ.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The program's unique name on the bus.
    pub program: String,
    pub path: String,
    pub interface: String,
    pub member: String,
    pub arguments: Vec<Value>,
}

impl Call {
    pub(super) fn new(message: &Message) -> Self {
        Self {
            program: message.sender().map(|it| it.to_string()).unwrap_or_default(),
            path: message.path().map(|it| it.to_string()).unwrap_or_default(),
            interface: message.interface().map(|it| it.to_string()).unwrap_or_default(),
            member: message.member().map(|it| it.to_string()).unwrap_or_default(),
            arguments: arguments(message),
        }
    }
}

/// What a method answers in place of what it does.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Anything at all, and nothing is done.
    Values(Vec<Value>),
    Error {
        name: String,
        text: String,
    },
    /// Nothing ever, but the work is done.
    DoInSilence,
    /// Nothing yet, and nothing is done either, until [`Machine::answer_truly`]. The
    /// call of a program that leaves meanwhile is never done.
    Hold,
}

impl Answer {
    pub fn error(name: &str, text: &str) -> Self {
        Self::Error { name: name.into(), text: text.into() }
    }
}

/// How bluetoothd ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It says goodbye: adverts are released, objects removed.
    Orderly,
    /// It disconnects from the bus without notice.
    Crash,
    /// As a crash, and the kernel goes on with the discoveries that it had begun for
    /// this bluetoothd, 10.24 s in truth, here until [`Machine::end_kernel_discovery`].
    /// Until then the kernel is busy, and the next bluetoothd answers `InProgress` to
    /// `StartDiscovery` while its `Discovering` is false.
    Killed,
}

impl Machine {
    /// A machine whose bus and bluetoothd run, without an adapter.
    pub fn start(air: &Air, name: &str) -> Self {
        let shared = Arc::clone(&air.shared);
        let weak = Arc::downgrade(&shared);
        let (index, bus_address) = shared.with(|world| {
            let index = world.machines.len();
            let machine = Bluetoothd::new(name, index, weak);
            let bus_address = machine.bus.address();
            world.machines.push(machine);
            (index, bus_address)
        });
        Bluetoothd::start(&shared, index);
        Self { shared, index, bus_address }
    }

    /// What `DBUS_SYSTEM_BUS_ADDRESS` is on this machine.
    pub fn bus_address(&self) -> &str {
        &self.bus_address
    }

    fn with<T>(&self, change: impl FnOnce(&mut Bluetoothd) -> T) -> T {
        self.shared.with(|world| change(&mut world.machines[self.index]))
    }

    fn look<T>(&self, look: impl FnOnce(&Bluetoothd) -> T) -> T {
        self.shared.look(|world| look(&world.machines[self.index]))
    }

    // ---- adapters ---------------------------------------------------------------

    pub fn plug_in(&self, name: &str, power: Power) {
        self.plug(Plug::new(name, power));
    }

    pub fn plug(&self, adapter: Plug) {
        self.with(|machine| machine.plug_in(adapter));
    }

    pub fn unplug(&self, name: &str) {
        self.shared.with(|world| {
            for advert in world.machines[self.index].unplug(name) {
                world.adverts.remove(&advert);
            }
        });
    }

    /// Without the goodbye to programs that advertise.
    pub fn unplug_without_release(&self, name: &str) {
        self.shared.with(|world| {
            let machine = &mut world.machines[self.index];
            let registered = std::mem::take(&mut machine.radios.get_mut(name).unwrap().registered);
            machine.unplug(name);
            for advert in registered.into_values().flatten() {
                world.adverts.remove(&advert.advert);
            }
        });
    }

    pub fn switch(&self, name: &str, power: Power) {
        self.with(|machine| machine.switch(name, power));
    }

    pub fn power(&self, name: &str) -> Power {
        self.look(|machine| machine.radios[name].plug.power)
    }

    /// The adapter's public address.
    pub fn address(&self, name: &str) -> String {
        self.look(|machine| machine.radios[name].address.clone())
    }

    /// The programs that discover through an adapter, by their names on the bus.
    pub fn discoverers(&self, adapter: &str) -> Vec<String> {
        self.look(|machine| {
            let radio = machine.radios.get(adapter);
            radio.into_iter().flat_map(|it| it.discoveries.keys().cloned()).collect()
        })
    }

    /// Ends all discoveries. The only signal is that `Discovering` is false.
    pub fn end_discoveries(&self, adapter: &str) {
        self.with(|machine| {
            machine.radios.get_mut(adapter).unwrap().discoveries.clear();
            machine.discovery_changed(adapter);
        });
    }

    /// The kernel ends what it had begun for a bluetoothd that was killed.
    pub fn end_kernel_discovery(&self, adapter: &str) {
        self.with(|machine| machine.radios.get_mut(adapter).unwrap().kernel_discovers = false);
    }

    /// What programs advertise through an adapter.
    pub fn registered(&self, adapter: &str) -> Vec<Registered> {
        self.look(|machine| {
            let radio = machine.radios.get(adapter);
            radio.into_iter().flat_map(|it| it.registered.values().flatten().cloned()).collect()
        })
    }

    /// Takes a program's adverts off the air, as bluetoothd does at an advert's timeout.
    pub fn release_adverts(&self, adapter: &str) {
        self.shared.with(|world| {
            for advert in world.machines[self.index].release_adverts(adapter) {
                world.adverts.remove(&advert);
            }
        });
    }

    /// Whether a program that has called has disconnected from the bus.
    pub fn has_disconnected(&self, program: &str) -> bool {
        self.look(|machine| machine.gone.contains(program))
    }

    // ---- objects ----------------------------------------------------------------

    /// A device is forgotten, as after a while of silence.
    pub fn forget(&self, device: &str) {
        self.with(|machine| machine.forget(device));
    }

    /// The objects' paths.
    pub fn objects(&self) -> Vec<String> {
        self.look(|machine| machine.objects.keys().cloned().collect())
    }

    /// Sets a property to anything at all and signals it; nothing else follows it.
    pub fn set_property(&self, path: &str, interface: &str, name: &str, value: Value) {
        self.with(|machine| {
            machine.change(path, interface, [(name.to_owned(), value)].into());
        });
    }

    /// Sends any signal at all.
    pub fn signal(&self, path: &str, interface: &str, member: &str, said: &[Value]) {
        self.with(|machine| machine.signal(path, interface, member, said));
    }

    /// From now on any call to this object fails.
    pub fn break_object(&self, path: &str) {
        self.with(|machine| machine.broken_objects.insert(path.into()));
    }

    // ---- calls ------------------------------------------------------------------

    /// All calls that reached BlueZ, also of bluetoothds that have ended.
    pub fn calls(&self) -> Vec<Call> {
        self.look(|machine| machine.calls.iter().cloned().collect())
    }

    /// Those of one method.
    pub fn calls_of(&self, member: &str) -> Vec<Call> {
        self.look(|machine| {
            machine.calls.iter().filter(|call| call.member == member).cloned().collect()
        })
    }

    /// From now on a method answers this.
    pub fn answer(&self, member: &str, answer: Answer) {
        self.with(|machine| machine.answers.insert(member.into(), answer));
    }

    /// Whether a call of this method waits for its answer.
    pub fn is_held(&self, member: &str) -> bool {
        let is_it = |call: &Message| call.member().as_deref() == Some(member);
        self.look(|machine| machine.held.iter().any(is_it))
    }

    /// From now on a method does its work again; what was held is done.
    pub fn answer_truly(&self, member: &str) {
        self.shared.with(|world| {
            let machine = &mut world.machines[self.index];
            machine.answers.remove(member).expect("an answer was given in place of this");
            let (due, stay): (Vec<_>, Vec<_>) = std::mem::take(&mut machine.held)
                .into_iter()
                .partition(|call| call.member().as_deref() == Some(member));
            machine.held = stay;
            for call in due {
                world.answer(self.index, &call);
            }
        });
    }

    // ---- bluetoothd and the bus ---------------------------------------------------

    pub fn stop_bluetoothd(&self, ending: Ending) {
        let running = self.shared.with(|world| {
            let (ended, running) = world.machines[self.index].end(ending);
            for advert in ended {
                world.adverts.remove(&advert);
            }
            running
        });
        if let Some(running) = running {
            running.leave();
            self.look(|machine| machine.bus.wait_until_bluez_has_stopped());
        }
    }

    pub fn start_bluetoothd(&self) {
        Bluetoothd::start(&self.shared, self.index);
    }

    /// Who may speak to BlueZ from now on.
    pub fn set_policy(&self, policy: &Policy) {
        self.look(|machine| machine.bus.set_policy(policy));
    }

    /// The bus stands still, with all connections open.
    pub fn freeze_bus(&self) {
        self.look(|machine| machine.bus.freeze());
    }

    pub fn kill_bus(&self) {
        self.with(|machine| machine.bus.kill());
        self.stop_bluetoothd(Ending::Crash);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.kill_bus();
    }
}
