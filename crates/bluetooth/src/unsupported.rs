//! Systems whose Bluetooth this crate does not know.

use super::Adapter;
use super::settings::Settings;
use fido_hybrid_proto::error::BluetoothError;
use fido_hybrid_proto::ports::bluetooth::{AdapterState, Advertisement, Scan};

const NO_SYSTEM: BluetoothError =
    BluetoothError::Unsupported("be used by this program on this operating system");

pub(super) async fn adapters(_: &Settings) -> Result<Vec<Adapter>, BluetoothError> {
    Err(NO_SYSTEM)
}

pub(super) async fn state(_: &Settings) -> Result<AdapterState, BluetoothError> {
    Err(NO_SYSTEM)
}

pub(super) async fn scan(_: &Settings) -> Result<Box<dyn Scan>, BluetoothError> {
    Err(NO_SYSTEM)
}

pub(super) async fn advertise(
    _: &Settings,
    _: Vec<u8>,
) -> Result<Box<dyn Advertisement>, BluetoothError> {
    Err(NO_SYSTEM)
}
