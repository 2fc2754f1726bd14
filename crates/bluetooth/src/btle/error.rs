//! The [`BluetoothError`] for an error of btleplug.

use std::sync::Arc;

use btleplug::Error;

use fido_hybrid_proto::error::BluetoothError;

pub(super) fn bluetooth_error(error: Error) -> BluetoothError {
    match error {
        Error::PermissionDenied => BluetoothError::NotPermitted,
        Error::NoAdapterAvailable => BluetoothError::Absent,
        #[cfg(target_os = "linux")]
        Error::Other(cause) => linux::bluetooth_error(cause),
        error => BluetoothError::Failed(Arc::new(error)),
    }
}

/// The errors of D-Bus, which btleplug passes on.
#[cfg(target_os = "linux")]
mod linux {
    use std::error::Error;
    use std::sync::Arc;

    use crate::dbus_error;
    use fido_hybrid_proto::error::BluetoothError;

    const NO_INTERFACE: &str = "org.freedesktop.DBus.Error.InvalidArgs";
    const NO_METHOD: &str = "org.freedesktop.DBus.Error.UnknownMethod";

    pub(super) fn bluetooth_error(cause: Box<dyn Error + Send + Sync>) -> BluetoothError {
        match cause.downcast().map(|bluez: Box<bluez_async::BluetoothError>| *bluez) {
            Ok(bluez_async::BluetoothError::DbusError(error)) => match error.name() {
                // The adapter was removed, and something else has an object at its path.
                Some(NO_INTERFACE | NO_METHOD) => BluetoothError::Absent,
                _ => dbus_error::bluetooth_error(error),
            },
            Ok(error) => BluetoothError::Failed(Arc::new(error)),
            Err(cause) => BluetoothError::Failed(Arc::new(btleplug::Error::Other(cause))),
        }
    }
}
