//! What a scan receives, and how soon.

use std::collections::BTreeSet;

use fido_hybrid::bluetooth::{
    AddressKind, Advertiser as _, DEPRECATED_SERVICE_UUID, SERVICE_UUID, Scanner as _,
};

use crate::bluez::{Advert, Air, Call, Machine, Power, Value};
use crate::{HCI0, bluetooth, event, laptop, nothing_was_received, scanning, sighting};

const DATA: [u8; 20] = [0xa5; 20];
const ADDRESS: &str = "3C:22:33:44:55:66";

#[tokio::test]
async fn adverts_of_both_services_are_received_and_of_no_other() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut scan = scanning(&laptop).await;
    for service in [SERVICE_UUID, DEPRECATED_SERVICE_UUID] {
        let advert = air.inject(Advert::new(service, DATA));
        air.interval();
        let received = sighting(&mut scan).await;
        assert_eq!((received.service, &*received.service_data), (service, &DATA[..]));
        air.withdraw(advert);
    }
    for foreign in [Advert::new(0xfff8, DATA), Advert::new(0x180f, DATA), Advert::foreign()] {
        air.inject(foreign);
    }
    air.interval();
    nothing_was_received(&air, &mut scan).await;
}

#[tokio::test]
async fn an_advert_with_both_services_is_reported_as_two() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut scan = scanning(&laptop).await;
    let mut advert = Advert::new(SERVICE_UUID, DATA);
    advert.service_data.extend(Advert::new(DEPRECATED_SERVICE_UUID, [1]).service_data);
    air.inject(advert);
    air.interval();
    let received = [sighting(&mut scan).await, sighting(&mut scan).await];
    let received: BTreeSet<_> = received.iter().map(|it| (it.service, &*it.service_data)).collect();
    assert_eq!(received, [(SERVICE_UUID, &DATA[..]), (DEPRECATED_SERVICE_UUID, &[1])].into());
}

#[tokio::test]
async fn the_filter_asks_for_le_with_duplicates_and_names_no_service() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let _scan = scanning(&laptop).await;
    let filter =
        Value::properties([("DuplicateData", Value::Bool(true)), ("Transport", Value::text("le"))]);
    let [Call { path, arguments, .. }] = &laptop.calls_of("SetDiscoveryFilter")[..] else {
        panic!("one filter is set")
    };
    assert_eq!(path, HCI0);
    let [told] = &arguments[..] else { panic!("{arguments:?}") };
    let sorted = |filter: &Value| {
        let entries = filter.entries().map(|(k, v)| (format!("{k:?}"), v.clone()));
        entries.collect::<std::collections::BTreeMap<_, _>>()
    };
    assert_eq!(sorted(told), sorted(&filter));
    // Set before the discovery begins, which would report nothing at first.
    let order: Vec<_> = laptop.calls().into_iter().map(|call| call.member).collect();
    let place = |member: &str| order.iter().position(|it| it == member).unwrap();
    assert!(place("SetDiscoveryFilter") < place("StartDiscovery"), "{order:?}");
}

#[tokio::test]
async fn an_advert_is_reported_again_and_again() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut scan = scanning(&laptop).await;
    air.inject(Advert::new(SERVICE_UUID, DATA).from(ADDRESS));
    for _ in 0..3 {
        air.interval();
        assert_eq!(sighting(&mut scan).await.service_data, DATA);
    }
}

#[tokio::test]
async fn address_kind_of_address_and_strength_are_kept() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut scan = scanning(&laptop).await;
    let bytes = [0x3c, 0x22, 0x33, 0x44, 0x55, 0x66];
    let advert = Advert::new(SERVICE_UUID, DATA).from(ADDRESS);
    for (advert, kind) in
        [(advert.clone(), AddressKind::Random), (advert.public(), AddressKind::Public)]
    {
        let id = air.inject(advert.connectable());
        // When it is new, when nothing has changed, and when its strength has.
        for rssi in [-50, -50, -71] {
            air.alter(id, |advert| advert.rssi = rssi);
            air.interval();
            let received = sighting(&mut scan).await;
            let address = received.address.unwrap();
            assert_eq!((address.bytes, address.kind, received.rssi), (bytes, kind, Some(rssi)));
        }
        air.withdraw(id);
        drop(scan);
        air.until("the discovery ends", || laptop.discoverers("hci0").is_empty()).await;
        laptop.forget(&format!("{HCI0}/dev_{}", ADDRESS.replace(':', "_")));
        scan = scanning(&laptop).await;
    }
}

#[tokio::test]
async fn service_data_that_was_known_before_the_scan_is_reported_at_once() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let _another_program = scanning(&laptop).await;
    air.inject(Advert::new(SERVICE_UUID, DATA).from(ADDRESS));
    air.interval();
    // No interval passes from here on.
    let mut scan = scanning(&laptop).await;
    let received = sighting(&mut scan).await;
    assert_eq!(received.service_data, DATA);
    assert_eq!(received.rssi, Some(-50));
    assert!(received.address.is_some());
}

#[tokio::test]
async fn an_advert_that_an_ended_scan_received_is_not_reported_by_the_next() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut earlier = scanning(&laptop).await;
    // One that can be connected to stays known, with what it carried.
    let advert = air.inject(Advert::new(SERVICE_UUID, DATA).from(ADDRESS).connectable());
    air.interval();
    assert_eq!(sighting(&mut earlier).await.service_data, DATA);
    air.withdraw(advert);
    drop(earlier);
    air.until("the discovery ends", || laptop.discoverers("hci0").is_empty()).await;
    assert!(laptop.objects().iter().any(|path| path.contains("/dev_")));

    let mut scan = scanning(&laptop).await;
    nothing_was_received(&air, &mut scan).await;
}

#[tokio::test]
async fn what_one_program_advertises_another_receives_within_two_intervals() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let phone = Machine::start(&air, "phone");
    phone.plug_in("hci0", Power::On);
    let mut scan = scanning(&laptop).await;
    let _advert = bluetooth(&phone).advertise(DATA.to_vec()).await.unwrap();
    let before = air.intervals();
    air.interval();
    air.interval();
    let received = sighting(&mut scan).await;
    assert_eq!((received.service, &*received.service_data), (SERVICE_UUID, &DATA[..]));
    assert_eq!(received.address.unwrap().kind, AddressKind::Random);
    assert_eq!(air.intervals() - before, 2);
}

#[tokio::test]
async fn two_scans_of_one_program_receive_the_same_and_end_apart() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let radio = bluetooth(&laptop);
    let mut one = radio.scan().await.unwrap();
    let other = radio.scan().await.unwrap();
    assert_eq!(laptop.discoverers("hci0").len(), 2);
    drop(other);
    air.until("one has ended", || laptop.discoverers("hci0").len() == 1).await;
    air.inject(Advert::new(SERVICE_UUID, DATA));
    air.interval();
    assert!(matches!(
        event(&mut one).await,
        fido_hybrid::bluetooth::ScanEvent::Advert(received) if received.service_data == DATA
    ));
}
