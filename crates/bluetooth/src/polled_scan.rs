//! A scan with a radio that does not tell everything by itself.
//!
//! The systems that this is for (Windows and macOS, through btleplug) have an
//! adapter report that it was switched on or off, at best, and never that one
//! was plugged in or pulled out, or that listening has broken off. So a task
//! looks at the [`PolledRadio`] every [`POLL_INTERVAL`], listens whenever it is on,
//! and restarts the scan every [`RENEWAL_INTERVAL`].
//!
//! What the task receives waits in a queue of [`QUEUE_LENGTH`]: the systems' own
//! queues are short, and silently drop what is not taken in time.

// On Linux for its tests alone: BlueZ's adverts are read in `bluez`.
#[cfg(any(not(target_os = "linux"), test))]
mod reports;

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, consume_budget};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{Instrument as _, debug};

use fido_hybrid_proto::error::{ApiMisuse, BluetoothError};
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_proto::ports::bluetooth::{AdapterState, AdvertReport, Scan, ScanEvent};

#[cfg(not(target_os = "linux"))]
pub(super) use reports::advert_reports;

/// How often the radio is looked at: the longest that a person waits after
/// they have switched it on or plugged it in.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How often the scan is restarted although nothing seems wrong: btleplug does
/// not say that Windows has given up, as it may in standby. It also remembers
/// every device that was near since listening began.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(60);

/// After so many failures, with nothing between them that worked for a
/// [`POLL_INTERVAL`], the scan ends.
const MAX_FAILURES: u32 = 10;

/// How long the radio may take to be looked at, or to begin to listen, before it counts as
/// [`BluetoothError::Silent`]. The first look of all may take longer: a person may be asked.
const RADIO_LIMIT: Duration = Duration::from_secs(5);

/// Events that wait for the program. Phones repeat their adverts several times
/// a second: what finds no room comes again.
const QUEUE_LENGTH: usize = 256;

/// A radio that has to be looked at.
pub(super) trait PolledRadio: Send + 'static {
    /// PolledScan under way. Dropping it stops it.
    type ActiveScan: ActiveScan;

    /// How the radio is now.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    fn poll_state(&mut self) -> impl Future<Output = Result<AdapterState, BluetoothError>> + Send;

    /// Listens with what the last look has found on.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing listening.
    fn start_scan(
        &mut self,
    ) -> impl Future<Output = Result<Self::ActiveScan, BluetoothError>> + Send;
}

/// A radio that listens.
pub(super) trait ActiveScan: Send + 'static {
    /// The next event; `None` once the scan has broken off.
    ///
    /// # Cancel safety
    /// An advert may be lost. It comes again.
    fn next_event(&mut self) -> impl Future<Output = Option<RadioEvent>> + Send;
}

/// An event of a radio.
pub(super) enum RadioEvent {
    /// The adverts of one device.
    Adverts(Vec<AdvertReport>),
    /// That it should be looked at, now.
    Change,
}

/// The common state of several adapters: one that is on is enough.
#[cfg(any(windows, target_os = "macos", test))]
pub(super) fn combined_state(states: impl IntoIterator<Item = AdapterState>) -> AdapterState {
    let rank = |state: &AdapterState| match state {
        AdapterState::On => 4,
        AdapterState::NotReady => 3,
        AdapterState::Off => 2,
        AdapterState::NotPermitted => 1,
        AdapterState::Absent => 0,
    };
    states.into_iter().max_by_key(rank).unwrap_or(AdapterState::Absent)
}

/// Begins a scan. Within a tokio runtime.
///
/// # Errors
/// [`BluetoothError::NotPermitted`], and whatever the first look or the first
/// listening fails with.
pub(super) async fn scan(mut radio: impl PolledRadio) -> Result<Box<dyn Scan>, BluetoothError> {
    let runtime = Handle::try_current().map_err(|_| ApiMisuse::NoRuntime)?;
    let state = radio.poll_state().await?;
    let scan = match state {
        AdapterState::On => Some(in_time(radio.start_scan()).await?),
        // The systems ask their user once: what was refused stays refused
        // until the program is restarted.
        AdapterState::NotPermitted => return Err(BluetoothError::NotPermitted),
        AdapterState::NotReady | AdapterState::Off | AdapterState::Absent => None,
    };
    let (queue, events) = mpsc::channel(QUEUE_LENGTH);
    let renew_at = Instant::now() + RENEWAL_INTERVAL;
    let task = ScanTask { radio, scan, renew_at, last_reported: AdapterState::On, queue };
    let task = runtime.spawn(task.run(state).in_current_span());
    Ok(Box::new(PolledScan { events, task, over: None }))
}

type Queue = mpsc::Sender<Result<ScanEvent, BluetoothError>>;

struct PolledScan {
    events: mpsc::Receiver<Result<ScanEvent, BluetoothError>>,
    task: JoinHandle<()>,
    over: Option<BluetoothError>,
}

impl Scan for PolledScan {
    fn next(&mut self) -> BoxFuture<'_, Result<ScanEvent, BluetoothError>> {
        Box::pin(async move {
            if let Some(error) = &self.over {
                return Err(error.clone());
            }
            let event =
                self.events.recv().await.unwrap_or_else(|| Err(ApiMisuse::TaskEnded.into()));
            self.over = event.as_ref().err().cloned();
            event
        })
    }
}

impl Drop for PolledScan {
    fn drop(&mut self) {
        // With the task go its scan, and with them the system's scan.
        self.task.abort();
    }
}

struct ScanTask<R: PolledRadio> {
    radio: R,
    /// While it listens.
    scan: Option<R::ActiveScan>,
    renew_at: Instant,
    /// The state of the radio that the program was told last.
    last_reported: AdapterState,
    queue: Queue,
}

/// The result of one look at the scan.
enum Found {
    /// The scan runs, and has run at least since the last look.
    Steady,
    /// It has begun to listen, which may break off at once.
    Begun,
}

impl<R: PolledRadio> ScanTask<R> {
    async fn run(mut self, first: AdapterState) {
        self.tell(first).await;
        let error = self.attend().await;
        debug!(%error, "the scan ends");
        // The scan is dropped before the error is sent, so that it is off for the receiver.
        self.scan = None;
        let _dropped = self.queue.send(Err(error)).await;
    }

    /// Goes on until there is no point in it.
    async fn attend(&mut self) -> BluetoothError {
        let mut poll_at = Instant::now() + POLL_INTERVAL;
        let mut failures = 0;
        loop {
            // The clock first: however many adverts there are, the radio is
            // looked at.
            let found = tokio::select! {
                biased;
                () = sleep_until(poll_at) => {
                    let found = self.poll_state().await;
                    poll_at = Instant::now() + POLL_INTERVAL;
                    found
                }
                received = next_event(&mut self.scan) => match received {
                    Some(RadioEvent::Adverts(adverts)) => {
                        pass_on(&self.queue, adverts);
                        consume_budget().await;
                        continue;
                    }
                    Some(RadioEvent::Change) => {
                        poll_at = Instant::now();
                        continue;
                    }
                    // Not looked at before it is time: what breaks off at once
                    // again is not to keep a core busy.
                    None => {
                        self.scan = None;
                        Err(BrokenOff.into())
                    }
                },
            };
            match found {
                Ok(Found::Steady) => failures = 0,
                Ok(Found::Begun) => {}
                Err(error) => {
                    failures += 1;
                    debug!(%error, failures, "the radio failed");
                    if failures >= MAX_FAILURES {
                        return error;
                    }
                }
            }
        }
    }

    /// Looks at the radio, and listens if it should and does not.
    async fn poll_state(&mut self) -> Result<Found, BluetoothError> {
        let state = self.poll_while_scanning().await?;
        let mut found = Found::Steady;
        if state != AdapterState::On {
            self.scan = None;
        } else if self.scan.is_none() || self.renew_at <= Instant::now() {
            if self.scan.is_none() {
                found = Found::Begun;
            }
            // The new scan before the old ones go: nothing is missed.
            self.scan = Some(in_time(self.radio.start_scan()).await?);
            self.renew_at = Instant::now() + RENEWAL_INTERVAL;
        }
        self.tell(state).await;
        Ok(found)
    }

    /// The radio's state. The query may take a while; adverts are received meanwhile.
    async fn poll_while_scanning(&mut self) -> Result<AdapterState, BluetoothError> {
        let mut look = pin!(in_time(self.radio.poll_state()));
        loop {
            tokio::select! {
                biased;
                state = &mut look => return state,
                received = next_event(&mut self.scan) => match received {
                    Some(RadioEvent::Adverts(adverts)) => {
                        pass_on(&self.queue, adverts);
                        consume_budget().await;
                    }
                    // It is looked at.
                    Some(RadioEvent::Change) => {}
                    None => {
                        self.scan = None;
                        return Err(BrokenOff.into());
                    }
                },
            }
        }
    }

    async fn tell(&mut self, state: AdapterState) {
        if self.last_reported != state {
            self.last_reported = state;
            // Waits for room: unlike an advert it is not said again.
            let _dropped = self.queue.send(Ok(ScanEvent::Adapter(state))).await;
        }
    }
}

fn pass_on(queue: &Queue, adverts: Vec<AdvertReport>) {
    for advert in adverts {
        let _full = queue.try_send(Ok(ScanEvent::Advert(advert)));
    }
}

/// # Cancel safety
/// As [`ActiveScan::next_event`].
async fn next_event(scan: &mut Option<impl ActiveScan>) -> Option<RadioEvent> {
    match scan {
        Some(scan) => scan.next_event().await,
        None => pending().await,
    }
}

async fn in_time<T>(
    radio: impl Future<Output = Result<T, BluetoothError>>,
) -> Result<T, BluetoothError> {
    timeout(RADIO_LIMIT, radio).await.unwrap_or(Err(BluetoothError::Silent))
}

/// The scan ended, and its owner did not stop it.
#[derive(Debug, thiserror::Error)]
#[error("the scan broke off")]
struct BrokenOff;

impl From<BrokenOff> for BluetoothError {
    fn from(broken: BrokenOff) -> Self {
        Self::Failed(Arc::new(broken))
    }
}

#[cfg(test)]
mod tests;
