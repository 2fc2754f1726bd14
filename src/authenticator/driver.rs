//! The task behind a [`Session`](super::Session): feeds its transaction from
//! tunnel, radio, clock and [`Role`], and does what comes out.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::debug;

use crate::bluetooth::{AdapterState, Advertisement, Advertiser};
use crate::cancel::CancelHandle;
use crate::clock::Clock;
use crate::data_channel::{Endpoint, Event};
use crate::tunnel::{OpenedTunnel, TunnelDialer, dial};
use fido_hybrid_proto::authenticator::AuthenticatorUpdate;
use fido_hybrid_proto::error::{ApiMisuse, BluetoothError, Error, Stage, TunnelError};
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_proto::transport::{RoutingId, TunnelRequest};

/// A transaction, and what answers its requests: passkeys and a user, or an
/// engine.
pub(super) trait Role: Send {
    /// A report of the answering half.
    type Input: Send;

    fn stage(&self) -> Stage;

    fn deadline(&self) -> Option<Duration>;

    /// The next output that concerns the link. What concerns the answering half
    /// is done here.
    fn poll(&mut self, updates: &mpsc::Sender<AuthenticatorUpdate>) -> Option<Output>;

    fn handle(&mut self, now: Duration, input: Input<Self::Input>) -> Result<(), ApiMisuse>;

    /// Waits for the next report of the answering half.
    ///
    /// # Cancel safety
    /// What is under way goes on with the next call.
    fn next(&mut self) -> impl Future<Output = Self::Input> + Send;

    /// Does what must be done before the transaction goes on or ends, and does
    /// not fail it.
    fn clean_up(&mut self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// An action that a link requests.
pub(super) enum Output {
    Dial(TunnelRequest),
    Advertise(Vec<u8>),
    StopAdvertising,
    Send(Vec<u8>),
    CloseTunnel,
    Update(AuthenticatorUpdate),
    Closed(Result<(), Error>),
}

/// An event for the link.
pub(super) enum Input<R> {
    TunnelOpened { routing_id: Option<RoutingId> },
    Message(Vec<u8>),
    TunnelClosed,
    TunnelFailed(TunnelError),
    SendFailed(TunnelError),
    Adapter(AdapterState),
    AdvertisingFailed(BluetoothError),
    Cancel,
    TimePassed,
    Role(R),
}

/// The way to clients, which the embedder brought.
#[derive(Clone)]
pub(super) struct Ports {
    pub(super) advertiser: Arc<dyn Advertiser>,
    pub(super) dialer: Arc<dyn TunnelDialer>,
}

impl Ports {
    pub(super) fn new(
        advertiser: impl Advertiser + 'static,
        dialer: impl TunnelDialer + 'static,
    ) -> Self {
        Self { advertiser: Arc::new(advertiser), dialer: Arc::new(dialer) }
    }
}

pub(super) struct Driver<R> {
    role: R,
    clock: Clock,
    ports: Ports,
    updates: mpsc::Sender<AuthenticatorUpdate>,
    cancel: CancelHandle,
    /// The session was cancelled or dropped, and the transaction was told.
    caller_dropped: bool,
    /// What opening tells is where the client will connect.
    endpoint: Endpoint<Option<RoutingId>>,
    radio: Radio,
}

enum Radio {
    Off,
    Starting(BoxFuture<'static, Result<Box<dyn Advertisement>, BluetoothError>>),
    OnAir(Box<dyn Advertisement>),
}

impl<R: Role> Driver<R> {
    /// The transaction starts at time zero, which is now.
    pub(super) fn new(
        role: R,
        ports: Ports,
        updates: mpsc::Sender<AuthenticatorUpdate>,
        cancel: CancelHandle,
    ) -> Self {
        Self {
            role,
            clock: Clock::start(),
            ports,
            updates,
            cancel,
            caller_dropped: false,
            endpoint: Endpoint::Closed,
            radio: Radio::Off,
        }
    }

    pub(super) async fn run(mut self) -> Result<(), Error> {
        loop {
            if let Some(result) = self.perform().await {
                debug!(ok = result.is_ok(), "the transaction is over");
                return result.map_err(|error| self.cancel.attribute(error));
            }
            let input = self.next_input().await;
            let now = self.clock.now();
            let stage = self.role.stage();
            // Such as a user check that approves an account it was not shown.
            self.role.handle(now, input).map_err(|misuse| Error::new(stage, misuse))?;
        }
    }

    /// Does what the transaction wants done; its result once it is over.
    async fn perform(&mut self) -> Option<Result<(), Error>> {
        let mut messages = Vec::new();
        let mut result = None;
        while let Some(output) = self.role.poll(&self.updates) {
            match output {
                Output::Send(message) => messages.push(message),
                Output::Dial(request) => {
                    let opening = dial(Arc::clone(&self.ports.dialer), request);
                    self.endpoint = Endpoint::open(async move {
                        let OpenedTunnel { tunnel, routing_id, .. } = opening.await?;
                        Ok((tunnel, routing_id))
                    });
                }
                Output::Advertise(advert) => {
                    let advertiser = Arc::clone(&self.ports.advertiser);
                    let start = async move { advertiser.advertise(advert).await };
                    self.radio = Radio::Starting(Box::pin(start));
                }
                Output::StopAdvertising => self.radio = Radio::Off,
                Output::CloseTunnel => {
                    self.endpoint.send(std::mem::take(&mut messages)).await;
                    self.endpoint.close().await;
                }
                Output::Update(update) => {
                    debug!(stage = %self.role.stage(), "{update}");
                    // A program that does not read updates misses them.
                    let _full_or_dropped = self.updates.try_send(update);
                }
                Output::Closed(outcome) => result = Some(outcome),
            }
        }
        self.endpoint.send(messages).await;
        self.role.clean_up().await;
        result
    }

    async fn next_input(&mut self) -> Input<R::Input> {
        // A later failure may be a client that has its answer and disconnects.
        let unsent = matches!(self.endpoint, Endpoint::Failed(_));
        // Whatever ends the transaction goes before what lets it sign.
        tokio::select! {
            biased;
            () = self.cancel.wait(), if !self.caller_dropped => {
                self.caller_dropped = true;
                Input::Cancel
            }
            () = self.updates.closed(), if !self.caller_dropped => {
                self.caller_dropped = true;
                Input::Cancel
            }
            () = self.clock.reach(self.role.deadline()) => Input::TimePassed,
            event = self.endpoint.next() => match event {
                Event::Opened(routing_id) => Input::TunnelOpened { routing_id },
                Event::Message(message) => Input::Message(message),
                Event::Closed => Input::TunnelClosed,
                Event::Failed(error) if unsent => Input::SendFailed(error),
                Event::Failed(error) => Input::TunnelFailed(error),
            },
            input = self.role.next() => Input::Role(input),
            input = self.radio.next() => match input {
                Ok(state) => Input::Adapter(state),
                Err(error) => Input::AdvertisingFailed(error),
            },
        }
    }
}

impl Radio {
    /// # Cancel safety
    /// Advertising continues.
    async fn next(&mut self) -> Result<AdapterState, BluetoothError> {
        let error = loop {
            match self {
                Self::Off => pending().await,
                Self::Starting(start) => match start.await {
                    Ok(advertisement) => {
                        debug!("advertising");
                        *self = Self::OnAir(advertisement);
                    }
                    Err(error) => break error,
                },
                Self::OnAir(advertisement) => match advertisement.next().await {
                    Ok(state) => return Ok(state),
                    Err(error) => break error,
                },
            }
        };
        *self = Self::Off;
        Err(error)
    }
}
