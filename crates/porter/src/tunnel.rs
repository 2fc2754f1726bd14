//! A tunnel: a blocking WebSocket with one thread that opens it and then receives.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use fido_hybrid_proto::error::{TunnelError, TunnelStep};
use fido_hybrid_proto::transport::{
    ROUTING_ID_HEADER, RoutingId, SIGNAL_CONNECTION_HEADER, SUBPROTOCOL, TunnelRequest,
};
use tungstenite::client::{ClientRequestBuilder, client_with_config};
use tungstenite::error::ProtocolError;
use tungstenite::handshake::HandshakeError;
use tungstenite::http::Uri;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

/// Time for connecting, for each read of the upgrade, and for each write.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest message that is received, in bytes. A CTAP message is at most 64 KiB.
const MAX_MESSAGE_SIZE: usize = 1024 * 1024;

/// What a tunnel reports. Each role turns it into its own input.
pub(crate) enum Event {
    Opened { routing_id: Option<RoutingId>, connect_signal: bool },
    Message(Vec<u8>),
    Closed,
    Failed(TunnelError),
}

/// The driver's end of a tunnel. Dropping it closes the tunnel, or stops opening it.
pub(crate) struct Tunnel {
    opening: Receiver<Sender>,
    open: Option<Sender>,
    queued: Vec<Vec<u8>>,
}

impl Tunnel {
    /// Starts to open a tunnel at `service`, whatever host the request names.
    pub(crate) fn dial<I: From<Event> + Send + 'static>(
        service: SocketAddr,
        request: TunnelRequest,
        inputs: SyncSender<I>,
    ) -> Self {
        let (opened, opening) = sync_channel(1);
        thread::spawn(move || match open(service, request) {
            Ok((socket, event)) => {
                let sender = Sender::new(&socket);
                // An error means that the driver has stopped, here and below.
                if opened.send(sender).is_ok() && inputs.send(event.into()).is_ok() {
                    receive(socket, &inputs);
                }
            }
            Err(error) => {
                let _stopped = inputs.send(Event::Failed(error).into());
            }
        });
        Self { opening, open: None, queued: Vec::new() }
    }

    /// Keeps a message for the next [`flush`](Self::flush): messages that belong together
    /// leave in one write.
    pub(crate) fn queue(&mut self, message: Vec<u8>) {
        self.queued.push(message);
    }

    pub(crate) fn flush(&mut self) -> Result<(), TunnelError> {
        if self.queued.is_empty() {
            return Ok(());
        }
        if self.open.is_none() {
            self.open = self.opening.try_recv().ok();
        }
        let Some(Sender(socket)) = &mut self.open else { return Err(TunnelError::Closed(None)) };
        let write = |message: Vec<u8>| socket.write(Message::binary(message));
        let written = self.queued.drain(..).try_for_each(write);
        written.and_then(|()| socket.flush()).map_err(|error| match error {
            Error::Io(error) if is_timeout(&error) => TunnelError::Stalled,
            error => tunnel_error(error),
        })
    }

    /// Sends what is queued, and closes.
    pub(crate) fn close(mut self) {
        // A message that fails here had no more than the close frame behind it.
        let _unsent = self.flush();
    }
}

/// The half of the WebSocket that sends. Dropping it says goodbye and disconnects, which
/// ends the thread that receives too.
struct Sender(WebSocket<Wire>);

impl Sender {
    fn new(receiving: &WebSocket<Wire>) -> Self {
        let wire = receiving.get_ref().clone();
        Self(WebSocket::from_raw_socket(wire, Role::Client, Some(config())))
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _unsent = self.0.close(None);
        let _disconnected = self.0.get_ref().stream.shutdown(Shutdown::Both);
    }
}

/// A connection that one thread reads while another writes. The reading thread writes
/// too: it answers pings.
#[derive(Clone)]
struct Wire {
    stream: Arc<TcpStream>,
    /// Held while frames are written, so that those of two threads do not mix.
    writing: Arc<Mutex<()>>,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.stream).read(buffer)
    }
}

impl Write for Wire {
    fn write(&mut self, frames: &[u8]) -> io::Result<usize> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        (&*self.stream).write_all(frames).map(|()| frames.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_SIZE))
        .max_frame_size(Some(MAX_MESSAGE_SIZE))
}

fn connect(service: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&service, TIMEOUT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

fn open(
    service: SocketAddr,
    request: TunnelRequest,
) -> Result<(WebSocket<Wire>, Event), TunnelError> {
    let stream = connect(service).map_err(|error| TunnelError::Tcp(Arc::new(error)))?;
    let wire = Wire { stream: Arc::new(stream), writing: Arc::default() };
    let uri: Uri =
        request.url.to_string().parse().map_err(|error| tunnel_error(Error::from(error)))?;
    let upgrade = ClientRequestBuilder::new(uri).with_sub_protocol(SUBPROTOCOL);
    let add = |upgrade: ClientRequestBuilder, (name, value)| upgrade.with_header(name, value);
    let upgrade = request.headers.into_iter().fold(upgrade, add);
    let (socket, answer) =
        client_with_config(upgrade, wire, Some(config())).map_err(|error| match error {
            HandshakeError::Interrupted(_) => TunnelError::TimedOut(TunnelStep::Upgrade),
            HandshakeError::Failure(Error::Http(answer)) => {
                TunnelError::Status(answer.status().as_u16())
            }
            HandshakeError::Failure(error) => tunnel_error(error),
        })?;
    // From here on the transaction's deadlines count.
    let unlimited = socket.get_ref().stream.set_read_timeout(None);
    unlimited.map_err(|error| tunnel_error(Error::from(error)))?;
    let routing_id = match answer.headers().get(ROUTING_ID_HEADER) {
        None => None,
        Some(value) => match value.to_str().ok().and_then(RoutingId::from_hex) {
            None => return Err(TunnelError::Upgrade("the routing id is malformed")),
            id => id,
        },
    };
    let connect_signal = answer.headers().contains_key(SIGNAL_CONNECTION_HEADER);
    Ok((socket, Event::Opened { routing_id, connect_signal }))
}

/// Reports messages until the tunnel ends, and how it ended.
fn receive<I: From<Event>>(mut socket: WebSocket<Wire>, inputs: &SyncSender<I>) {
    loop {
        let end = match socket.read() {
            Ok(Message::Binary(message)) => {
                match inputs.send(Event::Message(message.into()).into()) {
                    Ok(()) => continue,
                    Err(_stopped) => return,
                }
            }
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => continue,
            Ok(Message::Text(_)) => Event::Failed(TunnelError::NotBinary),
            Ok(Message::Close(frame)) => match frame.map(|frame| u16::from(frame.code)) {
                None | Some(1000) => Event::Closed,
                code => Event::Failed(TunnelError::Closed(code)),
            },
            Err(error) => Event::Failed(tunnel_error(error)),
        };
        let _stopped = inputs.send(end.into());
        return;
    }
}

fn tunnel_error(error: Error) -> TunnelError {
    match error {
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => TunnelError::Closed(None),
        Error::Io(error) if is_disconnect(&error) => TunnelError::Closed(None),
        Error::Capacity(_) => TunnelError::TooLong(MAX_MESSAGE_SIZE),
        error => TunnelError::Broken(Arc::new(error)),
    }
}

fn is_disconnect(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
