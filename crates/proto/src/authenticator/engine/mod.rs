//! The authenticator's engine: CTAP2 without a transport. It finds passkeys,
//! asks the user, makes passkeys and signs.
//!
//! ```text
//!       request          found          decided
//!  Idle ───────▶ Finding ─────▶ Asking ─────────▶ Creating ▶ Attesting ▶ Saving ───▶ Idle
//!   │                             │   └─────────▶ Counting ▶ Signing ──────────────▶ Idle
//!   └── refused, not asked        └── declined                                answer
//! ```
//!
//! *Creating*, *attesting* and *signing* are for keys in a key store. A key in this
//! process is made and used within the step.
//!
//! | CTAP 2.2 | file |
//! |---|---|
//! | 6.1 authenticatorMakeCredential | `make_credential.rs` |
//! | 6.2 authenticatorGetAssertion | `get_assertion.rs` |
//! | 6.4 authenticatorGetInfo | `profile.rs` |
//! | 6.9 authenticatorSelection, and other requests for a touch | `touch.rs` |
//! | 8.2 statuses | `refusal.rs` |
//! | user presence and verification | `user_check.rs`, `consent.rs` |
//! | keys in this process, and in a key store | `key.rs`, `key_store.rs` |
//! | WebAuthn `prf` (hmac-secret) | `prf.rs` |

use std::collections::VecDeque;

use crate::ctap::{
    CredentialId, CtapRequest, CtapResponse, GetAssertionRequest, GetAssertionResponse,
    MakeCredentialRequest, RawResponse, RequestError, Status, UserHandle,
};
use crate::error::{ApiMisuse, KeyError, PeerMisbehaved, StoreError};
use crate::secret::TransactionSeed;
use crate::state_machine::End;

mod consent;
mod get_assertion;
mod key;
mod key_store;
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

use consent::Prompted;
use get_assertion::{ChosenPasskey, SignIn, Unsigned};
use make_credential::{Keyless, Registration, Unattested, Unsaved};
use names::Site;
use randomness::Randomness;
use touch::Touch;

pub use key::{ExternalKey, KeyHandle, NewKeys, PrivateKey};
pub use key_store::KeyStore;
pub use names::MAX_DISPLAY_NAME_BYTES;
pub use passkey::{Backup, Passkey};
pub use profile::{Attestation, MAX_MESSAGE_SIZE, Profile};
pub use randomness::CREDENTIAL_ID_LENGTH;
pub use refusal::Refusal;
pub use store::{MemoryStore, PasskeyStore};
pub use user_check::{Account, Decision, Prompt, PromptId, Question, UserCheck, UserVerification};

/// How often the user is asked in one transaction. Clients ask once, and a second
/// time where a first request must fail; more prompts would only provoke a mistake.
pub const MAX_PROMPTS: u8 = 8;

/// What happened.
#[derive(Debug)]
pub(super) enum Input {
    PasskeysFound(Result<Vec<Passkey>, StoreError>),
    Decided { prompt: PromptId, decision: Decision },
    Saved(Result<(), StoreError>),
    UseCounted(Result<u32, StoreError>),
    KeyCreated(Result<ExternalKey, KeyError>),
    Signed(Result<Vec<u8>, KeyError>),
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
    CreateKey {
        rp_id: String,
    },
    Sign {
        rp_id: String,
        key: KeyHandle,
        message: Vec<u8>,
    },
    DeleteKey(KeyHandle),
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
    Answering,
    Registered,
    SignedIn,
    Refused(Refusal),
    Unsupported,
    StoreFailed(StoreError),
    KeyStoreFailed(KeyError),
}

/// Which input an engine waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaits {
    Request,
    Passkeys,
    Decision,
    Saved,
    UseCounted,
    Key,
    Signature,
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
    Finding(PendingRequest),
    /// The user is being asked.
    Asking(PendingPrompt),
    /// The key store is making a key for a new passkey.
    Creating(Keyless),
    /// The key store is signing the attestation of a new passkey.
    Attesting(Unattested),
    /// The store is saving a new passkey, and the answer waits for it.
    Saving(Unsaved),
    /// The store is counting a use, and the signature waits for it.
    Counting(ChosenPasskey),
    /// The key store is signing.
    Signing(Unsigned),
}

/// What a request is for.
#[derive(Debug)]
enum PendingRequest {
    Register(MakeCredentialRequest),
    SignIn(GetAssertionRequest),
}

/// What the user is being asked.
#[derive(Debug)]
enum PendingPrompt {
    Register(Prompted<Registration>),
    SignIn(Prompted<SignIn>),
    Tell(Prompted<Refusal>),
    Touch(Prompted<Touch>),
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
            State::Creating(_) => Awaits::Key,
            State::Attesting(_) | State::Signing(_) => Awaits::Signature,
        }
    }

    /// The key that no passkey would have if the transaction ended with this key,
    /// or with the store's answer that it `saved` nothing.
    ///
    /// Whether a passkey is saved is not known while the store is saving: its key is
    /// kept then.
    pub(super) fn key_without_passkey<'a>(
        &'a self,
        created: Option<&'a ExternalKey>,
        unsaved: bool,
    ) -> Option<&'a KeyHandle> {
        match &self.state {
            State::Creating(_) => created.map(|key| &key.handle),
            State::Attesting(unattested) => unattested.passkey().key.handle(),
            State::Saving(Unsaved { created, .. }) if unsaved => created.as_ref(),
            _ => None,
        }
    }

    /// Whether this is a decision on the prompt that is shown.
    pub(super) fn fits(&self, prompt: PromptId, decision: Decision) -> Result<(), ApiMisuse> {
        match &self.state {
            State::Asking(PendingPrompt::Register(asked)) => asked.fits(prompt, decision),
            State::Asking(PendingPrompt::SignIn(asked)) => asked.fits(prompt, decision),
            State::Asking(PendingPrompt::Tell(asked)) => asked.fits(prompt, decision),
            State::Asking(PendingPrompt::Touch(asked)) => asked.fits(prompt, decision),
            _ => Err(ApiMisuse::WrongStage),
        }
    }

    /// Takes a request; there is no other one.
    pub(super) fn request(
        mut self,
        request: Result<CtapRequest, RequestError>,
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
            (State::Creating(keyless), Input::KeyCreated(Ok(key))) => {
                let Session { profile, randomness, .. } = &mut session;
                attest(keyless.with_external_key(key, profile, randomness), outputs)
            }
            (State::Creating(_), Input::KeyCreated(Err(fault))) => {
                session.key_store_failed(fault, outputs)
            }
            (State::Attesting(unattested), Input::Signed(signed)) => {
                session.attested(unattested, signed, outputs)
            }
            (State::Saving(Unsaved { response, replaced, .. }), Input::Saved(Ok(()))) => {
                let response = CtapResponse::MakeCredential(response).to_raw();
                let state = session.answer(response, Report::Registered, outputs);
                outputs.extend(replaced.into_iter().map(Output::DeleteKey));
                state
            }
            (State::Saving(Unsaved { created, .. }), Input::Saved(Err(fault))) => {
                let state = session.store_failed(fault, outputs);
                outputs.extend(created.map(Output::DeleteKey));
                state
            }
            (State::Counting(chosen), Input::UseCounted(Ok(counter))) => {
                session.sign(chosen.counted_to(counter), outputs)
            }
            (State::Signing(unsigned), Input::Signed(signed)) => {
                session.signed(unsigned, signed, outputs)
            }
            (State::Finding(_), Input::PasskeysFound(Err(fault)))
            | (State::Counting(_), Input::UseCounted(Err(fault))) => {
                session.store_failed(fault, outputs)
            }
            (state, _) => state,
        };
        Ok(Self { session, state })
    }
}

impl Session {
    fn take(&mut self, request: CtapRequest, outputs: &mut Outputs) -> Step {
        match request {
            CtapRequest::GetInfo => {
                let response = CtapResponse::GetInfo(self.profile.get_info()).to_raw();
                outputs.push_back(Output::Answer { response, settled: self.settled });
                Ok(State::Idle)
            }
            CtapRequest::Selection => self.ask_for_touch(Touch::Selection, outputs),
            CtapRequest::MakeCredential(request) if touch::is_dummy(&request) => {
                self.ask_for_touch(Touch::Dummy, outputs)
            }
            CtapRequest::MakeCredential(request) => {
                self.settled = true;
                match make_credential::check(&request, self.profile.capability) {
                    Ok(()) => self.begin(PendingRequest::Register(request), outputs),
                    Err(refusal) => Ok(self.refuse(refusal, outputs)),
                }
            }
            CtapRequest::GetAssertion(request) => {
                self.settled = true;
                match get_assertion::check(&request, self.profile.capability) {
                    Ok(()) => self.begin(PendingRequest::SignIn(request), outputs),
                    Err(refusal) => Ok(self.refuse(refusal, outputs)),
                }
            }
            // The user picks the account: there is never a next one.
            CtapRequest::GetNextAssertion => {
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

    fn begin(&mut self, errand: PendingRequest, outputs: &mut Outputs) -> Step {
        self.count_prompt()?;
        let (rp_id, ids) = match &errand {
            // All passkeys of the RP ID: the new one may replace one of them.
            PendingRequest::Register(request) => {
                self.registering = Some((request.rp.id.clone(), request.user.id.clone()));
                (request.rp.id.clone(), None)
            }
            PendingRequest::SignIn(request) => {
                (request.rp_id.clone(), get_assertion::allowed(request))
            }
        };
        outputs.push_back(Output::FindPasskeys { rp_id, ids });
        Ok(State::Finding(errand))
    }

    fn found(
        &mut self,
        errand: PendingRequest,
        found: Vec<Passkey>,
        outputs: &mut Outputs,
    ) -> State {
        // Whatever the request says, as phones do: a person who found the phone unlocked
        // is not its user.
        let demanded = self.profile.capability;
        match errand {
            PendingRequest::Register(request) => {
                match make_credential::excluded(&request, &found) {
                    Some(passkey) => {
                        let question = Question::CredentialExcluded(Account::of(passkey));
                        let site = Site::of(&request.rp);
                        self.tell(site, question, Refusal::AlreadyRegistered, outputs)
                    }
                    None => {
                        let replaced = make_credential::replaced(&request, &found);
                        let question = Question::Register(Account::new(&request.user, replaced));
                        let site = Site::of(&request.rp);
                        let registration = Registration::new(request, &found);
                        self.ask(
                            site,
                            question,
                            demanded,
                            registration,
                            PendingPrompt::Register,
                            outputs,
                        )
                    }
                }
            }
            PendingRequest::SignIn(request) => {
                let site = Site::named(&request.rp_id);
                match SignIn::new(request, found) {
                    Some(sign_in) => {
                        let accounts = sign_in.passkeys().iter().map(Account::of).collect();
                        let question = Question::SignIn(accounts);
                        self.ask(site, question, demanded, sign_in, PendingPrompt::SignIn, outputs)
                    }
                    None => self.tell(site, Question::NoCredentials, Refusal::NoPasskey, outputs),
                }
            }
        }
    }

    /// Asks the user about `subject`.
    fn ask<S>(
        &mut self,
        Site { rp_id, rp_name }: Site,
        question: Question,
        demanded: UserVerification,
        subject: S,
        pending: impl FnOnce(Prompted<S>) -> PendingPrompt,
        outputs: &mut Outputs,
    ) -> State {
        let id = self.randomness.prompt();
        let prompt = Prompt { id, rp_id, rp_name, question, demanded };
        let pending = pending(Prompted::new(&prompt, subject));
        outputs.push_back(Output::Report(Report::Answering));
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
        self.ask(site, question, UserVerification::Present, refusal, PendingPrompt::Tell, outputs)
    }

    fn decided(
        &mut self,
        pending: PendingPrompt,
        prompt: PromptId,
        decision: Decision,
        outputs: &mut Outputs,
    ) -> Step {
        let refusal = match pending {
            PendingPrompt::Register(asked) => match asked.decide(prompt, decision) {
                Ok(consent) => {
                    return Ok(self.make_key(Keyless::new(consent), outputs));
                }
                Err(refusal) => refusal,
            },
            PendingPrompt::SignIn(asked) => {
                match asked.decide(prompt, decision).and_then(ChosenPasskey::new) {
                    Ok(chosen) => match chosen.counted() {
                        Some((rp_id, id)) => {
                            outputs.push_back(Output::CountUse { rp_id, id });
                            return Ok(State::Counting(chosen));
                        }
                        None => return Ok(self.sign(chosen.counted_to(0), outputs)),
                    },
                    Err(refusal) => refusal,
                }
            }
            PendingPrompt::Tell(asked) => match asked.decide(prompt, decision) {
                Ok(consent) => consent.spend().subject,
                Err(refusal) => refusal,
            },
            PendingPrompt::Touch(asked) => {
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

    fn store_failed(&mut self, fault: StoreError, outputs: &mut Outputs) -> State {
        let refusal = match fault {
            StoreError::Full => Refusal::StoreFull,
            StoreError::Failed(_) => Refusal::StoreFailed,
        };
        outputs.push_back(Output::Report(Report::StoreFailed(fault)));
        self.refuse(refusal, outputs)
    }

    /// A failure of the key store, or its user's refusal.
    fn key_store_failed(&mut self, fault: KeyError, outputs: &mut Outputs) -> State {
        let refusal = match fault {
            KeyError::Cancelled => return self.refuse(Refusal::Declined, outputs),
            KeyError::Gone => Refusal::KeyGone,
            KeyError::WrongSignature | KeyError::Failed(_) => Refusal::KeyStoreFailed,
        };
        outputs.push_back(Output::Report(Report::KeyStoreFailed(fault)));
        self.refuse(refusal, outputs)
    }

    /// Makes the key of a new passkey.
    fn make_key(&mut self, keyless: Keyless, outputs: &mut Outputs) -> State {
        let Self { profile, randomness, .. } = self;
        match profile.new_keys {
            NewKeys::Software => attest(keyless.with_software_key(profile, randomness), outputs),
            NewKeys::External => {
                outputs.push_back(Output::CreateKey { rp_id: keyless.rp_id().to_owned() });
                State::Creating(keyless)
            }
        }
    }

    /// The key store signed an attestation, or did not.
    fn attested(
        &mut self,
        unattested: Unattested,
        signed: Result<Vec<u8>, KeyError>,
        outputs: &mut Outputs,
    ) -> State {
        let message = unattested.message().unwrap_or_default();
        match checked(unattested.passkey(), &message, signed) {
            Ok(signature) => save(unattested, Some(signature), outputs),
            Err(fault) => {
                let created = unattested.passkey().key.handle().cloned();
                let state = self.key_store_failed(fault, outputs);
                outputs.extend(created.map(Output::DeleteKey));
                state
            }
        }
    }

    /// Signs in, with a key in this process at once.
    fn sign(&mut self, unsigned: Unsigned, outputs: &mut Outputs) -> State {
        let message = unsigned.message();
        match sign(unsigned.passkey(), message, outputs) {
            Some(signature) => self.signed_in(unsigned.signed(signature), outputs),
            None => State::Signing(unsigned),
        }
    }

    /// The key store signed, or did not.
    fn signed(
        &mut self,
        unsigned: Unsigned,
        signed: Result<Vec<u8>, KeyError>,
        outputs: &mut Outputs,
    ) -> State {
        match checked(unsigned.passkey(), &unsigned.message(), signed) {
            Ok(signature) => self.signed_in(unsigned.signed(signature), outputs),
            Err(fault) => self.key_store_failed(fault, outputs),
        }
    }

    fn signed_in(&mut self, response: GetAssertionResponse, outputs: &mut Outputs) -> State {
        self.answer(CtapResponse::GetAssertion(response).to_raw(), Report::SignedIn, outputs)
    }

    fn answer(&mut self, response: RawResponse, report: Report, outputs: &mut Outputs) -> State {
        self.registering = None;
        outputs.push_back(Output::Answer { response, settled: self.settled });
        outputs.push_back(Output::Report(report));
        State::Idle
    }
}

/// Goes on with a new passkey: its attestation is signed if it has a signature.
fn attest(unattested: Unattested, outputs: &mut Outputs) -> State {
    match unattested.message() {
        None => save(unattested, None, outputs),
        Some(message) => match sign(unattested.passkey(), message, outputs) {
            Some(signature) => save(unattested, Some(signature), outputs),
            None => State::Attesting(unattested),
        },
    }
}

fn save(unattested: Unattested, signature: Option<Vec<u8>>, outputs: &mut Outputs) -> State {
    let (passkey, unsaved) = unattested.attested(signature);
    outputs.push_back(Output::SavePasskey(passkey));
    State::Saving(unsaved)
}

/// Signs with a key that is in this process; asks the key store otherwise.
fn sign(passkey: &Passkey, message: Vec<u8>, outputs: &mut Outputs) -> Option<Vec<u8>> {
    match &passkey.key {
        PrivateKey::Software(key) => Some(key.sign(&message)),
        PrivateKey::External(ExternalKey { handle, .. }) => {
            let (rp_id, key) = (passkey.rp_id.clone(), handle.clone());
            outputs.push_back(Output::Sign { rp_id, key, message });
            None
        }
    }
}

/// A key store's signature, if it is one: a wrong one would tell a relying party
/// that something is wrong with its passkey.
fn checked(
    passkey: &Passkey,
    message: &[u8],
    signed: Result<Vec<u8>, KeyError>,
) -> Result<Vec<u8>, KeyError> {
    let signature = signed?;
    if passkey.key.public_key().verifies(message, &signature) {
        Ok(signature)
    } else {
        Err(KeyError::WrongSignature)
    }
}
