//! An adapter that is switched on and refuses to discover: for a while, or for ever.

use std::time::Duration;

use fido_hybrid::bluetooth::{AdapterState, SERVICE_UUID, Scan};
use fido_hybrid::error::{Advice, BluetoothError, Error, Stage};

use crate::bluez::{Advert, Air, Answer, Ending, Machine};
use crate::clock::Clock;
use crate::{end, laptop, nothing_was_received, scanning, sighting, state};

const DATA: [u8; 20] = [0x44; 20];

/// How long Linux goes on with a discovery (`DISCOV_LE_TIMEOUT` in `hci_core.h`).
const KERNEL_DISCOVERY: Duration = Duration::from_millis(10_240);

/// More than the program waits between two attempts.
const STEP: Duration = Duration::from_millis(500);

/// Moves the clock until BlueZ was asked again for a time, and says how far.
async fn refused_for(clock: &Clock<'_>, laptop: &Machine, time: Duration) -> Duration {
    let mut moved = Duration::ZERO;
    while moved < time {
        let before = laptop.calls_of("StartDiscovery").len();
        let is_asked = || laptop.calls_of("StartDiscovery").len() > before;
        moved += clock.run_until(STEP, is_asked).await;
    }
    moved
}

/// Moves the clock until the scan ends.
async fn ended(clock: &Clock<'_>, mut scan: Box<dyn Scan>) -> BluetoothError {
    let ending = tokio::spawn(async move { end(&mut scan).await });
    clock.run_until(STEP, || ending.is_finished()).await;
    ending.await.unwrap()
}

#[tokio::test]
async fn a_scan_outlasts_the_discovery_that_a_killed_bluetoothd_left_in_the_kernel() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    air.inject(Advert::new(SERVICE_UUID, DATA));
    let clock = Clock::stop(&laptop);
    let mut scan = scanning(&laptop).await;
    for _ in 0..2 {
        laptop.stop_bluetoothd(Ending::Killed);
        assert_eq!(state(&mut scan).await, AdapterState::Absent);
        laptop.start_bluetoothd();
        refused_for(&clock, &laptop, KERNEL_DISCOVERY).await;
        assert_eq!(laptop.discoverers("hci0"), [""; 0]);
        assert_eq!(state(&mut scan).await, AdapterState::NotReady, "the program is told");
        laptop.end_kernel_discovery("hci0");
        clock.run_until(STEP, || !laptop.discoverers("hci0").is_empty()).await;
        assert_eq!(state(&mut scan).await, AdapterState::On);
        air.interval();
        assert_eq!(sighting(&mut scan).await.service_data, DATA);
    }
}

#[tokio::test]
async fn a_discovery_that_is_in_progress_for_this_program_is_a_success() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let clock = Clock::stop(&laptop);
    let mut scan = scanning(&laptop).await;
    // BlueZ halts a discovery, signals that, and resumes it.
    let halt = |on| {
        let value = crate::bluez::Value::Bool(on);
        laptop.set_property(crate::HCI0, crate::bluez::ADAPTER, "Discovering", value);
    };
    halt(false);
    refused_for(&clock, &laptop, STEP * 2).await;
    halt(true);
    let asked = laptop.calls_of("StartDiscovery").len();
    clock.run_until(STEP, || laptop.calls_of("StartDiscovery").len() > asked).await;
    nothing_was_received(&air, &mut scan).await;
    // Nothing is retried any more.
    let asked = laptop.calls_of("StartDiscovery").len();
    let looks = std::cell::Cell::new(0);
    let is_late = || looks.replace(looks.get() + 1) == 50;
    clock.run_until(STEP, is_late).await;
    assert_eq!(laptop.calls_of("StartDiscovery").len(), asked);
}

/// What the program is told in the end of an adapter that refuses for ever.
async fn refused_for_ever(error: &str) -> Option<BluetoothError> {
    let air = Air::by_hand()?;
    let laptop = laptop(&air);
    laptop.answer("StartDiscovery", Answer::error(error, "no"));
    let clock = Clock::stop(&laptop);
    let mut scan = scanning(&laptop).await;
    // Longer than a kernel is busy, and it is told by then.
    refused_for(&clock, &laptop, Duration::from_secs(15)).await;
    assert_eq!(state(&mut scan).await, AdapterState::NotReady);
    Some(ended(&clock, scan).await)
}

#[tokio::test]
async fn a_discovery_in_progress_for_ever_is_told_as_an_adapter_that_is_busy() {
    let Some(error) = refused_for_ever("org.bluez.Error.InProgress").await else { return };
    assert!(matches!(error, BluetoothError::Busy), "{error:?}");
    assert_eq!(error.to_string(), "the Bluetooth adapter is busy");
    assert_eq!(Error::new(Stage::ShowingQr, error).advice(), Advice::CloseOtherPrograms);
}

#[tokio::test]
async fn an_adapter_that_is_on_and_never_ready_is_not_told_as_off() {
    let Some(error) = refused_for_ever("org.bluez.Error.NotReady").await else { return };
    assert!(matches!(error, BluetoothError::NotReady), "{error:?}");
    let told = "the Bluetooth adapter is switched on but does not become ready";
    assert_eq!(error.to_string(), told);
    assert_eq!(Error::new(Stage::ShowingQr, error).advice(), Advice::RestartBluetooth);
}
