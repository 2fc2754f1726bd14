//! A bus or a BlueZ that does not answer, and a bus that must not be asked.

use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use fido_hybrid::bluetooth::{Advertiser as _, Bluetooth, Scanner as _};
use fido_hybrid::error::{Advice, ApiMisuse, BluetoothError, Error, Stage};
use futures_util::FutureExt as _;
use tokio::time::Instant;

use crate::bluez::{Air, Answer};
use crate::clock::Clock;
use crate::silent_bus::SilentBus;
use crate::{PATIENCE, bluetooth, laptop};

/// The longest that a program waits to be told.
const TOLD: Duration = Duration::from_secs(15);

fn radio_at(bus: &SilentBus) -> Bluetooth {
    Bluetooth::new().bus_address(bus.address())
}

fn is_told_as_silent(error: Option<BluetoothError>) {
    assert!(matches!(error, Some(BluetoothError::Silent)), "{error:?}");
    let error = error.unwrap();
    assert_eq!(error.to_string(), "the system's Bluetooth service timed out");
    assert_eq!(Error::new(Stage::ShowingQr, error).advice(), Advice::RestartBluetooth);
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_stays_silent_is_told() {
    let bus = SilentBus::start();
    let radio = radio_at(&bus);
    let begun = Instant::now();
    is_told_as_silent(radio.scan().await.err());
    is_told_as_silent(radio.advertise(vec![0; 20]).await.err());
    is_told_as_silent(radio.state().await.err());
    is_told_as_silent(radio.adapters().await.err());
    assert!(begun.elapsed() <= 4 * TOLD, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_stands_still_is_told() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    laptop.freeze_bus();
    let begun = Instant::now();
    is_told_as_silent(bluetooth(&laptop).scan().await.err());
    assert!(begun.elapsed() <= TOLD, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_bluez_that_stays_silent_is_told() {
    let Some(air) = Air::by_hand() else { return };
    for member in ["GetManagedObjects", "RegisterAdvertisement"] {
        let laptop = laptop(&air);
        laptop.answer(member, Answer::Hold);
        let clock = Clock::stop(&laptop);
        let radio = bluetooth(&laptop);
        let asked = tokio::spawn(async move {
            match radio.scan().await {
                Ok(_) => radio.advertise(vec![0; 20]).await.err(),
                Err(error) => Some(error),
            }
        });
        // The clock stands still while a thread connects.
        let is_asked = || laptop.is_held(member) || asked.is_finished();
        clock.run_until(Duration::ZERO, is_asked).await;
        let moved = clock.run_until(Duration::from_secs(1), || asked.is_finished()).await;
        assert!(moved <= TOLD, "{member}: {moved:?}");
        is_told_as_silent(asked.await.unwrap());
    }
}

#[tokio::test]
async fn a_bluez_that_takes_long_at_each_look_is_told_in_time() {
    const SECOND: Duration = Duration::from_secs(1);
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    laptop.answer("GetManagedObjects", Answer::Hold);
    laptop.answer("RegisterAdvertisement", Answer::error("org.bluez.Error.Failed", "no"));
    let clock = Clock::stop(&laptop);
    let radio = bluetooth(&laptop);
    let asked = tokio::spawn(async move { radio.advertise(vec![0; 20]).await.err() });
    // The clock stands still while a thread connects.
    let is_asked = || laptop.is_held("GetManagedObjects") || asked.is_finished();
    clock.run_until(Duration::ZERO, is_asked).await;
    let seconds = std::cell::Cell::new(0);
    let mut moved = clock.run_until(SECOND, || seconds.replace(seconds.get() + 1) == 9).await;
    laptop.answer_truly("GetManagedObjects");
    let is_refused = || !laptop.calls_of("RegisterAdvertisement").is_empty();
    moved += clock.run_until(SECOND, is_refused).await;
    // The second look takes long, too.
    laptop.answer("GetManagedObjects", Answer::Hold);
    moved += clock.run_until(SECOND, || asked.is_finished()).await;
    // The clock goes on in seconds.
    assert!(moved <= TOLD + SECOND, "{moved:?}");
    is_told_as_silent(asked.await.unwrap());
}

#[tokio::test]
async fn a_scan_that_is_given_up_leaves_a_silent_bus() {
    let bus = Arc::new(SilentBus::start());
    let radio = radio_at(&bus);
    let scan = tokio::spawn(async move { radio.scan().await.is_ok() });
    let accepting = Arc::clone(&bus);
    let accepted = tokio::task::spawn_blocking(move || accepting.accept());
    let mut connection = accepted.await.unwrap();
    scan.abort();
    assert!(scan.await.unwrap_err().is_cancelled());
    let closed = tokio::task::spawn_blocking(move || {
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        connection.read_to_end(&mut Vec::new())
    });
    closed.await.unwrap().expect("the connection is closed");
}

#[tokio::test]
async fn a_bus_that_closes_before_its_greeting_cannot_be_reached() {
    let bus = Arc::new(SilentBus::start());
    let radio = radio_at(&bus);
    let accepting = Arc::clone(&bus);
    let leaving = tokio::task::spawn_blocking(move || drop(accepting.accept()));
    let error = radio.scan().await.err();
    assert!(matches!(error, Some(BluetoothError::NoService(_))), "{error:?}");
    leaving.await.unwrap();
}

#[test]
fn the_end_of_a_runtime_does_not_wait_for_a_bus_that_lets_nothing_connect() {
    let bus = SilentBus::start();
    // There is room for one connection, and those after it wait for ever.
    socket2::SockRef::from(&bus.listener).listen(0).unwrap();
    let _first = UnixStream::connect_addr(&bus.listener.local_addr().unwrap()).unwrap();
    let radio = radio_at(&bus);
    let (ended, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            // The first look begins to connect, which never ends.
            assert!(radio.scan().now_or_never().is_none());
        });
        drop(runtime);
        ended.send(()).unwrap();
    });
    end.recv_timeout(PATIENCE).expect("the runtime ends");
}

#[tokio::test]
async fn a_bus_on_another_machine_is_not_asked_and_the_program_is_to_be_reported() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let tcp = format!("tcp:host=127.0.0.1,port={}", listener.local_addr().unwrap().port());
    for address in [tcp.clone(), format!("unix:path=/nonexistent;{tcp}"), "unixexec:path=sh".into()]
    {
        let error = Bluetooth::new().bus_address(&address).scan().await.err();
        let is_misuse = matches!(error, Some(BluetoothError::Misuse(ApiMisuse::RemoteBus)));
        assert!(is_misuse, "{address}: {error:?}");
        let error = Error::new(Stage::ShowingQr, error.unwrap());
        assert_eq!(error.advice(), Advice::ReportTheProgram);
        let text = "the address of a D-Bus must begin with `unix:`";
        assert!(error.to_string().contains(text), "{error}");
    }
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_program_without_a_runtime_is_to_be_reported() {
    let radio = Bluetooth::new();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(scan) = radio.scan().as_mut().poll(&mut context) else {
        panic!("it waits for nothing")
    };
    let error = scan.err();
    let is_misuse = matches!(error, Some(BluetoothError::Misuse(ApiMisuse::NoRuntime)));
    assert!(is_misuse, "{error:?}");
    let error = Error::new(Stage::ShowingQr, error.unwrap());
    assert_eq!(error.advice(), Advice::ReportTheProgram);
}
