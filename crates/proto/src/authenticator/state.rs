//! Link and engine together: what one gives, the other takes.
//!
//! ```text
//!  Input ──▶ link ──request──▶ engine ──▶ Output
//!            link ◀──answer─── engine ◀── Input
//! ```
//!
//! Both run in one step, so that stages, deadlines and the order of inputs are
//! those of the link.

use std::collections::VecDeque;
use std::time::Duration;

use super::config::{AuthenticatorConfig, PhoneSecrets};
use super::engine::{self, Awaits, Engine, KeyHandle};
use super::input::Input;
use super::link::{self, AuthenticatorDeadlines};
use super::output::Output;
use crate::ctap::{CtapRequest, RawCbor, UserHandle};
use crate::error::{ApiMisuse, Stage};
use crate::secret::SecretBytes;
use crate::state_machine::{End, StateMachine};
use crate::transport::{MAX_PORTABLE_PAYLOAD, QrCode};

// What getInfo says is what the link can receive.
const _: () = assert!(engine::MAX_MESSAGE_SIZE == MAX_PORTABLE_PAYLOAD);

type Outputs = VecDeque<Output>;
type Step = Result<State, End>;

/// The resources to stop when a transaction ends.
pub(super) struct Resources {
    link: link::Resources,
    prompt: bool,
    key_operation: bool,
    key_without_passkey: Option<KeyHandle>,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one for each transaction")]
pub(super) enum State {
    Open { link: link::State, engine: Engine },
    Closed,
}

/// An input, by the part that it is for.
enum Part {
    Link(link::LinkInput),
    Engine(engine::Input),
}

impl From<Input> for Part {
    fn from(input: Input) -> Self {
        match input {
            Input::TunnelOpened { routing_id } => {
                Self::Link(link::LinkInput::TunnelOpened { routing_id })
            }
            Input::Message(message) => Self::Link(link::LinkInput::Message(message)),
            Input::TunnelClosed => Self::Link(link::LinkInput::TunnelClosed),
            Input::TunnelFailed(error) => Self::Link(link::LinkInput::TunnelFailed(error)),
            Input::SendFailed(error) => Self::Link(link::LinkInput::SendFailed(error)),
            Input::Adapter(state) => Self::Link(link::LinkInput::Adapter(state)),
            Input::AdvertisingFailed(error) => {
                Self::Link(link::LinkInput::AdvertisingFailed(error))
            }
            Input::Cancel => Self::Link(link::LinkInput::Cancel),
            Input::TimePassed => Self::Link(link::LinkInput::TimePassed),
            Input::PasskeysFound(found) => Self::Engine(engine::Input::PasskeysFound(found)),
            Input::Saved(result) => Self::Engine(engine::Input::Saved(result)),
            Input::UseCounted(counted) => Self::Engine(engine::Input::UseCounted(counted)),
            Input::KeyCreated(created) => Self::Engine(engine::Input::KeyCreated(created)),
            Input::Signed(signed) => Self::Engine(engine::Input::Signed(signed)),
            Input::Decided { prompt, decision } => {
                Self::Engine(engine::Input::Decided { prompt, decision })
            }
        }
    }
}

impl State {
    /// Starts with a QR code that was read: the first output is a dial.
    pub(super) fn new(
        config: AuthenticatorConfig,
        code: &QrCode,
        keys: PhoneSecrets,
    ) -> (Self, [Output; 2]) {
        let AuthenticatorConfig { domain, profile, .. } = config;
        let PhoneSecrets { nonce, ephemeral, seed } = keys;
        let get_info = RawCbor::of(&profile.get_info());
        let keys = link::LinkSecrets { nonce, ephemeral };
        let (link, request) = link::State::new(domain, get_info, code, keys);
        let engine = Engine::new(profile, seed);
        let outputs = [Output::Update(link::LinkUpdate::Registering.into()), Output::Dial(request)];
        (Self::Open { link, engine }, outputs)
    }

    /// The account for which a passkey is being registered.
    pub(super) fn registering(&self) -> Option<(&str, &UserHandle)> {
        match self {
            Self::Open { engine, .. } => engine.registering(),
            Self::Closed => None,
        }
    }
}

/// Passes on what a link wants done. A request is for the engine.
fn forward(said: link::Outputs, outputs: &mut Outputs) -> Option<SecretBytes> {
    let mut request = None;
    for output in said {
        outputs.push_back(match output {
            link::LinkOutput::Request(bytes) => {
                request = Some(bytes);
                continue;
            }
            // The engine's own reports say more. No request is cancelled but at
            // the end, which stops the prompt.
            link::LinkOutput::Update(link::LinkUpdate::Requested)
            | link::LinkOutput::CancelRequest => continue,
            link::LinkOutput::Dial(request) => Output::Dial(request),
            link::LinkOutput::Advertise(advert) => Output::Advertise(advert),
            link::LinkOutput::StopAdvertising => Output::StopAdvertising,
            link::LinkOutput::Send(message) => Output::Send(message),
            link::LinkOutput::CloseTunnel => Output::CloseTunnel,
            link::LinkOutput::Update(update) => Output::Update(update.into()),
            link::LinkOutput::Closed(result) => Output::Closed(result),
        });
    }
    request
}

/// Passes on what an engine wants done. An answer is for the link.
fn answer(
    mut link: link::State,
    said: engine::Outputs,
    outputs: &mut Outputs,
) -> Result<link::State, End> {
    for output in said {
        outputs.push_back(match output {
            engine::Output::Answer { response, settled } => {
                if let link::State::Answering(answering) = link {
                    let mut sent = link::Outputs::new();
                    let session = answering.answer(&response.to_bytes(), settled, &mut sent);
                    forward(sent, outputs);
                    link = link::State::Listening(session?);
                }
                continue;
            }
            engine::Output::FindPasskeys { rp_id, ids } => Output::FindPasskeys { rp_id, ids },
            engine::Output::Prompt(prompt) => Output::Prompt(prompt),
            engine::Output::SavePasskey(passkey) => Output::SavePasskey(passkey),
            engine::Output::CountUse { rp_id, id } => Output::CountUse { rp_id, id },
            engine::Output::CreateKey { rp_id } => Output::CreateKey { rp_id },
            engine::Output::Sign { rp_id, key, message } => Output::Sign { rp_id, key, message },
            engine::Output::DeleteKey(key) => Output::DeleteKey(key),
            engine::Output::Report(report) => Output::Update(report.into()),
        });
    }
    Ok(link)
}

impl StateMachine for State {
    type Input = Input;
    type Output = Output;
    type Deadlines = AuthenticatorDeadlines;
    type Resources = Resources;

    fn closed() -> Self {
        Self::Closed
    }

    fn stage(&self) -> Stage {
        match self {
            Self::Open { link, .. } => link.stage(),
            Self::Closed => Stage::Closed,
        }
    }

    fn time_allowed(&self, deadlines: &AuthenticatorDeadlines) -> Option<Duration> {
        match self {
            Self::Open { link, .. } => link.time_allowed(deadlines),
            Self::Closed => None,
        }
    }

    fn resources(&self, input: &Input) -> Resources {
        let tunnel_lost =
            matches!(input, Input::TunnelClosed | Input::TunnelFailed(_) | Input::SendFailed(_));
        let advert_lost = matches!(input, Input::AdvertisingFailed(_));
        let decided = matches!(input, Input::Decided { .. });
        let key_store_answered = matches!(input, Input::KeyCreated(_) | Input::Signed(_));
        let created = match input {
            Input::KeyCreated(Ok(key)) => Some(key),
            _ => None,
        };
        let unsaved = matches!(input, Input::Saved(Err(_)));
        match self {
            Self::Open { link, engine } => Resources {
                link: link.held(advert_lost, tunnel_lost),
                prompt: !decided && engine.awaits() == Awaits::Decision,
                key_operation: !key_store_answered
                    && matches!(engine.awaits(), Awaits::Key | Awaits::Signature),
                key_without_passkey: engine.key_without_passkey(created, unsaved).cloned(),
            },
            Self::Closed => Resources {
                link: link::State::Closed.held(true, true),
                prompt: false,
                key_operation: false,
                key_without_passkey: None,
            },
        }
    }

    fn accepts(&self, input: &Input) -> Result<(), ApiMisuse> {
        let Self::Open { link, engine } = self else { return Ok(()) };
        let fits = match input {
            Input::Message(_)
            | Input::TunnelClosed
            | Input::TunnelFailed(_)
            | Input::SendFailed(_)
            | Input::Adapter(_)
            | Input::AdvertisingFailed(_)
            | Input::Cancel
            | Input::TimePassed => true,
            Input::TunnelOpened { .. } => link.stage() == Stage::Registering,
            Input::PasskeysFound(_) => engine.awaits() == Awaits::Passkeys,
            Input::Saved(_) => engine.awaits() == Awaits::Saved,
            Input::UseCounted(_) => engine.awaits() == Awaits::UseCounted,
            Input::KeyCreated(_) => engine.awaits() == Awaits::Key,
            Input::Signed(_) => engine.awaits() == Awaits::Signature,
            Input::Decided { prompt, decision } => return engine.fits(*prompt, *decision),
        };
        if fits { Ok(()) } else { Err(ApiMisuse::WrongStage) }
    }

    fn outranks_deadline(input: &Input) -> bool {
        // A client that has disconnected gets no timeout status.
        matches!(input, Input::TunnelClosed | Input::TunnelFailed(_) | Input::SendFailed(_))
    }

    fn handle(self, input: Input, outputs: &mut Outputs) -> Step {
        let Self::Open { link, engine } = self else { return Ok(Self::Closed) };
        let mut said = engine::Outputs::new();
        let (link, step) = match input.into() {
            Part::Link(input) => {
                let mut said_by_link = link::Outputs::new();
                let step = link.handle(input, &mut said_by_link);
                let request = forward(said_by_link, outputs);
                let step_of_engine = match &request {
                    Some(request) => {
                        engine.request(CtapRequest::parse(request.expose()), &mut said)
                    }
                    None => Ok(engine),
                };
                (step?, step_of_engine)
            }
            Part::Engine(input) => (link, engine.handle(input, &mut said)),
        };
        let link = answer(link, said, outputs)?;
        Ok(Self::Open { link, engine: step? })
    }

    fn expire(self, outputs: &mut Outputs) -> Step {
        let Self::Open { link, engine } = self else { return Ok(Self::Closed) };
        let mut said = link::Outputs::new();
        let step = link.expire(&mut said);
        forward(said, outputs);
        Ok(Self::Open { link: step?, engine })
    }

    fn stop(resources: Resources, outputs: &mut Outputs) {
        let Resources { link, prompt, key_operation, key_without_passkey } = resources;
        let link::Resources { advert, tunnel, .. } = link;
        if advert {
            outputs.push_back(Output::StopAdvertising);
        }
        if prompt {
            outputs.push_back(Output::DismissPrompt);
        }
        if key_operation {
            outputs.push_back(Output::CancelKeyOperation);
        }
        outputs.extend(key_without_passkey.map(Output::DeleteKey));
        if tunnel {
            outputs.push_back(Output::CloseTunnel);
        }
    }

    fn outcome(stage: Stage, end: End) -> Output {
        Output::Closed(link::outcome(stage, end))
    }
}

#[cfg(test)]
mod tests;
