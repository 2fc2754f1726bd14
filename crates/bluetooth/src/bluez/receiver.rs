//! Receives the adverts of one adapter whose scan another connection started.
//!
//! Each signal is read as it comes, and costs a call only if it is of a phone: nothing
//! waits in a queue without a bound ([`Air`]).

use std::sync::Arc;

use dbus::Path;
use dbus::message::Message;
use dbus::nonblock::SyncConnection;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tracing::Instrument as _;

use super::super::dbus_error::bluetooth_error;
use super::super::polled_scan::{ActiveScan, RadioEvent};
use super::air::Air;
use super::bus::{self, Bus};
use super::{ADAPTER, DEVICE, objects};
use fido_hybrid_proto::error::BluetoothError;
use fido_hybrid_proto::ports::bluetooth::ScanEvent;

/// Adverts that wait for the scan's task. An advert beyond is dropped: its phone
/// repeats it.
const QUEUE: usize = 64;

/// Has a D-Bus connection of its own. Dropping it closes it.
pub(crate) struct Receiver {
    air: Arc<Air>,
    adapter: Path<'static>,
    /// Ends with the connection.
    events: mpsc::Receiver<Result<ScanEvent, BluetoothError>>,
    /// A task of its own: while there are signals, it does not pause.
    reader: AbortHandle,
}

impl Receiver {
    /// Receives what the adapter with this id receives, beginning with what is in range.
    ///
    /// # Cancel safety
    /// The connection is closed.
    pub(crate) async fn start(id: &str) -> Result<Self, BluetoothError> {
        let mut bus = Bus::connect(None).await?;
        let (sender, events) = mpsc::channel(QUEUE);
        let air = Arc::new(Air::new(&sender));
        let connection = Arc::clone(bus.connection());
        let adapter = bus.start(subscribe(&connection, &air, id)).await?;
        let read = async move {
            // `Air` has a weak one.
            let _sender = sender;
            bus.lost().await
        };
        let reader = tokio::spawn(read.in_current_span()).abort_handle();
        Ok(Self { air, adapter, events, reader })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn subscribe(
    connection: &Arc<SyncConnection>,
    air: &Arc<Air>,
    id: &str,
) -> Result<Path<'static>, BluetoothError> {
    let receiving = Arc::clone(air);
    let take = move |message: &Message, connection: &SyncConnection| {
        receiving.signal(message, connection);
    };
    bus::signals(connection, &[ADAPTER, DEVICE], take).await?;
    let owner = bus::owner(connection).await.map_err(bluetooth_error)?;
    air.lock().owner = Some(owner);
    let objects = bus::managed_objects(connection).await.map_err(bluetooth_error)?;
    let adapter = objects::adapters(&objects)
        .into_iter()
        .find(|found| found.adapter.id == id)
        .ok_or(BluetoothError::Absent)?
        .path;
    air.lock().listening.insert(adapter.clone());
    objects::in_range(&objects, &adapter).for_each(|advert| air.received(advert));
    Ok(adapter)
}

impl ActiveScan for Receiver {
    async fn next_event(&mut self) -> Option<RadioEvent> {
        // An adapter that was switched off or removed, or whose BlueZ has restarted, has
        // ended its scan.
        if !self.air.lock().listening.contains(&self.adapter) {
            return None;
        }
        tokio::select! {
            biased;
            () = self.air.changed.notified() => Some(RadioEvent::Change),
            event = self.events.recv() => match event? {
                Ok(ScanEvent::Advert(advert)) => Some(RadioEvent::Adverts(vec![advert])),
                _ => Some(RadioEvent::Change),
            },
        }
    }
}
