//! A connection to the system's D-Bus.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use dbus::arg::{AppendAll, ReadAll};
use dbus::channel::MatchingReceiver as _;
use dbus::message::{MatchRule, MessageType};
use dbus::nonblock::{Proxy, SyncConnection};
use dbus::{Message, Path};
use dbus_tokio::connection::{self, IOResource, IOResourceError};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::super::dbus_error::{TIMEOUT, bluetooth_error};
use super::connect::connect;
use super::objects::Objects;
use super::{BLUEZ, OBJECT_MANAGER, PROPERTIES, THE_BUS};
use fido_hybrid_proto::error::{ApiMisuse, BluetoothError};

/// How long BlueZ or the bus may take to answer. They answer at once, but for an
/// adapter that is being switched on.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a scan or an advert may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(15);

/// The timeout that libdbus gets in place of [`CALL_TIMEOUT`], which runs by tokio's clock:
/// it measures with one clock and waits by the other.
const NO_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// A connection of one's own. Dropping it closes it.
///
/// Call methods only inside [`during`](Self::during), which also drives the reader:
/// with dbus-tokio 0.7, a call from another thread can report "not sent" although
/// it was sent.
pub(super) struct Bus {
    // Dropped in this order. dbus-tokio drops its own the other way round: once
    // the socket is closed, its number may be another connection's already, and
    // what is then taken from the reactor under this number is that one's
    // socket. It would never wake again.
    reader: IOResource<SyncConnection>,
    connection: Arc<SyncConnection>,
}

/// Why there is no D-Bus any more.
#[derive(Debug, thiserror::Error)]
#[error("the connection to D-Bus was lost")]
struct Lost(#[source] IOResourceError);

impl Bus {
    /// Connects to the system's bus, or to the one at `address`.
    ///
    /// # Cancel safety
    /// A connection that is made all the same is closed.
    pub(super) async fn connect(address: Option<&str>) -> Result<Self, BluetoothError> {
        Handle::try_current().map_err(|_| ApiMisuse::NoRuntime)?;
        let channel = connect(address).await?;
        let (reader, connection) = connection::from_channel(channel).map_err(bluetooth_error)?;
        Ok(Self { reader, connection })
    }

    pub(super) const fn connection(&self) -> &Arc<SyncConnection> {
        &self.connection
    }

    /// Reads until the end of the connection.
    ///
    /// # Cancel safety
    /// The next call goes on.
    pub(super) async fn lost(&mut self) -> BluetoothError {
        BluetoothError::NoService(Arc::new(Lost((&mut self.reader).await)))
    }

    /// Does something that needs the connection: without it, nothing is ever
    /// answered.
    pub(super) async fn during<T>(
        &mut self,
        work: impl Future<Output = Result<T, BluetoothError>>,
    ) -> Result<T, BluetoothError> {
        tokio::select! {
            biased;
            error = self.lost() => Err(error),
            done = work => done,
        }
    }

    /// The same for what a program waits for, which takes [`START_TIMEOUT`] at most:
    /// each call may take long, and all of them longer than a person waits.
    pub(super) async fn start<T>(
        &mut self,
        work: impl Future<Output = Result<T, BluetoothError>>,
    ) -> Result<T, BluetoothError> {
        let started = timeout(START_TIMEOUT, self.during(work)).await;
        started.unwrap_or(Err(BluetoothError::Silent))
    }
}

/// Calls a method of BlueZ.
pub(super) async fn call<R: ReadAll + 'static>(
    connection: &Arc<SyncConnection>,
    path: &Path<'static>,
    (interface, method): (&'static str, &'static str),
    arguments: impl AppendAll,
) -> Result<R, dbus::Error> {
    let proxy = Proxy::new(BLUEZ, path.clone(), NO_TIMEOUT, Arc::clone(connection));
    in_time(proxy.method_call(interface, method, arguments)).await
}

/// Calls a method of the bus itself.
async fn call_the_bus<R: ReadAll + 'static>(
    connection: &Arc<SyncConnection>,
    method: &'static str,
    argument: &str,
) -> Result<R, dbus::Error> {
    let path = Path::from("/org/freedesktop/DBus");
    let proxy = Proxy::new(THE_BUS, path, NO_TIMEOUT, Arc::clone(connection));
    in_time(proxy.method_call(THE_BUS, method, (argument,))).await
}

async fn in_time<R>(
    answer: impl Future<Output = Result<R, dbus::Error>>,
) -> Result<R, dbus::Error> {
    timeout(CALL_TIMEOUT, answer)
        .await
        .unwrap_or_else(|_| Err(dbus::Error::new_custom(TIMEOUT, "there was no answer in time")))
}

/// Calls a method of BlueZ without waiting for its answer, such as from a `drop`.
pub(super) fn call_without_reply(
    connection: &SyncConnection,
    path: &Path<'static>,
    (interface, method): (&'static str, &'static str),
    argument: Option<&Path<'static>>,
) {
    use dbus::channel::Sender as _;

    let mut message = Message::method_call(&BLUEZ.into(), path, &interface.into(), &method.into());
    if let Some(argument) = argument {
        message = message.append1(argument);
    }
    message.set_no_reply(true);
    // Where it does not get through, the end of the connection says the same.
    let _unsent = connection.send(message);
}

/// All that BlueZ has. Starts BlueZ where the system starts it on demand.
pub(super) async fn managed_objects(
    connection: &Arc<SyncConnection>,
) -> Result<Objects, dbus::Error> {
    let root = Path::from("/");
    let (objects,) = call(connection, &root, (OBJECT_MANAGER, "GetManagedObjects"), ()).await?;
    Ok(objects)
}

/// Hands over signals: that BlueZ comes and goes, that its objects do, and that
/// properties of these `interfaces` change. Signals from other senders may come too.
pub(super) async fn signals(
    connection: &Arc<SyncConnection>,
    interfaces: &[&str],
    mut take: impl FnMut(&Message, &SyncConnection) + Send + 'static,
) -> Result<(), BluetoothError> {
    let mut signals = MatchRule::new();
    signals.msg_type = Some(MessageType::Signal);
    connection.start_receive(
        signals,
        Box::new(move |message, connection| {
            take(&message, connection);
            true
        }),
    );
    let changes = interfaces.iter().map(|interface| {
        format!(
            "type='signal',sender='{BLUEZ}',interface='{PROPERTIES}',\
             member='PropertiesChanged',arg0='{interface}'"
        )
    });
    let comings_and_goings = [
        format!(
            "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',\
             member='NameOwnerChanged',arg0='{BLUEZ}'"
        ),
        format!("type='signal',sender='{BLUEZ}',interface='{OBJECT_MANAGER}'"),
    ];
    for rule in comings_and_goings.into_iter().chain(changes) {
        call_the_bus::<()>(connection, "AddMatch", &rule).await.map_err(bluetooth_error)?;
    }
    Ok(())
}

/// Whose signals are BlueZ's: its unique name on the bus.
pub(super) async fn owner(connection: &Arc<SyncConnection>) -> Result<String, dbus::Error> {
    let (owner,) = call_the_bus(connection, "GetNameOwner", BLUEZ).await?;
    Ok(owner)
}
