//! A scan ends with its drop, whatever else happens to the program; and an advert.

use std::time::{Duration, Instant};

use fido_hybrid::bluetooth::{AdapterState, Advertiser as _, Scanner as _};
use fido_hybrid::error::{Advice, ApiMisuse, BluetoothError, Error, Stage};

use crate::bluez::{Air, Answer, Machine};
use crate::{bluetooth, laptop, scanning, soon};

/// What a scan may take to end.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Waits where no runtime runs that could do anything for the program.
fn until_without_a_runtime(air: &Air, what: &str, is_so: impl Fn() -> bool + Send) {
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            runtime.unwrap().block_on(air.until(what, is_so));
        });
        waiting.join().unwrap();
    });
}

fn no_program_discovers(machine: &Machine) -> bool {
    machine.discoverers("hci0").is_empty()
}

#[tokio::test]
async fn a_scan_stops_at_once_when_it_is_dropped() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut fastest = Duration::MAX;
    // A busy machine may hold up one or the other.
    for _ in 0..20 {
        let scan = scanning(&laptop).await;
        assert_eq!(laptop.discoverers("hci0").len(), 1);
        let dropped = Instant::now();
        drop(scan);
        until_without_a_runtime(&air, "the scan stops", || no_program_discovers(&laptop));
        fastest = fastest.min(dropped.elapsed());
        if fastest < AT_ONCE {
            return;
        }
    }
    panic!("the fastest of twenty took {fastest:?}");
}

#[tokio::test]
async fn dropping_the_future_of_a_scan_leaves_none_behind() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    for member in ["GetManagedObjects", "SetDiscoveryFilter", "StartDiscovery"] {
        laptop.answer(member, Answer::Hold);
        let before = laptop.calls_of(member).len();
        let radio = bluetooth(&laptop);
        let scan = tokio::spawn(async move { radio.scan().await.is_ok() });
        air.until("BlueZ is asked", || laptop.calls_of(member).len() > before).await;
        let program = laptop.calls_of(member)[before].program.clone();
        scan.abort();
        assert!(scan.await.unwrap_err().is_cancelled());
        air.until("the program has disconnected from the bus", || {
            laptop.has_disconnected(&program)
        })
        .await;
        laptop.answer_truly(member);
        assert!(no_program_discovers(&laptop), "{member}");
    }
}

#[tokio::test]
async fn a_scan_that_began_as_its_future_was_dropped_is_stopped() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    laptop.answer("StartDiscovery", Answer::DoInSilence);
    let radio = bluetooth(&laptop);
    let scan = tokio::spawn(async move { radio.scan().await.is_ok() });
    air.until("it discovers", || !no_program_discovers(&laptop)).await;
    scan.abort();
    air.until("the scan stops", || no_program_discovers(&laptop)).await;
}

#[tokio::test]
async fn a_panic_of_the_task_that_holds_a_scan_or_an_advert_ends_them() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let radio = bluetooth(&laptop);
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    let (go, may_go) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        let _scan = radio.scan().await.unwrap();
        let _advert = radio.advertise(vec![0; 20]).await.unwrap();
        ready.send(()).unwrap();
        may_go.await.unwrap();
        panic!("elsewhere in the program, on purpose");
    });
    soon("scan and advert", is_ready).await.unwrap();
    assert_eq!((laptop.discoverers("hci0").len(), air.adverts().len()), (1, 1));
    go.send(()).unwrap();
    assert!(task.await.unwrap_err().is_panic());
    air.until("both have ended", || no_program_discovers(&laptop) && air.adverts().is_empty())
        .await;
}

#[tokio::test]
async fn a_panic_beside_a_scan_does_not_disturb_it() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let mut scan = scanning(&laptop).await;
    let task = tokio::spawn(async { panic!("elsewhere in the program, on purpose") });
    assert!(task.await.unwrap_err().is_panic());
    crate::nothing_was_received(&air, &mut scan).await;
}

#[test]
fn the_end_of_the_runtime_ends_scan_and_advert() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let radio = bluetooth(&laptop);
    let (mut scan, mut advert) = runtime.block_on(async {
        (radio.scan().await.unwrap(), radio.advertise(vec![0; 20]).await.unwrap())
    });
    assert_eq!((laptop.discoverers("hci0").len(), air.adverts().len()), (1, 1));
    drop(runtime);
    // Nothing reads from the bus any more: the scan reports that.
    let another = tokio::runtime::Runtime::new().unwrap();
    let end = another.block_on(crate::end(&mut scan));
    assert!(matches!(end, BluetoothError::Misuse(ApiMisuse::TaskEnded)), "{end:?}");
    let end = another.block_on(soon("the end of the advert", advert.next())).unwrap_err();
    assert!(matches!(end, BluetoothError::Misuse(ApiMisuse::TaskEnded)), "{end:?}");
    assert_eq!(Error::new(Stage::Advertising, end).advice(), Advice::ReportTheProgram);
    drop((scan, advert));
    until_without_a_runtime(&air, "both have ended", || {
        no_program_discovers(&laptop) && air.adverts().is_empty()
    });
}

/// Each `state` has a connection of its own. When one is closed while another is
/// opened, the new one gets its number, and once it stopped reading from the bus
/// then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_come_and_go_take_nothing_from_each_other() {
    let Some(air) = Air::by_hand() else { return };
    let laptop = laptop(&air);
    let asking = (0..4).map(|_| {
        let radio = bluetooth(&laptop);
        tokio::spawn(async move {
            for _ in 0..600 {
                let state = soon("the state of the radio", radio.state()).await;
                assert_eq!(state.unwrap(), AdapterState::On);
            }
        })
    });
    for asking in asking.collect::<Vec<_>>() {
        asking.await.unwrap();
    }
}
