//! BlueZ without Bluetooth: an `org.bluez` made of nothing but D-Bus.
//!
//! ```text
//!   program ── bus ── bluetoothd ─┐
//!   (laptop)                      air: adverts, an interval
//!   program ── bus ── bluetoothd ─┘
//!   (phone)
//! ```
//!
//! An [`Air`] holds what is being advertised. A [`Machine`] has a system bus of its
//! own (a `dbus-daemon`) and on it a bluetoothd with any number of adapters. What a
//! program on one machine registers with `LEAdvertisingManager1` is received, once per
//! interval, by each other adapter that is in discovery, and shown there as bluetoothd
//! shows it. It behaves as bluetoothd 5.66 does, also where that surprises:
//!
//! * Without a discovery filter an advert without a discoverable flag is not reported,
//!   and every hybrid advert is one. A `UUIDs` filter matches lists of services, never
//!   the keys of service data.
//! * `ServiceData` is signalled again at each report only if a program asked for
//!   `DuplicateData`; a device found for the first time carries it in `InterfacesAdded`.
//! * When the last discovery stops, devices that cannot be connected to are removed.
//! * An adapter that is switched off forgets who was discovering, and with what filter.
//! * `Type=broadcast` adverts come from a fresh random address, `Type=peripheral` from
//!   the adapter's public one.
//!
//! Everything else that a machine can do to a program is a method of [`Machine`].
//!
//! There are no connections (`Device1.Connect` fails), no GATT, no pairing, no L2CAP.
//!
//! This folder is one piece: the browser test, which is a workspace of its own, takes it
//! by its path. So it imports nothing of this crate. It runs on threads of its own and
//! neither needs nor disturbs the runtime of the test.

mod adapters;
mod air;
mod bluetoothd;
mod bus;
mod devices;
mod machine;
mod methods;
mod radio;
mod value;
mod world;

pub use air::{Advert, AdvertId, Air};
pub use bus::Policy;
pub use machine::{Answer, Call, Ending, Machine};
pub use radio::{Advertising, Plug, Power, Registered};
pub use value::Value;

pub const ADAPTER: &str = "org.bluez.Adapter1";
pub const DEVICE: &str = "org.bluez.Device1";
pub const ADVERTISING_MANAGER: &str = "org.bluez.LEAdvertisingManager1";
pub const ADVERTISEMENT: &str = "org.bluez.LEAdvertisement1";
pub const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
pub const OBJECT_MANAGER: &str = "org.freedesktop.DBus.ObjectManager";
pub const INTROSPECTABLE: &str = "org.freedesktop.DBus.Introspectable";

/// The long form of a service's 16-bit UUID.
pub fn uuid(short: u16) -> String {
    format!("0000{short:04x}-0000-1000-8000-00805f9b34fb")
}
