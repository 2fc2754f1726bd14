//! The authenticator's link to a client: tunnel, advert, handshake, messages
//! [CTAP 2.2 §11.5.1]. It gives CTAP requests and takes responses, and
//! knows nothing of passkeys.
//!
//! ```text
//!  Registering ──opened──▶ Advertising ──handshake──▶ Listening ◀──response──┐
//!                                                         │                  │
//!  Closed ◀── shutdown, close, cancel, deadline, error ───┴──request──▶ Answering
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
use crate::error::{ApiMisuse, CancelledBy, Error, ErrorKind, PeerMisbehaved, Stage};
use crate::state_machine::{End, StateMachine};
use crate::transport::{QrCode, TunnelDomain, TunnelRequest};

mod advertising;
mod config;
mod input;
mod messages;
mod output;
mod registering;
mod response;
mod session;
mod transaction;

use advertising::Advertising;
use registering::Registering;
pub(super) use session::{Answering, PhoneChannel};

pub use config::{AuthenticatorDeadlines, LinkSecrets};
pub use input::LinkInput;
pub use output::{LinkOutput, LinkUpdate};
pub use response::MAX_RESPONSE_LENGTH;
pub(super) use transaction::can_meet;
pub use transaction::{LinkConfig, LinkTransaction};

pub(super) type Outputs = VecDeque<LinkOutput>;
type Step = Result<State, End>;

/// The resources to stop when a transaction ends.
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
    Listening(PhoneChannel),
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
        keys: LinkSecrets,
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
                Err(ErrorKind::Cancelled(CancelledBy::Caller).into())
            }
        }
    }

    /// The resources that are held and not lost yet.
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

impl StateMachine for State {
    type Input = LinkInput;
    type Output = LinkOutput;
    type Deadlines = AuthenticatorDeadlines;
    type Resources = Resources;

    fn closed() -> Self {
        Self::Closed
    }

    fn stage(&self) -> Stage {
        match self {
            Self::Registering(_) => Stage::Registering,
            Self::Advertising(_) => Stage::Advertising,
            Self::Listening(_) => Stage::Listening,
            Self::Answering(_) => Stage::Answering,
            Self::Closed => Stage::Closed,
        }
    }

    fn time_allowed(&self, deadlines: &AuthenticatorDeadlines) -> Option<Duration> {
        match self {
            Self::Registering(_) => Some(deadlines.registering),
            Self::Advertising(_) => Some(deadlines.advertising),
            Self::Listening(_) => Some(deadlines.listening),
            Self::Answering(_) => Some(deadlines.answering),
            Self::Closed => None,
        }
    }

    fn resources(&self, input: &LinkInput) -> Resources {
        let tunnel_lost = matches!(
            input,
            LinkInput::TunnelClosed | LinkInput::TunnelFailed(_) | LinkInput::SendFailed(_)
        );
        let advert_lost = matches!(input, LinkInput::AdvertisingFailed(_));
        let answered = matches!(input, LinkInput::Response(_));
        let held = self.held(advert_lost, tunnel_lost);
        Resources { request: held.request && !answered, ..held }
    }

    fn accepts(&self, input: &LinkInput) -> Result<(), ApiMisuse> {
        let fits = match (self, input) {
            (Self::Closed, _) => true,
            (state, LinkInput::TunnelOpened { .. }) => matches!(state, Self::Registering(_)),
            (state, LinkInput::Response(_)) => matches!(state, Self::Answering(_)),
            _ => true,
        };
        if fits { Ok(()) } else { Err(ApiMisuse::WrongStage) }
    }

    fn outranks_deadline(input: &LinkInput) -> bool {
        // A client that has disconnected gets no timeout status.
        matches!(
            input,
            LinkInput::TunnelClosed | LinkInput::TunnelFailed(_) | LinkInput::SendFailed(_)
        )
    }

    fn handle(self, input: LinkInput, outputs: &mut Outputs) -> Step {
        if matches!(input, LinkInput::Cancel) {
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
                Err(ErrorKind::Deadline.into())
            }
        }
    }

    fn stop(resources: Resources, outputs: &mut Outputs) {
        if resources.advert {
            outputs.push_back(LinkOutput::StopAdvertising);
        }
        if resources.request {
            outputs.push_back(LinkOutput::CancelRequest);
        }
        if resources.tunnel {
            outputs.push_back(LinkOutput::CloseTunnel);
        }
    }

    fn outcome(stage: Stage, end: End) -> LinkOutput {
        LinkOutput::Closed(outcome(stage, end))
    }
}

/// The outcome of a transaction that ended in this stage.
pub(super) fn outcome(stage: Stage, end: End) -> Result<(), Error> {
    let stage = match end {
        // The stage between advertising and listening takes one input.
        End::ErrorKind(ErrorKind::PeerMisbehaved(PeerMisbehaved::Handshake(_))) => {
            Stage::Handshaking
        }
        _ => stage,
    };
    end.at(stage)
}
