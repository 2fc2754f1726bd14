//! What the scripts of both roles' transactions have in common.

use std::sync::Arc;

use fido_hybrid::bluetooth::AdapterState;
use fido_hybrid::crypto::{SecretKey, sha256};
use fido_hybrid::error::{BluetoothError, TunnelError};

use super::script::Script;

/// Something that fails in the world around, as a cause.
fn cause() -> Arc<std::fmt::Error> {
    Arc::new(std::fmt::Error)
}

pub(crate) fn tunnel_error(script: &mut Script<'_>) -> TunnelError {
    let (kind, code) = (script.byte(), script.u16());
    match kind % 11 {
        0 => TunnelError::Status(code),
        1 => TunnelError::Closed(Some(code)),
        2 => TunnelError::Closed(None),
        3 => TunnelError::TooLong(usize::from(code)),
        4 => TunnelError::Dns(cause()),
        5 => TunnelError::Tcp(cause()),
        6 => TunnelError::Tls(cause()),
        7 => TunnelError::Redirect,
        8 => TunnelError::Upgrade("no subprotocol"),
        9 => TunnelError::NotBinary,
        _ => TunnelError::Broken(cause()),
    }
}

pub(crate) fn bluetooth_error(script: &mut Script<'_>) -> BluetoothError {
    match script.byte() % 4 {
        0 => BluetoothError::Absent,
        1 => BluetoothError::Off,
        2 => BluetoothError::NotPermitted,
        _ => BluetoothError::Failed(cause()),
    }
}

pub(crate) fn adapter_state(script: &mut Script<'_>) -> AdapterState {
    match script.byte() % 4 {
        0 => AdapterState::On,
        1 => AdapterState::Off,
        2 => AdapterState::Absent,
        _ => AdapterState::NotPermitted,
    }
}

/// A key that is the same in every run, and that no script can know.
pub(crate) fn key(name: &str) -> SecretKey {
    SecretKey::from_scalar(&sha256(&[name.as_bytes()])).unwrap()
}

/// Fails if a text that is no secret shows one.
pub(crate) fn assert_hides(text: &str, secrets: &[&[u8]]) {
    for secret in secrets {
        let part = &secret[..6];
        let hex: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!text.to_lowercase().contains(&hex), "a secret in hex");
        let decimal = format!("{part:?}");
        assert!(!text.contains(decimal.trim_matches(['[', ']'])), "a secret in decimal");
    }
}
