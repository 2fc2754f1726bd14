//! The authenticator's engine: CTAP2 without a transport. It finds passkeys,
//! asks the user, makes passkeys and signs.
//!
//! ```text
//!          request                found             decided         saved or counted
//!  Idle ────────────▶ Finding ────────────▶ Asking ────────▶ Saving ─────────────────▶ Idle
//!   │                                          │             Counting                   │
//!   └── refused, without a question            └── declined                             └── answer
//! ```
//!
//! | CTAP 2.2 | file |
//! |---|---|
//! | 6.1 authenticatorMakeCredential | `make_credential.rs` |
//! | 6.2 authenticatorGetAssertion | `get_assertion.rs` |
//! | 6.4 authenticatorGetInfo | `profile.rs` |
//! | 6.9 authenticatorSelection, and other requests for a touch | `touch.rs` |
//! | 8.2 statuses | `refusal.rs` |
//! | user presence and verification | `user_check.rs`, `consent.rs` |
//! | WebAuthn `prf` (hmac-secret) | `prf.rs` |

use std::collections::VecDeque;

use crate::ctap::{
    CredentialId, RawResponse, Request, RequestError, Response, Status, UserHandle,
    get_assertion as get_assertion_messages, make_credential as make_credential_messages,
};
use crate::error::{ApiMisuse, PeerMisbehaved, StoreFault};
use crate::secret::TransactionSeed;
use crate::state_machine::End;

mod consent;
mod get_assertion;
mod make_credential;
mod names;
mod passkey;
mod prf;
mod profile;
mod randomness;
mod refusal;
mod store;
mod touch;
mod user_check;

use consent::Asked;
use get_assertion::{Chosen, SignIn};
use names::Site;
use randomness::Randomness;
use touch::Touch;

pub use names::MAX_NAME;
pub use passkey::{Backup, Passkey};
pub use profile::{Attestation, MAX_MESSAGE_SIZE, Profile};
pub use randomness::CREDENTIAL_ID_LENGTH;
pub use refusal::Refusal;
pub use store::{MemoryStore, PasskeyStore};
pub use user_check::{Account, Decision, Prompt, PromptId, Question, UserCheck, Verification};

/// How often the user is asked in one transaction. Clients ask once, and once
/// more where a first request must fail; who asks for ever hopes for a mistake.
pub const MAX_PROMPTS: u8 = 8;

/// What happened.
#[derive(Debug)]
pub(super) enum Input {
    PasskeysFound(Result<Vec<Passkey>, StoreFault>),
    Decided { prompt: PromptId, decision: Decision },
    Saved(Result<(), StoreFault>),
    UseCounted(Result<u32, StoreFault>),
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Output {
    FindPasskeys {
        rp_id: String,
        ids: Option<Vec<CredentialId>>,
    },
    Prompt(Prompt),
    SavePasskey(Passkey),
    CountUse {
        rp_id: String,
        id: CredentialId,
    },
    /// The request is answered. `settled`: a request for a passkey or a signature
    /// has been answered in this transaction, if only by a refusal.
    Answer {
        response: RawResponse,
        settled: bool,
    },
    Report(Report),
}

/// A step that was taken.
#[derive(Debug)]
pub(super) enum Report {
    Prompting,
    Registered,
    SignedIn,
    Refused(Refusal),
    Unsupported,
    StoreFailed(StoreFault),
}

/// Which input an engine waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaits {
    Request,
    Passkeys,
    Decision,
    Saved,
    UseCounted,
}

pub(super) type Outputs = VecDeque<Output>;
type Step = Result<State, End>;

/// The engine of one transaction.
#[derive(Debug)]
pub(super) struct Engine {
    session: Session,
    state: State,
}

/// What lasts from one request to the next.
#[derive(Debug)]
struct Session {
    profile: Profile,
    randomness: Randomness,
    prompts: u8,
    /// Whether a request for a passkey or a signature came: clients leave once
    /// it is answered, if only by a refusal.
    settled: bool,
    /// The account of a registration that is not answered yet.
    registering: Option<(String, UserHandle)>,
}

/// How far a request is.
#[derive(Debug)]
enum State {
    /// There is no request.
    Idle,
    /// The store is finding passkeys.
    Finding(Errand),
    /// The user is being asked.
    Asking(Pending),
    /// The store is saving a new passkey, and the answer waits for it.
    Saving(make_credential_messages::Response),
    /// The store is counting a use, and the signature waits for it.
    Counting(Chosen),
}

/// What a request is for.
#[derive(Debug)]
enum Errand {
    Register(make_credential_messages::Request),
    SignIn(get_assertion_messages::Request),
}

/// What the user is being asked.
#[derive(Debug)]
enum Pending {
    Register(Asked<make_credential_messages::Request>),
    SignIn(Asked<SignIn>),
    Tell(Asked<Refusal>),
    Touch(Asked<Touch>),
}

impl Engine {
    pub(super) const fn new(profile: Profile, seed: TransactionSeed) -> Self {
        let session = Session {
            profile,
            randomness: Randomness::new(seed),
            prompts: 0,
            settled: false,
            registering: None,
        };
        Self { session, state: State::Idle }
    }

    /// The account for which a passkey is being registered.
    pub(super) fn registering(&self) -> Option<(&str, &UserHandle)> {
        self.session.registering.as_ref().map(|(rp_id, user)| (rp_id.as_str(), user))
    }

    pub(super) const fn awaits(&self) -> Awaits {
        match self.state {
            State::Idle => Awaits::Request,
            State::Finding(_) => Awaits::Passkeys,
            State::Asking(_) => Awaits::Decision,
            State::Saving(_) => Awaits::Saved,
            State::Counting(_) => Awaits::UseCounted,
        }
    }

    /// Whether this is a decision on the prompt that is shown.
    pub(super) fn fits(&self, prompt: PromptId, decision: Decision) -> Result<(), ApiMisuse> {
        match &self.state {
            State::Asking(Pending::Register(asked)) => asked.fits(prompt, decision),
            State::Asking(Pending::SignIn(asked)) => asked.fits(prompt, decision),
            State::Asking(Pending::Tell(asked)) => asked.fits(prompt, decision),
            State::Asking(Pending::Touch(asked)) => asked.fits(prompt, decision),
            _ => Err(ApiMisuse::WrongStage),
        }
    }

    /// Takes a request; there is no other one.
    pub(super) fn request(
        mut self,
        request: Result<Request, RequestError>,
        outputs: &mut Outputs,
    ) -> Result<Self, End> {
        let state = match request {
            Ok(request) => self.session.take(request, outputs)?,
            Err(error) => self.session.refuse(error.into(), outputs),
        };
        Ok(Self { state, ..self })
    }

    /// Takes an input that it [`awaits`](Self::awaits); any other changes nothing.
    pub(super) fn handle(self, input: Input, outputs: &mut Outputs) -> Result<Self, End> {
        let Self { mut session, state } = self;
        let state = match (state, input) {
            (State::Finding(errand), Input::PasskeysFound(Ok(found))) => {
                session.found(errand, found, outputs)
            }
            (State::Asking(pending), Input::Decided { prompt, decision }) => {
                session.decided(pending, prompt, decision, outputs)?
            }
            (State::Saving(response), Input::Saved(Ok(()))) => {
                let response = Response::MakeCredential(response).to_raw();
                session.answer(response, Report::Registered, outputs)
            }
            (State::Counting(chosen), Input::UseCounted(Ok(counter))) => {
                session.signed_in(chosen.sign(counter), outputs)
            }
            (State::Finding(_), Input::PasskeysFound(Err(fault)))
            | (State::Saving(_), Input::Saved(Err(fault)))
            | (State::Counting(_), Input::UseCounted(Err(fault))) => {
                session.store_failed(fault, outputs)
            }
            (state, _) => state,
        };
        Ok(Self { session, state })
    }
}

impl Session {
    fn take(&mut self, request: Request, outputs: &mut Outputs) -> Step {
        match request {
            Request::GetInfo => {
                let response = Response::GetInfo(self.profile.get_info()).to_raw();
                outputs.push_back(Output::Answer { response, settled: self.settled });
                Ok(State::Idle)
            }
            Request::Selection => self.ask_for_touch(Touch::Selection, outputs),
            Request::MakeCredential(request) if touch::is_dummy(&request) => {
                self.ask_for_touch(Touch::Dummy, outputs)
            }
            Request::MakeCredential(request) => {
                self.settled = true;
                match make_credential::check(&request, self.profile.ability) {
                    Ok(()) => self.begin(Errand::Register(request), outputs),
                    Err(refusal) => Ok(self.refuse(refusal, outputs)),
                }
            }
            Request::GetAssertion(request) => {
                self.settled = true;
                match get_assertion::check(&request, self.profile.ability) {
                    Ok(()) => self.begin(Errand::SignIn(request), outputs),
                    Err(refusal) => Ok(self.refuse(refusal, outputs)),
                }
            }
            // The user picks the account: there is never a next one.
            Request::GetNextAssertion => {
                Ok(self.refuse(Refusal::Unsupported(Status::NOT_ALLOWED), outputs))
            }
        }
    }

    fn count_prompt(&mut self) -> Result<(), End> {
        if self.prompts == MAX_PROMPTS {
            return Err(PeerMisbehaved::TooManyRequests.into());
        }
        self.prompts += 1;
        Ok(())
    }

    fn begin(&mut self, errand: Errand, outputs: &mut Outputs) -> Step {
        self.count_prompt()?;
        let (rp_id, ids) = match &errand {
            // All of the site, for the one that the new one would replace too.
            Errand::Register(request) => {
                self.registering = Some((request.rp.id.clone(), request.user.id.clone()));
                (request.rp.id.clone(), None)
            }
            Errand::SignIn(request) => (request.rp_id.clone(), get_assertion::allowed(request)),
        };
        outputs.push_back(Output::FindPasskeys { rp_id, ids });
        Ok(State::Finding(errand))
    }

    fn found(&mut self, errand: Errand, found: Vec<Passkey>, outputs: &mut Outputs) -> State {
        // Whatever the request says: a phone that somebody found unlocked is not
        // its user (as phones do).
        let demanded = self.profile.ability;
        match errand {
            Errand::Register(request) => match make_credential::excluded(&request, &found) {
                Some(passkey) => {
                    let question = Question::AlreadyRegistered(Account::of(passkey));
                    let site = Site::of(&request.rp);
                    self.tell(site, question, Refusal::AlreadyRegistered, outputs)
                }
                None => {
                    let replaced = make_credential::replaced(&request, &found);
                    let question = Question::Register(Account::new(&request.user, replaced));
                    let site = Site::of(&request.rp);
                    self.ask(site, question, demanded, request, Pending::Register, outputs)
                }
            },
            Errand::SignIn(request) => {
                let site = Site::named(&request.rp_id);
                match SignIn::new(request, found) {
                    Some(sign_in) => {
                        let accounts = sign_in.passkeys().iter().map(Account::of).collect();
                        let question = Question::SignIn(accounts);
                        self.ask(site, question, demanded, sign_in, Pending::SignIn, outputs)
                    }
                    None => self.tell(site, Question::NothingHere, Refusal::NoPasskey, outputs),
                }
            }
        }
    }

    /// Asks the user about `subject`.
    fn ask<S>(
        &mut self,
        Site { rp_id, rp_name }: Site,
        question: Question,
        demanded: Verification,
        subject: S,
        pending: impl FnOnce(Asked<S>) -> Pending,
        outputs: &mut Outputs,
    ) -> State {
        let id = self.randomness.prompt();
        let prompt = Prompt { id, rp_id, rp_name, question, demanded };
        let pending = pending(Asked::new(&prompt, subject));
        outputs.push_back(Output::Report(Report::Prompting));
        outputs.push_back(Output::Prompt(prompt));
        State::Asking(pending)
    }

    /// Asks the user whether the client may be told `refusal`, which says
    /// something of what is in the store.
    fn tell(
        &mut self,
        site: Site,
        question: Question,
        refusal: Refusal,
        outputs: &mut Outputs,
    ) -> State {
        self.ask(site, question, Verification::Present, refusal, Pending::Tell, outputs)
    }

    fn decided(
        &mut self,
        pending: Pending,
        prompt: PromptId,
        decision: Decision,
        outputs: &mut Outputs,
    ) -> Step {
        let refusal = match pending {
            Pending::Register(asked) => match asked.decide(prompt, decision) {
                Ok(consent) => {
                    let Self { profile, randomness, .. } = self;
                    let (passkey, response) = make_credential::make(consent, profile, randomness);
                    outputs.push_back(Output::SavePasskey(passkey));
                    return Ok(State::Saving(response));
                }
                Err(refusal) => refusal,
            },
            Pending::SignIn(asked) => match asked.decide(prompt, decision).and_then(Chosen::new) {
                Ok(chosen) => match chosen.counted() {
                    Some((rp_id, id)) => {
                        outputs.push_back(Output::CountUse { rp_id, id });
                        return Ok(State::Counting(chosen));
                    }
                    None => return Ok(self.signed_in(chosen.sign(0), outputs)),
                },
                Err(refusal) => refusal,
            },
            Pending::Tell(asked) => match asked.decide(prompt, decision) {
                Ok(consent) => consent.spend().subject,
                Err(refusal) => refusal,
            },
            Pending::Touch(asked) => {
                return self.touched(asked.acknowledge(prompt, decision), outputs);
            }
        };
        Ok(self.refuse(refusal, outputs))
    }

    /// Answers with the refusal's status.
    fn refuse(&mut self, refusal: Refusal, outputs: &mut Outputs) -> State {
        let response = RawResponse::from_status(refusal.status());
        self.answer(response, Report::Refused(refusal), outputs)
    }

    fn store_failed(&mut self, fault: StoreFault, outputs: &mut Outputs) -> State {
        let refusal = match fault {
            StoreFault::Full => Refusal::StoreFull,
            StoreFault::Failed(_) => Refusal::StoreFailed,
        };
        outputs.push_back(Output::Report(Report::StoreFailed(fault)));
        self.refuse(refusal, outputs)
    }

    fn signed_in(
        &mut self,
        response: get_assertion_messages::Response,
        outputs: &mut Outputs,
    ) -> State {
        self.answer(Response::GetAssertion(response).to_raw(), Report::SignedIn, outputs)
    }

    fn answer(&mut self, response: RawResponse, report: Report, outputs: &mut Outputs) -> State {
        self.registering = None;
        outputs.push_back(Output::Answer { response, settled: self.settled });
        outputs.push_back(Output::Report(report));
        State::Idle
    }
}
