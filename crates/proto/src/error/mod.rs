//! Errors: the cause, the stage that was reached, and advice for the person.
//!
//! One path: whatever ends a transaction, in either role and at either level,
//! comes out as an [`Error`]. It is made of a [`Stage`], where the transaction
//! was, and a [`ErrorKind`], who or what failed. [`Error::advice`] turns both into
//! one thing for a person to try; one table has the advice of every error,
//! whether a retry can help, and the name of the `DOMException`.
//!
//! Neither `Debug` nor `Display` ever holds a secret or text from a peer. An
//! underlying [`Source`] prints what its maker has it print: that is for those
//! to mind who make one, such as the author of a passkey store.
//!
#![doc = include_str!("ids.md")]

mod advice;
mod bluetooth;
mod dom_exception;
mod engine;
mod id;
mod kind;
mod misuse;
mod options;
mod peer;
mod proxy;
mod related;
mod source;
mod stage;
mod store;
mod table;
mod tunnel;

use std::fmt;

use crate::transport::QrCodeError;

pub use advice::Advice;
pub use bluetooth::BluetoothError;
pub use dom_exception::DomException;
pub use engine::EngineError;
pub(crate) use id::ids;
pub use kind::{CancelledBy, ErrorKind, Unsupported};
pub use misuse::ApiMisuse;
#[cfg(feature = "webauthn")]
pub(crate) use options::PRF_BY_CREDENTIAL;
pub use options::{DomainError, MAX_OPTIONS, OptionsError, OriginError, RpIdError};
pub use peer::{PeerMisbehaved, ResponseMismatch};
pub use proxy::ProxyError;
pub use related::{MAX_RELATED_ORIGINS, RelatedOriginsError};
pub use source::Source;
pub use stage::Stage;
pub use store::{KeyError, StoreError};
pub use tunnel::{TunnelError, TunnelStep};

pub use crate::too_long::TooLong;

/// Why a transaction ended without success: how far it got, and what failed.
///
/// `Display` says both, and `source` goes on behind that, so that a log of the
/// whole chain says nothing twice.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Error {
    /// Where the transaction was.
    pub stage: Stage,
    /// The cause.
    pub kind: ErrorKind,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            // The texts of these contain their source already.
            ErrorKind::PeerMisbehaved(misbehaved) => misbehaved.source(),
            ErrorKind::QrCode(error) => error.source(),
            ErrorKind::Options(error) => error.source(),
            kind => kind.source(),
        }
    }
}

/// Errors before a transaction starts, at [`Stage::Preparing`].
macro_rules! while_preparing {
    ($($error:ty),*) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::new(Stage::Preparing, error)
            }
        })*
    };
}

while_preparing!(
    OptionsError,
    OriginError,
    RelatedOriginsError,
    QrCodeError,
    ApiMisuse,
    ProxyError
);

impl From<RpIdError> for Error {
    fn from(error: RpIdError) -> Self {
        OptionsError::from(error).into()
    }
}

impl Error {
    /// Adds the stage to an error.
    #[must_use]
    pub fn new(stage: Stage, kind: impl Into<ErrorKind>) -> Self {
        Self { stage, kind: kind.into() }
    }

    /// Whether one side cancelled: not a failure, and nothing to report.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        matches!(self.kind, ErrorKind::Cancelled(_))
    }

    /// Whether the same thing can work when tried again, with a new QR code and
    /// no change to settings, devices, network or request. It holds exactly
    /// where [`advice`](Self::advice) says "try again".
    #[must_use]
    pub const fn can_retry(&self) -> bool {
        self.advice().can_retry()
    }

    /// Advice for the user.
    #[must_use]
    pub const fn advice(&self) -> Advice {
        table::advice(self.stage, &self.kind)
    }

    /// The exception that a web page would get.
    #[must_use]
    pub fn dom_exception(&self) -> DomException {
        table::dom_exception(&self.kind)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::io;
    use std::sync::Arc;

    use super::*;
    use crate::cbor;
    use crate::transport::HandshakeError;
    use crate::transport::digits::DigitsError;

    /// The messages of an error and of all its sources.
    fn chain(kind: impl Into<ErrorKind>) -> Vec<String> {
        let error = Error::new(Stage::Preparing, kind);
        let mut said = vec![error.to_string()];
        let mut source = error.source();
        while let Some(cause) = source {
            said.push(cause.to_string());
            source = cause.source();
        }
        said
    }

    #[test]
    fn a_chain_of_sources_says_nothing_twice() {
        let io = || -> Source { Arc::new(io::Error::other("the cause")) };
        for (error, expected) in [
            (ErrorKind::Deadline, &["timed out"][..]),
            (
                TunnelError::Tcp(io()).into(),
                &["the TCP connection to the tunnel service failed", "the cause"],
            ),
            (BluetoothError::Failed(io()).into(), &["Bluetooth failed", "the cause"]),
            (StoreError::Failed(io()).into(), &["the passkey store failed", "the cause"]),
            (
                PeerMisbehaved::Response(cbor::CborError::TooDeep).into(),
                &["the other device misbehaved: the response is invalid: the CBOR nests too deep"],
            ),
            (
                PeerMisbehaved::Handshake(HandshakeError::Length(3)).into(),
                &["the other device misbehaved: the handshake message has 3 bytes"],
            ),
            (
                QrCodeError::Digits(DigitsError::Length).into(),
                &[
                    "not a FIDO QR code: the QR code's digits are malformed",
                    "the text has an impossible number of digits",
                ],
            ),
        ] {
            let mut said = chain(error);
            assert_eq!(said.remove(0), format!("preparing: {}", expected[0]));
            assert_eq!(said, expected[1..]);
        }
    }
}
