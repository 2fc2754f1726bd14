//! The client's states, one file each. A state owns just what it needs and is
//! consumed by the step to the next.

mod awaiting_post_handshake;
mod connecting;
mod contacting;
mod handshaking;
mod phone_info;
mod session;
mod showing_qr;
mod step;

use crate::ctap::GetInfoResponse;
use std::time::Duration;

use self::awaiting_post_handshake::AwaitingPostHandshake;
use self::connecting::Connecting;
use self::contacting::Contacting;
use self::handshaking::Handshaking;
use self::session::{AwaitingResponse, ClientChannel, Turn};
use self::showing_qr::ShowingQr;
use self::step::{Outputs, Step};
use super::config::{ClientConfig, ClientDeadlines, ContactSecrets, QrSecrets};
use super::input::Input;
use super::output::Output;
use crate::error::{ApiMisuse, CancelledBy, ErrorKind, Stage};
use crate::state_machine::{End, StateMachine};
use crate::transport::{ContactHint, Features, LinkedPhone, QrText, TunnelRequest};

/// The resources to stop when a transaction ends.
#[derive(Clone, Copy)]
pub(super) struct Resources {
    pub(super) scanning: bool,
    pub(super) tunnel: bool,
}

#[derive(Debug)]
pub(super) enum State {
    ShowingQr(ShowingQr),
    Contacting(Contacting),
    Connecting(Connecting),
    Handshaking(Handshaking),
    AwaitingPostHandshake(AwaitingPostHandshake),
    Ready(ClientChannel),
    AwaitingResponse(AwaitingResponse),
    Lingering(ClientChannel),
    Closed,
}

impl StateMachine for State {
    type Input = Input;
    type Output = Output;
    type Deadlines = ClientDeadlines;
    type Resources = Resources;

    fn closed() -> Self {
        Self::Closed
    }

    fn stage(&self) -> Stage {
        match self {
            Self::ShowingQr(_) | Self::Contacting(_) => Stage::ShowingQr,
            Self::Connecting(_) => Stage::Connecting,
            Self::Handshaking(_) => Stage::Handshaking,
            Self::AwaitingPostHandshake(_) => Stage::AwaitingPostHandshake,
            Self::Ready(_) => Stage::Ready,
            Self::AwaitingResponse(_) => Stage::AwaitingResponse,
            Self::Lingering(_) => Stage::Lingering,
            Self::Closed => Stage::Closed,
        }
    }

    fn time_allowed(&self, deadlines: &ClientDeadlines) -> Option<Duration> {
        match self {
            Self::ShowingQr(_) => deadlines.showing_qr,
            Self::Contacting(_) => Some(deadlines.contacting),
            Self::Connecting(_) => Some(deadlines.connecting),
            Self::Handshaking(_) => Some(deadlines.handshaking),
            Self::AwaitingPostHandshake(_) => Some(deadlines.awaiting_post_handshake),
            Self::AwaitingResponse(asking) => {
                Some(asking.timeout.unwrap_or(deadlines.awaiting_response))
            }
            Self::Lingering(_) => Some(deadlines.lingering),
            // The caller decides when to go on.
            Self::Ready(_) | Self::Closed => None,
        }
    }

    fn resources(&self, input: &Input) -> Resources {
        let tunnel_lost = matches!(input, Input::TunnelClosed | Input::TunnelFailed(_));
        Resources {
            scanning: self.is_scanning(),
            tunnel: !tunnel_lost && !matches!(self, Self::ShowingQr(_) | Self::Closed),
        }
    }

    fn accepts(&self, input: &Input) -> Result<(), ApiMisuse> {
        let fits = match input {
            Input::Advert(_)
            | Input::Adapter(_)
            | Input::BluetoothFailed(_)
            | Input::Cancel
            | Input::TimePassed => true,
            Input::TunnelOpened { .. } => match self {
                Self::Connecting(_) | Self::Closed => true,
                Self::Contacting(contacting) => !contacting.is_open(),
                _ => false,
            },
            Input::Message(_) | Input::TunnelClosed | Input::TunnelFailed(_) => {
                !matches!(self, Self::ShowingQr(_))
            }
            Input::NewCode { .. } => match self {
                Self::ShowingQr(_) => true,
                Self::Closed => return Err(ApiMisuse::Closed),
                _ => false,
            },
            Input::Request { .. } | Input::Finish => match self {
                Self::Ready(_) => true,
                Self::Closed => return Err(ApiMisuse::Closed),
                _ => false,
            },
        };
        if fits { Ok(()) } else { Err(ApiMisuse::WrongStage) }
    }

    /// A tunnel that has ended says more than the clock does.
    fn outranks_deadline(input: &Input) -> bool {
        matches!(input, Input::TunnelClosed | Input::TunnelFailed(_))
    }

    fn handle(self, input: Input, outputs: &mut Outputs) -> Result<Self, End> {
        if matches!(input, Input::Cancel) {
            return self.cancel(outputs);
        }
        match self {
            Self::ShowingQr(state) => state.handle(input, outputs).map(Self::from),
            Self::Contacting(state) => state.handle(input, outputs).map(Self::from),
            Self::Connecting(state) => state.handle(input, outputs).map(Self::from),
            Self::Handshaking(state) => state.handle(input, outputs).map(Self::from),
            Self::AwaitingPostHandshake(state) => state.handle(input, outputs).map(Self::from),
            Self::Ready(session) => session.handle(input, outputs).map(Self::from),
            Self::AwaitingResponse(state) => state.handle(input, outputs).map(Self::from),
            Self::Lingering(session) => session.linger(input, outputs).map(Self::Lingering),
            Self::Closed => Ok(Self::Closed),
        }
    }

    fn at(self, now: Duration) -> Self {
        match self {
            Self::ShowingQr(state) => Self::ShowingQr(state.at(now)),
            other => other,
        }
    }

    fn expire(self, outputs: &mut Outputs) -> Result<Self, End> {
        match self {
            Self::Lingering(_) => Err(End::Done),
            Self::AwaitingResponse(AwaitingResponse { mut session, .. }) => {
                session.shut_down(outputs);
                Err(ErrorKind::Deadline.into())
            }
            _ => Err(ErrorKind::Deadline.into()),
        }
    }

    fn stop(resources: Resources, outputs: &mut Outputs) {
        if resources.scanning {
            outputs.push_back(Output::StopScanning);
        }
        if resources.tunnel {
            outputs.push_back(Output::CloseTunnel);
        }
    }

    fn outcome(stage: Stage, end: End) -> Output {
        Output::Closed(end.at(stage))
    }
}

impl State {
    /// Shows a QR code.
    pub(super) fn showing_qr(config: &ClientConfig, keys: QrSecrets, created: u64) -> Self {
        Self::ShowingQr(ShowingQr::new(config, keys, created))
    }

    /// When the state drops something before its stage's deadline, if it does.
    pub(super) fn drops_at(&self) -> Option<Duration> {
        match self {
            Self::ShowingQr(state) => state.drops_at(),
            _ => None,
        }
    }

    /// The text of the code, while it is shown.
    pub(super) const fn qr_text(&self) -> Option<&QrText> {
        match self {
            Self::ShowingQr(state) => Some(state.text()),
            _ => None,
        }
    }

    /// Calls a linked phone.
    pub(super) fn contacting(
        hint: ContactHint,
        phone: &LinkedPhone,
        keys: ContactSecrets,
    ) -> (Self, TunnelRequest) {
        let (contacting, request) = Contacting::new(hint, phone, keys);
        (Self::Contacting(contacting), request)
    }

    /// Whether the phone's advert is still to come.
    pub(super) const fn is_scanning(&self) -> bool {
        match self {
            Self::ShowingQr(_) => true,
            Self::Contacting(contacting) => contacting.is_scanning(),
            _ => false,
        }
    }

    pub(super) fn get_info(&self) -> Option<&GetInfoResponse> {
        self.session()?.info.as_ref().map(|info| &*info.read)
    }

    pub(super) fn features(&self) -> Option<Features> {
        Some(self.session()?.features)
    }

    const fn session(&self) -> Option<&ClientChannel> {
        match self {
            Self::Ready(session)
            | Self::AwaitingResponse(AwaitingResponse { session, .. })
            | Self::Lingering(session) => Some(session),
            _ => None,
        }
    }

    /// The caller cancels: sends the shutdown message if the phone is connected.
    fn cancel(self, outputs: &mut Outputs) -> Result<Self, End> {
        match self {
            Self::Ready(mut session)
            | Self::AwaitingResponse(AwaitingResponse { mut session, .. }) => {
                session.shut_down(outputs);
                Err(ErrorKind::Cancelled(CancelledBy::Caller).into())
            }
            // All that was asked has been answered.
            Self::Lingering(_) => Err(End::Done),
            Self::Closed => Ok(Self::Closed),
            _ => Err(ErrorKind::Cancelled(CancelledBy::Caller).into()),
        }
    }
}

impl<Same: Into<Self>, Next: Into<Self>> From<Step<Same, Next>> for State {
    fn from(step: Step<Same, Next>) -> Self {
        match step {
            Step::Stay(state) => state.into(),
            Step::Enter(state) => state.into(),
        }
    }
}

impl From<Turn> for State {
    fn from(turn: Turn) -> Self {
        match turn {
            Turn::Ready(session) => Self::Ready(session),
            Turn::AwaitingResponse(asking) => Self::AwaitingResponse(asking),
            Turn::Lingering(session) => Self::Lingering(session),
        }
    }
}

impl From<ClientChannel> for State {
    fn from(session: ClientChannel) -> Self {
        Self::Ready(session)
    }
}

macro_rules! from_state {
    ($($state:ident),*) => {
        $(impl From<$state> for State {
            fn from(state: $state) -> Self {
                Self::$state(state)
            }
        })*
    };
}

from_state!(
    ShowingQr,
    Contacting,
    Connecting,
    Handshaking,
    AwaitingPostHandshake,
    AwaitingResponse
);

#[cfg(test)]
mod tests;
