//! Hearing and sending adverts: the [`Scanner`] and [`Advertiser`] traits.
//!
//! An embedder brings the radio that implements them (the crate's own is still
//! to come), and `sim` has an air in memory.

use crate::BoxFuture;
use crate::error::BluetoothFault;

/// The service under which phones advertise: 16-bit UUID FFF9 (FIDO).
pub const SERVICE_UUID: u16 = 0xfff9;

/// The service that older phones use: FDE2 (Google). Clients watch both.
pub const DEPRECATED_SERVICE_UUID: u16 = 0xfde2;

/// One advert heard.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sighting {
    /// The 16-bit UUID of the service data's service.
    pub service: u16,
    /// The service data.
    pub service_data: Vec<u8>,
    /// Received signal strength in dBm, where the radio tells it.
    pub rssi: Option<i16>,
}

impl Sighting {
    /// An advert of `service` with this service data.
    #[must_use]
    pub const fn new(service: u16, service_data: Vec<u8>) -> Self {
        Self { service, service_data, rssi: None }
    }
}

/// Listens for adverts of nearby phones.
pub trait Scanner: Send + Sync {
    /// Starts to listen.
    ///
    /// # Errors
    /// A [`BluetoothFault`] that says whether the adapter is absent, off, not
    /// permitted, or failed.
    ///
    /// # Cancel safety
    /// Dropping the future leaves no scan behind.
    fn scan(&self) -> BoxFuture<'_, Result<Box<dyn Scan>, BluetoothFault>>;
}

/// A scan under way. Dropping it stops the scan.
pub trait Scan: Send {
    /// The next advert.
    ///
    /// # Errors
    /// A [`BluetoothFault`] when the scan cannot go on.
    ///
    /// # Cancel safety
    /// No advert is lost.
    fn next(&mut self) -> BoxFuture<'_, Result<Sighting, BluetoothFault>>;
}

/// Puts adverts on the air.
pub trait Advertiser: Send + Sync {
    /// Advertises `service_data` under [`SERVICE_UUID`] until the returned
    /// token is dropped.
    ///
    /// # Errors
    /// A [`BluetoothFault`] that says why this radio cannot.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing on the air.
    fn advertise(
        &self,
        service_data: Vec<u8>,
    ) -> BoxFuture<'_, Result<Box<dyn Advertisement>, BluetoothFault>>;
}

/// An advert on the air. Dropping it takes it off.
pub trait Advertisement: Send {}
