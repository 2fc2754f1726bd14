//! Scanning and advertising: the [`Scanner`] and [`Advertiser`] traits.
//!
//! `fido-hybrid-bluetooth` has the system's Bluetooth, `fido-hybrid-sim` an air in
//! memory, and an embedder may bring a radio of its own.

use std::fmt;

use super::BoxFuture;
use crate::error::{Advice, BluetoothError};

/// The service under which phones advertise: 16-bit UUID FFF9 (FIDO).
pub const SERVICE_UUID: u16 = 0xfff9;

/// The service that older phones use: FDE2 (Google). Clients watch both.
pub const DEPRECATED_SERVICE_UUID: u16 = 0xfde2;

/// One received advert.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdvertReport {
    /// The 16-bit UUID of the service data's service.
    pub service: u16,
    /// The service data.
    pub service_data: Vec<u8>,
    /// The sender's address. `None`: the system does not tell, as on macOS.
    pub address: Option<BluetoothAddress>,
    /// Received signal strength in dBm, where the radio tells it.
    pub rssi: Option<i16>,
}

impl AdvertReport {
    /// An advert of `service` with this service data.
    #[must_use]
    pub const fn new(service: u16, service_data: Vec<u8>) -> Self {
        Self { service, service_data, address: None, rssi: None }
    }

    /// Whether the service is one under which phones advertise.
    #[must_use]
    pub const fn is_of_a_phone(&self) -> bool {
        matches!(self.service, SERVICE_UUID | DEPRECATED_SERVICE_UUID)
    }
}

/// The address of a Bluetooth device. `Debug` shows its kind alone, so that no log
/// tells whose phone was near.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BluetoothAddress {
    /// The six bytes, in the order in which people write them.
    pub bytes: [u8; 6],
    /// The kind of the address. A connection needs both.
    pub kind: AddressKind,
}

impl fmt::Debug for BluetoothAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({:?})", self.kind)
    }
}

/// The kind of an address [Bluetooth Core Vol 6 Part B §1.3].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressKind {
    /// Assigned to the radio by its maker.
    Public,
    /// Made up; phones change theirs all the time.
    Random,
}

/// Listens for adverts of nearby phones.
pub trait Scanner: Send + Sync {
    /// Whether there is a radio to listen with, without using it: for programs
    /// that ask before they show a QR code.
    ///
    /// # Errors
    /// A [`BluetoothError`] if even that cannot be found out.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    fn state(&self) -> BoxFuture<'_, Result<AdapterState, BluetoothError>>;

    /// Starts to listen. A radio that is off or missing is not an error
    /// if the scan will use it once it is on: the first [`ScanEvent`] is then
    /// [`ScanEvent::Adapter`].
    ///
    /// # Errors
    /// A [`BluetoothError`] that says why this scan cannot receive anything.
    ///
    /// # Cancel safety
    /// Dropping the future leaves no scan behind.
    fn scan(&self) -> BoxFuture<'_, Result<Box<dyn Scan>, BluetoothError>>;
}

/// A scan under way. Dropping it stops the scan.
pub trait Scan: Send {
    /// Waits for the next event.
    ///
    /// # Errors
    /// A [`BluetoothError`] when the scan cannot go on.
    ///
    /// # Cancel safety
    /// No event is lost.
    fn next(&mut self) -> BoxFuture<'_, Result<ScanEvent, BluetoothError>>;
}

/// An event of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanEvent {
    /// An advert was received.
    Advert(AdvertReport),
    /// The radio changed, or this is what the scan found at its start.
    /// Without this event it is [`AdapterState::On`].
    Adapter(AdapterState),
}

/// Advertises over Bluetooth.
pub trait Advertiser: Send + Sync {
    /// Advertises `service_data` under [`SERVICE_UUID`] until the returned
    /// token is dropped. A radio that is off or missing is not an error if
    /// the advert will be sent once it is on: [`Advertisement::next`] then returns that
    /// state first.
    ///
    /// # Errors
    /// A [`BluetoothError`] that says why this radio cannot.
    ///
    /// # Cancel safety
    /// Dropping the future stops advertising.
    fn advertise(
        &self,
        service_data: Vec<u8>,
    ) -> BoxFuture<'_, Result<Box<dyn Advertisement>, BluetoothError>>;
}

/// An advert under way. Dropping it takes it off the air.
pub trait Advertisement: Send {
    /// Waits until the radio changes. The advert is transmitted while the radio is
    /// [`AdapterState::On`], the state at the start. By default it never changes.
    ///
    /// # Errors
    /// A [`BluetoothError`] when the advert is off the air for good. The next call
    /// returns the same.
    ///
    /// # Cancel safety
    /// No change is lost.
    fn next(&mut self) -> BoxFuture<'_, Result<AdapterState, BluetoothError>> {
        Box::pin(std::future::pending())
    }
}

/// Whether there is a radio to listen with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AdapterState {
    /// It is on.
    On,
    /// It is switched on, and cannot be used yet: the system is starting it, or
    /// is busy with it. This may pass by itself.
    NotReady,
    /// It is there and switched off.
    Off,
    /// The device has no adapter.
    Absent,
    /// There may be one; the system does not let this program use it.
    NotPermitted,
}

impl AdapterState {
    /// Why adverts can be neither received nor sent; `None` if it is on.
    #[must_use]
    pub const fn error(self) -> Option<BluetoothError> {
        match self {
            Self::On => None,
            Self::NotReady => Some(BluetoothError::NotReady),
            Self::Off => Some(BluetoothError::Off),
            Self::Absent => Some(BluetoothError::Absent),
            Self::NotPermitted => Some(BluetoothError::NotPermitted),
        }
    }
}

/// A sentence for people, with what they can do.
impl fmt::Display for AdapterState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On => f.write_str("Bluetooth is on."),
            Self::NotReady => f.write_str("Bluetooth is not ready yet. Wait a moment."),
            Self::Off => write!(f, "Bluetooth is switched off. {}", Advice::TurnBluetoothOn),
            Self::Absent => write!(f, "There is no Bluetooth adapter. {}", Advice::AddBluetooth),
            Self::NotPermitted => {
                write!(f, "This program may not use Bluetooth. {}", Advice::AllowBluetooth)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain_text::assert_is_short;

    #[test]
    fn each_state_has_its_own_error_and_its_own_sentence() {
        let told = |state: AdapterState| {
            let error = state.error().map(|error| error.to_string());
            (error, state.to_string())
        };
        for state in [
            AdapterState::On,
            AdapterState::NotReady,
            AdapterState::Off,
            AdapterState::Absent,
            AdapterState::NotPermitted,
        ] {
            assert_is_short(&state.to_string());
        }
        assert_eq!(told(AdapterState::On), (None, "Bluetooth is on.".to_owned()));
        assert_eq!(
            told(AdapterState::NotReady),
            (
                Some("the Bluetooth adapter is switched on but does not become ready".to_owned()),
                "Bluetooth is not ready yet. Wait a moment.".to_owned()
            )
        );
        assert_eq!(
            told(AdapterState::Off),
            (
                Some("Bluetooth is switched off".to_owned()),
                "Bluetooth is switched off. Turn on Bluetooth.".to_owned()
            )
        );
        assert_eq!(
            told(AdapterState::Absent),
            (
                Some("this device has no Bluetooth adapter".to_owned()),
                "There is no Bluetooth adapter. Plug in a Bluetooth adapter, or use another \
                 computer."
                    .to_owned()
            )
        );
        assert_eq!(
            told(AdapterState::NotPermitted),
            (
                Some("this program is not permitted to use Bluetooth".to_owned()),
                "This program may not use Bluetooth. Allow Bluetooth for this program in the \
                 system settings."
                    .to_owned()
            )
        );
    }
}
