//! Updates for the person while a transaction runs.

use std::fmt;

use super::engine::{Refusal, Report};
use super::link;
use crate::ctap::Status;
use crate::error::{Error, Stage, ids};
use crate::ports::bluetooth::AdapterState;

/// A step that was taken. `Display` is a sentence for people, [`as_str`](Self::as_str) an id
/// for programs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AuthenticatorUpdate {
    /// A tunnel is being opened at the tunnel service.
    Registering,
    /// Advertising started; the other device must receive the advert.
    Advertising,
    /// The radio changed, or cannot be used yet: the other device can receive nothing
    /// until it is on. Then the transaction goes on.
    Adapter(AdapterState),
    /// The other device is near and connected, and the connection is secured.
    Secured,
    /// The other device asked for something and the user is being asked.
    Answering,
    /// Another session registers a passkey for the same account, and this one
    /// waits until that is answered. It waits in the time of its own prompt,
    /// [`AuthenticatorDeadlines::answering`](super::AuthenticatorDeadlines::answering). Only an
    /// `Authenticator` sends this update.
    Waiting,
    /// A passkey was made and saved, and the other device is being told. Whether
    /// that gets through shows in the outcome.
    Registered,
    /// The other device is being given a signature.
    SignedIn,
    /// The request was refused.
    Refused(Refusal),
    /// The client is being told that the user is here:
    /// [`Question::Unsupported`](super::Question::Unsupported). It may ask for
    /// something else now.
    Unsupported,
    /// The store failed. [`Refused`](Self::Refused) follows.
    StoreFailed(Error),
    /// The key store failed. [`Refused`](Self::Refused) follows.
    KeyStoreFailed(Error),
    /// The engine is being given a request of the other device. Only an
    /// authenticator with a [`CtapEngine`](super::CtapEngine) sends this update.
    Requested,
    /// The other device is being sent the engine's answer. Only an authenticator
    /// with a [`CtapEngine`](super::CtapEngine) sends this update.
    Answered(Status),
    /// The engine's response could not be sent; the other device is being told
    /// [`Status::OTHER`].
    EngineFailed(Error),
}

ids!(AuthenticatorUpdate {
    Self::Registering => "registering",
    Self::Advertising => "advertising",
    Self::Adapter(AdapterState::On) => "adapter.on",
    Self::Adapter(AdapterState::NotReady) => "adapter.not-ready",
    Self::Adapter(AdapterState::Off) => "adapter.off",
    Self::Adapter(AdapterState::Absent) => "adapter.absent",
    Self::Adapter(AdapterState::NotPermitted) => "adapter.not-permitted",
    Self::Secured => "secured",
    Self::Answering => "answering",
    Self::Waiting => "waiting",
    Self::Registered => "registered",
    Self::SignedIn => "signed-in",
    Self::Refused(Refusal::Declined) => "refused.declined",
    Self::Refused(Refusal::NotVerified) => "refused.not-verified",
    Self::Refused(Refusal::TimedOut) => "refused.timed-out",
    Self::Refused(Refusal::NoUi) => "refused.no-ui",
    Self::Refused(Refusal::AlreadyRegistered) => "refused.already-registered",
    Self::Refused(Refusal::NoPasskey) => "refused.no-passkey",
    Self::Refused(Refusal::Algorithm) => "refused.algorithm",
    Self::Refused(Refusal::CannotVerify) => "refused.cannot-verify",
    Self::Refused(Refusal::Unsupported(_)) => "refused.unsupported",
    Self::Refused(Refusal::Malformed(_)) => "refused.malformed",
    Self::Refused(Refusal::StoreFull) => "refused.store-full",
    Self::Refused(Refusal::StoreFailed) => "refused.store-failed",
    Self::Refused(Refusal::KeyStoreFailed) => "refused.key-store-failed",
    Self::Refused(Refusal::KeyMissing) => "refused.key-not-found",
    Self::Unsupported => "unsupported",
    Self::StoreFailed(_) => "store-failed",
    Self::KeyStoreFailed(_) => "key-store-failed",
    Self::Requested => "requested",
    Self::Answered(_) => "answered",
    Self::EngineFailed(_) => "engine-failed",
});

impl fmt::Display for AuthenticatorUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused(refusal) => return refusal.fmt(f),
            Self::Unsupported => {
                "The other device was answered. It may ask for something else now."
            }
            Self::Adapter(state) => return state.fmt(f),
            Self::Registering => "Opening a connection for the other device.",
            Self::Advertising => "Waiting for the other device. Bring both devices close together.",
            Self::Secured => "The connection to the other device is secure.",
            Self::Answering => "The other device sent a request. Answer it on this device.",
            Self::Waiting => "Another request for this account is open. This one waits.",
            Self::Registered => "A passkey was created.",
            Self::SignedIn => "The other device was signed in.",
            Self::StoreFailed(_) => "The passkeys on this device could not be accessed.",
            Self::KeyStoreFailed(_) => "The key of the passkey could not be used.",
            Self::Requested => "The other device sent a request.",
            Self::Answered(_) => "The request was answered.",
            Self::EngineFailed(_) => "This device could not answer the request.",
        })
    }
}

impl From<Report> for AuthenticatorUpdate {
    fn from(report: Report) -> Self {
        match report {
            Report::Answering => Self::Answering,
            Report::Registered => Self::Registered,
            Report::SignedIn => Self::SignedIn,
            Report::Refused(refusal) => Self::Refused(refusal),
            Report::Unsupported => Self::Unsupported,
            Report::StoreFailed(error) => Self::StoreFailed(Error::new(Stage::Answering, error)),
            Report::KeyStoreFailed(error) => {
                Self::KeyStoreFailed(Error::new(Stage::Answering, error))
            }
        }
    }
}

impl From<link::LinkUpdate> for AuthenticatorUpdate {
    fn from(update: link::LinkUpdate) -> Self {
        match update {
            link::LinkUpdate::Registering => Self::Registering,
            link::LinkUpdate::Advertising => Self::Advertising,
            link::LinkUpdate::Adapter(state) => Self::Adapter(state),
            link::LinkUpdate::Secured => Self::Secured,
            link::LinkUpdate::Requested => Self::Requested,
            link::LinkUpdate::Answered(status) => Self::Answered(status),
            link::LinkUpdate::EngineFailed(error) => {
                Self::EngineFailed(Error::new(Stage::Answering, error))
            }
        }
    }
}

/// The text of the [`AuthenticatorUpdate`] for the same step.
impl fmt::Display for link::LinkUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        AuthenticatorUpdate::from(self.clone()).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::plain_text::assert_is_short;

    /// Every update after another. A new one needs a place here.
    fn next(update: &AuthenticatorUpdate) -> Option<AuthenticatorUpdate> {
        use AuthenticatorUpdate as Update;
        let error = || Error::new(Stage::Answering, ErrorKind::Deadline);
        Some(match update {
            Update::Registering => Update::Advertising,
            Update::Advertising => Update::Adapter(AdapterState::On),
            Update::Adapter(_) => Update::Secured,
            Update::Secured => Update::Answering,
            Update::Answering => Update::Waiting,
            Update::Waiting => Update::Registered,
            Update::Registered => Update::SignedIn,
            Update::SignedIn => Update::Refused(Refusal::Declined),
            Update::Refused(_) => Update::Unsupported,
            Update::Unsupported => Update::StoreFailed(error()),
            Update::StoreFailed(_) => Update::KeyStoreFailed(error()),
            Update::KeyStoreFailed(_) => Update::Requested,
            Update::Requested => Update::Answered(Status::OK),
            Update::Answered(_) => Update::EngineFailed(error()),
            Update::EngineFailed(_) => return None,
        })
    }

    fn all() -> impl Iterator<Item = AuthenticatorUpdate> {
        std::iter::successors(Some(AuthenticatorUpdate::Registering), next)
    }

    #[test]
    fn every_update_is_a_short_text_for_people() {
        assert_eq!(all().count(), 15);
        all().for_each(|it| assert_is_short(&it.to_string()));
    }

    /// The other request may be an attacker's.
    #[test]
    fn only_the_update_of_a_request_asks_the_user_to_answer_it() {
        for update in all() {
            let text = update.to_string();
            let is_answering = matches!(update, AuthenticatorUpdate::Answering);
            assert_eq!(text.contains("Answer "), is_answering, "{text}");
        }
    }
}
