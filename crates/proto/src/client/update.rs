//! What a person may want to see while a transaction goes on.

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
    /// The QR code is ready: show this text as a QR code. The text is a secret.
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
        /// What it can be asked.
        features: Features,
        /// What it can do; `None` for a phone that does not offer CTAP.
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
            Self::WaitingForScan(_) => "Scan the QR code with a phone.",
            Self::Contacting => "Contacting the phone.",
            Self::PhoneFound => "A phone is near. Connecting to it.",
            Self::Connected => "Connected. Securing the connection.",
            Self::PhoneOnline => "The phone is online.",
            Self::Secured => "The connection is secure.",
            Self::PhoneReady { .. } => "The phone is ready.",
            Self::Asked => "Continue on the phone.",
            Self::Answered => "The phone has answered.",
            Self::LinkDropped => "The phone could not be remembered.",
        })
    }
}
