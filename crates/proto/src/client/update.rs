//! Updates for the person while a transaction runs.

use std::fmt;

use crate::ctap::GetInfoResponse;
use crate::error::ids;
use crate::ports::bluetooth::AdapterState;
use crate::transport::{Features, QrText};

/// A step that was taken. `Display` is a sentence for people, [`as_str`](Self::as_str) an id
/// for programs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ClientUpdate {
    /// The QR code is ready: show this text as a QR code, in place of the one before.
    /// The text is a secret.
    WaitingForScan(QrText),
    /// The radio changed, or cannot be used yet: no advert can be received until it
    /// is on. Then the same QR code is still good.
    Adapter(AdapterState),
    /// A linked phone is being called.
    Contacting,
    /// The advert of a phone that read the code was received; the code is not
    /// needed any more. The tunnel to the phone is being opened.
    PhoneFound,
    /// The tunnel is open; the connection is being secured.
    Connected,
    /// The tunnel service says that the linked phone is online.
    PhoneOnline,
    /// The connection is secured.
    Secured,
    /// The phone is ready for requests.
    PhoneReady {
        /// The kinds of requests that it accepts.
        features: Features,
        /// Its getInfo; `None` for a phone that does not offer CTAP.
        get_info: Option<Box<GetInfoResponse>>,
    },
    /// The phone has the request and asks its user.
    Asked,
    /// The phone has answered.
    Answered,
    /// A link came and was not kept: it was not offered, or not valid.
    LinkDropped,
}

ids!(ClientUpdate {
    Self::WaitingForScan(_) => "waiting-for-scan",
    Self::Adapter(AdapterState::On) => "adapter.on",
    Self::Adapter(AdapterState::NotReady) => "adapter.not-ready",
    Self::Adapter(AdapterState::Off) => "adapter.off",
    Self::Adapter(AdapterState::Absent) => "adapter.absent",
    Self::Adapter(AdapterState::NotPermitted) => "adapter.not-permitted",
    Self::Contacting => "contacting",
    Self::PhoneFound => "advert-received",
    Self::Connected => "connected",
    Self::PhoneOnline => "phone-online",
    Self::Secured => "secured",
    Self::PhoneReady { .. } => "phone-ready",
    Self::Asked => "asked",
    Self::Answered => "answered",
    Self::LinkDropped => "link-dropped",
});

impl fmt::Display for ClientUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Adapter(state) => return state.fmt(f),
            Self::WaitingForScan(_) => "Scan the QR code with your phone.",
            Self::Contacting => "Contacting your phone. Keep it near this device.",
            Self::PhoneFound => "A phone is nearby. Connecting to it.",
            Self::Connected => "Connected to the phone. Securing the connection.",
            Self::PhoneOnline => "The phone is online.",
            Self::Secured => "The connection to the phone is secure.",
            Self::PhoneReady { .. } => "The phone is ready.",
            Self::Asked => "Continue on your phone.",
            Self::Answered => "The phone answered.",
            Self::LinkDropped => {
                "The phone could not be remembered. Next time, scan a QR code again."
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SecretKey;
    use crate::plain_text::assert_is_short;
    use crate::secret::QrSecret;
    use crate::transport::{QrCode, RequestHint};

    /// Every update after another. A new one needs a place here.
    fn next(update: &ClientUpdate) -> Option<ClientUpdate> {
        Some(match update {
            ClientUpdate::WaitingForScan(_) => ClientUpdate::Adapter(AdapterState::On),
            ClientUpdate::Adapter(_) => ClientUpdate::Contacting,
            ClientUpdate::Contacting => ClientUpdate::PhoneFound,
            ClientUpdate::PhoneFound => ClientUpdate::Connected,
            ClientUpdate::Connected => ClientUpdate::PhoneOnline,
            ClientUpdate::PhoneOnline => ClientUpdate::Secured,
            ClientUpdate::Secured => {
                ClientUpdate::PhoneReady { features: Features::CTAP, get_info: None }
            }
            ClientUpdate::PhoneReady { .. } => ClientUpdate::Asked,
            ClientUpdate::Asked => ClientUpdate::Answered,
            ClientUpdate::Answered => ClientUpdate::LinkDropped,
            ClientUpdate::LinkDropped => return None,
        })
    }

    #[test]
    fn every_update_is_a_short_text_for_people() {
        let key = SecretKey::from_scalar(&[7; 32]).unwrap();
        let secret = QrSecret::new([7; 16]);
        let code = QrCode::new(*key.public_key(), secret, 0, RequestHint::GetAssertion);
        let first = ClientUpdate::WaitingForScan(code.to_text());
        let all: Vec<_> = std::iter::successors(Some(first), next).collect();
        assert_eq!(all.len(), 11);
        all.iter().for_each(|it| assert_is_short(&it.to_string()));
    }
}
