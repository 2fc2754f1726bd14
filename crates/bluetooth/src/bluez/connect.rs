//! The way to the system's D-Bus: which bus it is, and a connection to it that holds
//! nothing up.
//!
//! libdbus connects with calls that block, and a bus that accepts a connection may say
//! nothing for ever. So this happens on a thread of its own, which neither tokio's
//! runtime nor the process waits for at its end. The thread ends when the bus has
//! answered, or, once the bus has accepted the connection, soon after the program has
//! stopped waiting. While the bus does not accept it, the thread stays in connect(2).

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use dbus::Message;
use dbus::channel::Channel;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::THE_BUS;
use fido_hybrid_proto::error::{ApiMisuse, BluetoothError};

/// How long the bus may take to accept a connection and to greet. It takes a
/// millisecond.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the thread waits for the bus before it looks whether the program still
/// waits.
const LOOK: Duration = Duration::from_millis(100);

/// Names another system bus in the environment of a program [D-Bus Specification,
/// Well-known Message Bus Instances].
const VARIABLE: &str = "DBUS_SYSTEM_BUS_ADDRESS";

/// Where the system bus is where nothing names another one [ibid.].
const SYSTEM_BUS: &str = "unix:path=/var/run/dbus/system_bus_socket";

/// Adverts received on another machine would not prove that a phone is near.
#[derive(Debug, thiserror::Error)]
#[error(
    "the environment variable {VARIABLE} names a D-Bus that may be on another machine: it must \
     begin with `unix:`"
)]
struct RemoteBus;

/// The bus left while it was connected to.
#[derive(Debug, thiserror::Error)]
#[error("the D-Bus closed the connection before it greeted")]
struct NoGreeting;

/// A connection that the bus has greeted, to the bus at `address` or the system's.
///
/// # Cancel safety
/// A connection that is made all the same is closed.
pub(super) async fn connect(address: Option<&str>) -> Result<Channel, BluetoothError> {
    let address = match address {
        Some(address) if is_local(address) => address.to_owned(),
        Some(_) => return Err(ApiMisuse::RemoteBus.into()),
        None => system_bus()?,
    };
    let (connected, connection) = oneshot::channel();
    let connecting = move || {
        if let Some(channel) = open(&address, &connected) {
            let _dropped = connected.send(channel);
        }
    };
    let thread = thread::Builder::new().name("D-Bus".to_owned());
    let started = thread.spawn(connecting);
    started.map_err(|error| BluetoothError::Failed(Arc::new(error)))?;
    match timeout(CONNECT_TIMEOUT, connection).await {
        Ok(Ok(channel)) => channel.map_err(unreachable),
        // The thread always answers one that waits.
        Ok(Err(_)) => Err(ApiMisuse::TaskEnded.into()),
        Err(_) => Err(BluetoothError::Silent),
    }
}

/// As libdbus finds it; an empty variable is as good as none.
fn system_bus() -> Result<String, BluetoothError> {
    match std::env::var_os(VARIABLE).filter(|address| !address.is_empty()) {
        None => Ok(SYSTEM_BUS.to_owned()),
        Some(address) => match address.into_string() {
            Ok(address) if is_local(&address) => Ok(address),
            _ => Err(BluetoothError::NoService(Arc::new(RemoteBus))),
        },
    }
}

/// An address may name several servers to try one after another.
fn is_local(address: &str) -> bool {
    address.split(';').all(|server| server.starts_with("unix:"))
}

/// Blocks until the bus has greeted; `None` if the program has stopped waiting
/// meanwhile, which is noticed only after the bus has accepted the connection.
fn open(
    address: &str,
    waiting: &oneshot::Sender<Result<Channel, dbus::Error>>,
) -> Option<Result<Channel, dbus::Error>> {
    let channel = match Channel::open_private(address) {
        Ok(channel) => channel,
        Err(error) => return Some(Err(error)),
    };
    let closed = || dbus::Error::new_failed(&NoGreeting.to_string());
    // What `Channel::register` does, which waits without an end.
    let path = dbus::Path::from("/org/freedesktop/DBus");
    let hello = Message::method_call(&THE_BUS.into(), &path, &THE_BUS.into(), &"Hello".into());
    let Ok(serial) = channel.send(hello) else { return Some(Err(closed())) };
    while !waiting.is_closed() {
        if channel.read_write(Some(LOOK)).is_err() {
            return Some(Err(closed()));
        }
        while let Some(mut message) = channel.pop_message() {
            if message.get_reply_serial() == Some(serial) {
                return Some(message.as_result().map(drop).map(|()| channel));
            }
        }
    }
    None
}

fn unreachable(error: dbus::Error) -> BluetoothError {
    match error.name() {
        Some("org.freedesktop.DBus.Error.AccessDenied") => BluetoothError::NotPermitted,
        _ => BluetoothError::NoService(Arc::new(error)),
    }
}
