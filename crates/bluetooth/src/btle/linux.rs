//! The parts that only Linux needs.

use btleplug::api::Central as _;
use btleplug::platform::Adapter;

use super::error::bluetooth_error;
use crate::bluez::Receiver;
use fido_hybrid_proto::error::BluetoothError;

/// Receives what the adapter receives, before a scan starts and after it.
///
/// Not from btleplug's events: bluez-async queues signals without a bound, and btleplug
/// makes a D-Bus call for each of them before it takes the next.
pub(super) async fn receive(adapter: &Adapter) -> Result<Receiver, BluetoothError> {
    // The adapter's id and then, in parentheses, its modalias.
    let info = adapter.adapter_info().await.map_err(bluetooth_error)?;
    let id = info.split_once(' ').map_or(&*info, |(id, _)| id);
    Receiver::start(id).await
}
