//! A sign-in: the use of the passkey is counted, and the assertion is signed.
//!
//! ```text
//! Counting ─▶ Signing ─▶ answer
//! ```
//!
//! A passkey without a counter skips the first, a key in this process the second.

use super::State;
use super::signature::{checked, sign};
use crate::authenticator::engine::get_assertion::{ChosenPasskey, Unsigned};
use crate::authenticator::engine::output::{Output, Outputs, Report};
use crate::authenticator::engine::session::Session;
use crate::ctap::{CtapResponse, GetAssertionResponse};
use crate::error::{KeyError, StoreError};

/// The store is counting the use.
#[derive(Debug)]
pub(in crate::authenticator::engine) struct Counting(ChosenPasskey);

impl Counting {
    pub(super) fn begin(
        chosen: ChosenPasskey,
        session: &mut Session,
        outputs: &mut Outputs,
    ) -> State {
        match chosen.counted() {
            Some((rp_id, id)) => {
                outputs.push_back(Output::CountUse { rp_id, id });
                State::Counting(Self(chosen))
            }
            None => Signing::begin(chosen.counted_to(0), session, outputs),
        }
    }

    pub(super) fn counted(
        self,
        counted: Result<u32, StoreError>,
        session: &mut Session,
        outputs: &mut Outputs,
    ) -> State {
        match counted {
            Ok(counter) => Signing::begin(self.0.counted_to(counter), session, outputs),
            Err(error) => {
                session.store_failed(error, outputs);
                State::Idle
            }
        }
    }
}

/// The key store is signing.
#[derive(Debug)]
pub(in crate::authenticator::engine) struct Signing(Unsigned);

impl Signing {
    /// Signs in, with a key in this process at once.
    fn begin(unsigned: Unsigned, session: &mut Session, outputs: &mut Outputs) -> State {
        let message = unsigned.message();
        match sign(unsigned.passkey(), message, outputs) {
            Some(signature) => signed_in(unsigned.signed(signature), session, outputs),
            None => State::Signing(Self(unsigned)),
        }
    }

    /// The key store signed, or did not.
    pub(super) fn signed(
        self,
        signed: Result<Vec<u8>, KeyError>,
        session: &mut Session,
        outputs: &mut Outputs,
    ) -> State {
        let Self(unsigned) = self;
        match checked(unsigned.passkey(), &unsigned.message(), signed) {
            Ok(signature) => signed_in(unsigned.signed(signature), session, outputs),
            Err(error) => {
                session.key_store_failed(error, outputs);
                State::Idle
            }
        }
    }
}

fn signed_in(
    response: GetAssertionResponse,
    session: &mut Session,
    outputs: &mut Outputs,
) -> State {
    let response = CtapResponse::GetAssertion(response).to_raw();
    session.answer(response, Report::SignedIn, outputs);
    State::Idle
}
