//! Systems whose Bluetooth this crate does not know.

use super::Adapter;
use super::settings::Settings;
use fido_hybrid_proto::error::BluetoothFault;
use fido_hybrid_proto::ports::bluetooth::{AdapterState, Advertisement, Scan};

const NO_SYSTEM: BluetoothFault =
    BluetoothFault::Unsupported("be used by this program on this operating system");

pub(super) async fn adapters(_: &Settings) -> Result<Vec<Adapter>, BluetoothFault> {
    Err(NO_SYSTEM)
}

pub(super) async fn state(_: &Settings) -> Result<AdapterState, BluetoothFault> {
    Err(NO_SYSTEM)
}

pub(super) async fn scan(_: &Settings) -> Result<Box<dyn Scan>, BluetoothFault> {
    Err(NO_SYSTEM)
}

pub(super) async fn advertise(
    _: &Settings,
    _: Vec<u8>,
) -> Result<Box<dyn Advertisement>, BluetoothFault> {
    Err(NO_SYSTEM)
}
