#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::sync::watch;

use super::reports::{MAX_SERVICE_DATA, advert_reports};
use super::*;
use fido_hybrid_proto::ports::bluetooth::{
    AddressKind, BluetoothAddress, DEPRECATED_SERVICE_UUID, SERVICE_UUID,
};

/// Longer than the scan may take for anything that these tests wait for, on
/// tokio's paused clock.
const LIMIT: Duration = Duration::from_secs(600);

const PHONE: BluetoothAddress =
    BluetoothAddress { bytes: [0xc0, 1, 2, 3, 4, 5], kind: AddressKind::Random };

/// A radio that a test plays.
#[derive(Clone)]
struct Stage {
    state: Arc<Mutex<Result<AdapterState, BluetoothError>>>,
    /// The senders of running scans: a scan receives what is sent, and a sender that is
    /// dropped breaks its scan off.
    doors: Arc<Mutex<Vec<mpsc::UnboundedSender<RadioEvent>>>>,
    listening: watch::Sender<Count>,
    /// PolledScan breaks off as soon as it has begun.
    deaf: Arc<Mutex<bool>>,
    /// Looks are not answered.
    stuck: Arc<Mutex<bool>>,
    /// The next look panics.
    broken: Arc<Mutex<bool>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Count {
    now: usize,
    ever: usize,
    /// How often the last one stopped.
    silences: usize,
}

struct StageScan {
    received: mpsc::UnboundedReceiver<RadioEvent>,
    listening: watch::Sender<Count>,
}

impl Stage {
    fn new(state: AdapterState) -> Self {
        Self {
            state: Arc::new(Mutex::new(Ok(state))),
            doors: Arc::default(),
            listening: watch::Sender::default(),
            deaf: Arc::default(),
            stuck: Arc::default(),
            broken: Arc::default(),
        }
    }

    fn set(&self, state: Result<AdapterState, BluetoothError>) {
        *self.state.lock().unwrap() = state;
    }

    fn advertise(&self, data: u8) {
        for door in &*self.doors.lock().unwrap() {
            // Those that have stopped listening.
            let _dropped = door.send(RadioEvent::Adverts(vec![advert(data)]));
        }
    }

    async fn until(&self, listening: impl Fn(&Count) -> bool) {
        let mut watching = self.listening.subscribe();
        timeout(LIMIT, watching.wait_for(listening)).await.expect("in time").unwrap();
    }
}

impl PolledRadio for Stage {
    type ActiveScan = StageScan;

    async fn poll_state(&mut self) -> Result<AdapterState, BluetoothError> {
        let broken = *self.broken.lock().unwrap();
        assert!(!broken, "played");
        let stuck = *self.stuck.lock().unwrap();
        if stuck {
            pending::<()>().await;
        }
        self.state.lock().unwrap().clone()
    }

    async fn start_scan(&mut self) -> Result<StageScan, BluetoothError> {
        let (door, received) = mpsc::unbounded_channel();
        if !*self.deaf.lock().unwrap() {
            self.doors.lock().unwrap().push(door);
        }
        self.listening.send_modify(|count| {
            count.now += 1;
            count.ever += 1;
        });
        Ok(StageScan { received, listening: self.listening.clone() })
    }
}

impl ActiveScan for StageScan {
    async fn next_event(&mut self) -> Option<RadioEvent> {
        self.received.recv().await
    }
}

impl Drop for StageScan {
    fn drop(&mut self) {
        self.listening.send_modify(|count| {
            count.now -= 1;
            count.silences += usize::from(count.now == 0);
        });
    }
}

fn advert(data: u8) -> AdvertReport {
    AdvertReport::new(SERVICE_UUID, vec![data])
}

fn failed() -> BluetoothError {
    BluetoothError::Failed(Arc::new(std::io::Error::other("played")))
}

async fn next(scan: &mut Box<dyn Scan>) -> ScanEvent {
    timeout(LIMIT, scan.next()).await.expect("in time").expect("an event")
}

async fn end(scan: &mut Box<dyn Scan>) -> BluetoothError {
    timeout(LIMIT, scan.next()).await.expect("in time").expect_err("the end")
}

#[tokio::test(start_paused = true)]
async fn a_radio_that_is_on_is_scanned_without_an_event_about_its_state() {
    let stage = Stage::new(AdapterState::On);
    let mut scan = scan(stage.clone()).await.unwrap();
    stage.advertise(7);
    assert_eq!(next(&mut scan).await, ScanEvent::Advert(advert(7)));
}

#[tokio::test(start_paused = true)]
async fn a_radio_that_is_plugged_in_and_switched_on_later_is_used_in_the_same_scan() {
    let stage = Stage::new(AdapterState::Absent);
    let mut scan = scan(stage.clone()).await.unwrap();
    assert_eq!(next(&mut scan).await, ScanEvent::Adapter(AdapterState::Absent));
    stage.set(Ok(AdapterState::Off));
    assert_eq!(next(&mut scan).await, ScanEvent::Adapter(AdapterState::Off));
    stage.set(Ok(AdapterState::On));
    assert_eq!(next(&mut scan).await, ScanEvent::Adapter(AdapterState::On));
    stage.advertise(7);
    assert_eq!(next(&mut scan).await, ScanEvent::Advert(advert(7)));
}

#[tokio::test(start_paused = true)]
async fn a_radio_that_goes_off_is_not_listened_to_until_it_is_on_again() {
    let stage = Stage::new(AdapterState::On);
    let mut scan = scan(stage.clone()).await.unwrap();
    stage.set(Ok(AdapterState::Off));
    assert_eq!(next(&mut scan).await, ScanEvent::Adapter(AdapterState::Off));
    assert_eq!(*stage.listening.borrow(), Count { now: 0, ever: 1, silences: 1 });
    stage.set(Ok(AdapterState::On));
    assert_eq!(next(&mut scan).await, ScanEvent::Adapter(AdapterState::On));
    assert_eq!(*stage.listening.borrow(), Count { now: 1, ever: 2, silences: 1 });
}

#[tokio::test(start_paused = true)]
async fn a_change_that_the_radio_tells_is_looked_at_at_once() {
    let stage = Stage::new(AdapterState::On);
    let mut scan = scan(stage.clone()).await.unwrap();
    let before = Instant::now();
    stage.set(Ok(AdapterState::Off));
    assert!(stage.doors.lock().unwrap()[0].send(RadioEvent::Change).is_ok());
    assert_eq!(next(&mut scan).await, ScanEvent::Adapter(AdapterState::Off));
    assert!(before.elapsed() < POLL_INTERVAL);
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_used_does_not_begin() {
    let refused = scan(Stage::new(AdapterState::NotPermitted)).await.map(|_| ());
    assert!(matches!(refused, Err(BluetoothError::NotPermitted)), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_radio_that_cannot_even_be_looked_at_does_not_begin() {
    let stage = Stage::new(AdapterState::On);
    stage.set(Err(failed()));
    let refused = scan(stage).await.map(|_| ());
    assert!(matches!(refused, Err(BluetoothError::Failed(_))), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_scan_is_restarted() {
    let stage = Stage::new(AdapterState::On);
    let mut scan = scan(stage.clone()).await.unwrap();
    for begun in 1..=MAX_FAILURES as usize * 2 {
        stage.until(|count| count.now == 1 && count.ever == begun).await;
        // Long enough that it has worked for a while.
        tokio::time::advance(POLL_INTERVAL * 3).await;
        stage.advertise(7);
        assert_eq!(next(&mut scan).await, ScanEvent::Advert(advert(7)));
        stage.doors.lock().unwrap().clear();
    }
}

#[tokio::test(start_paused = true)]
async fn listening_that_breaks_off_again_and_again_ends_the_scan() {
    let stage = Stage::new(AdapterState::On);
    *stage.deaf.lock().unwrap() = true;
    let mut scan = scan(stage.clone()).await.unwrap();
    let error = end(&mut scan).await;
    assert!(
        matches!(&error, BluetoothError::Failed(cause) if cause.to_string() == "the scan broke off"),
        "{error:?}"
    );
    let count = *stage.listening.borrow();
    assert_eq!((count.now, count.ever), (0, MAX_FAILURES as usize));
    assert_eq!(end(&mut scan).await.to_string(), error.to_string(), "it stays over");
}

#[tokio::test(start_paused = true)]
async fn a_radio_that_fails_for_a_while_only_is_scanned_again() {
    let stage = Stage::new(AdapterState::On);
    let mut scan = scan(stage.clone()).await.unwrap();
    stage.set(Err(failed()));
    tokio::time::sleep(POLL_INTERVAL * (MAX_FAILURES - 1)).await;
    stage.set(Ok(AdapterState::Off));
    assert_eq!(next(&mut scan).await, ScanEvent::Adapter(AdapterState::Off));
    stage.set(Ok(AdapterState::On));
    assert_eq!(next(&mut scan).await, ScanEvent::Adapter(AdapterState::On));
}

#[tokio::test(start_paused = true)]
async fn a_radio_that_fails_for_good_ends_the_scan() {
    let stage = Stage::new(AdapterState::On);
    let mut scan = scan(stage.clone()).await.unwrap();
    stage.set(Err(failed()));
    let error = end(&mut scan).await;
    assert!(
        matches!(&error, BluetoothError::Failed(cause) if cause.to_string() == "played"),
        "{error:?}"
    );
    assert_eq!(stage.listening.borrow().now, 0);
}

#[tokio::test(start_paused = true)]
async fn a_scan_that_ends_listens_no_longer_even_if_its_end_is_not_read() {
    let stage = Stage::new(AdapterState::On);
    let mut scan = scan(stage.clone()).await.unwrap();
    for _ in 0..QUEUE_LENGTH * 2 {
        stage.advertise(7);
    }
    stage.set(Err(failed()));
    stage.until(|count| count.now == 0).await;
    for _ in 0..QUEUE_LENGTH {
        assert_eq!(next(&mut scan).await, ScanEvent::Advert(advert(7)));
    }
    let error = end(&mut scan).await;
    assert!(
        matches!(&error, BluetoothError::Failed(cause) if cause.to_string() == "played"),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_system_that_stops_answering_ends_the_scan_as_silent() {
    let stage = Stage::new(AdapterState::On);
    let mut scan = scan(stage.clone()).await.unwrap();
    *stage.stuck.lock().unwrap() = true;
    let error = end(&mut scan).await;
    assert!(matches!(error, BluetoothError::Silent), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn adverts_are_received_while_the_system_is_slow_to_report_its_state() {
    let stage = Stage::new(AdapterState::On);
    let mut scan = scan(stage.clone()).await.unwrap();
    *stage.stuck.lock().unwrap() = true;
    tokio::time::sleep(POLL_INTERVAL + RADIO_LIMIT / 2).await;
    let before = Instant::now();
    stage.advertise(7);
    assert_eq!(next(&mut scan).await, ScanEvent::Advert(advert(7)));
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_radio_ends_the_scan_with_an_error() {
    let stage = Stage::new(AdapterState::On);
    let mut scan = scan(stage.clone()).await.unwrap();
    *stage.broken.lock().unwrap() = true;
    let error = end(&mut scan).await;
    assert!(matches!(error, BluetoothError::Misuse(ApiMisuse::TaskEnded)), "{error:?}");
    assert_eq!(stage.listening.borrow().now, 0);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_scan_listens_no_longer() {
    let stage = Stage::new(AdapterState::On);
    let scan = scan(stage.clone()).await.unwrap();
    stage.until(|count| count.now == 1).await;
    let before = Instant::now();
    drop(scan);
    stage.until(|count| count.now == 0).await;
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn listening_is_renewed_without_a_gap_and_without_an_event() {
    let stage = Stage::new(AdapterState::On);
    let mut scan = scan(stage.clone()).await.unwrap();
    stage.until(|count| count.ever == 2).await;
    assert_eq!(*stage.listening.borrow(), Count { now: 1, ever: 2, silences: 0 });
    stage.advertise(7);
    assert_eq!(next(&mut scan).await, ScanEvent::Advert(advert(7)));
}

#[tokio::test(start_paused = true)]
async fn adverts_that_are_not_read_are_dropped_and_the_radios_state_is_not() {
    let stage = Stage::new(AdapterState::On);
    let mut scan = scan(stage.clone()).await.unwrap();
    for _ in 0..QUEUE_LENGTH * 4 {
        stage.advertise(7);
    }
    // The task has taken them all once it has looked and stopped.
    stage.set(Ok(AdapterState::Off));
    stage.until(|count| count.now == 0).await;
    for _ in 0..QUEUE_LENGTH {
        assert_eq!(next(&mut scan).await, ScanEvent::Advert(advert(7)));
    }
    assert_eq!(next(&mut scan).await, ScanEvent::Adapter(AdapterState::Off));
}

#[test]
fn outside_a_runtime_a_scan_is_an_error_and_no_panic() {
    let refused = futures_util::FutureExt::now_or_never(scan(Stage::new(AdapterState::On)));
    let refused = refused.expect("at once").map(|_| ());
    let is_misuse = matches!(refused, Err(BluetoothError::Misuse(ApiMisuse::NoRuntime)));
    assert!(is_misuse, "{refused:?}");
}

#[test]
fn both_services_are_sighted_and_no_other() {
    let received = HashMap::from([
        (SERVICE_UUID, vec![1; 20]),
        (DEPRECATED_SERVICE_UUID, vec![2; 19]),
        (0xfef3, vec![3; 20]),
    ]);
    let seen = |service, service_data| {
        let mut seen = AdvertReport::new(service, service_data);
        seen.address = Some(PHONE);
        seen.rssi = Some(-60);
        seen
    };
    assert_eq!(
        advert_reports(|service| received.get(&service), Some(PHONE), Some(-60)),
        [seen(SERVICE_UUID, vec![1; 20]), seen(DEPRECATED_SERVICE_UUID, vec![2; 19])]
    );
}

#[test]
fn service_data_of_any_length_that_an_advert_has_is_sighted() {
    for length in 0..=MAX_SERVICE_DATA + 1 {
        let data = vec![0; length];
        let found = advert_reports(|_| Some(&data), None, None);
        let services = if length <= MAX_SERVICE_DATA { 2 } else { 0 };
        assert_eq!(found.len(), services, "{length} bytes");
    }
}

#[test]
fn of_several_adapters_the_best_counts() {
    use AdapterState::{Absent, NotPermitted, Off, On};
    for (states, expected) in [
        (&[][..], Absent),
        (&[Off], Off),
        (&[Off, On, Off], On),
        (&[Off, NotPermitted], Off),
        (&[NotPermitted], NotPermitted),
    ] {
        assert_eq!(combined_state(states.iter().copied()), expected, "{states:?}");
    }
}
