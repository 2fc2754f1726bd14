//! Scanning and advertising: the [`Scanner`] and [`Advertiser`] traits, and (feature
//! `bluetooth`) the system's Bluetooth, which implements both.
//!
//! ```no_run
//! # #[cfg(feature = "bluetooth")]
//! # async fn radio() -> Result<(), fido_hybrid::error::BluetoothError> {
//! use fido_hybrid::bluetooth::{AdapterState, Bluetooth, Scanner as _};
//!
//! let bluetooth = Bluetooth::new(); // all adapters
//! if bluetooth.state().await? == AdapterState::Off {
//!     println!("Switch Bluetooth on to continue on a phone.");
//! }
//! for adapter in bluetooth.adapters().await? {
//!     println!("{}: {}", adapter.id, adapter.name);
//! }
//! let one = Bluetooth::new().adapter("hci1"); // for `Client::new` or `AuthenticatorParts`
//! # let _ = one;
//! # Ok(())
//! # }
//! ```
//!
//! # A radio of the program's own
//!
//! A scanner reports adverts that a radio of this device has received, for example in an
//! app whose platform brings its own Bluetooth:
//!
//! ```
//! use std::sync::Arc;
//!
//! use fido_hybrid::BoxFuture;
//! use fido_hybrid::bluetooth::{
//!     AdapterState, AdvertReport, SERVICE_UUID, Scan, ScanEvent, Scanner,
//! };
//! use fido_hybrid::error::BluetoothError;
//! use tokio::sync::broadcast::{self, error::RecvError};
//!
//! /// The app's platform code sends the service data of each advert.
//! struct PlatformRadio(broadcast::Sender<Vec<u8>>);
//!
//! struct PlatformScan(broadcast::Receiver<Vec<u8>>);
//!
//! impl Scanner for PlatformRadio {
//!     fn state(&self) -> BoxFuture<'_, Result<AdapterState, BluetoothError>> {
//!         Box::pin(async { Ok(AdapterState::On) })
//!     }
//!
//!     fn scan(&self) -> BoxFuture<'_, Result<Box<dyn Scan>, BluetoothError>> {
//!         let adverts = self.0.subscribe();
//!         Box::pin(async { Ok(Box::new(PlatformScan(adverts)) as Box<dyn Scan>) })
//!     }
//! }
//!
//! impl Scan for PlatformScan {
//!     fn next(&mut self) -> BoxFuture<'_, Result<ScanEvent, BluetoothError>> {
//!         Box::pin(async {
//!             loop {
//!                 match self.0.recv().await {
//!                     Ok(data) => {
//!                         return Ok(ScanEvent::Advert(AdvertReport::new(SERVICE_UUID, data)));
//!                     }
//!                     // Phones repeat their adverts.
//!                     Err(RecvError::Lagged(_)) => {}
//!                     Err(error) => return Err(BluetoothError::Failed(Arc::new(error))),
//!                 }
//!             }
//!         })
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BluetoothError> {
//! let (platform, _) = broadcast::channel(64);
//! let mut scan = PlatformRadio(platform.clone()).scan().await?;
//! platform.send(vec![0; 20]).expect("the scan runs");
//! assert!(matches!(scan.next().await?, ScanEvent::Advert(_)));
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "bluetooth")]
pub use fido_hybrid_bluetooth::{Adapter, Bluetooth};
#[cfg(feature = "btleplug")]
pub use fido_hybrid_bluetooth::{BtleplugScanner, btleplug};
pub use fido_hybrid_proto::ports::bluetooth::{
    AdapterState, AddressKind, AdvertReport, Advertisement, Advertiser, BluetoothAddress,
    DEPRECATED_SERVICE_UUID, SERVICE_UUID, Scan, ScanEvent, Scanner,
};
