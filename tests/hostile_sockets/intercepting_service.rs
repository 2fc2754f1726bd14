//! A tunnel service in the middle of a whole ceremony of our client and our
//! authenticator, which passes on what it likes.

use std::time::Duration;

use fido_hybrid::ctap::CtapResponse;
use fido_hybrid::error::Error;
use fido_hybrid::transport::QrCode;
use fido_hybrid_sim::Air;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{self, CloseFrame};
use tokio_tungstenite::tungstenite::{Error as Failure, Message};

use crate::clock::{pass, settle};
use crate::rig::make_credential;
use crate::roles_under_test::{Role, client, phone};
use crate::service::{Line, Service};

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Passed,
    /// Between pings, in small fragments.
    InPieces,
    /// It arrives so much later.
    Delayed(Duration),
    /// It never arrives; when nothing else happens, so much time passes.
    Lost(Duration),
    Repeated,
    /// It arrives behind the next one from the same side; without a next one, after
    /// this time.
    Overtaken(Duration),
    /// Its first half arrives.
    Halved,
    /// One bit of its last byte arrives wrong.
    Bent,
    /// Whom it is for gets its own last message back.
    Reflected,
    /// Both connections break.
    Reset,
    /// Both are closed with this code.
    Closed(u16),
    /// Whom it is for is switched off first.
    GivenUp,
}

impl Fate {
    /// Whether what came before it has its effect first.
    const fn takes_its_time(self) -> bool {
        matches!(self, Self::Delayed(_) | Self::Reset | Self::Closed(_) | Self::GivenUp)
    }
}

/// How a ceremony ended on both sides. `None`: the side was dropped.
pub(crate) struct Ended {
    pub(crate) client: Option<Result<CtapResponse, Error>>,
    pub(crate) phone: Option<Result<(), Error>>,
    /// How many adverts were still transmitted.
    pub(crate) adverts: usize,
}

/// A registration, of whose messages this becomes: each side's are counted
/// from zero.
pub(crate) async fn ceremony(fate: impl FnMut(Role, usize) -> Fate) -> Ended {
    let service = Service::listen().await;
    let air = Air::new();
    let registration = make_credential("Ada").into();
    let mut ceremony = client(&air, service.in_clear()).begin(registration, None).unwrap();
    let code: QrCode = ceremony.qr_code().unwrap().expose().parse().unwrap();
    let mut session = phone(&air, service.in_clear()).answer(code).unwrap();

    let (client_off, off) = oneshot::channel();
    let client = async {
        let outcome = tokio::select! {
            outcome = ceremony.outcome() => Some(outcome),
            Ok(()) = off => None,
        };
        drop(ceremony);
        outcome
    };
    let (phone_off, off) = oneshot::channel();
    let phone = async {
        let outcome = tokio::select! {
            outcome = session.outcome() => Some(outcome),
            Ok(()) = off => None,
        };
        drop(session);
        outcome
    };
    let service = async {
        let phone = Side::new(service.upgrade().await, phone_off).await;
        let client = Side::new(service.upgrade().await, client_off).await;
        Middle { client, phone, silence: None }.carry(fate).await;
    };
    let (client, phone, ()) = tokio::join!(client, phone, service);
    Ended { client, phone, adverts: air.adverts() }
}

/// The way to one of the two.
struct Side {
    socket: WebSocketStream<TcpStream>,
    off: Option<oneshot::Sender<()>>,
    sent: usize,
    last: Vec<u8>,
    /// Overtaken: for this side, behind the next.
    behind: Option<Vec<u8>>,
}

impl Side {
    async fn new(line: Line<TcpStream>, off: oneshot::Sender<()>) -> Self {
        let socket = WebSocketStream::from_raw_socket(line.stream, protocol::Role::Server, None);
        Self { socket: socket.await, off: Some(off), sent: 0, last: Vec::new(), behind: None }
    }

    /// Sends to a side; one that has disconnected gets nothing.
    async fn give(&mut self, message: Vec<u8>) {
        let _left = self.socket.send(Message::binary(message)).await;
        if let Some(message) = self.behind.take() {
            let _left = self.socket.send(Message::binary(message)).await;
        }
    }

    async fn give_in_pieces(&mut self, message: &[u8]) {
        let mut kind = Data::Binary;
        let mut pieces = message.chunks(7).peekable();
        while let Some(piece) = pieces.next() {
            let last = pieces.peek().is_none();
            let frame = Frame::message(piece.to_vec(), OpCode::Data(kind), last);
            kind = Data::Continue;
            let _left = self.socket.send(Message::Ping("are you there".into())).await;
            let _left = self.socket.send(Message::Frame(frame)).await;
        }
    }

    async fn close(&mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: "".into() };
        let _left = self.socket.send(Message::Close(Some(frame))).await;
        while self.socket.next().await.is_some_and(|message| message.is_ok()) {}
    }
}

struct Middle {
    client: Side,
    phone: Side,
    /// What passes when nothing else happens.
    silence: Option<Duration>,
}

impl Middle {
    async fn carry(mut self, mut fate: impl FnMut(Role, usize) -> Fate) {
        loop {
            let (from, message) = tokio::select! {
                biased;
                message = self.client.socket.next() => (Role::Client, message),
                message = self.phone.socket.next() => (Role::Phone, message),
                () = settle(), if self.silence.is_some() => {
                    pass(self.silence.take().unwrap()).await;
                    for side in [&mut self.client, &mut self.phone] {
                        if let Some(message) = side.behind.take() {
                            side.give(message).await;
                        }
                    }
                    continue;
                }
            };
            let (giver, taker) = match from {
                Role::Client => (&mut self.client, &mut self.phone),
                Role::Phone => (&mut self.phone, &mut self.client),
            };
            let message = match message {
                Some(Ok(Message::Binary(message))) => Vec::from(message),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                message => return taker.close(farewell(message)).await,
            };
            let number = giver.sent;
            giver.sent += 1;
            giver.last.clone_from(&message);
            let fate = fate(from, number);
            if fate.takes_its_time() {
                settle().await;
            }
            match fate {
                Fate::Passed => taker.give(message).await,
                Fate::InPieces => taker.give_in_pieces(&message).await,
                Fate::Delayed(time) => {
                    pass(time).await;
                    taker.give(message).await;
                }
                Fate::Lost(time) => self.silence = Some(time),
                Fate::Repeated => {
                    taker.give(message.clone()).await;
                    taker.give(message).await;
                }
                Fate::Overtaken(time) => {
                    taker.behind = Some(message);
                    self.silence = Some(time);
                }
                Fate::Halved => taker.give(message[..message.len() / 2].to_vec()).await,
                Fate::Bent => {
                    let mut message = message;
                    *message.last_mut().unwrap() ^= 1;
                    taker.give(message).await;
                }
                Fate::Reflected => taker.give(taker.last.clone()).await,
                Fate::Reset => {
                    for side in [giver, taker] {
                        side.socket.get_ref().set_zero_linger().unwrap();
                    }
                    return;
                }
                Fate::Closed(code) => {
                    tokio::join!(giver.close(code), taker.close(code));
                    return;
                }
                Fate::GivenUp => {
                    if let Some(off) = taker.off.take() {
                        let _over = off.send(());
                    }
                    settle().await;
                    taker.give(message).await;
                }
            }
        }
    }
}

/// What the other side is told of one that disconnected, as our own service does.
fn farewell(end: Option<Result<Message, Failure>>) -> u16 {
    match end {
        Some(Ok(Message::Close(_))) => 1000,
        _ => 1001,
    }
}
