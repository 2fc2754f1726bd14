//! What went wrong, how far things had got, and what a person can do about it.
//!
//! One path: whatever ends a transaction, in either role and at either level,
//! comes out as an [`Error`]. It is made of a [`Stage`], where the transaction
//! was, and a [`Fault`], who or what failed. [`Error::advice`] turns both into
//! one thing for a person to try.
//!
//! Neither `Debug` nor `Display` ever holds a secret or text from a peer. An
//! underlying [`Source`] prints what its maker has it print: that is for those
//! to mind who make one, such as the author of a passkey store.

mod advice;
mod fault;
mod peer;
mod stage;
mod surroundings;

use std::fmt;

use crate::ctap::Status;
#[cfg(feature = "webauthn")]
use crate::webauthn::DomException;

pub use advice::Advice;
pub use fault::{ApiMisuse, CancelledBy, Fault, Unsupported};
pub use peer::{Mismatch, PeerMisbehaved};
pub use stage::Stage;
pub use surroundings::{BluetoothFault, Source, StoreFault, TunnelFault};

/// Why a transaction ended without success: how far it got, and what failed.
///
/// `Display` says both, and `source` goes on behind that, so that a log of the
/// whole chain says nothing twice.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Error {
    /// Where the transaction was.
    pub stage: Stage,
    /// Who or what failed.
    pub fault: Fault,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.fault)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            // These are in the fault's own words already.
            Fault::PeerMisbehaved(misbehaved) => misbehaved.source(),
            Fault::QrCode(error) => error.source(),
            #[cfg(feature = "webauthn")]
            Fault::Options(error) => error.source(),
            fault => fault.source(),
        }
    }
}

impl Error {
    /// Puts a fault at its stage.
    #[must_use]
    pub fn new(stage: Stage, fault: impl Into<Fault>) -> Self {
        Self { stage, fault: fault.into() }
    }

    /// Whether somebody wanted it so: not a failure, and nothing to report.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        matches!(self.fault, Fault::Cancelled(_))
    }

    /// Whether the same thing may well work when tried again, with a new QR
    /// code and no change to anything else.
    #[must_use]
    pub const fn can_retry(&self) -> bool {
        match &self.fault {
            Fault::Cancelled(_) | Fault::Deadline | Fault::PeerLeft | Fault::PeerMisbehaved(_) => {
                true
            }
            Fault::Status(status) => matches!(
                *status,
                Status::OPERATION_DENIED
                    | Status::USER_ACTION_TIMEOUT
                    | Status::TIMEOUT
                    | Status::ACTION_TIMEOUT
                    | Status::UV_INVALID
                    | Status::KEEPALIVE_CANCEL
                    | Status::OTHER
            ),
            Fault::Tunnel(fault) => !matches!(
                fault,
                TunnelFault::Status(410) | TunnelFault::Redirect | TunnelFault::Upgrade(_)
            ),
            Fault::Bluetooth(fault) => {
                matches!(
                    fault,
                    BluetoothFault::NoAdvertisingSlot
                        | BluetoothFault::NoService(_)
                        | BluetoothFault::Failed(_)
                )
            }
            Fault::QrCode(_) | Fault::StaleQrCode => true,
            Fault::Store(_) | Fault::Unsupported(_) | Fault::ApiMisuse(_) => false,
            #[cfg(feature = "webauthn")]
            Fault::Options(_) => false,
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub const fn advice(&self) -> Advice {
        match &self.fault {
            Fault::Cancelled(_) => Advice::Nothing,
            Fault::Deadline => match self.stage {
                Stage::Offering => Advice::ScanTheCode,
                Stage::Advertising => Advice::BringTheDevicesTogether,
                Stage::Connecting | Stage::Registering => Advice::CheckTheNetwork,
                Stage::Asking | Stage::Prompting => Advice::AnswerOnThePhone,
                _ => Advice::TryAgain,
            },
            Fault::Bluetooth(fault) => match fault {
                BluetoothFault::Absent => Advice::AddBluetooth,
                BluetoothFault::Off => Advice::TurnBluetoothOn,
                BluetoothFault::NotPermitted => Advice::AllowBluetooth,
                BluetoothFault::Unsupported(_) => Advice::UseAnotherDevice,
                BluetoothFault::NoService(_) => Advice::StartBluetooth,
                BluetoothFault::NoAdvertisingSlot => Advice::CloseOtherPrograms,
                BluetoothFault::Failed(_) => Advice::RestartBluetooth,
            },
            Fault::Tunnel(fault) => match fault {
                TunnelFault::Dns(_) | TunnelFault::Tcp(_) => Advice::CheckTheNetwork,
                TunnelFault::Tls(_) => Advice::CheckTlsInspection,
                TunnelFault::Status(410) => Advice::ScanTheCode,
                // From boxes on the way, with the statuses that are theirs:
                // forbidden, log in to the proxy, not for legal reasons, log in
                // to the network. Services refuse clients with none of these.
                TunnelFault::Status(403 | 407 | 451 | 511) => Advice::CheckTheNetwork,
                _ => Advice::TryAgain,
            },
            Fault::PeerMisbehaved(PeerMisbehaved::Handshake(_)) => Advice::ScanTheCode,
            Fault::PeerMisbehaved(_) => match self.stage {
                // Seen from the phone, it was the other device.
                Stage::Registering | Stage::Advertising | Stage::Listening | Stage::Prompting => {
                    Advice::TryAgain
                }
                _ => Advice::UpdateThePhone,
            },
            Fault::PeerLeft => Advice::TryAgain,
            Fault::Status(status) => match *status {
                Status::NO_CREDENTIALS => Advice::UseAnotherPasskey,
                Status::CREDENTIAL_EXCLUDED => Advice::AlreadyRegistered,
                Status::KEY_STORE_FULL => Advice::MakeRoomOnThePhone,
                Status::UNSUPPORTED_ALGORITHM | Status::UNSUPPORTED_OPTION => {
                    Advice::UseAnotherDevice
                }
                _ => Advice::TryAgain,
            },
            Fault::QrCode(_) | Fault::StaleQrCode => Advice::ScanTheCode,
            Fault::Unsupported(_) => Advice::UseAnotherDevice,
            Fault::Store(StoreFault::Full) => Advice::MakeRoomOnThePhone,
            Fault::Store(StoreFault::Failed(_)) | Fault::ApiMisuse(_) => Advice::ReportTheProgram,
            #[cfg(feature = "webauthn")]
            Fault::Options(_) => Advice::TellTheSite,
        }
    }

    /// What a web page would be told.
    #[cfg(feature = "webauthn")]
    #[must_use]
    pub fn dom_exception(&self) -> DomException {
        match &self.fault {
            Fault::Cancelled(CancelledBy::Caller) => DomException::Abort,
            Fault::Status(status) => (*status).into(),
            Fault::Options(error) => error.into(),
            _ => DomException::NotAllowed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::io;
    use std::sync::Arc;

    use super::*;
    use crate::cbor;
    use crate::protocol::digits::DigitsError;
    use crate::protocol::noise::HandshakeError;
    use crate::protocol::qr_code::QrCodeError;

    /// What a program prints that goes through all sources.
    fn chain(fault: impl Into<Fault>) -> Vec<String> {
        let error = Error::new(Stage::Preparing, fault);
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
        for (fault, expected) in [
            (Fault::Deadline, &["it took too long"][..]),
            (
                TunnelFault::Tcp(io()).into(),
                &["the tunnel service could not be reached", "the cause"],
            ),
            (BluetoothFault::Failed(io()).into(), &["Bluetooth failed", "the cause"]),
            (StoreFault::Failed(io()).into(), &["the passkey store failed", "the cause"]),
            (
                PeerMisbehaved::Response(cbor::Error::TooDeep).into(),
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
                    "no number of bytes has this many digits",
                ],
            ),
        ] {
            let mut said = chain(fault);
            assert_eq!(said.remove(0), format!("preparing: {}", expected[0]));
            assert_eq!(said, expected[1..]);
        }
    }

    #[test]
    fn a_wish_is_no_failure_and_a_dead_link_is_not_tried_again() {
        for by in [CancelledBy::Caller, CancelledBy::Client] {
            let error = Error::new(Stage::Asking, Fault::Cancelled(by));
            assert!(error.is_cancelled());
            assert_eq!(error.advice(), Advice::Nothing);
        }
        let gone = Error::new(Stage::Offering, TunnelFault::Status(410));
        assert!(!gone.is_cancelled() && !gone.can_retry());
        assert_eq!(gone.advice(), Advice::ScanTheCode);
        assert!(Error::new(Stage::Connecting, TunnelFault::Status(503)).can_retry());
    }

    #[test]
    fn who_meets_a_proxy_is_sent_to_the_network_and_not_round_in_circles() {
        let advice = |status| Error::new(Stage::Connecting, TunnelFault::Status(status)).advice();
        for status in [403, 407, 451, 511] {
            assert_eq!(advice(status), Advice::CheckTheNetwork, "{status}");
        }
        for status in [404, 500, 503] {
            assert_eq!(advice(status), Advice::TryAgain, "{status}");
        }
    }
}
