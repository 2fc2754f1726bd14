//! The client: shows a QR code, asks the phone one thing, and returns its response.

// An output that a wildcard drops is a ceremony that hangs.
#![deny(clippy::wildcard_enum_match_arm)]

use std::fmt;
use std::net::SocketAddr;

use fido_hybrid_proto::client::{
    ClientConfig, ClientDeadlines, ClientUpdate, EncodedRequest, Input, Output, PhoneRequest,
    QrSecrets, Transaction,
};
use fido_hybrid_proto::ctap::CtapResponse;
use fido_hybrid_proto::error::{CancelledBy, Error, ErrorKind, Stage, Unsupported};
use fido_hybrid_proto::transport::QrText;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

use crate::inputs::{Inputs, unix_time};
use crate::radio::Air;
use crate::tunnel::{Event, Tunnel};

/// A client with one request.
pub struct Client {
    transaction: Transaction,
    inputs: Inputs<Input>,
    request: PhoneRequest,
}

impl Client {
    /// Makes the QR code. The deadlines start now.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if no phone would accept the request.
    ///
    /// # Panics
    /// If the system has no random numbers.
    pub fn new(
        request: impl TryInto<EncodedRequest, Error = Unsupported>,
        deadlines: ClientDeadlines,
    ) -> Result<Self, Error> {
        let request = request.try_into().map_err(|what| Error::new(Stage::Preparing, what))?;
        let request = PhoneRequest::from(request);
        let mut config = ClientConfig::new(request.hint());
        config.deadlines = deadlines;
        let keys = QrSecrets::generate(&mut UnwrapErr(SysRng));
        let inputs = Inputs::new();
        let transaction = Transaction::qr(config, keys, inputs.now(), unix_time());
        Ok(Self { transaction, inputs, request })
    }

    /// The QR code's text, to show.
    #[must_use]
    pub fn qr_text(&self) -> Option<&QrText> {
        self.transaction.qr_text()
    }

    /// A function that cancels the transaction from any thread.
    pub fn canceller(&self) -> impl Fn() + Send + Sync + 'static {
        let sender = self.inputs.sender();
        move || {
            // An error means that the transaction is over.
            let _over = sender.send(Input::Cancel);
        }
    }

    /// Runs the transaction and returns the phone's response. The program stops showing
    /// the QR code at [`ClientUpdate::PhoneFound`], or when this returns. `tell` must not block.
    ///
    /// # Errors
    /// Why there is no response. A phone's refusal is [`ErrorKind::Status`].
    pub fn run(
        self,
        air: &Air,
        service: SocketAddr,
        mut tell: impl FnMut(ClientUpdate),
    ) -> Result<CtapResponse, Error> {
        let Self { mut transaction, inputs, request } = self;
        let mut request = Some(request);
        let mut response = None;
        let mut scan = Some(air.scan(inputs.sender()));
        let mut tunnel = None::<Tunnel>;
        loop {
            while let Some(output) = transaction.poll_output() {
                match output {
                    Output::Dial(request) => {
                        tunnel = Some(Tunnel::dial(service, request, inputs.sender()));
                    }
                    Output::Send(message) => {
                        if let Some(tunnel) = &mut tunnel {
                            tunnel.queue(message);
                        }
                    }
                    Output::StopScanning => scan = None,
                    Output::CloseTunnel => {
                        if let Some(tunnel) = tunnel.take() {
                            tunnel.close();
                        }
                    }
                    Output::Update(update) => tell(update),
                    Output::Response(received) => response = Some(received),
                    // Links come only to a client whose `ClientConfig` offers linking, only a
                    // linked transaction asks to forget one, and this client asks neither
                    // in JSON nor in raw CTAP.
                    Output::Linked(_)
                    | Output::ForgetLink
                    | Output::RawResponse(_)
                    | Output::JsonResponse(_) => {}
                    Output::Closed(end) => {
                        drop(scan);
                        end?;
                        // A transaction ends with `Ok` after `Finish` alone, which follows
                        // the response.
                        let cancelled = ErrorKind::Cancelled(CancelledBy::Caller);
                        let response = response.ok_or(Error::new(Stage::Closed, cancelled))?;
                        return response.map_err(|status| {
                            Error::new(Stage::AwaitingResponse, ErrorKind::Status(status))
                        });
                    }
                }
            }
            let input = match tunnel.as_mut().map(Tunnel::flush) {
                Some(Err(error)) => Input::TunnelFailed(error),
                _ if transaction.stage() == Stage::Ready => match request.take() {
                    Some(request) => Input::Request { request, timeout: None },
                    None => Input::Finish,
                },
                _ => inputs.next(transaction.deadline(), Input::TimePassed),
            };
            let stage = transaction.stage();
            let handled = transaction.handle(inputs.now(), input);
            handled.map_err(|misuse| Error::new(stage, misuse))?;
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("transaction", &self.transaction).finish_non_exhaustive()
    }
}

impl From<Event> for Input {
    fn from(event: Event) -> Self {
        match event {
            Event::Opened { connect_signal, .. } => Self::TunnelOpened { connect_signal },
            Event::Message(message) => Self::Message(message),
            Event::Closed => Self::TunnelClosed,
            Event::Failed(error) => Self::TunnelFailed(error),
        }
    }
}
