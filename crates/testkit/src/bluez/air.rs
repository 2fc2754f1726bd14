//! What is being advertised, and when it is received.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::value::Value;
use super::world::{MachineIndex, Shared, World};
use super::{bus, uuid};

/// For what must happen soon on any machine, however slow; a longer wait fails the
/// test.
const PATIENCE: Duration = Duration::from_secs(30);

/// The air between machines.
#[derive(Clone)]
pub struct Air {
    pub(super) shared: Arc<Shared>,
}

/// An advert that is being transmitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AdvertId(pub(super) u64);

/// An advert, and how its sender appears to its receivers.
#[derive(Clone, Debug, PartialEq)]
pub struct Advert {
    /// `AA:BB:CC:DD:EE:FF`; BlueZ makes the device's object path of it.
    pub address: String,
    /// `public` or `random`.
    pub address_type: String,
    pub rssi: i16,
    /// By the service's long UUID.
    pub service_data: BTreeMap<String, Vec<u8>>,
    pub service_uuids: Vec<String>,
    pub manufacturer_data: BTreeMap<u16, Vec<u8>>,
    pub local_name: Option<String>,
    /// Whether it can be connected to: such a device stays known for a while.
    pub connectable: bool,
    /// Whether it has the flag LE General Discoverable.
    pub discoverable: bool,
    /// Properties of `Device1` that this advert's device has in place of those
    /// that bluetoothd makes of it, such as ones of a wrong type.
    pub instead: BTreeMap<String, Value>,
}

impl Advert {
    /// Service data under a 16-bit UUID, from a random address.
    pub fn new(service: u16, service_data: impl Into<Vec<u8>>) -> Self {
        Self {
            address: "00:00:00:00:00:00".into(),
            address_type: "random".into(),
            rssi: -50,
            service_data: BTreeMap::from([(uuid(service), service_data.into())]),
            service_uuids: Vec::new(),
            manufacturer_data: BTreeMap::new(),
            local_name: None,
            connectable: false,
            discoverable: false,
            instead: BTreeMap::new(),
        }
        .from(&random_address(u64::from(service)))
    }

    /// An advert of something else than a phone: it carries no service data.
    pub fn foreign() -> Self {
        Self {
            service_data: BTreeMap::new(),
            manufacturer_data: BTreeMap::from([(0x004c, vec![0x10, 0x05, 0x01, 0x18])]),
            ..Self::new(0, [])
        }
    }

    pub fn from(mut self, address: &str) -> Self {
        self.address = address.into();
        self
    }

    pub fn public(mut self) -> Self {
        self.address_type = "public".into();
        self
    }

    pub fn rssi(mut self, rssi: i16) -> Self {
        self.rssi = rssi;
        self
    }

    pub fn connectable(mut self) -> Self {
        self.connectable = true;
        self
    }

    pub fn instead(mut self, property: &str, value: Value) -> Self {
        self.instead.insert(property.into(), value);
        self
    }

    /// The length of the transmitted data, in bytes.
    pub(super) fn length(&self) -> usize {
        let base = uuid(0).split_off(8);
        let id = |uuid: &str| if uuid.to_ascii_lowercase().ends_with(&base) { 2 } else { 16 };
        let data = self.service_data.iter().map(|(uuid, data)| 2 + id(uuid) + data.len());
        let services = self.service_uuids.iter().map(|uuid| 2 + id(uuid));
        let makers = self.manufacturer_data.values().map(|data| 4 + data.len());
        data.chain(services).chain(makers).sum()
    }
}

/// An advert and its sender. An advert that a test put there has no sender.
#[derive(Clone)]
pub struct OnAir {
    pub advert: Arc<Advert>,
    pub sender: Option<(MachineIndex, String)>,
}

impl Air {
    /// Each advert is received once per `interval`. `None`, said loudly, on a machine
    /// without a D-Bus daemon: its tests are left out.
    pub fn every(interval: Duration) -> Option<Self> {
        let air = Self::by_hand()?;
        let weak = Arc::downgrade(&air.shared);
        air.shared.handle().spawn(async move {
            let mut clock = tokio::time::interval(interval);
            clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                clock.tick().await;
                let Some(shared) = weak.upgrade() else { return };
                shared.with(World::interval);
            }
        });
        Some(air)
    }

    /// An interval passes only when the test calls [`Air::interval`].
    pub fn by_hand() -> Option<Self> {
        bus::is_installed().then(|| Self { shared: Shared::new() })
    }

    /// An advertising interval passes: every advert is received once.
    pub fn interval(&self) {
        self.shared.with(World::interval);
    }

    /// One advert alone is received again.
    pub fn interval_of(&self, id: AdvertId) {
        self.shared.with(|world| world.interval_of(&[id]));
    }

    /// How many intervals have passed.
    pub fn intervals(&self) -> u64 {
        self.shared.look(|world| world.intervals)
    }

    /// Transmits an advert that no machine sends.
    pub fn inject(&self, advert: Advert) -> AdvertId {
        self.shared.with(|world| {
            let id = world.next_advert();
            world.adverts.insert(id, OnAir { advert: Arc::new(advert), sender: None });
            id
        })
    }

    /// From the next interval on the sender says something else.
    pub fn alter(&self, id: AdvertId, alter: impl FnOnce(&mut Advert)) {
        self.shared.with(|world| {
            alter(Arc::make_mut(&mut world.adverts.get_mut(&id).unwrap().advert));
        });
    }

    pub fn withdraw(&self, id: AdvertId) {
        self.shared.with(|world| world.adverts.remove(&id)).unwrap();
    }

    /// All adverts that are being transmitted now.
    pub fn adverts(&self) -> Vec<Advert> {
        self.shared
            .look(|world| world.adverts.values().map(|on_air| (*on_air.advert).clone()).collect())
    }

    /// Waits until something is true of the machines or of the air; looks whenever
    /// anything happens there, and fails if it times out.
    pub async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let mut changes = self.shared.changes();
        let waiting = async {
            while !is_so() {
                // The sender lives as long as `self`.
                changes.changed().await.unwrap();
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            panic!("timed out waiting until {what}");
        }
    }
}

impl World {
    fn interval(&mut self) {
        self.intervals += 1;
        let all: Vec<_> = self.adverts.keys().copied().collect();
        self.interval_of(&all);
    }

    fn interval_of(&mut self, received: &[AdvertId]) {
        let Self { adverts, machines, .. } = self;
        for (id, machine) in machines.iter_mut().enumerate() {
            machine.forget_the_long_silent();
            for (name, adapter) in machine.discovering() {
                for OnAir { advert, sender } in received.iter().filter_map(|id| adverts.get(id)) {
                    // A radio that sends does not listen.
                    let own = sender.as_ref().is_some_and(|(m, a)| (*m, a) == (id, &name));
                    if !own && adapter.wants(advert) {
                        machine.receive(&name, advert);
                    }
                }
            }
        }
    }
}

/// A non-resolvable private address: its two top bits are clear
/// [Bluetooth Core Vol 6 Part B §1.3.2.2].
pub fn random_address(seed: u64) -> String {
    // SplitMix64's last steps, so that consecutive seeds look unlike each other.
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let [first, rest @ .., _, _] = (mixed ^ (mixed >> 31)).to_be_bytes();
    let mut address = format!("{:02X}", first & 0x3f);
    for byte in rest {
        address.push_str(&format!(":{byte:02X}"));
    }
    address
}
