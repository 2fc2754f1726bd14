//! BlueZ, its adapters and the bus going away in the middle of a scan.

use fido_hybrid::bluetooth::{
    AdapterState, Advertiser as _, SERVICE_UUID, ScanEvent, Scanner as _,
};
use fido_hybrid::error::BluetoothError;

use crate::bluez::{Advert, Air, Answer, Ending, Machine, Power};
use crate::the_test_bluez::Program;
use crate::{
    bluetooth, bluetooth_scan, end, laptop, nothing_was_received, scanning, sighting, soon, state,
};

const DATA: [u8; 20] = [0x77; 20];

#[tokio::test]
async fn a_scan_goes_on_after_bluez_was_restarted() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    air.inject(Advert::new(SERVICE_UUID, DATA));
    let mut scan = scanning(&laptop).await;
    for ending in [Ending::Crash, Ending::Orderly, Ending::Crash] {
        air.interval();
        assert_eq!(sighting(&mut scan).await.service_data, DATA);
        laptop.stop_bluetoothd(ending);
        assert_eq!(state(&mut scan).await, AdapterState::Absent);
        laptop.start_bluetoothd();
        assert_eq!(state(&mut scan).await, AdapterState::On);
    }
    air.interval();
    assert_eq!(sighting(&mut scan).await.service_data, DATA);
}

#[tokio::test]
async fn a_scan_begins_before_bluez_does() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    laptop.stop_bluetoothd(Ending::Crash);
    let mut scan = scanning(&laptop).await;
    assert_eq!(state(&mut scan).await, AdapterState::Absent);
    laptop.start_bluetoothd();
    assert_eq!(state(&mut scan).await, AdapterState::On);
    nothing_was_received(&air, &mut scan).await;
}

#[tokio::test]
async fn bluez_may_end_while_it_is_asked() {
    let Some(air) = Air::by_hand() else { return };
    for member in ["GetManagedObjects", "SetDiscoveryFilter", "StartDiscovery"] {
        let laptop = laptop(&air);
        laptop.answer(member, Answer::Hold);
        let radio = bluetooth(&laptop);
        let scan = tokio::spawn(async move { radio.scan().await });
        air.until("BlueZ is asked", || !laptop.calls_of(member).is_empty()).await;
        laptop.stop_bluetoothd(Ending::Crash);
        laptop.answer_truly(member);
        laptop.start_bluetoothd();
        let scan = soon(member, scan).await.unwrap();
        let mut scan = scan.unwrap_or_else(|error| panic!("{member}: {error:?}"));
        air.until("it discovers", || !laptop.discoverers("hci0").is_empty()).await;
        air.inject(Advert::new(SERVICE_UUID, DATA));
        air.interval();
        soon(member, async {
            loop {
                match scan.next().await.unwrap() {
                    ScanEvent::Advert(received) => break assert_eq!(received.service_data, DATA),
                    ScanEvent::Adapter(AdapterState::Absent | AdapterState::On) => {}
                    other => panic!("{member}: {other:?}"),
                }
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_lost_bus_ends_the_scan_with_an_error_that_stays() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut scan = scanning(&laptop).await;
    laptop.kill_bus();
    for _ in 0..2 {
        let error = end(&mut scan).await;
        assert!(matches!(error, BluetoothError::NoService(_)), "{error:?}");
    }
}

#[tokio::test]
async fn an_adapter_pulled_out_while_it_listens_leaves_the_scan_alive() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    air.inject(Advert::new(SERVICE_UUID, DATA));
    let mut scan = scanning(&laptop).await;
    air.interval();
    assert_eq!(sighting(&mut scan).await.service_data, DATA);
    laptop.unplug("hci0");
    assert_eq!(state(&mut scan).await, AdapterState::Absent);
    laptop.plug_in("hci0", Power::On);
    assert_eq!(state(&mut scan).await, AdapterState::On);
    air.interval();
    assert_eq!(sighting(&mut scan).await.service_data, DATA);
}

#[tokio::test]
async fn an_adapter_that_refuses_at_first_is_asked_again() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = Machine::start(&air, "laptop");
    let mut scan = scanning(&laptop).await;
    assert_eq!(state(&mut scan).await, AdapterState::Absent);
    laptop.answer("StartDiscovery", Answer::error("org.bluez.Error.NotReady", "not yet"));
    laptop.plug_in("hci0", Power::On);
    let asked = || laptop.calls_of("StartDiscovery").len() >= 2;
    air.until("it is asked twice", asked).await;
    laptop.answer_truly("StartDiscovery");
    air.until("it listens", || !laptop.discoverers("hci0").is_empty()).await;
    assert_eq!(state(&mut scan).await, AdapterState::On);
    nothing_was_received(&air, &mut scan).await;
}

#[tokio::test]
async fn an_adapter_that_never_listens_is_an_error_in_the_end_and_not_silence() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    laptop.answer("StartDiscovery", Answer::error("org.bluez.Error.Failed", "broken"));
    let error = match bluetooth_scan(&laptop).await {
        Ok(mut scan) => end(&mut scan).await,
        Err(error) => error,
    };
    assert!(matches!(error, BluetoothError::Failed(_)), "{error:?}");
}

#[tokio::test]
async fn a_bad_adapter_beside_a_good_one_does_not_end_the_scan() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    laptop.plug_in("hci1", Power::On);
    laptop.break_object("/org/bluez/hci0");
    let mut scan = scanning(&laptop).await;
    assert_eq!(laptop.discoverers("hci1").len(), 1);
    let asked = || laptop.calls_of("SetDiscoveryFilter").len() > 5;
    air.until("it was asked more than once", asked).await;
    nothing_was_received(&air, &mut scan).await;
}

#[tokio::test]
async fn a_discovery_that_bluez_ends_by_itself_is_begun_again() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut scan = scanning(&laptop).await;
    laptop.end_discoveries("hci0");
    air.until("it discovers again", || !laptop.discoverers("hci0").is_empty()).await;
    nothing_was_received(&air, &mut scan).await;
}

#[tokio::test]
async fn an_adapter_that_discovers_again_for_another_program_is_asked_all_the_same() {
    type Harm = fn(&Machine);
    let Some(air) = Air::by_hand() else { return };
    let restarted: Harm = |laptop| {
        laptop.stop_bluetoothd(Ending::Crash);
        laptop.start_bluetoothd();
    };
    let switched: Harm = |laptop| {
        laptop.switch("hci0", Power::Off);
        laptop.switch("hci0", Power::On);
    };
    let replugged: Harm = |laptop| {
        laptop.unplug("hci0");
        laptop.plug_in("hci0", Power::On);
    };
    for (what, harm) in [("restarted", restarted), ("switched", switched), ("replugged", replugged)]
    {
        let laptop = laptop(&air);
        let mut scan = scanning(&laptop).await;
        // Whatever the scan learns of its adapter, it learns when the other program
        // has been quicker.
        laptop.answer("GetManagedObjects", Answer::Hold);
        harm(&laptop);
        let other = Program::on(&laptop);
        other.discover();
        let asked = || laptop.is_held("GetManagedObjects");
        air.until("the scan looks at its adapter", asked).await;
        laptop.answer_truly("GetManagedObjects");
        air.until(what, || laptop.discoverers("hci0").len() == 2).await;
        let advert = air.inject(Advert::new(SERVICE_UUID, DATA));
        air.interval();
        let received = soon(what, async {
            loop {
                if let ScanEvent::Advert(received) = scan.next().await.unwrap() {
                    return received;
                }
            }
        });
        assert_eq!(received.await.service_data, DATA);
        air.withdraw(advert);
    }
}

#[tokio::test]
async fn an_adapter_may_be_removed_while_it_is_asked() {
    let Some(air) = Air::by_hand() else { return };
    for member in ["SetDiscoveryFilter", "StartDiscovery"] {
        let laptop = laptop(&air);
        laptop.answer(member, Answer::Hold);
        let radio = bluetooth(&laptop);
        let scan = tokio::spawn(async move { radio.scan().await });
        air.until("BlueZ is asked", || !laptop.calls_of(member).is_empty()).await;
        laptop.unplug("hci0");
        laptop.answer_truly(member);
        let mut scan = soon(member, scan).await.unwrap().unwrap();
        assert_eq!(state(&mut scan).await, AdapterState::Absent);
        laptop.plug_in("hci0", Power::On);
        assert_eq!(state(&mut scan).await, AdapterState::On);
        nothing_was_received(&air, &mut scan).await;
    }
}

#[tokio::test]
async fn an_advert_that_bluez_does_not_live_to_take_waits_for_the_next_bluez() {
    let Some(air) = Air::by_hand() else { return };
    for member in ["GetManagedObjects", "RegisterAdvertisement"] {
        let laptop = laptop(&air);
        laptop.answer(member, Answer::Hold);
        let radio = bluetooth(&laptop);
        let advert = tokio::spawn(async move { radio.advertise(DATA.to_vec()).await });
        air.until("BlueZ is asked", || !laptop.calls_of(member).is_empty()).await;
        laptop.stop_bluetoothd(Ending::Crash);
        laptop.answer_truly(member);
        let mut advert = soon(member, advert).await.unwrap().unwrap();
        assert_eq!(soon(member, advert.next()).await.unwrap(), AdapterState::Absent);
        laptop.start_bluetoothd();
        assert_eq!(soon(member, advert.next()).await.unwrap(), AdapterState::On);
        assert_eq!(laptop.registered("hci0").len(), 1, "{member}");
    }
}

#[tokio::test]
async fn a_bus_that_is_lost_while_something_is_asked_is_an_error_at_once() {
    let Some(air) = Air::by_hand() else { return };
    for member in ["GetManagedObjects", "StartDiscovery", "RegisterAdvertisement"] {
        let laptop = laptop(&air);
        laptop.answer(member, Answer::Hold);
        let (scanner, advertiser) = (bluetooth(&laptop), bluetooth(&laptop));
        let scan = tokio::spawn(async move { scanner.scan().await.err() });
        let advert = tokio::spawn(async move { advertiser.advertise(DATA.to_vec()).await.err() });
        // The one that does not ask this is done before.
        let all = || laptop.calls().iter().any(|it| it.member == member);
        air.until("BlueZ is asked", all).await;
        laptop.kill_bus();
        let [scan, advert] = [scan, advert].map(|asked| soon(member, asked));
        let errors = [scan.await.unwrap(), advert.await.unwrap()];
        let told = |error: &Option<BluetoothError>| {
            error.as_ref().is_none_or(|it| matches!(it, BluetoothError::NoService(_)))
        };
        assert!(errors.iter().all(told), "{member}: {errors:?}");
        assert!(errors.iter().any(Option::is_some), "{member}");
    }
}
