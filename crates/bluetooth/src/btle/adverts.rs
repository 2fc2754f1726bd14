//! The adverts in what a btleplug adapter reports.

use btleplug::api::bleuuid::uuid_from_u16;
use btleplug::api::{
    AddressType, Central as _, CentralEvent, Peripheral as _, PeripheralProperties,
};
use btleplug::platform::{Adapter, PeripheralId};

use crate::polled_scan::advert_reports;
use fido_hybrid_proto::ports::bluetooth::{AddressKind, AdvertReport, BluetoothAddress};

/// The adverts in an event. Most events have none.
pub(super) async fn adverts_of(adapter: &Adapter, event: CentralEvent) -> Vec<AdvertReport> {
    match event {
        // On Windows these come last, when all that belongs to an advert is
        // known.
        CentralEvent::DeviceDiscovered(id) | CentralEvent::DeviceUpdated(id) => {
            reports(&device(adapter, &id).await)
        }
        CentralEvent::ServiceDataAdvertisement { id, service_data } => {
            let carried = PeripheralProperties { service_data, ..PeripheralProperties::default() };
            // Other people's devices are not looked up.
            if reports(&carried).is_empty() {
                return Vec::new();
            }
            let mut device = device(adapter, &id).await;
            device.service_data = carried.service_data;
            reports(&device)
        }
        _ => Vec::new(),
    }
}

fn reports(device: &PeripheralProperties) -> Vec<AdvertReport> {
    let data = |service| device.service_data.get(&uuid_from_u16(service));
    advert_reports(data, address(device), device.rssi)
}

/// What is known of a device that is in range: nothing, if it cannot be read.
/// Windows and macOS answer from memory, without waiting.
async fn device(adapter: &Adapter, id: &PeripheralId) -> PeripheralProperties {
    match adapter.peripheral(id).await {
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
