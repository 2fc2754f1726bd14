//! One adapter: who discovers through it and with which filter, and what it sends.

use std::collections::BTreeMap;

use super::air::{Advert, AdvertId};
use super::value::Value;
use super::{ADAPTER, ADVERTISING_MANAGER};

/// Whether an adapter is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    On,
    Off,
}

/// Whether an adapter can advertise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advertising {
    /// So many adverts at once.
    Slots(u8),
    /// Not at all: it has no `LEAdvertisingManager1`.
    None,
}

/// An adapter to plug in.
#[derive(Clone, Debug)]
pub struct Plug {
    pub name: String,
    /// `None` for one that no other adapter has.
    pub address: Option<String>,
    pub power: Power,
    pub advertising: Advertising,
    /// Whether it sends adverts of the type `broadcast`, too.
    pub broadcasts: bool,
}

impl Plug {
    pub fn new(name: &str, power: Power) -> Self {
        Self {
            name: name.into(),
            address: None,
            power,
            advertising: Advertising::Slots(5),
            broadcasts: true,
        }
    }

    pub fn address(mut self, address: &str) -> Self {
        self.address = Some(address.into());
        self
    }

    /// bluetoothd refuses each broadcast because the kernel does.
    pub fn without_broadcast(mut self) -> Self {
        self.broadcasts = false;
        self
    }

    pub fn advertising(mut self, advertising: Advertising) -> Self {
        self.advertising = advertising;
        self
    }
}

/// An advert that a program registered.
#[derive(Clone, Debug, PartialEq)]
pub struct Registered {
    /// The program's unique name on the bus.
    pub program: String,
    /// The object in the program that describes it.
    pub path: String,
    /// What that object says, as `a{sv}`.
    pub properties: Value,
    pub advert: AdvertId,
}

/// What a program wants to be told of, as `SetDiscoveryFilter` was told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    pub transport: Option<String>,
    pub duplicate_data: bool,
    pub discoverable: bool,
    pub rssi: Option<i16>,
    pub uuids: Vec<String>,
}

impl Filter {
    /// `None` for what bluetoothd refuses.
    pub fn read(dictionary: &Value) -> Option<Self> {
        let mut filter = Self::default();
        for (key, value) in dictionary.entries() {
            match (key.as_text()?, value) {
                ("Transport", Value::Text(it)) if matches!(&**it, "auto" | "bredr" | "le") => {
                    filter.transport = Some(it.clone());
                }
                ("DuplicateData", Value::Bool(it)) => filter.duplicate_data = *it,
                ("Discoverable", Value::Bool(it)) => filter.discoverable = *it,
                ("RSSI", Value::I16(it)) => filter.rssi = Some(*it),
                ("UUIDs", it @ Value::Array(..)) => filter.uuids = it.as_texts()?,
                ("Pathloss", Value::U16(_)) | ("Pattern", Value::Text(_)) => {}
                _ => return None,
            }
        }
        Some(filter)
    }

    fn wants(&self, advert: &Advert) -> bool {
        let listed = |uuid: &String| {
            advert.service_uuids.iter().any(|listed| listed.eq_ignore_ascii_case(uuid))
        };
        self.transport.as_deref() != Some("bredr")
            && self.rssi.is_none_or(|least| advert.rssi >= least)
            && (advert.discoverable || !self.discoverable)
            && (self.uuids.is_empty() || self.uuids.iter().any(listed))
    }
}

/// An adapter that is plugged in, whether bluetoothd runs or not.
#[derive(Clone, Debug)]
pub struct Radio {
    pub plug: Plug,
    pub address: String,
    /// By program: filters for a discovery that has not begun.
    pub filters: BTreeMap<String, Filter>,
    /// By program: discoveries, each with the filter it has, if any.
    pub discoveries: BTreeMap<String, Option<Filter>>,
    /// The kernel still discovers for a bluetoothd that was killed.
    pub kernel_discovers: bool,
    /// By program and path. One without an advert is being read.
    pub registered: BTreeMap<(String, String), Option<Registered>>,
}

impl Radio {
    pub fn new(plug: Plug, machine: usize, number: usize) -> Self {
        let own = || format!("02:00:00:FA:{machine:02X}:{number:02X}");
        Self {
            address: plug.address.clone().unwrap_or_else(own),
            plug,
            filters: BTreeMap::new(),
            discoveries: BTreeMap::new(),
            kernel_discovers: false,
            registered: BTreeMap::new(),
        }
    }

    pub fn path(&self) -> String {
        format!("/org/bluez/{}", self.plug.name)
    }

    pub fn is_on(&self) -> bool {
        self.plug.power == Power::On
    }

    pub fn wants(&self, advert: &Advert) -> bool {
        if self.discoveries.values().all(Option::is_none) {
            return advert.discoverable;
        }
        // A discovery without a filter beside one with a filter gets everything.
        self.discoveries.values().any(|filter| filter.as_ref().is_none_or(|it| it.wants(advert)))
    }

    pub fn wants_duplicates(&self) -> bool {
        self.discoveries.values().flatten().any(|filter| filter.duplicate_data)
    }

    /// `ActiveInstances` and `SupportedInstances`, which is how many are left.
    pub fn instances(&self) -> Option<[(&'static str, Value); 2]> {
        let Advertising::Slots(slots) = self.plug.advertising else { return None };
        let active = u8::try_from(self.registered.len()).unwrap();
        Some([
            ("ActiveInstances", Value::Byte(active)),
            ("SupportedInstances", Value::Byte(slots.saturating_sub(active))),
        ])
    }

    /// The adapter's object, with all its interfaces.
    pub fn object(&self) -> BTreeMap<String, BTreeMap<String, Value>> {
        let on = self.is_on();
        let mut interfaces = BTreeMap::from([
            (
                ADAPTER.to_owned(),
                properties([
                    ("Address", Value::text(&self.address)),
                    ("AddressType", Value::text("public")),
                    ("Name", Value::text(&self.plug.name)),
                    ("Alias", Value::text(&self.plug.name)),
                    ("Class", Value::U32(0)),
                    ("Powered", Value::Bool(on)),
                    ("PowerState", Value::text(if on { "on" } else { "off" })),
                    ("Discoverable", Value::Bool(false)),
                    ("DiscoverableTimeout", Value::U32(180)),
                    ("Pairable", Value::Bool(true)),
                    ("PairableTimeout", Value::U32(0)),
                    ("Discovering", Value::Bool(false)),
                    ("UUIDs", Value::texts([super::uuid(0x1800), super::uuid(0x1801)])),
                    ("Modalias", Value::text("usb:v1D6Bp0246d0542")),
                    ("Roles", Value::texts(["central", "peripheral"])),
                    ("ExperimentalFeatures", Value::Array("s".into(), Vec::new())),
                ]),
            ),
            ("org.bluez.GattManager1".to_owned(), BTreeMap::new()),
        ]);
        if let Some(instances) = self.instances() {
            let lengths = [("MaxAdvLen", Value::Byte(31)), ("MaxScnRspLen", Value::Byte(31))];
            let mut manager = properties([
                ("SupportedIncludes", Value::texts(["tx-power", "appearance", "local-name"])),
                ("SupportedSecondaryChannels", Value::texts(["1M", "2M", "Coded"])),
                ("SupportedCapabilities", Value::properties(lengths)),
                ("SupportedFeatures", Value::Array("s".into(), Vec::new())),
            ]);
            manager.extend(properties(instances));
            interfaces.insert(ADVERTISING_MANAGER.to_owned(), manager);
        }
        interfaces
    }
}

pub fn properties<const N: usize>(properties: [(&str, Value); N]) -> BTreeMap<String, Value> {
    properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
