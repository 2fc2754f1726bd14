//! Windows' and macOS's built-in Bluetooth. Type-checked, and not yet tried on a radio.
//!
//! | | Windows | macOS |
//! |---|---|---|
//! | adapters | any number; Windows listens with the one of its choice, while the chosen one is on | at most one |
//! | [`Adapter::id`] | its address | `CoreBluetooth` |
//! | addresses of phones | reported | never reported |
//! | filter | none: some drivers' filters let nothing through | both services: macOS 12 tells nothing without one |
//! | permission | not needed, except by packaged apps | asked for at the first use, even a look |
//!
//! Neither can be switched on from here: `Bluetooth::switch_on` changes
//! nothing.

use btleplug::api::{BDAddr, Central as _, CentralState};
use btleplug::platform::Adapter as Handle;

use super::error::bluetooth_error;
#[cfg(target_os = "macos")]
use super::macos as platform;
use super::receiver::{Receiver, receive};
#[cfg(windows)]
use super::windows as platform;
use crate::adapter::Adapter;
use crate::polled_scan::{self, ActiveScan, PolledRadio, RadioEvent, combined_state};
use crate::settings::Settings;
use fido_hybrid_proto::error::BluetoothError;
use fido_hybrid_proto::ports::bluetooth::{AdapterState, AddressKind, BluetoothAddress, Scan};

#[cfg(target_os = "macos")]
pub(crate) use platform::advertise;

pub(crate) async fn adapters(settings: &Settings) -> Result<Vec<Adapter>, BluetoothError> {
    let mut adapters = Vec::new();
    for handle in platform::adapters(settings).await.map_err(bluetooth_error)? {
        let address = handle.adapter_address().await.map_err(bluetooth_error)?;
        adapters.push(Adapter {
            id: id(&handle).await?,
            name: handle.adapter_info().await.map_err(bluetooth_error)?,
            address: address.map(|address| BluetoothAddress {
                bytes: address.into_inner(),
                kind: AddressKind::Public,
            }),
            state: state_of(settings, &handle).await?,
        });
    }
    Ok(adapters)
}

pub(crate) async fn state(settings: &Settings) -> Result<AdapterState, BluetoothError> {
    System::new(settings).poll_state().await
}

pub(crate) async fn scan(settings: &Settings) -> Result<Box<dyn Scan>, BluetoothError> {
    polled_scan::scan(System::new(settings)).await
}

/// The adapters that may listen.
struct System {
    settings: Settings,
    /// One that was on at the last look.
    found: Option<Handle>,
}

impl System {
    fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), found: None }
    }
}

impl PolledRadio for System {
    type ActiveScan = SystemEars;

    async fn poll_state(&mut self) -> Result<AdapterState, BluetoothError> {
        self.found = None;
        let handles = match platform::adapters(&self.settings).await {
            Err(btleplug::Error::PermissionDenied) => return Ok(AdapterState::NotPermitted),
            handles => handles.map_err(bluetooth_error)?,
        };
        let mut states = Vec::new();
        for handle in handles {
            if let Some(chosen) = &self.settings.adapter
                && *chosen != id(&handle).await?
            {
                continue;
            }
            let state = state_of(&self.settings, &handle).await?;
            states.push(state);
            if state == AdapterState::On {
                self.found = Some(handle);
            }
        }
        Ok(combined_state(states))
    }

    async fn start_scan(&mut self) -> Result<SystemEars, BluetoothError> {
        let handle = self.found.clone().ok_or(BluetoothError::Absent)?;
        // Before the start, so that the first adverts are not missed.
        let receiver = receive(&handle).await?;
        let scanning =
            platform::Scanning::start(&self.settings, handle).await.map_err(bluetooth_error)?;
        Ok(SystemEars { receiver, _scanning: scanning })
    }
}

struct SystemEars {
    receiver: Receiver,
    _scanning: platform::Scanning,
}

impl ActiveScan for SystemEars {
    async fn next_event(&mut self) -> Option<RadioEvent> {
        self.receiver.next_event().await
    }
}

async fn id(handle: &Handle) -> Result<String, BluetoothError> {
    let address = handle.adapter_address().await.map_err(bluetooth_error)?;
    match address.as_ref().map(BDAddr::to_string) {
        Some(address) => Ok(address),
        None => handle.adapter_info().await.map_err(bluetooth_error),
    }
}

async fn state_of(settings: &Settings, handle: &Handle) -> Result<AdapterState, BluetoothError> {
    Ok(match handle.adapter_state().await.map_err(bluetooth_error)? {
        CentralState::PoweredOn => AdapterState::On,
        CentralState::PoweredOff => AdapterState::Off,
        CentralState::Unknown => platform::unknown(settings).await,
    })
}
