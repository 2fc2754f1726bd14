//! Linux: BlueZ, by D-Bus.
//!
//! Straight to BlueZ rather than through btleplug, whose Linux half rests on
//! the same D-Bus library. btleplug 0.13 switches an adapter on to scan with
//! it, which is not ours to do; it looks for classic Bluetooth too, which takes
//! the air from what is looked for; it reports an adapter that cannot be read
//! as off; and what a newly found device carries has to be asked for again.
//! And it does not advertise.
//!
//! Each scan and each advert has a D-Bus connection of its own. BlueZ undoes
//! what a connection had going as soon as it is closed, so nothing stays behind
//! whatever happens to this program.
//!
//! Signals are taken from BlueZ alone, by its unique name: any program of any
//! user can send one to this connection, and a forged advert would defeat the
//! proof of proximity.

mod advertise;
mod air;
mod bus;
mod connect;
mod objects;
mod offer;
#[cfg(feature = "btleplug")]
mod receiver;
mod refusals;
mod scan;

use std::sync::Arc;

use dbus::nonblock::SyncConnection;

pub(super) use advertise::advertise;
#[cfg(feature = "btleplug")]
pub(super) use receiver::Receiver;
pub(super) use scan::scan;

use super::Adapter;
use super::dbus_error::bluetooth_error;
use super::settings::Settings;
use bus::Bus;
use fido_hybrid_proto::error::BluetoothError;
use fido_hybrid_proto::ports::bluetooth::AdapterState;

/// The bus itself, by its name on the bus, which is its interface's, too.
const THE_BUS: &str = "org.freedesktop.DBus";
const BLUEZ: &str = "org.bluez";
const ADAPTER: &str = "org.bluez.Adapter1";
const DEVICE: &str = "org.bluez.Device1";
const ADVERTISING_MANAGER: &str = "org.bluez.LEAdvertisingManager1";
const ADVERTISEMENT: &str = "org.bluez.LEAdvertisement1";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const OBJECT_MANAGER: &str = "org.freedesktop.DBus.ObjectManager";

pub(super) async fn adapters(settings: &Settings) -> Result<Vec<Adapter>, BluetoothError> {
    let mut bus = Bus::connect(settings.bus_address.as_deref()).await?;
    let connection = Arc::clone(bus.connection());
    let objects = async { bus::managed_objects(&connection).await.map_err(bluetooth_error) };
    let objects = bus.start(objects).await.map_err(|error| match error {
        BluetoothError::Absent => BluetoothError::NoService(Arc::new(NoBlueZ)),
        error => error,
    })?;
    Ok(objects::adapters(&objects).into_iter().map(|found| found.adapter).collect())
}

/// Programs that wait for an adapter wait for BlueZ, too: to them there is no
/// adapter yet. Programs that ask for a list are told the difference.
#[derive(Debug, thiserror::Error)]
#[error("BlueZ is not running")]
struct NoBlueZ;

/// # Errors
/// Any error but those that are states.
pub(super) async fn state(settings: &Settings) -> Result<AdapterState, BluetoothError> {
    let mut bus = Bus::connect(settings.bus_address.as_deref()).await?;
    let connection = Arc::clone(bus.connection());
    match bus.start(found_adapters(&connection)).await {
        Ok(found) => {
            let states = found
                .iter()
                .filter(|found| found.is_chosen(settings.adapter.as_deref()))
                .map(|found| found.adapter.state);
            Ok(best(states))
        }
        Err(BluetoothError::NotPermitted) => Ok(AdapterState::NotPermitted),
        Err(error) => Err(error),
    }
}

/// Without BlueZ, there is no adapter.
async fn found_adapters(
    connection: &Arc<SyncConnection>,
) -> Result<Vec<objects::Found>, BluetoothError> {
    match bus::managed_objects(connection).await {
        Ok(objects) => Ok(objects::adapters(&objects)),
        Err(error) => match bluetooth_error(error) {
            BluetoothError::Absent => Ok(Vec::new()),
            error => Err(error),
        },
    }
}

/// One adapter that is on is enough.
fn best(states: impl Iterator<Item = AdapterState>) -> AdapterState {
    let rank = |state: &AdapterState| match state {
        AdapterState::On => 3,
        AdapterState::NotReady => 2,
        AdapterState::Off => 1,
        _ => 0,
    };
    states.max_by_key(rank).unwrap_or(AdapterState::Absent)
}
