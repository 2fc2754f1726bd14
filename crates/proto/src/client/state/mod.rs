//! The client's states, one file each. A state owns just what it needs and is
//! consumed by the step to the next.

mod calling;
mod connecting;
mod handshaking;
mod introducing;
mod offering;
mod session;
mod step;

use std::time::Duration;

use self::calling::Calling;
use self::connecting::Connecting;
use self::handshaking::Handshaking;
use self::introducing::Introducing;
use self::offering::Offering;
use self::session::{Asking, Session, Turn};
use self::step::{Outputs, Step};
use super::config::{Config, Deadlines, Keys, LinkedKeys};
use super::interface::{Input, Output};
use crate::ctap::get_info;
use crate::error::{ApiMisuse, CancelledBy, Fault, Stage};
use crate::state_machine::{End, States};
use crate::transport::contact_request::ContactHint;
use crate::transport::linked_phone::LinkedPhone;
use crate::transport::post_handshake::Features;
use crate::transport::qr_code::QrText;
use crate::transport::tunnel_url::TunnelRequest;

/// What is to be stopped when a transaction ends.
#[derive(Clone, Copy)]
pub(super) struct Resources {
    pub(super) scanning: bool,
    pub(super) tunnel: bool,
}

#[derive(Debug)]
pub(super) enum State {
    Offering(Offering),
    Calling(Calling),
    Connecting(Connecting),
    Handshaking(Handshaking),
    Introducing(Introducing),
    Ready(Session),
    Asking(Asking),
    Lingering(Session),
    Closed,
}

impl States for State {
    type Input = Input;
    type Output = Output;
    type Deadlines = Deadlines;
    type Resources = Resources;

    fn closed() -> Self {
        Self::Closed
    }

    fn stage(&self) -> Stage {
        match self {
            Self::Offering(_) | Self::Calling(_) => Stage::Offering,
            Self::Connecting(_) => Stage::Connecting,
            Self::Handshaking(_) => Stage::Handshaking,
            Self::Introducing(_) => Stage::Introducing,
            Self::Ready(_) => Stage::Ready,
            Self::Asking(_) => Stage::Asking,
            Self::Lingering(_) => Stage::Lingering,
            Self::Closed => Stage::Closed,
        }
    }

    fn time_allowed(&self, deadlines: &Deadlines) -> Option<Duration> {
        match self {
            Self::Offering(_) => deadlines.offering,
            Self::Calling(_) => Some(deadlines.calling),
            Self::Connecting(_) => Some(deadlines.connecting),
            Self::Handshaking(_) => Some(deadlines.handshaking),
            Self::Introducing(_) => Some(deadlines.introducing),
            Self::Asking(asking) => Some(asking.timeout.unwrap_or(deadlines.asking)),
            Self::Lingering(_) => Some(deadlines.lingering),
            // The caller decides when to go on.
            Self::Ready(_) | Self::Closed => None,
        }
    }

    fn resources(&self, input: &Input) -> Resources {
        let tunnel_gone = matches!(input, Input::TunnelClosed | Input::TunnelFailed(_));
        Resources {
            scanning: self.is_scanning(),
            tunnel: !tunnel_gone && !matches!(self, Self::Offering(_) | Self::Closed),
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
                Self::Calling(calling) => !calling.is_open(),
                _ => false,
            },
            Input::Message(_) | Input::TunnelClosed | Input::TunnelFailed(_) => {
                !matches!(self, Self::Offering(_))
            }
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
            Self::Offering(state) => state.handle(input, outputs).map(Self::from),
            Self::Calling(state) => state.handle(input, outputs).map(Self::from),
            Self::Connecting(state) => state.handle(input, outputs).map(Self::from),
            Self::Handshaking(state) => state.handle(input, outputs).map(Self::from),
            Self::Introducing(state) => state.handle(input, outputs).map(Self::from),
            Self::Ready(session) => session.handle(input, outputs).map(Self::from),
            Self::Asking(state) => state.handle(input, outputs).map(Self::from),
            Self::Lingering(session) => session.linger(input, outputs).map(Self::Lingering),
            Self::Closed => Ok(Self::Closed),
        }
    }

    fn expire(self, outputs: &mut Outputs) -> Result<Self, End> {
        match self {
            Self::Lingering(_) => Err(End::Done),
            Self::Asking(Asking { mut session, .. }) => {
                session.shut_down(outputs);
                Err(Fault::Deadline.into())
            }
            _ => Err(Fault::Deadline.into()),
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
    pub(super) fn offering(config: &Config, keys: Keys, created: u64) -> (Self, QrText) {
        let (offering, text) = Offering::new(config, keys, created);
        (Self::Offering(offering), text)
    }

    /// Calls a linked phone.
    pub(super) fn calling(
        hint: ContactHint,
        phone: &LinkedPhone,
        keys: LinkedKeys,
    ) -> (Self, TunnelRequest) {
        let (calling, request) = Calling::new(hint, phone, keys);
        (Self::Calling(calling), request)
    }

    /// Whether the phone's advert is still to come.
    pub(super) const fn is_scanning(&self) -> bool {
        match self {
            Self::Offering(_) => true,
            Self::Calling(calling) => calling.is_scanning(),
            _ => false,
        }
    }

    pub(super) fn get_info(&self) -> Option<&get_info::Response> {
        self.session()?.info.as_deref()
    }

    pub(super) fn features(&self) -> Option<Features> {
        Some(self.session()?.features)
    }

    const fn session(&self) -> Option<&Session> {
        match self {
            Self::Ready(session)
            | Self::Asking(Asking { session, .. })
            | Self::Lingering(session) => Some(session),
            _ => None,
        }
    }

    /// The caller wants no more: say so to the phone if it can be said.
    fn cancel(self, outputs: &mut Outputs) -> Result<Self, End> {
        match self {
            Self::Ready(mut session) | Self::Asking(Asking { mut session, .. }) => {
                session.shut_down(outputs);
                Err(Fault::Cancelled(CancelledBy::Caller).into())
            }
            // All that was asked has been answered.
            Self::Lingering(_) => Err(End::Done),
            Self::Closed => Ok(Self::Closed),
            _ => Err(Fault::Cancelled(CancelledBy::Caller).into()),
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
            Turn::Asking(asking) => Self::Asking(asking),
            Turn::Lingering(session) => Self::Lingering(session),
        }
    }
}

impl From<Session> for State {
    fn from(session: Session) -> Self {
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

from_state!(Offering, Calling, Connecting, Handshaking, Introducing, Asking);

#[cfg(test)]
mod tests;
