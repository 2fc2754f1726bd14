//! The parts that only macOS needs.

use std::sync::{Arc, PoisonError};

use btleplug::api::bleuuid::uuid_from_u16;
use btleplug::api::{Central as _, ScanFilter};
use btleplug::platform::Adapter;
use futures_util::FutureExt;

use crate::central::Central;
use crate::settings::Settings;
use fido_hybrid_proto::error::BluetoothError;
use fido_hybrid_proto::ports::bluetooth::{
    AdapterState, Advertisement, DEPRECATED_SERVICE_UUID, SERVICE_UUID,
};

/// `CBPeripheralManager` takes a name and UUIDs of services, no service data.
pub(crate) async fn advertise(
    _: &Settings,
    _: Vec<u8>,
) -> Result<Box<dyn Advertisement>, BluetoothError> {
    Err(BluetoothError::Unsupported(
        "advertise as a phone does: macOS lets no program put service data into an advert",
    ))
}

/// The one adapter. While macOS asks its user, this waits.
pub(super) async fn adapters(settings: &Settings) -> btleplug::Result<Vec<Adapter>> {
    Ok(vec![settings.central.adapter().await?])
}

/// The state of an adapter that reports neither on nor off.
pub(super) async fn unknown(settings: &Settings) -> AdapterState {
    settings.central.unknown().await
}

/// One that listens.
pub(super) struct Scanning {
    central: Arc<Central>,
    adapter: Adapter,
}

impl Scanning {
    /// Also for those that listen already, which changes nothing for them.
    pub(super) async fn start(settings: &Settings, adapter: Adapter) -> btleplug::Result<Self> {
        let scanning = Self::counted(Arc::clone(&settings.central), adapter);
        // The adapter keeps every device that it has ever received.
        scanning.adapter.clear_peripherals().await?;
        let services = [SERVICE_UUID, DEPRECATED_SERVICE_UUID].map(uuid_from_u16).to_vec();
        scanning.adapter.start_scan(ScanFilter { services }).await?;
        Ok(scanning)
    }

    fn counted(central: Arc<Central>, adapter: Adapter) -> Self {
        *central.listening.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self { central, adapter }
    }
}

impl Drop for Scanning {
    fn drop(&mut self) {
        let mut listening = self.central.listening.lock().unwrap_or_else(PoisonError::into_inner);
        *listening = listening.saturating_sub(1);
        if *listening == 0 {
            // A message to the adapter's thread, for which there is always
            // room. Under the lock: it does not overtake another's start.
            let _sent = self.adapter.stop_scan().now_or_never();
        }
    }
}
