//! Systems whose Bluetooth this crate does not know.

use super::radio::{Adapter, Bluetooth};
use super::{AdapterState, Advertisement, Scan};
use crate::error::BluetoothFault;

const NO_SYSTEM: BluetoothFault =
    BluetoothFault::Unsupported("be used by this program on this operating system");

pub(super) async fn adapters(_: &Bluetooth) -> Result<Vec<Adapter>, BluetoothFault> {
    Err(NO_SYSTEM)
}

pub(super) async fn state(_: &Bluetooth) -> Result<AdapterState, BluetoothFault> {
    Err(NO_SYSTEM)
}

pub(super) async fn scan(_: &Bluetooth) -> Result<Box<dyn Scan>, BluetoothFault> {
    Err(NO_SYSTEM)
}

pub(super) async fn advertise(
    _: &Bluetooth,
    _: Vec<u8>,
) -> Result<Box<dyn Advertisement>, BluetoothFault> {
    Err(NO_SYSTEM)
}
