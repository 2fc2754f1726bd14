//! What happens to a machine's adapters: plugged in, pulled out, switched.

use dbus::Message;

use super::air::AdvertId;
use super::bluetoothd::Bluetoothd;
use super::radio::{Plug, Power, Radio, properties};
use super::value::Value;
use super::{ADAPTER, ADVERTISEMENT, ADVERTISING_MANAGER};

impl Bluetoothd {
    pub fn plug_in(&mut self, plug: Plug) {
        self.plugged += 1;
        let radio = Radio::new(plug, self.index, self.plugged);
        assert!(!self.radios.contains_key(&radio.plug.name), "there is such an adapter already");
        if self.running.is_some() {
            self.add_object(&radio.path(), radio.object());
        }
        self.radios.insert(radio.plug.name.clone(), radio);
    }

    /// Returns the adverts that it transmitted.
    pub fn unplug(&mut self, name: &str) -> Vec<AdvertId> {
        let ended = self.release_adverts(name);
        let radio = self.radios.remove(name).expect("an adapter of this name");
        let path = radio.path();
        for device in self.devices_of(name) {
            self.forget(&device);
        }
        self.remove_object(&path);
        ended
    }

    /// Off, an adapter forgets who was discovering and what it found; adverts stay
    /// registered and are sent again once it is on.
    pub fn switch(&mut self, name: &str, power: Power) {
        let radio = self.radios.get_mut(name).expect("an adapter of this name");
        if radio.plug.power == power {
            return;
        }
        radio.plug.power = power;
        let (path, on) = (radio.path(), radio.is_on());
        if !on {
            radio.kernel_discovers = false;
            radio.discoveries.clear();
            radio.filters.clear();
            self.discovery_changed(name);
            for device in self.devices_of(name) {
                self.forget(&device);
            }
        }
        let state = Value::text(if on { "on" } else { "off" });
        let changed = properties([("Powered", Value::Bool(on)), ("PowerState", state)]);
        self.change(&path, ADAPTER, changed);
    }

    /// `Discovering` follows whether any program discovers.
    pub fn discovery_changed(&mut self, name: &str) {
        let Some(radio) = self.radios.get(name) else { return };
        let (path, on) = (radio.path(), !radio.discoveries.is_empty());
        let known = self.objects.get(&path).and_then(|it| it.get(ADAPTER)?.get("Discovering"));
        if known == Some(&Value::Bool(on)) {
            return;
        }
        self.change(&path, ADAPTER, properties([("Discovering", Value::Bool(on))]));
        if !on {
            self.forget_the_unconnectable(name);
        }
    }

    pub fn count_adverts(&mut self, name: &str) {
        let Some(radio) = self.radios.get(name) else { return };
        if let Some(instances) = radio.instances() {
            self.change(&radio.path(), ADVERTISING_MANAGER, properties(instances));
        }
    }

    /// Tells programs that their adverts are off the air, and not at their wish.
    pub fn release_adverts(&mut self, name: &str) -> Vec<AdvertId> {
        let Some(radio) = self.radios.get_mut(name) else { return Vec::new() };
        let mut ended = Vec::new();
        for ((program, path), registered) in std::mem::take(&mut radio.registered) {
            let mut release =
                Message::new_method_call(program, path, ADVERTISEMENT, "Release").unwrap();
            release.set_no_reply(true);
            self.send(release);
            ended.extend(registered.map(|it| it.advert));
        }
        if !ended.is_empty() {
            self.count_adverts(name);
        }
        ended
    }
}
