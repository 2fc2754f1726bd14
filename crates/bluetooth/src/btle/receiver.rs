//! Receives a btleplug adapter's adverts through btleplug's events. On Windows and macOS
//! their queue has a bound, and devices are looked up in memory.

use std::pin::Pin;

use btleplug::api::{Central as _, CentralEvent};
use btleplug::platform::Adapter;
use futures_util::{Stream, StreamExt as _};
use tokio::task::consume_budget;

use super::adverts::adverts_of;
use super::error::bluetooth_error;
use crate::polled_scan::{ActiveScan, RadioEvent};
use fido_hybrid_proto::error::BluetoothError;

/// The events of an adapter.
pub(super) struct Receiver {
    adapter: Adapter,
    events: Pin<Box<dyn Stream<Item = CentralEvent> + Send>>,
}

/// Receives what the adapter receives, before a scan starts and after it.
pub(super) async fn receive(adapter: &Adapter) -> Result<Receiver, BluetoothError> {
    let events = adapter.events().await.map_err(bluetooth_error)?;
    Ok(Receiver { adapter: adapter.clone(), events })
}

impl ActiveScan for Receiver {
    async fn next_event(&mut self) -> Option<RadioEvent> {
        loop {
            let event = self.events.next().await?;
            if matches!(event, CentralEvent::StateUpdate(_)) {
                return Some(RadioEvent::Change);
            }
            let adverts = adverts_of(&self.adapter, event).await;
            if !adverts.is_empty() {
                return Some(RadioEvent::Adverts(adverts));
            }
            consume_budget().await;
        }
    }
}
