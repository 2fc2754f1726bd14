//! A machine's adapters.

use fido_hybrid_proto::ports::bluetooth::{AdapterState, BluetoothAddress};

/// One of the machine's adapters.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Adapter {
    /// The id for [`Bluetooth::adapter`](super::Bluetooth::adapter): `hci0` on
    /// Linux, its address on Windows, `CoreBluetooth` on macOS.
    pub id: String,
    /// The system's name for it.
    pub name: String,
    /// Its public address, where the system tells.
    pub address: Option<BluetoothAddress>,
    /// Whether it can be used.
    pub state: AdapterState,
}
