//! A sample of every error: the table must have a row for each.

use std::io;
use std::sync::Arc;

use super::*;

/// Samples of a type, one for each variant. It does not compile while a variant
/// of the type is missing.
macro_rules! every {
    ($type:ty { $($pattern:pat => $sample:expr),* $(,)? }) => {{
        let _exhaustive = |value: &$type| match value { $($pattern => ()),* };
        Vec::<$type>::from([$($sample),*])
    }};
}

pub(super) fn source() -> Source {
    Arc::new(io::Error::other("the cause"))
}

/// A sample of every error.
pub(super) fn every_error() -> Vec<ErrorKind> {
    let bluetooth = every!(BluetoothError {
        BluetoothError::Absent => BluetoothError::Absent,
        BluetoothError::Off => BluetoothError::Off,
        BluetoothError::NotPermitted => BluetoothError::NotPermitted,
        BluetoothError::NotReady => BluetoothError::NotReady,
        BluetoothError::Busy => BluetoothError::Busy,
        BluetoothError::Unsupported(_) => BluetoothError::Unsupported("advertise"),
        BluetoothError::NoAdvertisingSlot => BluetoothError::NoAdvertisingSlot,
        BluetoothError::NoService(_) => BluetoothError::NoService(source()),
        BluetoothError::Silent => BluetoothError::Silent,
        BluetoothError::Misuse(_) => BluetoothError::Misuse(ApiMisuse::NoRuntime),
        BluetoothError::Failed(_) => BluetoothError::Failed(source()),
    });
    let steps = every!(TunnelStep {
        TunnelStep::Dns => TunnelStep::Dns,
        TunnelStep::Tcp => TunnelStep::Tcp,
        TunnelStep::ProxyDns => TunnelStep::ProxyDns,
        TunnelStep::ProxyTcp => TunnelStep::ProxyTcp,
        TunnelStep::ProxyTls => TunnelStep::ProxyTls,
        TunnelStep::Proxy => TunnelStep::Proxy,
        TunnelStep::Tls => TunnelStep::Tls,
        TunnelStep::Upgrade => TunnelStep::Upgrade,
    });
    let proxy = every!(ProxyError {
        ProxyError::Address(_) => ProxyError::Address("it has no host"),
        ProxyError::Environment { .. } => {
            ProxyError::Environment { variable: "HTTPS_PROXY", reason: "it has no host" }
        },
        ProxyError::Dns(_) => ProxyError::Dns(source()),
        ProxyError::Tcp(_) => ProxyError::Tcp(source()),
        ProxyError::Tls(_) => ProxyError::Tls(source()),
        ProxyError::UntrustedIssuer(_) => ProxyError::UntrustedIssuer(source()),
        ProxyError::CertificateName(_) => ProxyError::CertificateName(source()),
        ProxyError::CertificateDate(_) => ProxyError::CertificateDate(source()),
        ProxyError::AuthenticationRequired => ProxyError::AuthenticationRequired,
        ProxyError::CredentialsRefused => ProxyError::CredentialsRefused,
        ProxyError::Authenticator(_) => ProxyError::Authenticator(source()),
        ProxyError::Forbidden => ProxyError::Forbidden,
        ProxyError::Unreachable => ProxyError::Unreachable,
        ProxyError::Status(_) => ProxyError::Status(404),
        ProxyError::SocksReply(_) => ProxyError::SocksReply(7),
        ProxyError::Answer(_) => ProxyError::Answer("it is not HTTP"),
        ProxyError::Closed => ProxyError::Closed,
    });
    let mut tunnel = every!(TunnelError {
        TunnelError::Dns(_) => TunnelError::Dns(source()),
        TunnelError::Tcp(_) => TunnelError::Tcp(source()),
        TunnelError::Tls(_) => TunnelError::Tls(source()),
        TunnelError::Proxy(_) => ProxyError::Closed.into(),
        TunnelError::UntrustedIssuer(_) => TunnelError::UntrustedIssuer(source()),
        TunnelError::CertificateName(_) => TunnelError::CertificateName(source()),
        TunnelError::CertificateDate(_) => TunnelError::CertificateDate(source()),
        TunnelError::WrongClock { .. } => {
            TunnelError::WrongClock { ahead_by: -86_400, source: source() }
        },
        TunnelError::CertificateOutdated(_) => TunnelError::CertificateOutdated(source()),
        TunnelError::DomainNotAllowed => TunnelError::DomainNotAllowed,
        TunnelError::TimedOut(_) => TunnelError::TimedOut(TunnelStep::Dns),
        TunnelError::Status(_) => TunnelError::Status(200),
        TunnelError::Redirect => TunnelError::Redirect,
        TunnelError::Upgrade(_) => TunnelError::Upgrade("there is no routing id"),
        TunnelError::Closed(_) => TunnelError::Closed(None),
        TunnelError::TooLong(_) => TunnelError::TooLong(1),
        TunnelError::Flooded => TunnelError::Flooded,
        TunnelError::NotBinary => TunnelError::NotBinary,
        TunnelError::Unresponsive => TunnelError::Unresponsive,
        TunnelError::Stalled => TunnelError::Stalled,
        TunnelError::Broken(_) => TunnelError::Broken(source()),
        TunnelError::Roots(_) => TunnelError::Roots(source()),
    });
    tunnel.extend(steps.into_iter().map(TunnelError::TimedOut));
    tunnel.extend((100..600).map(TunnelError::Status));
    tunnel.extend(proxy.into_iter().map(TunnelError::Proxy));
    tunnel.extend([302, 429, 500, 511].map(|status| ProxyError::Status(status).into()));
    let handshake = every!(HandshakeError {
        HandshakeError::Length(_) => HandshakeError::Length(3),
        HandshakeError::Point => HandshakeError::Point,
        HandshakeError::Authentication => HandshakeError::Authentication,
    });
    let crypter = every!(CrypterError {
        CrypterError::Authentication => CrypterError::Authentication,
        CrypterError::Padding => CrypterError::Padding,
        CrypterError::TooLong => CrypterError::TooLong,
        CrypterError::CounterExhausted => CrypterError::CounterExhausted,
    });
    let message = every!(MessageError {
        MessageError::Empty => MessageError::Empty,
        MessageError::UnknownType(_) => MessageError::UnknownType(9),
    });
    let mismatch = every!(ResponseMismatch {
        ResponseMismatch::RelyingParty => ResponseMismatch::RelyingParty,
        ResponseMismatch::UserPresence => ResponseMismatch::UserPresence,
        ResponseMismatch::UserVerification => ResponseMismatch::UserVerification,
        ResponseMismatch::NoCredential => ResponseMismatch::NoCredential,
        ResponseMismatch::NewCredential => ResponseMismatch::NewCredential,
        ResponseMismatch::Algorithm => ResponseMismatch::Algorithm,
        ResponseMismatch::PublicKey => ResponseMismatch::PublicKey,
        ResponseMismatch::Credential => ResponseMismatch::Credential,
        ResponseMismatch::UserHandle => ResponseMismatch::UserHandle,
        ResponseMismatch::Extensions => ResponseMismatch::Extensions,
        ResponseMismatch::Protection => ResponseMismatch::Protection,
        ResponseMismatch::LargeBlob => ResponseMismatch::LargeBlob,
        ResponseMismatch::NumberOfAnswers => ResponseMismatch::NumberOfAnswers,
        ResponseMismatch::Contradiction => ResponseMismatch::Contradiction,
    });
    let mut peer = every!(PeerMisbehaved {
        PeerMisbehaved::Handshake(_) => HandshakeError::Point.into(),
        PeerMisbehaved::Channel(_) => ChannelError::Message(MessageError::Empty).into(),
        PeerMisbehaved::PostHandshake(_) => PeerMisbehaved::PostHandshake(cbor::CborError::TooDeep),
        PeerMisbehaved::GetInfo(_) => PeerMisbehaved::GetInfo(cbor::CborError::TooDeep),
        PeerMisbehaved::UnexpectedMessage(_) => {
            PeerMisbehaved::UnexpectedMessage(MessageType::Json)
        },
        PeerMisbehaved::TooEarly => PeerMisbehaved::TooEarly,
        PeerMisbehaved::Response(_) => PeerMisbehaved::Response(cbor::CborError::TooDeep),
        PeerMisbehaved::EmptyResponse => PeerMisbehaved::EmptyResponse,
        PeerMisbehaved::NotUtf8 => PeerMisbehaved::NotUtf8,
        PeerMisbehaved::ResponseMismatch(_) => PeerMisbehaved::ResponseMismatch(ResponseMismatch::RelyingParty),
        PeerMisbehaved::Update(_) => PeerMisbehaved::Update(cbor::CborError::TooDeep),
        PeerMisbehaved::TooManyRequests => PeerMisbehaved::TooManyRequests,
    });
    peer.extend(handshake.into_iter().map(PeerMisbehaved::Handshake));
    let channel = crypter.into_iter().map(ChannelError::Crypter);
    let channel = channel.chain(message.into_iter().map(ChannelError::Message));
    peer.extend(channel.map(PeerMisbehaved::Channel));
    peer.extend(mismatch.into_iter().map(PeerMisbehaved::ResponseMismatch));
    let cancelled = every!(CancelledBy {
        CancelledBy::Caller => CancelledBy::Caller,
        CancelledBy::User => CancelledBy::User,
        CancelledBy::Client => CancelledBy::Client,
    });
    let store = every!(StoreError {
        StoreError::Full => StoreError::Full,
        StoreError::Failed(_) => StoreError::Failed(source()),
    });
    let engine = every!(EngineError {
        EngineError::Empty => EngineError::Empty,
        EngineError::TooLong(_) => EngineError::TooLong(70_000),
        EngineError::Cbor(_) => EngineError::Cbor(cbor::CborError::TooDeep),
    });
    let key = every!(KeyError {
        KeyError::Missing => KeyError::Missing,
        KeyError::Cancelled => KeyError::Cancelled,
        KeyError::WrongSignature => KeyError::WrongSignature,
        KeyError::Failed(_) => KeyError::Failed(source()),
    });
    let qr_code = every!(QrCodeError {
        QrCodeError::NotFido => QrCodeError::NotFido,
        QrCodeError::Empty => QrCodeError::Empty,
        QrCodeError::Digits(_) => QrCodeError::Digits(DigitsError::Length),
        QrCodeError::Cbor(_) => QrCodeError::Cbor(cbor::CborError::TooDeep),
    });
    let unsupported = every!(Unsupported {
        Unsupported::Ctap => Unsupported::Ctap,
        Unsupported::Json => Unsupported::Json,
        Unsupported::UserVerification => Unsupported::UserVerification,
        Unsupported::VerificationNotSetUp => Unsupported::VerificationNotSetUp,
        Unsupported::DiscoverablePasskeys => Unsupported::DiscoverablePasskeys,
        Unsupported::CredentialProtection => Unsupported::CredentialProtection,
        Unsupported::LargeBlob => Unsupported::LargeBlob,
        Unsupported::Algorithm => Unsupported::Algorithm,
        Unsupported::Passkeys => Unsupported::Passkeys,
        Unsupported::Command => Unsupported::Command,
        Unsupported::ListTooLong => Unsupported::ListTooLong,
        Unsupported::MessageTooLong => Unsupported::MessageTooLong,
        Unsupported::RequestTooLong => Unsupported::RequestTooLong,
        Unsupported::TunnelDomain => Unsupported::TunnelDomain,
        Unsupported::DataChannel => Unsupported::DataChannel,
    });
    let misuse = every!(ApiMisuse {
        ApiMisuse::OutputsPending => ApiMisuse::OutputsPending,
        ApiMisuse::WrongStage => ApiMisuse::WrongStage,
        ApiMisuse::TimeWentBackwards => ApiMisuse::TimeWentBackwards,
        ApiMisuse::Closed => ApiMisuse::Closed,
        ApiMisuse::WrongPrompt => ApiMisuse::WrongPrompt,
        ApiMisuse::NoSuchAccount => ApiMisuse::NoSuchAccount,
        ApiMisuse::TooManyRequests => ApiMisuse::TooManyRequests,
        ApiMisuse::EmptyRequest => ApiMisuse::EmptyRequest,
        ApiMisuse::NoRuntime => ApiMisuse::NoRuntime,
        ApiMisuse::TaskEnded => ApiMisuse::TaskEnded,
        ApiMisuse::RemoteBus => ApiMisuse::RemoteBus,
        ApiMisuse::NoTlsProvider => ApiMisuse::NoTlsProvider,
        ApiMisuse::RootsAndTlsConfig => ApiMisuse::RootsAndTlsConfig,
        ApiMisuse::Alpn => ApiMisuse::Alpn,
        ApiMisuse::NotLoopback => ApiMisuse::NotLoopback,
        ApiMisuse::QrScale => ApiMisuse::QrScale,
        ApiMisuse::NoTerminal => ApiMisuse::NoTerminal,
        ApiMisuse::CodeNotTaken => ApiMisuse::CodeNotTaken,
    });
    let origin = every!(OriginError {
        OriginError::Scheme => OriginError::Scheme,
        OriginError::NotOnlyOrigin => OriginError::NotOnlyOrigin,
        OriginError::Host(_) => OriginError::Host(DomainError::Syntax),
        OriginError::Port => OriginError::Port,
        OriginError::DefaultPort => OriginError::DefaultPort,
    });
    let mut related = every!(RelatedOriginsError {
        RelatedOriginsError::Fetch(_) => RelatedOriginsError::Fetch(source()),
        RelatedOriginsError::CertificateDate(_) => RelatedOriginsError::CertificateDate(source()),
        RelatedOriginsError::UntrustedIssuer(_) => RelatedOriginsError::UntrustedIssuer(source()),
        RelatedOriginsError::Certificate(_) => RelatedOriginsError::Certificate(source()),
        RelatedOriginsError::Proxy(_) => ProxyError::Unreachable.into(),
        RelatedOriginsError::TimedOut => RelatedOriginsError::TimedOut,
        RelatedOriginsError::Redirect => RelatedOriginsError::Redirect,
        RelatedOriginsError::Status(_) => RelatedOriginsError::Status(404),
        RelatedOriginsError::ContentType => RelatedOriginsError::ContentType,
        RelatedOriginsError::TooLong => RelatedOriginsError::TooLong,
        RelatedOriginsError::Json => RelatedOriginsError::Json,
        RelatedOriginsError::NotListed => RelatedOriginsError::NotListed,
        RelatedOriginsError::TooManyLabels => RelatedOriginsError::TooManyLabels,
    });
    related.push(RelatedOriginsError::Status(503));
    let statuses = (1..=u8::MAX).map(|code| ErrorKind::Status(Status(code)));
    let mut kinds = vec![
        ErrorKind::NoThread(source()),
        ErrorKind::Deadline,
        ErrorKind::PeerDisconnected,
        ErrorKind::EndedOnPhone,
        ErrorKind::StaleQrCode,
    ];
    kinds.extend(cancelled.into_iter().map(ErrorKind::Cancelled));
    kinds.extend(bluetooth.into_iter().map(ErrorKind::Bluetooth));
    kinds.extend(tunnel.into_iter().map(ErrorKind::Tunnel));
    kinds.extend(peer.into_iter().map(ErrorKind::PeerMisbehaved));
    kinds.extend(statuses);
    kinds.extend(qr_code.into_iter().map(ErrorKind::QrCode));
    kinds.extend(store.into_iter().map(ErrorKind::Store));
    kinds.extend(engine.into_iter().map(ErrorKind::Engine));
    kinds.extend(key.into_iter().map(ErrorKind::Key));
    kinds.extend(unsupported.into_iter().map(ErrorKind::Unsupported));
    kinds.extend(misuse.into_iter().map(ErrorKind::ApiMisuse));
    kinds.extend(origin.into_iter().map(ErrorKind::Origin));
    kinds.extend(related.into_iter().map(ErrorKind::RelatedOrigins));
    kinds.extend(options::every_error().into_iter().map(|(error, _)| ErrorKind::Options(error)));
    kinds
}

pub(super) mod options {
    use crate::error::{DomException, DomainError, OptionsError, RpIdError};

    pub(crate) const UNSUPPORTED: OptionsError =
        OptionsError::Unsupported("extensions.credentialProtectionPolicy");
    pub(crate) const NOT_ON_PHONES: OptionsError = OptionsError::NotOnPhones("extensions.payment");

    /// Every error of options, with the name that the page gets.
    pub(crate) fn every_error() -> Vec<(OptionsError, DomException)> {
        let rp_id = every!(RpIdError {
            RpIdError::Domain(_) => RpIdError::Domain(DomainError::Syntax),
            RpIdError::OtherDomain => RpIdError::OtherDomain,
            RpIdError::PublicSuffix => RpIdError::PublicSuffix,
        });
        let errors = every!((OptionsError, DomException) {
            (OptionsError::TooLong, _) => (OptionsError::TooLong, DomException::Type),
            (OptionsError::Json, _) => (OptionsError::Json, DomException::Type),
            (OptionsError::Missing(_), _) => (OptionsError::Missing("rp"), DomException::Type),
            (OptionsError::Type { .. }, _) => (
                OptionsError::Type { member: "rp", expected: "an object" },
                DomException::Type,
            ),
            (OptionsError::Base64(_), _) => {
                (OptionsError::Base64("challenge"), DomException::Encoding)
            },
            (OptionsError::Length(_), _) => (OptionsError::Length("user.id"), DomException::Type),
            (OptionsError::TooMany(_), _) => {
                (OptionsError::TooMany("allowCredentials"), DomException::Type)
            },
            (OptionsError::NothingKnown(_), _) => {
                (OptionsError::NothingKnown("pubKeyCredParams"), DomException::NotSupported)
            },
            (OptionsError::NoPossibleId(_), _) => {
                (OptionsError::NoPossibleId("allowCredentials"), DomException::NotAllowed)
            },
            (OptionsError::EvalByCredential, _) => {
                (OptionsError::EvalByCredential, DomException::Syntax)
            },
            (OptionsError::NothingToEvalBy, _) => {
                (OptionsError::NothingToEvalBy, DomException::NotSupported)
            },
            (OptionsError::Unsupported(_), _) => (UNSUPPORTED, DomException::NotAllowed),
            (OptionsError::NotOnPhones(_), _) => (NOT_ON_PHONES, DomException::NotSupported),
            (OptionsError::OtherCeremony(_), _) => {
                (OptionsError::OtherCeremony("extensions.appid"), DomException::NotSupported)
            },
            (OptionsError::LargeBlobReadAndWrite, _) => {
                (OptionsError::LargeBlobReadAndWrite, DomException::NotSupported)
            },
            (OptionsError::LargeBlobCredentials, _) => {
                (OptionsError::LargeBlobCredentials, DomException::NotSupported)
            },
            (OptionsError::Url(_), _) => {
                (OptionsError::Url("extensions.appid"), DomException::Syntax)
            },
            (OptionsError::AppId(_), _) => {
                (OptionsError::AppId("extensions.appid"), DomException::Security)
            },
            (OptionsError::ClientData, _) => (OptionsError::ClientData, DomException::Encoding),
            (OptionsError::RpId(_), _) => {
                (OptionsError::RpId(RpIdError::OtherDomain), DomException::Security)
            },
        });
        let rp_id = rp_id.into_iter().map(|error| (error.into(), DomException::Security));
        errors.into_iter().chain(rp_id).collect()
    }
}
