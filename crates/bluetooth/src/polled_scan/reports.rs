//! The adverts in the service data of a device.

use fido_hybrid_proto::ports::bluetooth::{
    AdvertReport, BluetoothAddress, DEPRECATED_SERVICE_UUID, SERVICE_UUID,
};

/// The longest service data that an advert holds: the length of what carries
/// it is one byte.
pub(super) const MAX_SERVICE_DATA: usize = 255;

/// The adverts in one device's service data, which is looked up by service.
pub(crate) fn advert_reports<'a>(
    service_data: impl Fn(u16) -> Option<&'a Vec<u8>>,
    address: Option<BluetoothAddress>,
    rssi: Option<i16>,
) -> Vec<AdvertReport> {
    [SERVICE_UUID, DEPRECATED_SERVICE_UUID]
        .into_iter()
        .filter_map(|service| {
            let data = service_data(service).filter(|data| data.len() <= MAX_SERVICE_DATA)?;
            let mut advert = AdvertReport::new(service, data.clone());
            advert.address = address;
            advert.rssi = rssi;
            Some(advert)
        })
        .collect()
}
