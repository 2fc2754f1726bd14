//! The authenticator's link to a client: tunnel, advert, handshake, messages
//! (CTAP 2.2 section 11.5.1). It gives CTAP requests and takes responses, and
//! knows nothing of passkeys.
//!
//! ```text
//!  Registering ──opened──▶ Advertising ──handshake──▶ Listening ◀──response──┐
//!                                                         │                  │
//!  Closed ◀── shutdown, close, cancel, deadline, fault ───┴──request──▶ Answering
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `registering.rs` | the tunnel is being opened |
//! | `advertising.rs` | the advert, and the handshake |
//! | `session.rs` | requests and responses |
//! | `messages.rs` | every other message of a client |
//! | `response.rs` | whether a client can read a response |

use std::collections::VecDeque;
use std::time::Duration;

use crate::ctap::{RawCbor, Status};
use crate::error::{ApiMisuse, CancelledBy, Error, Fault, PeerMisbehaved, Stage};
use crate::state_machine::{End, States};
use crate::transport::qr_code::QrCode;
use crate::transport::tunnel_domain::TunnelDomain;
use crate::transport::tunnel_url::TunnelRequest;

mod advertising;
mod config;
mod interface;
mod messages;
mod registering;
mod response;
mod session;
mod transaction;

use advertising::Advertising;
use registering::Registering;
pub(super) use session::{Answering, Session};

pub use config::{Deadlines, Keys};
pub use interface::{Input, Output, Update};
pub use response::MAX_RESPONSE_LENGTH;
pub(super) use transaction::can_meet;
pub use transaction::{Config, Transaction};

pub(super) type Outputs = VecDeque<Output>;
type Step = Result<State, End>;

/// What is to be stopped when a transaction ends.
#[derive(Clone, Copy)]
pub(super) struct Resources {
    pub(super) advert: bool,
    pub(super) request: bool,
    pub(super) tunnel: bool,
}

/// The link's states. Each owns just what it needs and is consumed by the step
/// to the next.
#[derive(Debug)]
pub(super) enum State {
    Registering(Registering),
    Advertising(Advertising),
    Listening(Session),
    Answering(Answering),
    Closed,
}

impl State {
    /// Starts with a QR code that was read, and what the client is to be told
    /// after the handshake.
    pub(super) fn new(
        domain: TunnelDomain,
        get_info: RawCbor,
        code: &QrCode,
        keys: Keys,
    ) -> (Self, TunnelRequest) {
        let (registering, request) = Registering::new(domain, get_info, code, keys);
        (Self::Registering(registering), request)
    }

    /// The program cancels: a client that waits gets a refusal.
    fn cancel(self, outputs: &mut Outputs) -> Step {
        match self {
            // All that was asked has been answered.
            Self::Listening(session) if session.is_settled() => Err(End::Done),
            Self::Closed => Ok(Self::Closed),
            state => {
                state.last_word(Status::OPERATION_DENIED, outputs);
                Err(Fault::Cancelled(CancelledBy::Caller).into())
            }
        }
    }

    /// What is held, unless it is lost already.
    pub(super) const fn held(&self, advert_lost: bool, tunnel_lost: bool) -> Resources {
        Resources {
            advert: !advert_lost && matches!(self, Self::Advertising(_)),
            request: matches!(self, Self::Answering(_)),
            tunnel: !tunnel_lost && !matches!(self, Self::Closed),
        }
    }

    fn last_word(self, status: Status, outputs: &mut Outputs) {
        if let Self::Answering(answering) = self {
            answering.last_word(status, outputs);
        }
    }
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
            Self::Registering(_) => Stage::Registering,
            Self::Advertising(_) => Stage::Advertising,
            Self::Listening(_) => Stage::Listening,
            Self::Answering(_) => Stage::Prompting,
            Self::Closed => Stage::Closed,
        }
    }

    fn time_allowed(&self, deadlines: &Deadlines) -> Option<Duration> {
        match self {
            Self::Registering(_) => Some(deadlines.registering),
            Self::Advertising(_) => Some(deadlines.advertising),
            Self::Listening(_) => Some(deadlines.listening),
            Self::Answering(_) => Some(deadlines.prompting),
            Self::Closed => None,
        }
    }

    fn resources(&self, input: &Input) -> Resources {
        let tunnel_gone =
            matches!(input, Input::TunnelClosed | Input::TunnelFailed(_) | Input::SendFailed(_));
        let advert_gone = matches!(input, Input::AdvertisingFailed(_));
        let answered = matches!(input, Input::Response(_));
        let held = self.held(advert_gone, tunnel_gone);
        Resources { request: held.request && !answered, ..held }
    }

    fn accepts(&self, input: &Input) -> Result<(), ApiMisuse> {
        let fits = match (self, input) {
            (Self::Closed, _) => true,
            (state, Input::TunnelOpened { .. }) => matches!(state, Self::Registering(_)),
            (state, Input::Response(_)) => matches!(state, Self::Answering(_)),
            _ => true,
        };
        if fits { Ok(()) } else { Err(ApiMisuse::WrongStage) }
    }

    fn outranks_deadline(input: &Input) -> bool {
        // A client that has left is not told that time is up.
        matches!(input, Input::TunnelClosed | Input::TunnelFailed(_) | Input::SendFailed(_))
    }

    fn handle(self, input: Input, outputs: &mut Outputs) -> Step {
        if matches!(input, Input::Cancel) {
            return self.cancel(outputs);
        }
        match self {
            Self::Registering(state) => state.handle(input, outputs),
            Self::Advertising(state) => state.handle(input, outputs),
            Self::Listening(session) => session.handle(input, outputs),
            Self::Answering(state) => state.handle(input, outputs),
            Self::Closed => Ok(Self::Closed),
        }
    }

    fn expire(self, outputs: &mut Outputs) -> Step {
        match self {
            Self::Listening(session) if session.is_settled() => Err(End::Done),
            Self::Advertising(state) => Err(state.expire()),
            state => {
                state.last_word(Status::USER_ACTION_TIMEOUT, outputs);
                Err(Fault::Deadline.into())
            }
        }
    }

    fn stop(resources: Resources, outputs: &mut Outputs) {
        if resources.advert {
            outputs.push_back(Output::StopAdvertising);
        }
        if resources.request {
            outputs.push_back(Output::CancelRequest);
        }
        if resources.tunnel {
            outputs.push_back(Output::CloseTunnel);
        }
    }

    fn outcome(stage: Stage, end: End) -> Output {
        Output::Closed(outcome(stage, end))
    }
}

/// The outcome of a transaction that ended in this stage.
pub(super) fn outcome(stage: Stage, end: End) -> Result<(), Error> {
    let stage = match end {
        // The stage between advertising and listening takes one input.
        End::Fault(Fault::PeerMisbehaved(PeerMisbehaved::Handshake(_))) => Stage::Handshaking,
        _ => stage,
    };
    end.at(stage)
}
