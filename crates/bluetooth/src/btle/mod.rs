//! Windows' and macOS's Bluetooth, through btleplug. Type-checked, and not yet
//! tried on a radio.
//!
//! | | Windows | macOS |
//! |---|---|---|
//! | adapters | any number; Windows listens with the one of its choice, while the chosen one is on | at most one |
//! | [`Adapter::id`] | its address | `CoreBluetooth` |
//! | addresses of phones | last_reported | never last_reported |
//! | filter | none: some drivers' filters let nothing through | both services: macOS 12 tells nothing without one |
//! | permission | not needed, except by packaged apps | asked for at the first use, even a look |
//!
//! Neither can be switched on from here: `Bluetooth::switch_on` changes
//! nothing.

#[cfg(target_os = "macos")]
mod macos;
#[cfg(windows)]
mod windows;

use std::pin::Pin;
use std::sync::Arc;

use btleplug::api::bleuuid::uuid_from_u16;
use btleplug::api::{
    AddressType, BDAddr, Central as _, CentralEvent, CentralState, Peripheral, PeripheralProperties,
};
use btleplug::platform::{Adapter as Handle, PeripheralId};
use futures_util::{Stream, StreamExt};
use tokio::task::consume_budget;

#[cfg(target_os = "macos")]
use self::macos as platform;
#[cfg(windows)]
use self::windows as platform;
use super::Adapter;
use super::polled_scan::{
    self, ActiveScan, PolledRadio, RadioEvent, advert_reports, combined_state,
};
use super::settings::Settings;
use fido_hybrid_proto::error::BluetoothError;
use fido_hybrid_proto::ports::bluetooth::{AdapterState, AddressKind, BluetoothAddress, Scan};

#[cfg(target_os = "macos")]
pub(super) use platform::advertise;

pub(super) async fn adapters(settings: &Settings) -> Result<Vec<Adapter>, BluetoothError> {
    let mut adapters = Vec::new();
    for handle in platform::adapters(settings).await.map_err(fault)? {
        let address = handle.adapter_address().await.map_err(fault)?;
        adapters.push(Adapter {
            id: id(&handle).await?,
            name: handle.adapter_info().await.map_err(fault)?,
            address: address.map(|address| BluetoothAddress {
                bytes: address.into_inner(),
                kind: AddressKind::Public,
            }),
            state: state_of(settings, &handle).await?,
        });
    }
    Ok(adapters)
}

pub(super) async fn state(settings: &Settings) -> Result<AdapterState, BluetoothError> {
    System::new(settings).poll_state().await
}

pub(super) async fn scan(settings: &Settings) -> Result<Box<dyn Scan>, BluetoothError> {
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
            handles => handles.map_err(fault)?,
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
        let events = handle.events().await.map_err(fault)?;
        let scanning = platform::Scanning::start(&self.settings, handle).await.map_err(fault)?;
        Ok(SystemEars { events, scanning })
    }
}

struct SystemEars {
    events: Pin<Box<dyn Stream<Item = CentralEvent> + Send>>,
    scanning: platform::Scanning,
}

impl ActiveScan for SystemEars {
    async fn next_event(&mut self) -> Option<RadioEvent> {
        loop {
            let adverts = match self.events.next().await? {
                CentralEvent::StateUpdate(_) => return Some(RadioEvent::Change),
                // On Windows these come last, when all that belongs to an
                // advert is known.
                CentralEvent::DeviceDiscovered(id) | CentralEvent::DeviceUpdated(id) => {
                    let device = device(self.scanning.handle(), &id).await;
                    let data = |service| device.service_data.get(&uuid_from_u16(service));
                    advert_reports(data, address(&device), device.rssi)
                }
                CentralEvent::ServiceDataAdvertisement { id, service_data } => {
                    let device = device(self.scanning.handle(), &id).await;
                    let data = |service| service_data.get(&uuid_from_u16(service));
                    advert_reports(data, address(&device), device.rssi)
                }
                _ => Vec::new(),
            };
            if !adverts.is_empty() {
                return Some(RadioEvent::Adverts(adverts));
            }
            consume_budget().await;
        }
    }
}

/// What is known of a device: nothing, if it cannot be read. Both systems answer
/// from memory, without waiting.
async fn device(handle: &Handle, id: &PeripheralId) -> PeripheralProperties {
    match handle.peripheral(id).await {
        Ok(peripheral) => peripheral.properties().await.ok().flatten().unwrap_or_default(),
        Err(_) => PeripheralProperties::default(),
    }
}

fn address(device: &PeripheralProperties) -> Option<BluetoothAddress> {
    let kind = match device.address_type? {
        AddressType::Public => AddressKind::Public,
        AddressType::Random => AddressKind::Random,
    };
    Some(BluetoothAddress { bytes: device.address.into_inner(), kind })
}

async fn id(handle: &Handle) -> Result<String, BluetoothError> {
    let address = handle.adapter_address().await.map_err(fault)?;
    match address.as_ref().map(BDAddr::to_string) {
        Some(address) => Ok(address),
        None => handle.adapter_info().await.map_err(fault),
    }
}

async fn state_of(settings: &Settings, handle: &Handle) -> Result<AdapterState, BluetoothError> {
    Ok(match handle.adapter_state().await.map_err(fault)? {
        CentralState::PoweredOn => AdapterState::On,
        CentralState::PoweredOff => AdapterState::Off,
        CentralState::Unknown => platform::unknown(settings).await,
    })
}

fn fault(error: btleplug::Error) -> BluetoothError {
    match error {
        btleplug::Error::PermissionDenied => BluetoothError::NotPermitted,
        btleplug::Error::NoAdapterAvailable => BluetoothError::Absent,
        error => BluetoothError::Failed(Arc::new(error)),
    }
}
