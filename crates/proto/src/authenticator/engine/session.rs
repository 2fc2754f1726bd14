//! The state that lasts from one request to the next, and the end of each request.

use super::output::{Output, Outputs, Report};
use super::profile::Profile;
use super::randomness::Randomness;
use super::refusal::Refusal;
use crate::ctap::{RawResponse, UserHandle};
use crate::error::{KeyError, PeerMisbehaved, StoreError};
use crate::secret::TransactionSeed;
use crate::state_machine::End;

/// How often the user is asked in one transaction. Clients ask once, and a second
/// time where a first request must fail; more prompts would only provoke a mistake.
pub const MAX_PROMPTS: u8 = 8;

/// The state that lasts from one request to the next.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) profile: Profile,
    pub(super) randomness: Randomness,
    prompts: u8,
    /// Whether a request for a passkey or a signature came: clients disconnect once
    /// it is answered, if only by a refusal.
    pub(super) settled: bool,
    /// The account of a registration that is not answered yet.
    pub(super) registering: Option<(String, UserHandle)>,
}

impl Session {
    pub(super) const fn new(profile: Profile, seed: TransactionSeed) -> Self {
        let randomness = Randomness::new(seed);
        Self { profile, randomness, prompts: 0, settled: false, registering: None }
    }

    /// Counts a prompt before it is shown.
    pub(super) fn count_prompt(&mut self) -> Result<(), End> {
        if self.prompts == MAX_PROMPTS {
            return Err(PeerMisbehaved::TooManyRequests.into());
        }
        self.prompts += 1;
        Ok(())
    }

    pub(super) fn answer(&mut self, response: RawResponse, report: Report, outputs: &mut Outputs) {
        self.registering = None;
        outputs.push_back(Output::Answer { response, settled: self.settled });
        outputs.push_back(Output::Report(report));
    }

    /// Answers with the refusal's status.
    pub(super) fn refuse(&mut self, refusal: Refusal, outputs: &mut Outputs) {
        let response = RawResponse::from_status(refusal.status());
        self.answer(response, Report::Refused(refusal), outputs);
    }

    pub(super) fn store_failed(&mut self, error: StoreError, outputs: &mut Outputs) {
        let refusal = match error {
            StoreError::Full => Refusal::StoreFull,
            StoreError::Failed(_) => Refusal::StoreFailed,
        };
        outputs.push_back(Output::Report(Report::StoreFailed(error)));
        self.refuse(refusal, outputs);
    }

    /// A failure of the key store, or its user's refusal.
    pub(super) fn key_store_failed(&mut self, error: KeyError, outputs: &mut Outputs) {
        let refusal = match error {
            KeyError::Cancelled => return self.refuse(Refusal::Declined, outputs),
            KeyError::Missing => Refusal::KeyMissing,
            KeyError::WrongSignature | KeyError::Failed(_) => Refusal::KeyStoreFailed,
        };
        outputs.push_back(Output::Report(Report::KeyStoreFailed(error)));
        self.refuse(refusal, outputs);
    }
}
