//! A machine's adapters, and whether they can be used.

use std::fmt;

#[cfg(feature = "bluetooth")]
use super::Address;
use crate::error::{Advice, BluetoothFault};

/// One of the machine's adapters.
#[cfg(feature = "bluetooth")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Adapter {
    /// What [`Bluetooth::adapter`](super::Bluetooth::adapter) takes: `hci0` on
    /// Linux, its address on Windows, `CoreBluetooth` on macOS.
    pub id: String,
    /// What the system calls it.
    pub name: String,
    /// Its public address, where the system tells.
    pub address: Option<Address>,
    /// Whether it can be used.
    pub state: AdapterState,
}

/// Whether there is a radio to listen with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
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
    /// Why nothing can be heard or sent; `None` if it is on.
    #[must_use]
    pub const fn fault(self) -> Option<BluetoothFault> {
        match self {
            Self::On => None,
            Self::NotReady => Some(BluetoothFault::NotReady),
            Self::Off => Some(BluetoothFault::Off),
            Self::Absent => Some(BluetoothFault::Absent),
            Self::NotPermitted => Some(BluetoothFault::NotPermitted),
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

    #[test]
    fn each_state_has_its_own_fault_and_its_own_sentence() {
        let told = |state: AdapterState| {
            let fault = state.fault().map(|fault| fault.to_string());
            (fault, state.to_string())
        };
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
                "Bluetooth is switched off. Turn Bluetooth on.".to_owned()
            )
        );
        assert_eq!(
            told(AdapterState::Absent),
            (
                Some("there is no Bluetooth adapter".to_owned()),
                "There is no Bluetooth adapter. Plug in a Bluetooth adapter, or use another \
                 computer."
                    .to_owned()
            )
        );
        assert_eq!(
            told(AdapterState::NotPermitted),
            (
                Some("this program is not permitted to use Bluetooth".to_owned()),
                "This program may not use Bluetooth. Allow this program to use Bluetooth in the \
                 system's settings."
                    .to_owned()
            )
        );
    }
}
