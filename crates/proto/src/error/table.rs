//! One table of every error: what a person can do about it, and what a web
//! page is told. Whether a retry can help follows from the advice.
//!
//! Faults are matched without wildcards: a new variant does not compile before
//! it has its row. The tests hold every value, and that no two contradict each
//! other.

use super::advice::Advice;
use super::bluetooth::BluetoothError;
use super::dom_exception::DomException;
use super::kind::{CancelledBy, ErrorKind, Unsupported};
use super::misuse::ApiMisuse;
use super::options::OptionsError;
use super::peer::{PeerMisbehaved, ResponseMismatch};
use super::proxy::ProxyError;
use super::related::RelatedOriginsError;
use super::stage::Stage;
use super::store::{KeyError, StoreError};
use super::tunnel::{TunnelError, TunnelStep};
use crate::ctap::Status;
use crate::transport::{CODE_USED, ChannelError, CrypterError};

/// The advice for an error in this stage.
pub(super) const fn advice(stage: Stage, kind: &ErrorKind) -> Advice {
    match kind {
        ErrorKind::Cancelled(CancelledBy::Caller | CancelledBy::User | CancelledBy::Client) => {
            Advice::Nothing
        }
        ErrorKind::Deadline => deadline(stage),
        ErrorKind::Bluetooth(error) => bluetooth(error),
        ErrorKind::Tunnel(error) => tunnel(error),
        ErrorKind::PeerMisbehaved(misbehaved) => peer(stage, misbehaved),
        ErrorKind::PeerDisconnected => Advice::TryAgain,
        ErrorKind::EndedOnPhone => Advice::ContinueOnThePhone,
        ErrorKind::Status(answer) => status(*answer),
        ErrorKind::QrCode(_) => Advice::ScanANewCode,
        ErrorKind::StaleQrCode => Advice::CheckBothClocks,
        ErrorKind::Store(StoreError::Full) => Advice::MakeRoomOnThePhone,
        ErrorKind::Store(StoreError::Failed(_)) | ErrorKind::Engine(_) => Advice::ReportTheProgram,
        ErrorKind::Key(KeyError::Missing) => Advice::UseAnotherPasskey,
        ErrorKind::Key(KeyError::Cancelled) => Advice::AnswerOnThePhone,
        ErrorKind::Key(KeyError::WrongSignature | KeyError::Failed(_)) => Advice::ReportTheProgram,
        ErrorKind::Origin(_) | ErrorKind::NoThread(_) => Advice::ReportTheProgram,
        ErrorKind::Options(OptionsError::Unsupported(_) | OptionsError::NotOnPhones(_)) => {
            Advice::UseAnotherDevice
        }
        ErrorKind::Options(OptionsError::ClientData) => Advice::ReportTheProgram,
        ErrorKind::Options(_) => Advice::TellTheSite,
        ErrorKind::RelatedOrigins(error) => related_origins(error),
        ErrorKind::Unsupported(unsupported) => match unsupported {
            Unsupported::Ctap
            | Unsupported::Json
            | Unsupported::TunnelDomain
            | Unsupported::DataChannel
            | Unsupported::UserVerification
            | Unsupported::DiscoverablePasskeys
            | Unsupported::CredentialProtection
            | Unsupported::LargeBlob
            | Unsupported::Algorithm
            | Unsupported::ListTooLong
            | Unsupported::MessageTooLong => Advice::UseAnotherDevice,
            Unsupported::VerificationNotSetUp => Advice::SetUpScreenLock,
            Unsupported::Passkeys => Advice::UseAnotherPasskey,
            Unsupported::Command => Advice::ReportTheProgram,
            Unsupported::RequestTooLong => Advice::TellTheSite,
        },
        ErrorKind::ApiMisuse(
            ApiMisuse::OutputsPending
            | ApiMisuse::WrongStage
            | ApiMisuse::TimeWentBackwards
            | ApiMisuse::Closed
            | ApiMisuse::WrongPrompt
            | ApiMisuse::NoSuchAccount
            | ApiMisuse::TooManyRequests
            | ApiMisuse::EmptyRequest
            | ApiMisuse::NoRuntime
            | ApiMisuse::TaskEnded
            | ApiMisuse::RemoteBus
            | ApiMisuse::NoTlsProvider
            | ApiMisuse::RootsAndTlsConfig
            | ApiMisuse::Alpn
            | ApiMisuse::NotLoopback
            | ApiMisuse::QrScale
            | ApiMisuse::NoTerminal
            | ApiMisuse::CodeNotTaken,
        ) => Advice::ReportTheProgram,
    }
}

const fn deadline(stage: Stage) -> Advice {
    match stage {
        // No phone scanned the code, or a linked phone did not come: a QR code
        // is the way to go on in both cases.
        Stage::ShowingQr => Advice::ScanANewCode,
        Stage::Registering | Stage::Connecting => Advice::CheckTheNetwork,
        Stage::Advertising => Advice::BringTheDevicesTogether,
        Stage::AwaitingResponse | Stage::Answering => Advice::AnswerOnThePhone,
        Stage::Preparing
        | Stage::Handshaking
        | Stage::AwaitingPostHandshake
        | Stage::Ready
        | Stage::Lingering
        | Stage::Listening
        | Stage::Closed => Advice::TryAgain,
    }
}

const fn bluetooth(error: &BluetoothError) -> Advice {
    match error {
        BluetoothError::Absent => Advice::AddBluetooth,
        BluetoothError::Off => Advice::TurnBluetoothOn,
        BluetoothError::NotPermitted => Advice::AllowBluetooth,
        BluetoothError::Unsupported(_) => Advice::UseAnotherDevice,
        BluetoothError::NoAdvertisingSlot | BluetoothError::Busy => Advice::CloseOtherPrograms,
        BluetoothError::NoService(_) => Advice::StartBluetooth,
        BluetoothError::NotReady | BluetoothError::Silent | BluetoothError::Failed(_) => {
            Advice::RestartBluetooth
        }
        BluetoothError::Misuse(_) => Advice::ReportTheProgram,
    }
}

const fn tunnel(error: &TunnelError) -> Advice {
    match error {
        TunnelError::Dns(_)
        | TunnelError::Tcp(_)
        | TunnelError::Unresponsive
        | TunnelError::TimedOut(
            TunnelStep::Dns
            | TunnelStep::Tcp
            | TunnelStep::Proxy
            | TunnelStep::Tls
            | TunnelStep::Upgrade,
        ) => Advice::CheckTheNetwork,
        TunnelError::TimedOut(
            TunnelStep::ProxyDns | TunnelStep::ProxyTcp | TunnelStep::ProxyTls,
        ) => Advice::CheckTheProxy,
        TunnelError::Proxy(error) => proxy(error),
        TunnelError::CertificateDate(_) | TunnelError::WrongClock { .. } => Advice::CheckTheClock,
        TunnelError::Tls(_) | TunnelError::UntrustedIssuer(_) => Advice::CheckTlsInspection,
        TunnelError::DomainNotAllowed => Advice::AskTheAdministrator,
        TunnelError::Status(status) => http_status(*status),
        // Another server answers, or a filter that inspects TLS is out of date.
        TunnelError::CertificateName(_) | TunnelError::CertificateOutdated(_) => {
            Advice::UseAnotherNetwork
        }
        // Services do not redirect, and know their protocol: this answer is
        // that of a filter or a login page.
        TunnelError::Redirect | TunnelError::Upgrade(_) => Advice::UseAnotherNetwork,
        // The client of this code connected to another phone.
        TunnelError::Closed(Some(CODE_USED)) => Advice::AnotherPhoneWasFirst,
        TunnelError::Closed(_)
        | TunnelError::TooLong(_)
        | TunnelError::Flooded
        | TunnelError::NotBinary
        | TunnelError::Stalled
        | TunnelError::Broken(_) => Advice::TryAgain,
        TunnelError::Roots(_) => Advice::ReportTheProgram,
    }
}

const fn proxy(error: &ProxyError) -> Advice {
    match error {
        ProxyError::Address(_)
        | ProxyError::Environment { .. }
        | ProxyError::Dns(_)
        | ProxyError::Tcp(_)
        | ProxyError::Tls(_)
        | ProxyError::CertificateName(_)
        | ProxyError::SocksReply(_)
        | ProxyError::Answer(_)
        | ProxyError::Closed => Advice::CheckTheProxy,
        ProxyError::UntrustedIssuer(_) => Advice::CheckTlsInspection,
        ProxyError::CertificateDate(_) => Advice::CheckTheClock,
        ProxyError::AuthenticationRequired | ProxyError::CredentialsRefused => {
            Advice::CheckTheProxyPassword
        }
        ProxyError::Authenticator(_) => Advice::ReportTheProgram,
        ProxyError::Forbidden => Advice::UseAnotherNetwork,
        ProxyError::Unreachable => Advice::CheckTheNetwork,
        ProxyError::Status(status) => match *status {
            // Login pages of networks, and what takes their place.
            300..400 | 511 => Advice::UseAnotherNetwork,
            429 | 500.. => Advice::TryAgainLater,
            // A web server that is not a proxy.
            _ => Advice::CheckTheProxy,
        },
    }
}

const fn related_origins(error: &RelatedOriginsError) -> Advice {
    match error {
        RelatedOriginsError::Fetch(_)
        | RelatedOriginsError::Certificate(_)
        | RelatedOriginsError::TimedOut => Advice::CheckTheWayToTheSite,
        RelatedOriginsError::CertificateDate(_) => Advice::CheckTheClock,
        RelatedOriginsError::UntrustedIssuer(_) => Advice::CheckTlsInspection,
        RelatedOriginsError::Proxy(error) => match proxy(error) {
            // These name the tunnel services.
            Advice::CheckTheNetwork | Advice::UseAnotherNetwork => Advice::CheckTheWayToTheSite,
            advice => advice,
        },
        RelatedOriginsError::Status(425 | 429 | 500..) => Advice::TryAgainLater,
        RelatedOriginsError::Status(_)
        | RelatedOriginsError::Redirect
        | RelatedOriginsError::ContentType
        | RelatedOriginsError::TooLong
        | RelatedOriginsError::Json
        | RelatedOriginsError::NotListed
        | RelatedOriginsError::TooManyLabels => Advice::TellTheSite,
    }
}

const fn http_status(status: u16) -> Advice {
    match status {
        // The phone has disconnected, or the request timed out.
        404 | 408 => Advice::TryAgain,
        // The tunnel of this code has its phone and its client.
        409 => Advice::ScanANewCode,
        // Only for linked phones [CTAP 2.2 §11.5.1].
        410 => Advice::LinkThePhoneAgain,
        // The login page of a network, by its own status (RFC 6585).
        511 => Advice::UseAnotherNetwork,
        425 | 429 | 500.. => Advice::TryAgainLater,
        // No service answers these to clients of its protocol; proxies, filters
        // and login pages do.
        _ => Advice::UseAnotherNetwork,
    }
}

const fn peer(stage: Stage, misbehaved: &PeerMisbehaved) -> Advice {
    match misbehaved {
        // Another code was scanned, or another phone came.
        PeerMisbehaved::Handshake(_) => Advice::ScanANewCode,
        // Changed or lost on the way: neither device is to blame.
        PeerMisbehaved::Channel(ChannelError::Crypter(CrypterError::Authentication)) => {
            Advice::TryAgain
        }
        PeerMisbehaved::ResponseMismatch(ResponseMismatch::UserVerification) => {
            Advice::SetUpScreenLock
        }
        PeerMisbehaved::Channel(
            ChannelError::Crypter(
                CrypterError::Padding | CrypterError::TooLong | CrypterError::CounterExhausted,
            )
            | ChannelError::Message(_),
        )
        | PeerMisbehaved::PostHandshake(_)
        | PeerMisbehaved::GetInfo(_)
        | PeerMisbehaved::UnexpectedMessage(_)
        | PeerMisbehaved::TooEarly
        | PeerMisbehaved::Response(_)
        | PeerMisbehaved::EmptyResponse
        | PeerMisbehaved::NotUtf8
        | PeerMisbehaved::ResponseMismatch(
            ResponseMismatch::RelyingParty
            | ResponseMismatch::UserPresence
            | ResponseMismatch::NoCredential
            | ResponseMismatch::NewCredential
            | ResponseMismatch::Algorithm
            | ResponseMismatch::PublicKey
            | ResponseMismatch::Credential
            | ResponseMismatch::UserHandle
            | ResponseMismatch::Extensions
            | ResponseMismatch::Protection
            | ResponseMismatch::LargeBlob
            | ResponseMismatch::NumberOfAnswers
            | ResponseMismatch::Contradiction,
        )
        | PeerMisbehaved::Update(_)
        | PeerMisbehaved::TooManyRequests => match stage {
            // The authenticator's stages: its peer is the client.
            Stage::Registering | Stage::Advertising | Stage::Listening | Stage::Answering => {
                Advice::UpdateTheOtherDevice
            }
            Stage::Preparing
            | Stage::ShowingQr
            | Stage::Connecting
            | Stage::Handshaking
            | Stage::AwaitingPostHandshake
            | Stage::Ready
            | Stage::AwaitingResponse
            | Stage::Lingering
            | Stage::Closed => Advice::UpdateThePhone,
        },
    }
}

const fn status(status: Status) -> Advice {
    match status {
        Status::NO_CREDENTIALS | Status::INVALID_CREDENTIAL => Advice::UseAnotherPasskey,
        Status::CREDENTIAL_EXCLUDED => Advice::AlreadyRegistered,
        Status::KEY_STORE_FULL | Status::LARGE_BLOB_STORAGE_FULL | Status::FP_DATABASE_FULL => {
            Advice::MakeRoomOnThePhone
        }
        Status::USER_ACTION_TIMEOUT | Status::ACTION_TIMEOUT | Status::UP_REQUIRED => {
            Advice::AnswerOnThePhone
        }
        // Too many fingers or faces that did not match.
        Status::UV_BLOCKED => Advice::UnlockThePhone,
        Status::PIN_NOT_SET | Status::PUAT_REQUIRED => Advice::SetUpScreenLock,
        // What this phone cannot do stays so.
        Status::UNSUPPORTED_ALGORITHM
        | Status::UNSUPPORTED_OPTION
        | Status::INVALID_OPTION
        | Status::LIMIT_EXCEEDED
        | Status::REQUEST_TOO_LARGE
        | Status::PIN_BLOCKED
        | Status::PIN_AUTH_BLOCKED
        | Status::PIN_POLICY_VIOLATION
        | Status::UNAUTHORIZED_PERMISSION => Advice::UseAnotherDevice,
        // What every phone has to understand.
        Status::INVALID_COMMAND
        | Status::INVALID_PARAMETER
        | Status::INVALID_LENGTH
        | Status::INVALID_SEQ
        | Status::LOCK_REQUIRED
        | Status::INVALID_CHANNEL
        | Status::CBOR_UNEXPECTED_TYPE
        | Status::INVALID_CBOR
        | Status::MISSING_PARAMETER
        | Status::INVALID_SUBCOMMAND => Advice::UpdateThePhone,
        // The user declined, a finger did not match, or the phone was busy; and
        // what is not known can pass.
        _ => Advice::TryAgain,
    }
}

/// The name of the exception that a web page gets.
pub(super) fn dom_exception(kind: &ErrorKind) -> DomException {
    match kind {
        ErrorKind::Cancelled(CancelledBy::Caller) => DomException::Abort,
        ErrorKind::Status(status) => (*status).into(),
        ErrorKind::Options(error) => error.into(),
        ErrorKind::Origin(_) | ErrorKind::RelatedOrigins(_) => DomException::Security,
        ErrorKind::Cancelled(CancelledBy::User | CancelledBy::Client)
        | ErrorKind::Deadline
        | ErrorKind::Bluetooth(_)
        | ErrorKind::Tunnel(_)
        | ErrorKind::PeerMisbehaved(_)
        | ErrorKind::PeerDisconnected
        | ErrorKind::EndedOnPhone
        | ErrorKind::QrCode(_)
        | ErrorKind::StaleQrCode
        | ErrorKind::Store(_)
        | ErrorKind::Engine(_)
        | ErrorKind::Key(_)
        | ErrorKind::NoThread(_)
        | ErrorKind::Unsupported(_)
        | ErrorKind::ApiMisuse(_) => DomException::NotAllowed,
    }
}

#[cfg(test)]
mod tests;
