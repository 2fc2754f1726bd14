//! What is particular to macOS.
//!
//! Each adapter that btleplug makes has a thread that never ends. So there is
//! one for the whole process, made when it is first needed, which is also when
//! macOS asks its user whether this program may use Bluetooth.

use std::future::pending;
use std::sync::{Mutex, PoisonError};
use std::thread;

use btleplug::Error;
use btleplug::api::bleuuid::uuid_from_u16;
use btleplug::api::{Central, Manager as _, ScanFilter};
use btleplug::platform::{Adapter, Manager};
use futures_util::FutureExt;
use tokio::runtime;
use tokio::sync::{OnceCell, oneshot};

use crate::bluetooth::{
    AdapterState, Advertisement, Bluetooth, DEPRECATED_SERVICE_UUID, SERVICE_UUID,
};
use crate::error::BluetoothFault;

static ADAPTER: OnceCell<Adapter> = OnceCell::const_new();

/// What the adapter is if it says neither on nor off.
static UNKNOWN: OnceCell<AdapterState> = OnceCell::const_new();

/// How many listen. They share the adapter: only the last one may stop it.
static LISTENING: Mutex<usize> = Mutex::new(0);

/// `CBPeripheralManager` takes a name and UUIDs of services, no service data.
pub(in crate::bluetooth) async fn advertise(
    _: &Bluetooth,
    _: Vec<u8>,
) -> Result<Box<dyn Advertisement>, BluetoothFault> {
    Err(BluetoothFault::Unsupported(
        "advertise as a phone does: macOS lets no program put service data into an advert",
    ))
}

/// The one adapter. While macOS asks its user, this waits.
pub(super) async fn adapters() -> btleplug::Result<Vec<Adapter>> {
    let adapter = ADAPTER.get_or_try_init(bring_up).await?;
    Ok(vec![adapter.clone()])
}

/// Makes the adapter on a thread with a runtime of its own: what it spawns has
/// to outlive the runtime of whoever needs it first.
async fn bring_up() -> btleplug::Result<Adapter> {
    let (ready, adapter) = oneshot::channel();
    let serve = move || match runtime::Builder::new_current_thread().build() {
        Ok(runtime) => runtime.block_on(async {
            let made = make().await;
            let worked = made.is_ok();
            let kept = match ready.send(made) {
                Ok(()) => worked,
                // Nobody has waited for the user's answer. The next one to
                // come finds it.
                Err(Ok(adapter)) => ADAPTER.set(adapter).is_ok(),
                Err(Err(_)) => false,
            };
            if kept {
                pending::<()>().await;
            }
        }),
        Err(error) => {
            let _gone = ready.send(Err(Error::Other(error.into())));
        }
    };
    thread::Builder::new()
        .name("fido-hybrid-bluetooth".to_owned())
        .spawn(serve)
        .map_err(|error| Error::Other(error.into()))?;
    adapter.await.map_err(|ended| Error::Other(ended.into()))?
}

async fn make() -> btleplug::Result<Adapter> {
    let adapters = Manager::new().await?.adapters().await?;
    adapters.into_iter().next().ok_or(Error::NoAdapterAvailable)
}

/// What an adapter is that says neither on nor off: one that this program may
/// not use, or none at all. btleplug tells the two apart only when it makes an
/// adapter, and each takes a thread with it: it is asked once, as macOS ends a
/// program whose permission is changed while it runs.
pub(super) async fn unknown() -> AdapterState {
    let asked = UNKNOWN.get_or_init(|| async {
        match make().await {
            Err(Error::PermissionDenied) => AdapterState::NotPermitted,
            _ => AdapterState::Absent,
        }
    });
    *asked.await
}

/// One that listens.
pub(super) struct Scanning {
    adapter: Adapter,
}

impl Scanning {
    /// Also for those that listen already, which changes nothing for them.
    pub(super) async fn start(adapter: Adapter) -> btleplug::Result<Self> {
        let scanning = Self::counted(adapter);
        // It keeps what it has ever heard of.
        scanning.adapter.clear_peripherals().await?;
        let services = [SERVICE_UUID, DEPRECATED_SERVICE_UUID].map(uuid_from_u16).to_vec();
        scanning.adapter.start_scan(ScanFilter { services }).await?;
        Ok(scanning)
    }

    fn counted(adapter: Adapter) -> Self {
        *LISTENING.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self { adapter }
    }

    pub(super) const fn handle(&self) -> &Adapter {
        &self.adapter
    }
}

impl Drop for Scanning {
    fn drop(&mut self) {
        let mut listening = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
        *listening = listening.saturating_sub(1);
        if *listening == 0 {
            // A message to the adapter's thread, for which there is always
            // room. Under the lock: it does not overtake another's start.
            let _sent = self.adapter.stop_scan().now_or_never();
        }
    }
}
