//! A scanner for a btleplug adapter that the program brings.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use btleplug::api::bleuuid::uuid_from_u16;
use btleplug::api::{Central as _, CentralState, ScanFilter};
use btleplug::platform::Adapter;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use super::error::bluetooth_error;
#[cfg(target_os = "linux")]
use super::linux::receive;
#[cfg(not(target_os = "linux"))]
use super::receiver::{Receiver, receive};
#[cfg(target_os = "linux")]
use crate::bluez::Receiver;
#[cfg(target_os = "macos")]
use crate::central::Central;
use crate::polled_scan::{self, ActiveScan, PolledRadio, RadioEvent};
use fido_hybrid_proto::error::{ApiMisuse, BluetoothError};
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_proto::ports::bluetooth::{
    AdapterState, DEPRECATED_SERVICE_UUID, SERVICE_UUID, Scan, Scanner,
};

/// A [`Scanner`] for a btleplug adapter that the program brings: for programs that
/// use btleplug already and scan with one adapter for everything.
///
/// [`Bluetooth`](crate::Bluetooth) needs no adapter, and on Linux it does more with
/// BlueZ. Prefer it unless the program has a reason to choose.
///
/// ```no_run
/// # async fn scanner() -> Result<(), Box<dyn std::error::Error>> {
/// # use fido_hybrid_bluetooth::BtleplugScanner;
/// # use fido_hybrid_bluetooth::btleplug::api::Manager as _;
/// # use fido_hybrid_bluetooth::btleplug::platform::Manager;
///
/// let adapters = Manager::new().await?.adapters().await?;
/// let adapter = adapters.into_iter().next().ok_or("no Bluetooth adapter")?;
/// let scanner = BtleplugScanner::new(adapter);
/// # let _ = scanner;
/// # Ok(())
/// # }
/// ```
///
/// # The adapter
///
/// The program keeps the adapter: it may connect to devices, and clone it. Only starting
/// and stopping the adapter's scan is the scanner's, as long as a scan runs: an adapter
/// has one scan and one filter, so another `start_scan` or `stop_scan` with the same
/// adapter disturbs it. Clones of a scanner share its scan: the last [`Scan`] that is
/// dropped stops it. A program that scans for other devices at the same time
/// needs a second `Manager` and an adapter of it.
///
/// Dropping a scan stops the adapter's scan in a task of the runtime in which the scan
/// began. If that runtime has ended, the scan stops when all clones of the adapter
/// are dropped.
///
/// # Limits
///
/// * Scans are active, never passive: the adapter sends scan requests, to which devices
///   nearby respond. btleplug has no other.
/// * The adapter's state is polled each second. While it is off, the scan waits
///   and reports [`AdapterState::Off`]. The scanner never switches an adapter on. btleplug
///   does on Linux when a scan starts, so a user who switches it off in the
///   milliseconds between the look and the start finds it switched on again.
/// * An advert is reported each time the system reports it, and on Linux sometimes
///   twice when its device is new. Callers must accept duplicates, as of any scanner.
/// * A scan that the system ended without an event is started again within 60 s, but on
///   Windows not at all.
///
/// On Linux also:
///
/// * Adverts are received through a second D-Bus connection to the system's bus, which
///   must be on this machine. btleplug's own events wait in a queue without a bound.
/// * BlueZ's filters compare lists of services and never service data, so the scan has no
///   filter and each report of any device nearby costs a D-Bus signal. An advert of
///   a phone costs one call at most.
/// * The scan looks for Bluetooth Classic too, which takes part of the adapter's time.
/// * Only BlueZ's own signals and responses count. Other local programs can send
///   signals too, which are ignored.
///
/// # Errors
///
/// [`Scanner::scan`] fails, or the scan ends after 10 failures in a row, with
/// [`BluetoothError::NotPermitted`] if the system refuses this program,
/// [`BluetoothError::Busy`] if BlueZ scans for another user of the same D-Bus connection,
/// [`BluetoothError::Silent`] if the system's Bluetooth service does not answer (on Linux within
/// 30 seconds at the first look, and within 5 seconds later),
/// [`BluetoothError::NoService`] if D-Bus cannot be reached when the scan begins to receive,
/// [`BluetoothError::Misuse`] outside a tokio runtime, and
/// [`BluetoothError::Failed`] with btleplug's error otherwise. A missing
/// adapter, or a BlueZ that does not run, is [`AdapterState::Absent`] and no error.
#[derive(Clone)]
pub struct BtleplugScanner {
    shared: Arc<SharedScan>,
}

impl BtleplugScanner {
    /// A scanner for this adapter, which does nothing yet.
    #[must_use]
    pub fn new(adapter: Adapter) -> Self {
        let shared = SharedScan {
            adapter,
            users: AtomicUsize::new(0),
            runs: Mutex::new(false),
            #[cfg(target_os = "macos")]
            central: Central::default(),
        };
        Self { shared: Arc::new(shared) }
    }
}

impl fmt::Debug for BtleplugScanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BtleplugScanner").finish_non_exhaustive()
    }
}

impl Scanner for BtleplugScanner {
    fn state(&self) -> BoxFuture<'_, Result<AdapterState, BluetoothError>> {
        Box::pin(self.shared.state())
    }

    fn scan(&self) -> BoxFuture<'_, Result<Box<dyn Scan>, BluetoothError>> {
        let radio = Radio { shared: Arc::clone(&self.shared) };
        Box::pin(polled_scan::scan(radio))
    }
}

struct Radio {
    shared: Arc<SharedScan>,
}

impl PolledRadio for Radio {
    type ActiveScan = Reception;

    async fn poll_state(&mut self) -> Result<AdapterState, BluetoothError> {
        self.shared.state().await
    }

    async fn start_scan(&mut self) -> Result<Reception, BluetoothError> {
        let runtime = Handle::try_current().map_err(|_| ApiMisuse::NoRuntime)?;
        // Before the start, so that the first adverts are not missed.
        let receiver = receive(&self.shared.adapter).await?;
        let user = User::start(&self.shared, runtime).await.map_err(bluetooth_error)?;
        Ok(Reception { receiver, _user: user })
    }
}

struct Reception {
    receiver: Receiver,
    _user: User,
}

impl ActiveScan for Reception {
    async fn next_event(&mut self) -> Option<RadioEvent> {
        self.receiver.next_event().await
    }
}

/// The adapter's scan, which all scans of one scanner share.
struct SharedScan {
    adapter: Adapter,
    users: AtomicUsize,
    /// Whether it was started and not stopped. Held while either is done, so that a
    /// late stop does not end a new scan.
    runs: Mutex<bool>,
    /// Finds out why an adapter is neither on nor off.
    #[cfg(target_os = "macos")]
    central: Central,
}

impl SharedScan {
    async fn state(&self) -> Result<AdapterState, BluetoothError> {
        // On Linux `adapter_state` reports an adapter that cannot be read as off. This
        // call says why.
        match self.adapter.adapter_address().await.map_err(bluetooth_error) {
            Ok(_) => {}
            Err(BluetoothError::Absent) => return Ok(AdapterState::Absent),
            Err(BluetoothError::NotPermitted) => return Ok(AdapterState::NotPermitted),
            Err(error) => return Err(error),
        }
        Ok(match self.adapter.adapter_state().await.map_err(bluetooth_error)? {
            CentralState::PoweredOn => AdapterState::On,
            CentralState::PoweredOff => AdapterState::Off,
            CentralState::Unknown => self.unknown().await,
        })
    }

    /// Windows: a switch of the machine or its firmware keeps it off.
    #[cfg(windows)]
    async fn unknown(&self) -> AdapterState {
        AdapterState::Off
    }

    /// The user has refused this program, or there is no adapter.
    #[cfg(target_os = "macos")]
    async fn unknown(&self) -> AdapterState {
        self.central.unknown().await
    }

    /// btleplug has no third state here.
    #[cfg(not(any(windows, target_os = "macos")))]
    async fn unknown(&self) -> AdapterState {
        AdapterState::Absent
    }

    async fn start(&self) -> btleplug::Result<()> {
        let mut runs = self.runs.lock().await;
        // Windows has one watcher for each adapter, which runs.
        if cfg!(windows) && *runs {
            return Ok(());
        }
        match self.adapter.start_scan(filter()).await {
            // BlueZ refuses to start a scan that runs, and starts one that it lost.
            Err(_) if *runs => {}
            started => started?,
        }
        *runs = true;
        Ok(())
    }

    async fn stop_if_unused(&self) {
        let mut runs = self.runs.lock().await;
        if self.users.load(Ordering::SeqCst) == 0 {
            *runs = false;
            // Fails if the adapter is off or removed, which ended the scan.
            let _ended = self.adapter.stop_scan().await;
        }
    }
}

fn filter() -> ScanFilter {
    // macOS reports nothing without a filter.
    if cfg!(target_vendor = "apple") {
        let services = [SERVICE_UUID, DEPRECATED_SERVICE_UUID].map(uuid_from_u16).to_vec();
        return ScanFilter { services };
    }
    ScanFilter::default()
}

/// A user of the adapter's scan. The drop of the last one stops it.
struct User {
    shared: Arc<SharedScan>,
    runtime: Handle,
}

impl User {
    async fn start(shared: &Arc<SharedScan>, runtime: Handle) -> btleplug::Result<Self> {
        shared.users.fetch_add(1, Ordering::SeqCst);
        // From here on, dropping it stops what was begun.
        let user = Self { shared: Arc::clone(shared), runtime };
        user.shared.start().await?;
        Ok(user)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        if self.shared.users.fetch_sub(1, Ordering::SeqCst) == 1 {
            let shared = Arc::clone(&self.shared);
            self.runtime.spawn(async move { shared.stop_if_unused().await });
        }
    }
}
