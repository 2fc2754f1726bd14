//! How far a transaction has got.

use std::fmt;

/// How far a transaction has got. Each stage has its own deadline, which
/// starts when the stage starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The request, or the QR code that was read, is being checked.
    Preparing,
    /// Client: the QR code is shown and the radio listens. In a linked
    /// transaction: the phone is being called and listened for.
    ShowingQr,
    /// Authenticator: a tunnel is being opened at the tunnel service.
    Registering,
    /// Authenticator: advertising, waiting for the client.
    Advertising,
    /// Client: the tunnel to the phone whose advert was received is being opened.
    Connecting,
    /// The Noise handshake.
    Handshaking,
    /// Client: waiting for the phone to say what it is.
    AwaitingPostHandshake,
    /// Client: the phone is ready and nothing has been asked of it.
    Ready,
    /// Client: the phone has a request and its user is being asked.
    AwaitingResponse,
    /// Client: done, and still listening for a late link.
    Lingering,
    /// Authenticator: waiting for a request.
    Listening,
    /// Authenticator: a request is being answered; its user is being asked.
    Answering,
    /// Over.
    Closed,
}

impl Stage {
    /// Every stage, in the order in which they come.
    pub const ALL: [Self; 13] = [
        Self::Preparing,
        Self::ShowingQr,
        Self::Registering,
        Self::Advertising,
        Self::Connecting,
        Self::Handshaking,
        Self::AwaitingPostHandshake,
        Self::Ready,
        Self::AwaitingResponse,
        Self::Lingering,
        Self::Listening,
        Self::Answering,
        Self::Closed,
    ];
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Preparing => "preparing",
            Self::ShowingQr => "waiting for a phone",
            Self::Registering => "opening a tunnel",
            Self::Advertising => "waiting for the other device",
            Self::Connecting => "connecting to the phone",
            Self::Handshaking => "securing the connection",
            Self::AwaitingPostHandshake => "waiting for the phone to introduce itself",
            Self::Ready => "the phone is ready",
            Self::AwaitingResponse => "waiting for the phone's answer",
            Self::Lingering => "finishing",
            Self::Listening => "waiting for a request",
            Self::Answering => "answering a request",
            Self::Closed => "closed",
        })
    }
}
