//! The user is being asked.

use super::saving::Creating;
use super::signing::Counting;
use super::{State, Step};
use crate::authenticator::engine::consent::Prompted;
use crate::authenticator::engine::get_assertion::{ChosenPasskey, SignIn};
use crate::authenticator::engine::make_credential::{Keyless, Registration};
use crate::authenticator::engine::names::ShownRp;
use crate::authenticator::engine::output::{Output, Outputs, Report};
use crate::authenticator::engine::refusal::Refusal;
use crate::authenticator::engine::session::Session;
use crate::authenticator::engine::touch::Touch;
use crate::authenticator::engine::user_check::{
    Decision, Prompt, PromptId, Question, UserVerification,
};
use crate::ctap::RawResponse;
use crate::error::ApiMisuse;
use crate::state_machine::End;

/// The prompt that is shown.
#[derive(Debug)]
pub(in crate::authenticator::engine) enum Asking {
    Register(Prompted<Registration>),
    SignIn(Prompted<SignIn>),
    Tell(Prompted<Refusal>),
    Touch(Prompted<Touch>),
}

impl Asking {
    pub(super) fn register(
        rp: ShownRp,
        question: Question,
        registration: Registration,
        session: &mut Session,
        outputs: &mut Outputs,
    ) -> Self {
        let demanded = demanded(session);
        Self::Register(prompt(rp, question, demanded, registration, session, outputs))
    }

    pub(super) fn sign_in(
        rp: ShownRp,
        question: Question,
        sign_in: SignIn,
        session: &mut Session,
        outputs: &mut Outputs,
    ) -> Self {
        let demanded = demanded(session);
        Self::SignIn(prompt(rp, question, demanded, sign_in, session, outputs))
    }

    /// Asks the user whether the client may be told `refusal`, which tells it
    /// something about the content of the store.
    pub(super) fn tell(
        rp: ShownRp,
        question: Question,
        refusal: Refusal,
        session: &mut Session,
        outputs: &mut Outputs,
    ) -> Self {
        let demanded = UserVerification::Present;
        Self::Tell(prompt(rp, question, demanded, refusal, session, outputs))
    }

    /// Asks for the user's presence. Whether the client wants what this
    /// authenticator cannot do shows only in what it asks next, if anything.
    pub(super) fn touch(touch: Touch, session: &mut Session, outputs: &mut Outputs) -> Step {
        session.count_prompt()?;
        session.settled = true;
        let (rp, question) = (ShownRp::unnamed(), Question::Unsupported);
        let demanded = UserVerification::Present;
        let prompted = prompt(rp, question, demanded, touch, session, outputs);
        Ok(State::Asking(Self::Touch(prompted)))
    }

    /// Whether this is a decision on the prompt that is shown.
    pub(in crate::authenticator::engine) fn fits(
        &self,
        prompt: PromptId,
        decision: Decision,
    ) -> Result<(), ApiMisuse> {
        match self {
            Self::Register(prompted) => prompted.fits(prompt, decision),
            Self::SignIn(prompted) => prompted.fits(prompt, decision),
            Self::Tell(prompted) => prompted.fits(prompt, decision),
            Self::Touch(prompted) => prompted.fits(prompt, decision),
        }
    }

    pub(super) fn decided(
        self,
        prompt: PromptId,
        decision: Decision,
        session: &mut Session,
        outputs: &mut Outputs,
    ) -> Step {
        let refusal = match self {
            Self::Register(prompted) => match prompted.decide(prompt, decision) {
                Ok(consent) => return Ok(Creating::begin(Keyless::new(consent), session, outputs)),
                Err(refusal) => refusal,
            },
            Self::SignIn(prompted) => {
                match prompted.decide(prompt, decision).and_then(ChosenPasskey::new) {
                    Ok(chosen) => return Ok(Counting::begin(chosen, session, outputs)),
                    Err(refusal) => refusal,
                }
            }
            Self::Tell(prompted) => match prompted.decide(prompt, decision) {
                Ok(consent) => consent.spend().subject,
                Err(refusal) => refusal,
            },
            Self::Touch(prompted) => match prompted.acknowledge(prompt, decision) {
                Ok(touch) => {
                    let response = RawResponse::from_status(touch.status());
                    session.answer(response, Report::Unsupported, outputs);
                    return Ok(State::Idle);
                }
                Err(refusal) => {
                    session.refuse(refusal, outputs);
                    // The client has nothing else to ask.
                    return Err(End::Done);
                }
            },
        };
        session.refuse(refusal, outputs);
        Ok(State::Idle)
    }
}

/// Whatever the request says, as phones do: a person who found the phone unlocked
/// is not its user.
const fn demanded(session: &Session) -> UserVerification {
    session.profile.capability
}

/// Shows a prompt about `subject`.
fn prompt<S>(
    ShownRp { rp_id, rp_name }: ShownRp,
    question: Question,
    demanded: UserVerification,
    subject: S,
    session: &mut Session,
    outputs: &mut Outputs,
) -> Prompted<S> {
    let id = session.randomness.prompt();
    let prompt = Prompt { id, rp_id, rp_name, question, demanded };
    let prompted = Prompted::new(&prompt, subject);
    outputs.push_back(Output::Report(Report::Answering));
    outputs.push_back(Output::Prompt(prompt));
    prompted
}
