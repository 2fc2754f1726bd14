//! No request is under way: a new one is checked.

use super::asking::Asking;
use super::finding::Finding;
use super::{State, Step};
use crate::authenticator::engine::output::{Output, Outputs};
use crate::authenticator::engine::refusal::Refusal;
use crate::authenticator::engine::session::Session;
use crate::authenticator::engine::touch::{self, Touch};
use crate::authenticator::engine::{get_assertion, make_credential};
use crate::ctap::{CtapRequest, CtapResponse, Status};

pub(super) fn take(request: CtapRequest, session: &mut Session, outputs: &mut Outputs) -> Step {
    let checked = match request {
        CtapRequest::GetInfo => {
            let response = CtapResponse::GetInfo(session.profile.get_info()).to_raw();
            outputs.push_back(Output::Answer { response, settled: session.settled });
            return Ok(State::Idle);
        }
        CtapRequest::Selection => return Asking::touch(Touch::Selection, session, outputs),
        CtapRequest::MakeCredential(request) if touch::is_dummy(&request) => {
            return Asking::touch(Touch::Dummy, session, outputs);
        }
        CtapRequest::MakeCredential(request) => {
            session.settled = true;
            make_credential::check(&request, session.profile.capability)
                .map(|()| Finding::Register(request))
        }
        CtapRequest::GetAssertion(request) => {
            session.settled = true;
            get_assertion::check(&request, session.profile.capability)
                .map(|()| Finding::SignIn(request))
        }
        // The user picks the account: there is never a next one.
        CtapRequest::GetNextAssertion => Err(Refusal::Unsupported(Status::NOT_ALLOWED)),
    };
    match checked {
        Ok(finding) => finding.begin(session, outputs),
        Err(refusal) => {
            session.refuse(refusal, outputs);
            Ok(State::Idle)
        }
    }
}
