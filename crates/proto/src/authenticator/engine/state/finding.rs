//! The store is finding passkeys.

use super::asking::Asking;
use super::{State, Step};
use crate::authenticator::engine::get_assertion::{self, SignIn};
use crate::authenticator::engine::make_credential::{self, Registration};
use crate::authenticator::engine::names::ShownRp;
use crate::authenticator::engine::output::{Output, Outputs};
use crate::authenticator::engine::passkey::Passkey;
use crate::authenticator::engine::refusal::Refusal;
use crate::authenticator::engine::session::Session;
use crate::authenticator::engine::user_check::{Account, Question};
use crate::ctap::{GetAssertionRequest, MakeCredentialRequest};
use crate::error::StoreError;

/// The request that the passkeys are for.
#[derive(Debug)]
pub(in crate::authenticator::engine) enum Finding {
    Register(MakeCredentialRequest),
    SignIn(GetAssertionRequest),
}

impl Finding {
    pub(super) fn begin(self, session: &mut Session, outputs: &mut Outputs) -> Step {
        session.count_prompt()?;
        let (rp_id, ids) = match &self {
            // All passkeys of the RP ID: the new one may replace one of them.
            Self::Register(request) => {
                session.registering = Some((request.rp.id.clone(), request.user.id.clone()));
                (request.rp.id.clone(), None)
            }
            Self::SignIn(request) => (request.rp_id.clone(), get_assertion::allowed(request)),
        };
        outputs.push_back(Output::FindPasskeys { rp_id, ids });
        Ok(State::Finding(self))
    }

    pub(super) fn found(
        self,
        found: Result<Vec<Passkey>, StoreError>,
        session: &mut Session,
        outputs: &mut Outputs,
    ) -> State {
        let asking = match (self, found) {
            (Self::Register(request), Ok(found)) => register(request, &found, session, outputs),
            (Self::SignIn(request), Ok(found)) => sign_in(request, found, session, outputs),
            (_, Err(error)) => {
                session.store_failed(error, outputs);
                return State::Idle;
            }
        };
        State::Asking(asking)
    }
}

fn register(
    request: MakeCredentialRequest,
    found: &[Passkey],
    session: &mut Session,
    outputs: &mut Outputs,
) -> Asking {
    let rp = ShownRp::of(&request.rp);
    match make_credential::excluded(&request, found) {
        Some(passkey) => {
            let question = Question::CredentialExcluded(Account::of(passkey));
            Asking::tell(rp, question, Refusal::AlreadyRegistered, session, outputs)
        }
        None => {
            let replaced = make_credential::replaced(&request, found);
            let question = Question::Register(Account::new(&request.user, replaced));
            let registration = Registration::new(request, found);
            Asking::register(rp, question, registration, session, outputs)
        }
    }
}

fn sign_in(
    request: GetAssertionRequest,
    found: Vec<Passkey>,
    session: &mut Session,
    outputs: &mut Outputs,
) -> Asking {
    let rp = ShownRp::named(&request.rp_id);
    match SignIn::new(request, found) {
        Some(sign_in) => {
            let accounts = sign_in.passkeys().iter().map(Account::of).collect();
            Asking::sign_in(rp, Question::SignIn(accounts), sign_in, session, outputs)
        }
        None => Asking::tell(rp, Question::NoCredentials, Refusal::NoPasskey, session, outputs),
    }
}
