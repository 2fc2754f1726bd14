//! The [`BluetoothError`] for an error of BlueZ or of D-Bus.

use std::sync::Arc;

use fido_hybrid_proto::error::BluetoothError;

/// The name of the error of a call that had no answer in time.
pub(super) const TIMEOUT: &str = "org.freedesktop.DBus.Error.Timeout";

/// The [`BluetoothError`] for an error of BlueZ or of the bus.
pub(super) fn bluetooth_error(error: dbus::Error) -> BluetoothError {
    match error.name() {
        Some(
            // By the bus, or by BlueZ through polkit.
            "org.freedesktop.DBus.Error.AccessDenied"
            | "org.freedesktop.DBus.Error.AuthFailed"
            | "org.bluez.Error.NotAuthorized",
        ) => BluetoothError::NotPermitted,
        Some("org.bluez.Error.NotReady") => BluetoothError::NotReady,
        Some("org.bluez.Error.InProgress") => BluetoothError::Busy,
        Some(TIMEOUT) => BluetoothError::Silent,
        Some(
            // There is no BlueZ.
            "org.freedesktop.DBus.Error.ServiceUnknown"
            | "org.freedesktop.DBus.Error.NameHasNoOwner"
            // It left the bus rather than answer: it is being restarted.
            | "org.freedesktop.DBus.Error.NoReply"
            // An adapter that was just pulled out.
            | "org.freedesktop.DBus.Error.UnknownObject",
        ) => BluetoothError::Absent,
        // The system could not start it on demand.
        Some(name) if name.starts_with("org.freedesktop.DBus.Error.Spawn.") => {
            BluetoothError::Absent
        }
        _ => BluetoothError::Failed(Arc::new(error)),
    }
}
