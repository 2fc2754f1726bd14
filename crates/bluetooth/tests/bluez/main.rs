//! The system's Bluetooth on Linux: what `Bluetooth` does with a BlueZ that can
//! be made to do anything (`crates/testkit/src/bluez/`).
//!
//! Where there is no `dbus-daemon` these tests are left out, loudly; where `CI`
//! is set, they fail.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod adapters;
mod advertiser;
mod btleplug_adapter;
mod ceremony;
mod clock;
mod crowd;
mod interruptions;
mod receiving;
mod refusals;
mod silence;
mod stopping;
mod the_test_bluez;
mod untrusted_signals;

use fido_hybrid_testkit::{bluez, rig, silent_bus};
use std::time::Duration;

use bluez::{Advert, Air, Machine, Power};
use fido_hybrid::bluetooth::{
    AdapterState, AdvertReport, Bluetooth, Scan, ScanEvent, Scanner as _,
};
use fido_hybrid::error::BluetoothError;

/// For what must happen soon; a longer wait fails the test.
const PATIENCE: Duration = Duration::from_secs(30);

const HCI0: &str = "/org/bluez/hci0";

/// The radio of a program on this machine.
fn bluetooth(machine: &Machine) -> Bluetooth {
    Bluetooth::new().bus_address(machine.bus_address())
}

/// A machine with one adapter that is on.
fn laptop(air: &Air) -> Machine {
    let laptop = Machine::start(air, "laptop");
    laptop.plug_in("hci0", Power::On);
    laptop
}

async fn scanning(machine: &Machine) -> Box<dyn Scan> {
    bluetooth(machine).scan().await.unwrap()
}

async fn bluetooth_scan(machine: &Machine) -> Result<Box<dyn Scan>, BluetoothError> {
    soon("a scan or its error", bluetooth(machine).scan()).await
}

async fn soon<T>(what: &str, waiting: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, waiting).await {
        Ok(done) => done,
        Err(_) => panic!("timed out waiting for {what}"),
    }
}

async fn event(scan: &mut Box<dyn Scan>) -> ScanEvent {
    soon("an event of the scan", scan.next()).await.unwrap()
}

async fn sighting(scan: &mut Box<dyn Scan>) -> AdvertReport {
    match event(scan).await {
        ScanEvent::Advert(sighting) => sighting,
        ScanEvent::Adapter(state) => panic!("{state:?} in place of an advert"),
    }
}

async fn state(scan: &mut Box<dyn Scan>) -> AdapterState {
    loop {
        match event(scan).await {
            ScanEvent::Adapter(state) => return state,
            // What is in range is told again whenever the adapters are looked at.
            ScanEvent::Advert(_) => {}
        }
    }
}

async fn end(scan: &mut Box<dyn Scan>) -> BluetoothError {
    soon("the end of the scan", async {
        loop {
            if let Err(error) = scan.next().await {
                return error;
            }
        }
    })
    .await
}

/// Another advert is the next that is received: what came before it was not reported.
async fn nothing_was_received(air: &Air, scan: &mut Box<dyn Scan>) {
    const MARK: &[u8] = b"a mark in the air";
    let mark = air.inject(Advert::new(0xfff9, MARK).from("0F:00:00:00:00:0F"));
    air.interval();
    assert_eq!(sighting(scan).await.service_data, MARK);
    air.withdraw(mark);
}
