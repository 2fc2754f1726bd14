//! Consent: the only thing that lets a key be made or a signature happen.
//!
//! ```text
//! Prompted<S> ── decision on this very prompt ──▶ Consent<S> ── consumed ──▶ S and flags
//! ```
//!
//! `S` is what the user was asked about: the request, or the request with the
//! passkeys that fit. It goes into [`Prompted`] when the prompt is shown and comes
//! out of [`Consent`] only, so what is done is what was agreed to, once. Both
//! types have private fields and one constructor each. UP and UV of
//! authenticator data come from here and from nowhere else.

use super::refusal::Refusal;
use super::user_check::{Decision, Prompt, PromptId, UserVerification};
use crate::ctap::{Flags, Status};
use crate::error::ApiMisuse;

/// A prompt that is shown, and what it is about.
#[derive(Debug)]
pub(super) struct Prompted<S> {
    subject: S,
    prompt: PromptId,
    accounts: usize,
    demanded: UserVerification,
}

impl<S> Prompted<S> {
    pub(super) fn new(prompt: &Prompt, subject: S) -> Self {
        // Where there is nothing to choose, the choice is 0.
        let accounts = prompt.accounts().len().max(1);
        Self { subject, prompt: prompt.id, accounts, demanded: prompt.demanded }
    }

    /// Whether this is a decision on this prompt.
    pub(super) fn fits(&self, prompt: PromptId, decision: Decision) -> Result<(), ApiMisuse> {
        if prompt != self.prompt {
            return Err(ApiMisuse::WrongPrompt);
        }
        match decision {
            Decision::Approved { account, .. } if account >= self.accounts => {
                Err(ApiMisuse::NoSuchAccount)
            }
            _ => Ok(()),
        }
    }

    /// The user's consent, or why there is no consent.
    pub(super) fn decide(
        self,
        prompt: PromptId,
        decision: Decision,
    ) -> Result<Consent<S>, Refusal> {
        // A caller that skipped the check gets no consent.
        if self.fits(prompt, decision).is_err() {
            return Err(Refusal::Unsupported(Status::NOT_ALLOWED));
        }
        match decision {
            Decision::Approved { verification, account } if verification >= self.demanded => {
                Ok(Consent { subject: self.subject, account, verification })
            }
            Decision::Approved { .. } => Err(Refusal::NotVerified),
            Decision::Declined => Err(Refusal::Declined),
            Decision::TimedOut => Err(Refusal::TimedOut),
            Decision::NoUi => Err(Refusal::NoUi),
        }
    }

    /// The subject of a prompt that only tells the user something, once the user
    /// has read it: declining does that too. It is no consent.
    pub(super) fn acknowledge(self, prompt: PromptId, decision: Decision) -> Result<S, Refusal> {
        if self.fits(prompt, decision).is_err() {
            return Err(Refusal::Unsupported(Status::NOT_ALLOWED));
        }
        match decision {
            Decision::Approved { .. } | Decision::Declined => Ok(self.subject),
            Decision::TimedOut => Err(Refusal::TimedOut),
            Decision::NoUi => Err(Refusal::NoUi),
        }
    }
}

/// The user agreed to `S`.
#[derive(Debug)]
pub(super) struct Consent<S> {
    subject: S,
    account: usize,
    verification: UserVerification,
}

/// An approved action. Its consent is spent.
#[derive(Debug)]
pub(super) struct SpentConsent<S> {
    pub(super) subject: S,
    /// The index into the prompt's accounts.
    pub(super) account: usize,
    /// UP, and UV if the user was verified.
    pub(super) flags: Flags,
}

impl<S> Consent<S> {
    pub(super) fn spend(self) -> SpentConsent<S> {
        let Self { subject, account, verification } = self;
        let flags = match verification {
            UserVerification::Present => Flags::USER_PRESENT,
            UserVerification::Verified => Flags::USER_PRESENT | Flags::USER_VERIFIED,
        };
        SpentConsent { subject, account, flags }
    }
}

#[cfg(test)]
mod tests {
    use super::super::user_check::Question;
    use super::*;

    const ID: PromptId = PromptId([1; 8]);

    fn asked(demanded: UserVerification) -> Prompted<()> {
        let (rp_id, question) = ("example.com".to_owned(), Question::NoCredentials);
        Prompted::new(&Prompt { id: ID, rp_id, rp_name: None, question, demanded }, ())
    }

    fn approved(verification: UserVerification, account: usize) -> Decision {
        Decision::Approved { verification, account }
    }

    #[test]
    fn flags_say_what_the_user_check_said() {
        let flags = |verification| {
            let consent =
                asked(UserVerification::Present).decide(ID, approved(verification, 0)).unwrap();
            consent.spend().flags
        };
        assert_eq!(flags(UserVerification::Present).0, 0x01);
        assert_eq!(flags(UserVerification::Verified).0, 0x05);
    }

    #[test]
    fn everything_but_a_fitting_approval_is_refused() {
        let refusal = |prompt, decision| {
            asked(UserVerification::Verified).decide(prompt, decision).unwrap_err()
        };
        let verified = approved(UserVerification::Verified, 0);
        assert_eq!(refusal(ID, Decision::Declined), Refusal::Declined);
        assert_eq!(refusal(ID, Decision::TimedOut), Refusal::TimedOut);
        assert_eq!(refusal(ID, Decision::NoUi), Refusal::NoUi);
        assert_eq!(refusal(ID, approved(UserVerification::Present, 0)), Refusal::NotVerified);
        let misused = Refusal::Unsupported(Status::NOT_ALLOWED);
        assert_eq!(refusal(ID, approved(UserVerification::Verified, 1)), misused);
        assert_eq!(refusal(PromptId([2; 8]), verified), misused);
        assert!(asked(UserVerification::Verified).decide(ID, verified).is_ok());
    }
}
