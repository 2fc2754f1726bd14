//! Why the radio failed.

use super::misuse::ApiMisuse;
use super::source::Source;

/// Why the radio could not do its part.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BluetoothError {
    /// This machine has no Bluetooth adapter.
    #[error("this device has no Bluetooth adapter")]
    Absent,
    /// There is an adapter and it is switched off.
    #[error("Bluetooth is switched off")]
    Off,
    /// The system does not let this program use Bluetooth.
    #[error("this program is not permitted to use Bluetooth")]
    NotPermitted,
    /// The adapter is switched on, and refuses to work because it is not ready,
    /// for longer than an adapter needs to start.
    #[error("the Bluetooth adapter is switched on but does not become ready")]
    NotReady,
    /// The adapter is switched on, and refuses to scan or to advertise because
    /// something else occupies it.
    #[error("the Bluetooth adapter is busy")]
    Busy,
    /// This radio or system cannot do what was asked, such as advertising
    /// service data on macOS.
    #[error("the Bluetooth adapter cannot {0}")]
    Unsupported(&'static str),
    /// The adapter is busy with as many adverts as it can hold.
    #[error("the Bluetooth adapter has no room for another advert")]
    NoAdvertisingSlot,
    /// The system's Bluetooth service is missing or was lost: on Linux, the system's
    /// D-Bus.
    #[error("the system's Bluetooth service cannot be reached")]
    NoService(#[source] Source),
    /// The system's Bluetooth service, or the D-Bus on the way to it, did not
    /// answer in time.
    #[error("the system's Bluetooth service timed out")]
    Silent,
    /// This library was called in a way that its documentation rules out.
    #[error(transparent)]
    Misuse(#[from] ApiMisuse),
    /// Anything else that Bluetooth reported.
    #[error("Bluetooth failed")]
    Failed(#[source] Source),
}
