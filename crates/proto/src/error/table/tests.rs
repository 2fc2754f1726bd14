//! Every error with its values, and that no two values contradict each other.

mod samples;

use super::super::{DomainError, EngineError, Error, OriginError, RpIdError, Source};
use super::*;
use crate::cbor;
use crate::transport::digits::DigitsError;
use crate::transport::{HandshakeError, MessageError, MessageType, QrCodeError};
use samples::{every_error, options, source};

/// The stages in which only an authenticator can be.
const AUTHENTICATORS: [Stage; 4] =
    [Stage::Registering, Stage::Advertising, Stage::Listening, Stage::Answering];

/// The stages in which a client has met its phone.
const CLIENTS: [Stage; 6] = [
    Stage::Connecting,
    Stage::Handshaking,
    Stage::AwaitingPostHandshake,
    Stage::Ready,
    Stage::AwaitingResponse,
    Stage::Lingering,
];

#[test]
fn no_error_has_values_that_contradict_each_other() {
    for kind in every_error() {
        for stage in Stage::ALL {
            let error = Error::new(stage, kind.clone());
            let advice = error.advice();
            let sentence = advice.to_string();
            let lower = sentence.to_lowercase();
            let row = format!("{error}: {advice:?}: {sentence}");
            assert_eq!(lower.contains("try again"), error.can_retry(), "{row}");
            assert_eq!(advice.can_retry(), error.can_retry(), "{row}");
            assert_eq!(advice == Advice::Nothing, error.is_cancelled(), "{row}");
            assert!(!lower.contains("shown now"), "nothing is shown after the end: {row}");
            // The one to be updated is the other side.
            match advice {
                Advice::UpdateTheOtherDevice => assert!(AUTHENTICATORS.contains(&stage), "{row}"),
                Advice::UpdateThePhone if !matches!(kind, ErrorKind::Status(_)) => {
                    assert!(!AUTHENTICATORS.contains(&stage), "{row}");
                }
                _ => {}
            }
            let is_of_the_radio = matches!(kind, ErrorKind::Bluetooth(_))
                && !matches!(
                    kind,
                    ErrorKind::Bluetooth(
                        BluetoothError::Unsupported(_) | BluetoothError::Misuse(_)
                    )
                );
            assert!(!is_of_the_radio || sentence.contains("Bluetooth"), "{row}");
            let is_of_the_clock = matches!(
                kind,
                ErrorKind::StaleQrCode
                    | ErrorKind::Tunnel(
                        TunnelError::CertificateDate(_)
                            | TunnelError::WrongClock { .. }
                            | TunnelError::Proxy(ProxyError::CertificateDate(_))
                    )
                    | ErrorKind::RelatedOrigins(RelatedOriginsError::CertificateDate(_))
            );
            assert_eq!(lower.contains("date and time"), is_of_the_clock, "{row}");
        }
    }
}

#[test]
fn every_error_has_the_exception_that_fits_its_advice() {
    for kind in every_error() {
        let error = Error::new(Stage::AwaitingResponse, kind.clone());
        let exception = error.dom_exception();
        let expected = match error.advice() {
            Advice::AlreadyRegistered => DomException::InvalidState,
            Advice::Nothing if matches!(kind, ErrorKind::Cancelled(CancelledBy::Caller)) => {
                DomException::Abort
            }
            // Below.
            _ if matches!(kind, ErrorKind::Options(_)) => continue,
            Advice::ReportTheProgram
                if matches!(kind, ErrorKind::Options(OptionsError::ClientData)) =>
            {
                continue;
            }
            Advice::ReportTheProgram if matches!(kind, ErrorKind::Origin(_)) => {
                DomException::Security
            }
            _ if matches!(kind, ErrorKind::RelatedOrigins(_)) => DomException::Security,
            _ => DomException::NotAllowed,
        };
        assert_eq!(exception, expected, "{error}");
    }
    for (error, exception) in options::every_error() {
        assert_eq!(Error::new(Stage::Preparing, error).dom_exception(), exception, "{error}");
    }
}

/// The reasons that WebAuthn lists [WebAuthn L3 §5.1.3.1, §5.1.4.3], with the two names that
/// are others here.
#[test]
fn every_reason_that_webauthn_lists_has_its_exception() {
    use DomException as Name;
    for (stage, kind, name) in [
        (Stage::Ready, ErrorKind::Cancelled(CancelledBy::Caller), Name::Abort),
        (Stage::Ready, Unsupported::DiscoverablePasskeys.into(), Name::NotAllowed),
        (Stage::Ready, Unsupported::UserVerification.into(), Name::NotAllowed),
        (Stage::Ready, Unsupported::Algorithm.into(), Name::NotAllowed),
        (
            Stage::AwaitingResponse,
            ErrorKind::Status(Status::CREDENTIAL_EXCLUDED),
            Name::InvalidState,
        ),
        (
            Stage::Preparing,
            OptionsError::NothingKnown("pubKeyCredParams").into(),
            Name::NotSupported,
        ),
        (Stage::Preparing, OriginError::Scheme.into(), Name::Security),
        (Stage::Preparing, OptionsError::RpId(RpIdError::OtherDomain).into(), Name::Security),
        (Stage::AwaitingResponse, ErrorKind::Status(Status::OPERATION_DENIED), Name::NotAllowed),
        (Stage::AwaitingResponse, ErrorKind::Deadline, Name::NotAllowed),
        (Stage::AwaitingResponse, ErrorKind::PeerDisconnected, Name::NotAllowed),
        (Stage::Preparing, OptionsError::Missing("rp").into(), Name::Type),
        (Stage::Preparing, OptionsError::Length("user.id").into(), Name::Type),
    ] {
        let error = Error::new(stage, kind);
        assert_eq!(error.dom_exception(), name, "{error}");
    }
}

type Row = (&'static [Stage], Advice, Vec<ErrorKind>);

/// The advice of every error, but those of statuses.
fn rows() -> Vec<Row> {
    use Advice as A;
    use PeerMisbehaved as Peer;
    use Stage as S;
    let crypter = |error| ErrorKind::from(Peer::from(ChannelError::Crypter(error)));
    let message = |error| ErrorKind::from(Peer::from(ChannelError::Message(error)));
    let mismatch = |mismatch| ErrorKind::from(Peer::ResponseMismatch(mismatch));
    let malformed = cbor::CborError::TooDeep;
    let misbehaved = || {
        vec![
            crypter(CrypterError::Padding),
            crypter(CrypterError::TooLong),
            crypter(CrypterError::CounterExhausted),
            message(MessageError::Empty),
            message(MessageError::UnknownType(9)),
            Peer::PostHandshake(malformed).into(),
            Peer::GetInfo(malformed).into(),
            Peer::UnexpectedMessage(MessageType::Json).into(),
            Peer::TooEarly.into(),
            Peer::Response(malformed).into(),
            Peer::EmptyResponse.into(),
            Peer::NotUtf8.into(),
            mismatch(ResponseMismatch::RelyingParty),
            mismatch(ResponseMismatch::UserPresence),
            mismatch(ResponseMismatch::NoCredential),
            mismatch(ResponseMismatch::NewCredential),
            mismatch(ResponseMismatch::Algorithm),
            mismatch(ResponseMismatch::PublicKey),
            mismatch(ResponseMismatch::Credential),
            mismatch(ResponseMismatch::UserHandle),
            mismatch(ResponseMismatch::Extensions),
            mismatch(ResponseMismatch::Protection),
            mismatch(ResponseMismatch::LargeBlob),
            mismatch(ResponseMismatch::NumberOfAnswers),
            mismatch(ResponseMismatch::Contradiction),
            Peer::Update(malformed).into(),
            Peer::TooManyRequests.into(),
        ]
    };
    let timed_out = |step| ErrorKind::from(TunnelError::TimedOut(step));
    let proxy = |error| ErrorKind::from(TunnelError::Proxy(error));
    vec![
        (
            &S::ALL,
            A::Nothing,
            vec![
                ErrorKind::Cancelled(CancelledBy::Caller),
                ErrorKind::Cancelled(CancelledBy::User),
                ErrorKind::Cancelled(CancelledBy::Client),
            ],
        ),
        (&[S::ShowingQr], A::ScanANewCode, vec![ErrorKind::Deadline]),
        (&[S::Registering, S::Connecting], A::CheckTheNetwork, vec![ErrorKind::Deadline]),
        (&[S::Advertising], A::BringTheDevicesTogether, vec![ErrorKind::Deadline]),
        (&[S::AwaitingResponse, S::Answering], A::AnswerOnThePhone, vec![ErrorKind::Deadline]),
        (&[S::AwaitingResponse], A::ContinueOnThePhone, vec![ErrorKind::EndedOnPhone]),
        (
            &[S::Handshaking, S::AwaitingPostHandshake, S::Listening],
            A::TryAgain,
            vec![ErrorKind::Deadline],
        ),
        (&S::ALL, A::AddBluetooth, vec![BluetoothError::Absent.into()]),
        (&S::ALL, A::TurnBluetoothOn, vec![BluetoothError::Off.into()]),
        (&S::ALL, A::AllowBluetooth, vec![BluetoothError::NotPermitted.into()]),
        (&S::ALL, A::StartBluetooth, vec![BluetoothError::NoService(source()).into()]),
        (
            &S::ALL,
            A::RestartBluetooth,
            vec![
                BluetoothError::NotReady.into(),
                BluetoothError::Silent.into(),
                BluetoothError::Failed(source()).into(),
            ],
        ),
        (
            &S::ALL,
            A::CloseOtherPrograms,
            vec![BluetoothError::NoAdvertisingSlot.into(), BluetoothError::Busy.into()],
        ),
        (
            &S::ALL,
            A::UseAnotherDevice,
            vec![
                BluetoothError::Unsupported("advertise").into(),
                Unsupported::Ctap.into(),
                Unsupported::Json.into(),
                Unsupported::TunnelDomain.into(),
                Unsupported::DataChannel.into(),
                Unsupported::UserVerification.into(),
                Unsupported::DiscoverablePasskeys.into(),
                Unsupported::CredentialProtection.into(),
                Unsupported::LargeBlob.into(),
                Unsupported::Algorithm.into(),
                Unsupported::ListTooLong.into(),
                Unsupported::MessageTooLong.into(),
                options::UNSUPPORTED.into(),
                options::NOT_ON_PHONES.into(),
            ],
        ),
        (
            &S::ALL,
            A::CheckTheNetwork,
            vec![
                TunnelError::Dns(source()).into(),
                TunnelError::Tcp(source()).into(),
                timed_out(TunnelStep::Dns),
                timed_out(TunnelStep::Tcp),
                timed_out(TunnelStep::Proxy),
                timed_out(TunnelStep::Tls),
                timed_out(TunnelStep::Upgrade),
                proxy(ProxyError::Unreachable),
                TunnelError::Unresponsive.into(),
            ],
        ),
        (
            &S::ALL,
            A::CheckTheWayToTheSite,
            vec![
                RelatedOriginsError::Fetch(source()).into(),
                RelatedOriginsError::Certificate(source()).into(),
                RelatedOriginsError::TimedOut.into(),
                RelatedOriginsError::Proxy(ProxyError::Unreachable).into(),
                RelatedOriginsError::Proxy(ProxyError::Forbidden).into(),
                RelatedOriginsError::Proxy(ProxyError::Status(302)).into(),
            ],
        ),
        (
            &S::ALL,
            A::CheckTheProxy,
            vec![
                timed_out(TunnelStep::ProxyDns),
                timed_out(TunnelStep::ProxyTcp),
                timed_out(TunnelStep::ProxyTls),
                proxy(ProxyError::Address("it has no host")),
                proxy(ProxyError::Environment {
                    variable: "HTTPS_PROXY",
                    reason: "it has no host",
                }),
                proxy(ProxyError::Dns(source())),
                proxy(ProxyError::Tcp(source())),
                proxy(ProxyError::Tls(source())),
                proxy(ProxyError::CertificateName(source())),
                proxy(ProxyError::Status(404)),
                proxy(ProxyError::SocksReply(7)),
                proxy(ProxyError::Answer("it is not HTTP")),
                proxy(ProxyError::Closed),
            ],
        ),
        (
            &S::ALL,
            A::CheckTheProxyPassword,
            vec![proxy(ProxyError::AuthenticationRequired), proxy(ProxyError::CredentialsRefused)],
        ),
        (
            &S::ALL,
            A::TryAgainLater,
            vec![proxy(ProxyError::Status(429)), proxy(ProxyError::Status(500))],
        ),
        (&S::ALL, A::AskTheAdministrator, vec![TunnelError::DomainNotAllowed.into()]),
        (
            &S::ALL,
            A::CheckTlsInspection,
            vec![
                TunnelError::Tls(source()).into(),
                TunnelError::UntrustedIssuer(source()).into(),
                proxy(ProxyError::UntrustedIssuer(source())),
                RelatedOriginsError::UntrustedIssuer(source()).into(),
            ],
        ),
        (
            &S::ALL,
            A::CheckTheClock,
            vec![
                TunnelError::CertificateDate(source()).into(),
                TunnelError::WrongClock { ahead_by: -86_400, source: source() }.into(),
                proxy(ProxyError::CertificateDate(source())),
                RelatedOriginsError::CertificateDate(source()).into(),
            ],
        ),
        (
            &S::ALL,
            A::UseAnotherNetwork,
            vec![
                TunnelError::CertificateName(source()).into(),
                TunnelError::CertificateOutdated(source()).into(),
                proxy(ProxyError::Forbidden),
                proxy(ProxyError::Status(302)),
                proxy(ProxyError::Status(511)),
                TunnelError::Redirect.into(),
                TunnelError::Upgrade("there is no routing id").into(),
            ],
        ),
        (
            &S::ALL,
            A::TryAgain,
            vec![
                TunnelError::Closed(None).into(),
                TunnelError::TooLong(1).into(),
                TunnelError::Flooded.into(),
                TunnelError::NotBinary.into(),
                TunnelError::Stalled.into(),
                TunnelError::Broken(source()).into(),
                crypter(CrypterError::Authentication),
                ErrorKind::PeerDisconnected,
            ],
        ),
        (
            &S::ALL,
            A::ScanANewCode,
            vec![
                Peer::Handshake(HandshakeError::Length(3)).into(),
                Peer::Handshake(HandshakeError::Point).into(),
                Peer::Handshake(HandshakeError::Authentication).into(),
                QrCodeError::NotFido.into(),
                QrCodeError::Empty.into(),
                QrCodeError::Digits(DigitsError::Length).into(),
                QrCodeError::Cbor(malformed).into(),
            ],
        ),
        (&S::ALL, A::CheckBothClocks, vec![ErrorKind::StaleQrCode]),
        (&CLIENTS, A::UpdateThePhone, misbehaved()),
        (&AUTHENTICATORS, A::UpdateTheOtherDevice, misbehaved()),
        (
            &S::ALL,
            A::SetUpScreenLock,
            vec![
                mismatch(ResponseMismatch::UserVerification),
                Unsupported::VerificationNotSetUp.into(),
            ],
        ),
        (&S::ALL, A::MakeRoomOnThePhone, vec![StoreError::Full.into()]),
        (
            &S::ALL,
            A::UseAnotherPasskey,
            vec![Unsupported::Passkeys.into(), KeyError::Missing.into()],
        ),
        (&S::ALL, A::AnswerOnThePhone, vec![KeyError::Cancelled.into()]),
        (&S::ALL, A::TryAgainLater, vec![RelatedOriginsError::Status(503).into()]),
        (
            &S::ALL,
            A::TellTheSite,
            vec![
                Unsupported::RequestTooLong.into(),
                RelatedOriginsError::Redirect.into(),
                RelatedOriginsError::Status(404).into(),
                RelatedOriginsError::ContentType.into(),
                RelatedOriginsError::TooLong.into(),
                RelatedOriginsError::Json.into(),
                RelatedOriginsError::NotListed.into(),
                RelatedOriginsError::TooManyLabels.into(),
            ],
        ),
        (
            &S::ALL,
            A::ReportTheProgram,
            vec![
                StoreError::Failed(source()).into(),
                KeyError::WrongSignature.into(),
                KeyError::Failed(source()).into(),
                EngineError::Empty.into(),
                EngineError::TooLong(70_000).into(),
                EngineError::Cbor(malformed).into(),
                Unsupported::Command.into(),
                ApiMisuse::OutputsPending.into(),
                ApiMisuse::WrongStage.into(),
                ApiMisuse::TimeWentBackwards.into(),
                ApiMisuse::Closed.into(),
                ApiMisuse::WrongPrompt.into(),
                ApiMisuse::NoSuchAccount.into(),
                ApiMisuse::TooManyRequests.into(),
                ApiMisuse::EmptyRequest.into(),
                ApiMisuse::NoRuntime.into(),
                ApiMisuse::TaskEnded.into(),
                ApiMisuse::RemoteBus.into(),
                ApiMisuse::NoTlsProvider.into(),
                ApiMisuse::RootsAndTlsConfig.into(),
                ApiMisuse::Alpn.into(),
                ApiMisuse::NotLoopback.into(),
                ApiMisuse::QrScale.into(),
                ApiMisuse::NoTerminal.into(),
                ApiMisuse::CodeNotTaken.into(),
                OriginError::Scheme.into(),
                OriginError::NotOnlyOrigin.into(),
                OriginError::Host(DomainError::Syntax).into(),
                OriginError::Port.into(),
                OriginError::DefaultPort.into(),
                TunnelError::Roots(source()).into(),
                proxy(ProxyError::Authenticator(source())),
                ErrorKind::NoThread(source()),
                OptionsError::ClientData.into(),
                BluetoothError::Misuse(ApiMisuse::NoRuntime).into(),
            ],
        ),
    ]
}

#[test]
fn every_error_has_its_advice() {
    let mut shown = Vec::new();
    for (stages, advice, kinds) in rows() {
        for kind in kinds {
            for stage in stages {
                let error = Error::new(*stage, kind.clone());
                assert_eq!(error.advice(), advice, "{error}");
            }
            shown.push(format!("{kind:?}"));
        }
    }
    for kind in every_error() {
        let has_a_test_of_its_own = match kind {
            ErrorKind::Status(_) | ErrorKind::Tunnel(TunnelError::Status(_)) => true,
            ErrorKind::Options(_) => {
                Error::new(Stage::Preparing, kind.clone()).advice() == Advice::TellTheSite
            }
            _ => false,
        };
        let has_a_row = shown.contains(&format!("{kind:?}"));
        assert!(has_a_row || has_a_test_of_its_own, "{kind:?} has no row");
    }
}

#[test]
fn every_ctap_status_has_its_advice() {
    let mut rest: Vec<u8> = (1..=u8::MAX).collect();
    for (advice, codes) in [
        (Advice::UseAnotherPasskey, &[0x22, 0x2e][..]),
        (Advice::AlreadyRegistered, &[0x19]),
        (Advice::MakeRoomOnThePhone, &[0x17, 0x18, 0x28]),
        (Advice::AnswerOnThePhone, &[0x2f, 0x3a, 0x3b]),
        (Advice::UnlockThePhone, &[0x3c]),
        (Advice::SetUpScreenLock, &[0x35, 0x36]),
        (Advice::UseAnotherDevice, &[0x15, 0x26, 0x2b, 0x2c, 0x32, 0x34, 0x37, 0x39, 0x40]),
        (Advice::UpdateThePhone, &[0x01, 0x02, 0x03, 0x04, 0x0a, 0x0b, 0x11, 0x12, 0x14, 0x3e]),
    ] {
        for code in codes {
            let error = Error::new(Stage::AwaitingResponse, ErrorKind::Status(Status(*code)));
            assert_eq!(error.advice(), advice, "{error}");
        }
        rest.retain(|code| !codes.contains(code));
    }
    for code in rest {
        let error = Error::new(Stage::AwaitingResponse, ErrorKind::Status(Status(code)));
        assert_eq!(error.advice(), Advice::TryAgain, "{error}");
    }
}

#[test]
fn the_second_of_two_phones_is_told_of_the_first() {
    let used = Error::new(Stage::Registering, TunnelError::Status(409));
    assert_eq!(used.advice(), Advice::ScanANewCode);
    let second = Error::new(Stage::Advertising, TunnelError::Closed(Some(4409)));
    assert_eq!(second.advice(), Advice::AnotherPhoneWasFirst);
    assert!(used.can_retry() && second.can_retry());
    // Services that do not tell leave the second phone to its deadline.
    let unsure = Error::new(Stage::Advertising, ErrorKind::Deadline).advice().to_string();
    assert!(unsure.ends_with("If two phones scanned the code, only the first one was used."));
}

#[test]
fn every_http_status_has_its_advice() {
    for status in 100..600 {
        let expected = match status {
            404 | 408 => Advice::TryAgain,
            409 => Advice::ScanANewCode,
            410 => Advice::LinkThePhoneAgain,
            425 | 429 | 500..=510 | 512..=599 => Advice::TryAgainLater,
            // Pages of filters and logins (200, redirects, 511), proxies (400,
            // 403, 407), legal reasons (451).
            _ => Advice::UseAnotherNetwork,
        };
        let error = Error::new(Stage::Connecting, TunnelError::Status(status));
        assert_eq!(error.advice(), expected, "{status}");
    }
}
