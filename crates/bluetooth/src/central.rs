//! macOS's one adapter.
//!
//! btleplug's adapters have a thread each that never ends. So the clones of a
//! `Bluetooth` share one adapter, made when it is first needed, which is also
//! when macOS asks its user whether this program may use Bluetooth.

use std::future::pending;
use std::sync::Mutex;
use std::{fmt, thread};

use btleplug::Error;
use btleplug::api::Manager as _;
use btleplug::platform::{Adapter, Manager};
use tokio::runtime;
use tokio::sync::{OnceCell, oneshot};

use fido_hybrid_proto::ports::bluetooth::AdapterState;

/// The state that the clones of a `Bluetooth` share.
#[derive(Default)]
pub(crate) struct Central {
    adapter: OnceCell<Adapter>,
    /// The adapter while it is made, for the next caller if this one gives
    /// up: macOS may be asking its user.
    coming: tokio::sync::Mutex<Option<Coming>>,
    /// The adapter's state if it reports neither on nor off.
    unknown: OnceCell<AdapterState>,
    /// How many listen: only the last one may stop the adapter.
    pub(crate) listening: Mutex<usize>,
}

type Coming = oneshot::Receiver<btleplug::Result<Adapter>>;

impl fmt::Debug for Central {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Central").finish_non_exhaustive()
    }
}

impl Central {
    /// While macOS asks its user, this waits.
    pub(crate) async fn adapter(&self) -> btleplug::Result<Adapter> {
        let made = self.adapter.get_or_try_init(|| async {
            let mut coming = self.coming.lock().await;
            let adapter = match &mut *coming {
                Some(adapter) => adapter,
                None => coming.insert(bring_up()?),
            };
            let made = adapter.await;
            *coming = None;
            made.map_err(|ended| Error::Other(ended.into()))?
        });
        made.await.cloned()
    }

    /// The state of an adapter that reports neither on nor off: not permitted, or
    /// absent. btleplug tells which only when it makes another, with another
    /// thread. Once is enough: macOS ends a program whose permission is changed
    /// while it runs.
    pub(crate) async fn unknown(&self) -> AdapterState {
        let asked = self.unknown.get_or_init(|| async {
            match make().await {
                Err(Error::PermissionDenied) => AdapterState::NotPermitted,
                _ => AdapterState::Absent,
            }
        });
        *asked.await
    }
}

/// Makes an adapter on a thread with a runtime of its own: what it spawns has
/// to outlive the runtime of the first caller.
fn bring_up() -> btleplug::Result<Coming> {
    let (ready, coming) = oneshot::channel();
    let serve = move || match runtime::Builder::new_current_thread().build() {
        Ok(runtime) => runtime.block_on(async {
            let made = make().await;
            let serves = made.is_ok();
            let _dropped = ready.send(made);
            if serves {
                pending::<()>().await;
            }
        }),
        Err(error) => {
            let _dropped = ready.send(Err(Error::Other(error.into())));
        }
    };
    thread::Builder::new()
        .name("fido-hybrid-bluetooth".to_owned())
        .spawn(serve)
        .map_err(|error| Error::Other(error.into()))?;
    Ok(coming)
}

async fn make() -> btleplug::Result<Adapter> {
    let adapters = Manager::new().await?.adapters().await?;
    adapters.into_iter().next().ok_or(Error::NoAdapterAvailable)
}
