//! A scan with a radio that does not tell everything by itself.
//!
//! The systems that this is for (Windows and macOS, through btleplug) have an
//! adapter report that it was switched on or off, at best, and never that one
//! was plugged in or pulled out, or that listening has broken off. So a task
//! looks at the [`Radio`] every [`LOOK_INTERVAL`], listens whenever it is on,
//! and begins to listen anew every [`RENEWAL_INTERVAL`].
//!
//! What the task hears waits in a queue of [`QUEUE_LENGTH`]: the systems' own
//! queues are short, and silently drop what is not taken in time.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, consume_budget};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use fido_hybrid_proto::error::{ApiMisuse, BluetoothFault};
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_proto::ports::bluetooth::{
    AdapterState, Address, DEPRECATED_SERVICE_UUID, SERVICE_UUID, Scan, ScanEvent, Sighting,
};

/// How often the radio is looked at: the longest that a person waits after
/// they have switched it on or plugged it in.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How often listening begins anew although nothing seems wrong: btleplug does
/// not say that Windows has given up, as it may in standby. It also remembers
/// every device that was near since listening began.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(60);

/// After so many failures, with nothing between them that worked for a
/// [`LOOK_INTERVAL`], the scan ends.
const MAX_FAILURES: u32 = 10;

/// How long the radio may take to be looked at, or to begin to listen. The
/// first look of all may take longer: a person may be asked.
const RADIO_LIMIT: Duration = Duration::from_secs(5);

/// Events that wait for the program. Phones repeat their adverts several times
/// a second: what finds no room comes again.
const QUEUE_LENGTH: usize = 256;

/// The longest service data that an advert holds: the length of what carries
/// it is one byte.
const MAX_SERVICE_DATA: usize = 255;

/// A radio that has to be looked at.
pub(super) trait Radio: Send + 'static {
    /// Listening under way. Dropping it stops it.
    type Ears: Ears;

    /// How the radio is now.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    fn look(&mut self) -> impl Future<Output = Result<AdapterState, BluetoothFault>> + Send;

    /// Listens with what the last look has found on.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing listening.
    fn listen(&mut self) -> impl Future<Output = Result<Self::Ears, BluetoothFault>> + Send;
}

/// A radio that listens.
pub(super) trait Ears: Send + 'static {
    /// What is heard next; `None` once listening has broken off.
    ///
    /// # Cancel safety
    /// An advert may be lost. It comes again.
    fn hear(&mut self) -> impl Future<Output = Option<Heard>> + Send;
}

/// What a radio hears.
pub(super) enum Heard {
    /// The adverts of one device.
    Sightings(Vec<Sighting>),
    /// That it should be looked at, now.
    Change,
}

/// The sightings in one device's service data, which is looked up by service.
pub(super) fn sightings<'a>(
    service_data: impl Fn(u16) -> Option<&'a Vec<u8>>,
    address: Option<Address>,
    rssi: Option<i16>,
) -> Vec<Sighting> {
    [SERVICE_UUID, DEPRECATED_SERVICE_UUID]
        .into_iter()
        .filter_map(|service| {
            let data = service_data(service).filter(|data| data.len() <= MAX_SERVICE_DATA)?;
            let mut sighting = Sighting::new(service, data.clone());
            sighting.address = address;
            sighting.rssi = rssi;
            Some(sighting)
        })
        .collect()
}

/// What several adapters together are: one that is on is enough.
pub(super) fn together(states: impl IntoIterator<Item = AdapterState>) -> AdapterState {
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
/// [`BluetoothFault::NotPermitted`], and whatever the first look or the first
/// listening fails with.
pub(super) async fn scan(mut radio: impl Radio) -> Result<Box<dyn Scan>, BluetoothFault> {
    let runtime = Handle::try_current().map_err(|_| ApiMisuse::NoRuntime)?;
    let state = radio.look().await?;
    let ears = match state {
        AdapterState::On => Some(in_time(radio.listen()).await?),
        // The systems ask their user once: what was refused stays refused
        // until the program is started anew.
        AdapterState::NotPermitted => return Err(BluetoothFault::NotPermitted),
        AdapterState::NotReady | AdapterState::Off | AdapterState::Absent => None,
    };
    let (queue, events) = mpsc::channel(QUEUE_LENGTH);
    let renew_at = Instant::now() + RENEWAL_INTERVAL;
    let listener = Listener { radio, ears, renew_at, told: AdapterState::On, queue };
    let task = runtime.spawn(listener.run(state));
    Ok(Box::new(Listening { events, task, over: None }))
}

type Queue = mpsc::Sender<Result<ScanEvent, BluetoothFault>>;

struct Listening {
    events: mpsc::Receiver<Result<ScanEvent, BluetoothFault>>,
    task: JoinHandle<()>,
    over: Option<BluetoothFault>,
}

impl Scan for Listening {
    fn next(&mut self) -> BoxFuture<'_, Result<ScanEvent, BluetoothFault>> {
        Box::pin(async move {
            if let Some(fault) = &self.over {
                return Err(fault.clone());
            }
            let event =
                self.events.recv().await.unwrap_or_else(|| Err(ApiMisuse::TaskEnded.into()));
            self.over = event.as_ref().err().cloned();
            event
        })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // With the task go its ears, and with them the system's scan.
        self.task.abort();
    }
}

struct Listener<R: Radio> {
    radio: R,
    /// While it listens.
    ears: Option<R::Ears>,
    renew_at: Instant,
    /// What the program believes the radio is.
    told: AdapterState,
    queue: Queue,
}

/// What a look has found of the scan.
enum Found {
    /// It is as it should be, and was so since the last look at the least.
    Steady,
    /// It has begun to listen, which may break off at once.
    Begun,
}

impl<R: Radio> Listener<R> {
    async fn run(mut self, first: AdapterState) {
        self.tell(first).await;
        let fault = self.attend().await;
        debug!(%fault, "the scan ends");
        // The ears first: who hears of the end finds nothing on.
        self.ears = None;
        let _dropped = self.queue.send(Err(fault)).await;
    }

    /// Goes on until there is no point in it.
    async fn attend(&mut self) -> BluetoothFault {
        let mut look_at = Instant::now() + LOOK_INTERVAL;
        let mut failures = 0;
        loop {
            // The clock first: however many adverts there are, the radio is
            // looked at.
            let found = tokio::select! {
                biased;
                () = sleep_until(look_at) => {
                    let found = self.look().await;
                    look_at = Instant::now() + LOOK_INTERVAL;
                    found
                }
                heard = hear(&mut self.ears) => match heard {
                    Some(Heard::Sightings(sightings)) => {
                        pass_on(&self.queue, sightings);
                        consume_budget().await;
                        continue;
                    }
                    Some(Heard::Change) => {
                        look_at = Instant::now();
                        continue;
                    }
                    // Not looked at before it is time: what breaks off at once
                    // again is not to keep a core busy.
                    None => {
                        self.ears = None;
                        Err(Broken::Listening.into())
                    }
                },
            };
            match found {
                Ok(Found::Steady) => failures = 0,
                Ok(Found::Begun) => {}
                Err(fault) => {
                    failures += 1;
                    debug!(%fault, failures, "the radio failed");
                    if failures >= MAX_FAILURES {
                        return fault;
                    }
                }
            }
        }
    }

    /// Looks at the radio, and listens if it should and does not.
    async fn look(&mut self) -> Result<Found, BluetoothFault> {
        let state = self.look_while_listening().await?;
        let mut found = Found::Steady;
        if state != AdapterState::On {
            self.ears = None;
        } else if self.ears.is_none() || self.renew_at <= Instant::now() {
            if self.ears.is_none() {
                found = Found::Begun;
            }
            // The new ears before the old ones go: nothing is missed.
            self.ears = Some(in_time(self.radio.listen()).await?);
            self.renew_at = Instant::now() + RENEWAL_INTERVAL;
        }
        self.tell(state).await;
        Ok(found)
    }

    /// The radio's state. A look may take the system a while, in which adverts
    /// are heard as ever.
    async fn look_while_listening(&mut self) -> Result<AdapterState, BluetoothFault> {
        let mut look = pin!(in_time(self.radio.look()));
        loop {
            tokio::select! {
                biased;
                state = &mut look => return state,
                heard = hear(&mut self.ears) => match heard {
                    Some(Heard::Sightings(sightings)) => {
                        pass_on(&self.queue, sightings);
                        consume_budget().await;
                    }
                    // It is looked at.
                    Some(Heard::Change) => {}
                    None => {
                        self.ears = None;
                        return Err(Broken::Listening.into());
                    }
                },
            }
        }
    }

    async fn tell(&mut self, state: AdapterState) {
        if self.told != state {
            self.told = state;
            // Waits for room: unlike an advert it is not said again.
            let _dropped = self.queue.send(Ok(ScanEvent::Adapter(state))).await;
        }
    }
}

fn pass_on(queue: &Queue, sightings: Vec<Sighting>) {
    for sighting in sightings {
        let _full = queue.try_send(Ok(ScanEvent::Sighting(sighting)));
    }
}

/// # Cancel safety
/// As [`Ears::hear`].
async fn hear(ears: &mut Option<impl Ears>) -> Option<Heard> {
    match ears {
        Some(ears) => ears.hear().await,
        None => pending().await,
    }
}

async fn in_time<T>(
    radio: impl Future<Output = Result<T, BluetoothFault>>,
) -> Result<T, BluetoothFault> {
    timeout(RADIO_LIMIT, radio).await.unwrap_or_else(|_| Err(Broken::Stuck.into()))
}

/// Why a scan ends that nobody has stopped.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("listening broke off")]
    Listening,
    #[error("the system does not answer")]
    Stuck,
}

impl From<Broken> for BluetoothFault {
    fn from(broken: Broken) -> Self {
        Self::Failed(Arc::new(broken))
    }
}

#[cfg(test)]
mod tests;
