//! Scanning and advertising: the [`Scanner`] and [`Advertiser`] traits, and (feature
//! `bluetooth`) the system's Bluetooth, which implements both.

#[cfg(feature = "bluetooth")]
pub use fido_hybrid_bluetooth::{Adapter, Bluetooth};
#[cfg(feature = "btleplug")]
pub use fido_hybrid_bluetooth::{BtleplugScanner, btleplug};
pub use fido_hybrid_proto::ports::bluetooth::{
    AdapterState, AddressKind, AdvertReport, Advertisement, Advertiser, BluetoothAddress,
    DEPRECATED_SERVICE_UUID, SERVICE_UUID, Scan, ScanEvent, Scanner,
};
