//! Why a request was refused: the reason for this device's user, and the CTAP
//! status for the client [CTAP 2.2 §8.2].

use std::fmt;

use crate::ctap::{RequestError, Status};

/// Why a request was refused. `Display` is a sentence for this device's user.
///
/// The client gets [`status`](Self::status) and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The user declined.
    Declined,
    /// The user approved without the verification that
    /// [`Prompt::demanded`](super::Prompt::demanded) asks for.
    NotVerified,
    /// The user did not answer in time.
    TimedOut,
    /// The user could not be asked: [`Decision::NoUi`](super::Decision::NoUi).
    NoUi,
    /// The user agreed to tell the client that one of the excluded passkeys is
    /// on this device.
    AlreadyRegistered,
    /// The user agreed to tell the client that no passkey fits.
    NoPasskey,
    /// None of the algorithms is supported. The user was not asked.
    Algorithm,
    /// The client requires user verification, and
    /// [`Profile::capability`](super::Profile::capability) is presence only. The user
    /// was not asked.
    CannotVerify,
    /// The request needs something else that is not supported. The user was not
    /// asked.
    Unsupported(Status),
    /// The request could not be parsed. The user was not asked.
    Malformed(Status),
    /// The store has no room for another passkey.
    StoreFull,
    /// The store failed.
    StoreFailed,
    /// The key store failed.
    KeyStoreFailed,
    /// The key of the passkey is not there any more.
    KeyMissing,
}

impl Refusal {
    /// The status that the client gets.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Declined | Self::NotVerified => Status::OPERATION_DENIED,
            Self::TimedOut => Status::USER_ACTION_TIMEOUT,
            Self::NoUi => Status::NOT_ALLOWED,
            Self::AlreadyRegistered => Status::CREDENTIAL_EXCLUDED,
            Self::NoPasskey => Status::NO_CREDENTIALS,
            Self::Algorithm => Status::UNSUPPORTED_ALGORITHM,
            Self::CannotVerify => Status::INVALID_OPTION,
            Self::Unsupported(status) | Self::Malformed(status) => status,
            Self::StoreFull => Status::KEY_STORE_FULL,
            Self::StoreFailed | Self::KeyStoreFailed => Status::OTHER,
            Self::KeyMissing => Status::NO_CREDENTIALS,
        }
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        Self::Malformed(error.status())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Declined => "You declined the request.",
            Self::NotVerified => "The request was refused: you were not verified.",
            Self::TimedOut => "The request was refused: you did not answer in time.",
            Self::NoUi => "The request was refused: this device could not ask you.",
            Self::AlreadyRegistered => {
                "No passkey was created: this device already has one for this site."
            }
            Self::NoPasskey => "This device has no passkey that this site accepts.",
            Self::Algorithm => {
                "The request was refused: this device cannot create this type of passkey."
            }
            Self::CannotVerify => {
                "The request was refused: the site requires user verification, \
                 which this device cannot do."
            }
            Self::Unsupported(_) => {
                "The request was refused: it needs something that this device cannot do."
            }
            Self::Malformed(_) => "The request was refused: this device does not understand it.",
            Self::StoreFull => "The request was refused: there is no room for another passkey.",
            Self::StoreFailed => "The request was refused: the passkeys could not be accessed.",
            Self::KeyStoreFailed => {
                "The request was refused: the key of the passkey could not be used."
            }
            Self::KeyMissing => "The request was refused: the key of the passkey was deleted.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain_text::assert_is_short;

    /// Each with its status.
    const ALL: &[(Refusal, u8)] = &[
        (Refusal::Declined, 0x27),
        (Refusal::NotVerified, 0x27),
        (Refusal::TimedOut, 0x2f),
        (Refusal::NoUi, 0x30),
        (Refusal::AlreadyRegistered, 0x19),
        (Refusal::NoPasskey, 0x2e),
        (Refusal::Algorithm, 0x26),
        (Refusal::CannotVerify, 0x2c),
        (Refusal::Unsupported(Status::INVALID_PARAMETER), 0x02),
        (Refusal::Malformed(Status::INVALID_CBOR), 0x12),
        (Refusal::StoreFull, 0x28),
        (Refusal::StoreFailed, 0x7f),
        (Refusal::KeyStoreFailed, 0x7f),
        (Refusal::KeyMissing, 0x2e),
    ];

    #[test]
    fn each_reason_has_a_status_and_a_sentence_of_its_own() {
        for (at, (refusal, status)) in ALL.iter().enumerate() {
            assert_eq!(refusal.status(), Status(*status), "{refusal:?}");
            let sentence = refusal.to_string();
            assert_is_short(&sentence);
            let others = ALL.iter().skip(at + 1);
            assert!(others.clone().all(|(other, _)| other.to_string() != sentence), "{sentence}");
        }
    }

    #[test]
    fn the_site_requires_what_this_device_cannot_do() {
        let text = Refusal::CannotVerify.to_string();
        assert!(
            text.ends_with("the site requires user verification, which this device cannot do.")
        );
    }

    #[test]
    fn a_user_who_was_not_asked_is_not_told_to_have_declined() {
        for (refusal, _) in ALL {
            let declined = refusal.to_string().contains("declined");
            assert_eq!(declined, *refusal == Refusal::Declined, "{refusal:?}");
        }
    }
}
