//! The parts that only Windows needs.

use btleplug::api::{Central, Manager as _, ScanFilter};
use btleplug::platform::{Adapter, Manager};
use futures_util::FutureExt;

use crate::settings::Settings;
use fido_hybrid_proto::ports::bluetooth::AdapterState;

pub(super) async fn adapters(_: &Settings) -> btleplug::Result<Vec<Adapter>> {
    Manager::new().await?.adapters().await
}

/// The state of a radio that reports neither on nor off: a switch on the machine or its
/// firmware keeps it off.
pub(super) async fn unknown(_: &Settings) -> AdapterState {
    AdapterState::Off
}

/// An adapter that listens.
pub(super) struct Scanning {
    adapter: Adapter,
}

impl Scanning {
    pub(super) async fn start(_: &Settings, adapter: Adapter) -> btleplug::Result<Self> {
        let scanning = Self { adapter };
        scanning.adapter.start_scan(ScanFilter::default()).await?;
        Ok(scanning)
    }
}

impl Drop for Scanning {
    fn drop(&mut self) {
        // It never waits.
        let _stopped = self.adapter.stop_scan().now_or_never();
    }
}
