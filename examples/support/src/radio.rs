//! Which of the machine's adapters a person means.

use std::fmt::Write as _;
use std::time::Duration;

use fido_hybrid::bluetooth::{Adapter, Bluetooth};
use fido_hybrid::error::BluetoothError;
use tokio::time::timeout;

/// How long Bluetooth may take for an answer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The machine's adapters; an error if its Bluetooth service does not run.
pub async fn adapters(bluetooth: &Bluetooth) -> Result<Vec<Adapter>, BluetoothError> {
    timeout(PATIENCE, bluetooth.adapters()).await.unwrap_or_else(|_| Err(BluetoothError::Silent))
}

/// Whether this is the adapter that was named, by its id or its address.
pub fn is_named(adapter: &Adapter, name: &str) -> bool {
    adapter.id == name || address(adapter).is_some_and(|it| it.eq_ignore_ascii_case(name))
}

/// What to say where the adapter that was named is not there and others are.
pub fn no_such_adapter(name: &str, adapters: &[Adapter]) -> Option<String> {
    if adapters.is_empty() || adapters.iter().any(|adapter| is_named(adapter, name)) {
        return None;
    }
    let ids: Vec<&str> = adapters.iter().map(|adapter| adapter.id.as_str()).collect();
    Some(format!("no Bluetooth adapter {name}; found: {}", ids.join(", ")))
}

pub fn address(adapter: &Adapter) -> Option<String> {
    let bytes = adapter.address?.bytes;
    let mut text = String::new();
    for (place, byte) in bytes.iter().enumerate() {
        let colon = if place == 0 { "" } else { ":" };
        // Writing to a string cannot fail.
        let _infallible = write!(text, "{colon}{byte:02X}");
    }
    Some(text)
}
