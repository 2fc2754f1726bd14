//! Stable ids: short texts for logs, metrics and translations.
//!
//! `Display` is for people and may change with any version. An id never changes and
//! never goes to another variant. `ids.md` lists all of them; the test below compares
//! that list with the code.

use super::advice::Advice;
use super::bluetooth::BluetoothError;
use super::engine::EngineError;
use super::kind::{CancelledBy, ErrorKind, Unsupported};
use super::misuse::ApiMisuse;
use super::options::{DomainError, OptionsError, OriginError, RpIdError};
use super::peer::{PeerMisbehaved, ResponseMismatch};
use super::proxy::ProxyError;
use super::related::RelatedOriginsError;
use super::stage::Stage;
use super::store::{KeyError, StoreError};
use super::tunnel::{TunnelError, TunnelStep};
use crate::transport::{ChannelError, CrypterError, HandshakeError, MessageError, QrCodeError};

/// Gives a type the method `as_str`: an id for each pattern. Without wildcards, a new
/// variant does not compile before it has an id.
macro_rules! ids {
    ($type:ident { $($pattern:pat => $id:literal),* $(,)? }) => {
        impl $type {
            /// The stable id: lower-case words, with `-` between words and `.` between
            /// a kind and its detail. It never changes, and no other variant gets it.
            #[doc = concat!(
                "[The list](crate::error#stable-ids) has the ids of `", stringify!($type), "`."
            )]
            #[must_use]
            pub const fn as_str(&self) -> &'static str {
                match self {
                    $($pattern => $id),*
                }
            }

            /// Every id, in the order of the patterns.
            #[cfg(test)]
            pub(crate) const IDS: &'static [&'static str] = &[$($id),*];
        }
    };
}

pub(crate) use ids;

ids!(Stage {
    Self::Preparing => "preparing",
    Self::ShowingQr => "showing-qr",
    Self::Registering => "registering",
    Self::Advertising => "advertising",
    Self::Connecting => "connecting",
    Self::Handshaking => "handshaking",
    Self::AwaitingPostHandshake => "awaiting-post-handshake",
    Self::Ready => "ready",
    Self::AwaitingResponse => "awaiting-response",
    Self::Lingering => "lingering",
    Self::Listening => "listening",
    Self::Answering => "answering",
    Self::Closed => "closed",
});

ids!(Advice {
    Self::Nothing => "nothing",
    Self::TryAgain => "try-again",
    Self::TryAgainLater => "try-again-later",
    Self::ScanANewCode => "scan-a-new-code",
    Self::AnotherPhoneWasFirst => "another-phone-was-first",
    Self::CheckBothClocks => "check-both-clocks",
    Self::BringTheDevicesTogether => "bring-the-devices-together",
    Self::BringThePhoneToTheComputer => "bring-the-phone-to-the-computer",
    Self::AnswerOnThePhone => "answer-on-the-phone",
    Self::ContinueOnThePhone => "continue-on-the-phone",
    Self::UnlockThePhone => "unlock-the-phone",
    Self::CheckTheWayToTheSite => "check-the-way-to-the-site",
    Self::CheckTheNetwork => "check-the-network",
    Self::CheckTheClock => "check-the-clock",
    Self::UseAnotherNetwork => "use-another-network",
    Self::CheckTlsInspection => "check-tls-inspection",
    Self::CheckTheProxy => "check-the-proxy",
    Self::CheckTheProxyPassword => "check-the-proxy-password",
    Self::AskTheAdministrator => "ask-the-administrator",
    Self::AddBluetooth => "add-bluetooth",
    Self::TurnBluetoothOn => "turn-bluetooth-on",
    Self::AllowBluetooth => "allow-bluetooth",
    Self::StartBluetooth => "start-bluetooth",
    Self::RestartBluetooth => "restart-bluetooth",
    Self::CloseOtherPrograms => "close-other-programs",
    Self::UpdateThePhone => "update-the-phone",
    Self::UpdateTheOtherDevice => "update-the-other-device",
    Self::SetUpScreenLock => "set-up-screen-lock",
    Self::LinkThePhoneAgain => "link-the-phone-again",
    Self::UseAnotherPasskey => "use-another-passkey",
    Self::AlreadyRegistered => "already-registered",
    Self::MakeRoomOnThePhone => "make-room-on-the-phone",
    Self::UseAnotherDevice => "use-another-device",
    Self::TellTheSite => "tell-the-relying-party",
    Self::ReportTheProgram => "report-the-program",
});

ids!(ErrorKind {
    Self::Cancelled(CancelledBy::Caller) => "cancelled.by-caller",
    Self::Cancelled(CancelledBy::User) => "cancelled.by-user",
    Self::Cancelled(CancelledBy::Client) => "cancelled.by-client",
    Self::Deadline => "timed-out",
    Self::Bluetooth(BluetoothError::Absent) => "bluetooth.absent",
    Self::Bluetooth(BluetoothError::Off) => "bluetooth.off",
    Self::Bluetooth(BluetoothError::NotPermitted) => "bluetooth.not-permitted",
    Self::Bluetooth(BluetoothError::NotReady) => "bluetooth.not-ready",
    Self::Bluetooth(BluetoothError::Busy) => "bluetooth.busy",
    Self::Bluetooth(BluetoothError::Unsupported(_)) => "bluetooth.unsupported",
    Self::Bluetooth(BluetoothError::NoAdvertisingSlot) => "bluetooth.no-advertising-slot",
    Self::Bluetooth(BluetoothError::NoService(_)) => "bluetooth.no-service",
    Self::Bluetooth(BluetoothError::Silent) => "bluetooth.no-answer",
    Self::Bluetooth(BluetoothError::Misuse(_)) => "bluetooth.misuse",
    Self::Bluetooth(BluetoothError::Failed(_)) => "bluetooth.failed",
    Self::Tunnel(TunnelError::Dns(_)) => "tunnel.dns",
    Self::Tunnel(TunnelError::Tcp(_)) => "tunnel.tcp",
    Self::Tunnel(TunnelError::Proxy(ProxyError::Address(_))) => "tunnel.proxy-address",
    Self::Tunnel(TunnelError::Proxy(ProxyError::Environment { .. })) => "tunnel.proxy-environment",
    Self::Tunnel(TunnelError::Proxy(ProxyError::Dns(_))) => "tunnel.proxy-dns",
    Self::Tunnel(TunnelError::Proxy(ProxyError::Tcp(_))) => "tunnel.proxy-tcp",
    Self::Tunnel(TunnelError::Proxy(ProxyError::Tls(_))) => "tunnel.proxy-tls",
    Self::Tunnel(TunnelError::Proxy(ProxyError::UntrustedIssuer(_))) =>
        "tunnel.proxy-untrusted-issuer",
    Self::Tunnel(TunnelError::Proxy(ProxyError::CertificateName(_))) =>
        "tunnel.proxy-certificate-name",
    Self::Tunnel(TunnelError::Proxy(ProxyError::CertificateDate(_))) =>
        "tunnel.proxy-certificate-date",
    Self::Tunnel(TunnelError::Proxy(ProxyError::AuthenticationRequired)) =>
        "tunnel.proxy-authentication-required",
    Self::Tunnel(TunnelError::Proxy(ProxyError::CredentialsRefused)) =>
        "tunnel.proxy-credentials-refused",
    Self::Tunnel(TunnelError::Proxy(ProxyError::Authenticator(_))) => "tunnel.proxy-authenticator",
    Self::Tunnel(TunnelError::Proxy(ProxyError::Forbidden)) => "tunnel.proxy-forbidden",
    Self::Tunnel(TunnelError::Proxy(ProxyError::Unreachable)) => "tunnel.proxy-unreachable",
    Self::Tunnel(TunnelError::Proxy(ProxyError::Status(_))) => "tunnel.proxy-http-status",
    Self::Tunnel(TunnelError::Proxy(ProxyError::SocksReply(_))) => "tunnel.proxy-socks-reply",
    Self::Tunnel(TunnelError::Proxy(ProxyError::Answer(_))) => "tunnel.proxy-answer",
    Self::Tunnel(TunnelError::Proxy(ProxyError::Closed)) => "tunnel.proxy-closed",
    Self::Tunnel(TunnelError::Tls(_)) => "tunnel.tls",
    Self::Tunnel(TunnelError::UntrustedIssuer(_)) => "tunnel.untrusted-issuer",
    Self::Tunnel(TunnelError::CertificateName(_)) => "tunnel.certificate-name",
    Self::Tunnel(TunnelError::WrongClock { .. }) => "tunnel.wrong-clock",
    Self::Tunnel(TunnelError::CertificateOutdated(_)) => "tunnel.certificate-outdated",
    Self::Tunnel(TunnelError::DomainNotAllowed) => "tunnel.domain-not-allowed",
    Self::Tunnel(TunnelError::CertificateDate(_)) => "tunnel.certificate-date",
    Self::Tunnel(TunnelError::TimedOut(TunnelStep::Dns)) => "tunnel.dns-timed-out",
    Self::Tunnel(TunnelError::TimedOut(TunnelStep::Tcp)) => "tunnel.tcp-timed-out",
    Self::Tunnel(TunnelError::TimedOut(TunnelStep::ProxyDns)) => "tunnel.proxy-dns-timed-out",
    Self::Tunnel(TunnelError::TimedOut(TunnelStep::ProxyTcp)) => "tunnel.proxy-tcp-timed-out",
    Self::Tunnel(TunnelError::TimedOut(TunnelStep::ProxyTls)) => "tunnel.proxy-tls-timed-out",
    Self::Tunnel(TunnelError::TimedOut(TunnelStep::Proxy)) => "tunnel.proxy-timed-out",
    Self::Tunnel(TunnelError::TimedOut(TunnelStep::Tls)) => "tunnel.tls-timed-out",
    Self::Tunnel(TunnelError::TimedOut(TunnelStep::Upgrade)) => "tunnel.upgrade-timed-out",
    Self::Tunnel(TunnelError::Status(_)) => "tunnel.http-status",
    Self::Tunnel(TunnelError::Redirect) => "tunnel.redirect",
    Self::Tunnel(TunnelError::Upgrade(_)) => "tunnel.upgrade",
    Self::Tunnel(TunnelError::Closed(_)) => "tunnel.closed",
    Self::Tunnel(TunnelError::TooLong(_)) => "tunnel.message-too-long",
    Self::Tunnel(TunnelError::Flooded) => "tunnel.too-many-frames",
    Self::Tunnel(TunnelError::NotBinary) => "tunnel.not-binary",
    Self::Tunnel(TunnelError::Unresponsive) => "tunnel.unresponsive",
    Self::Tunnel(TunnelError::Stalled) => "tunnel.send-timed-out",
    Self::Tunnel(TunnelError::Roots(_)) => "tunnel.no-trusted-certificates",
    Self::Tunnel(TunnelError::Broken(_)) => "tunnel.broken",
    Self::PeerMisbehaved(PeerMisbehaved::Handshake(HandshakeError::Length(_))) =>
        "peer.handshake-length",
    Self::PeerMisbehaved(PeerMisbehaved::Handshake(HandshakeError::Point)) => "peer.handshake-key",
    Self::PeerMisbehaved(PeerMisbehaved::Handshake(HandshakeError::Authentication)) =>
        "peer.handshake-authentication",
    Self::PeerMisbehaved(PeerMisbehaved::Channel(ChannelError::Crypter(
        CrypterError::Authentication,
    ))) => "peer.message-authentication",
    Self::PeerMisbehaved(PeerMisbehaved::Channel(ChannelError::Crypter(
        CrypterError::Padding,
    ))) => "peer.message-padding",
    Self::PeerMisbehaved(PeerMisbehaved::Channel(ChannelError::Crypter(
        CrypterError::TooLong,
    ))) => "peer.message-too-long",
    Self::PeerMisbehaved(PeerMisbehaved::Channel(ChannelError::Crypter(
        CrypterError::CounterExhausted,
    ))) => "peer.too-many-messages",
    Self::PeerMisbehaved(PeerMisbehaved::Channel(ChannelError::Message(
        MessageError::Empty,
    ))) => "peer.message-empty",
    Self::PeerMisbehaved(PeerMisbehaved::Channel(ChannelError::Message(
        MessageError::UnknownType(_),
    ))) => "peer.message-type",
    Self::PeerMisbehaved(PeerMisbehaved::PostHandshake(_)) => "peer.post-handshake",
    Self::PeerMisbehaved(PeerMisbehaved::GetInfo(_)) => "peer.get-info",
    Self::PeerMisbehaved(PeerMisbehaved::UnexpectedMessage(_)) => "peer.unexpected-message",
    Self::PeerMisbehaved(PeerMisbehaved::TooEarly) => "peer.message-before-handshake",
    Self::PeerMisbehaved(PeerMisbehaved::Response(_)) => "peer.response",
    Self::PeerMisbehaved(PeerMisbehaved::EmptyResponse) => "peer.response-empty",
    Self::PeerMisbehaved(PeerMisbehaved::NotUtf8) => "peer.response-not-utf8",
    Self::PeerMisbehaved(PeerMisbehaved::ResponseMismatch(ResponseMismatch::RelyingParty)) =>
        "peer.response-mismatch.relying-party",
    Self::PeerMisbehaved(PeerMisbehaved::ResponseMismatch(ResponseMismatch::UserPresence)) =>
        "peer.response-mismatch.user-presence",
    Self::PeerMisbehaved(PeerMisbehaved::ResponseMismatch(ResponseMismatch::UserVerification)) =>
        "peer.response-mismatch.user-verification",
    Self::PeerMisbehaved(PeerMisbehaved::ResponseMismatch(ResponseMismatch::NoCredential)) =>
        "peer.response-mismatch.no-credential",
    Self::PeerMisbehaved(PeerMisbehaved::ResponseMismatch(ResponseMismatch::NewCredential)) =>
        "peer.response-mismatch.new-credential",
    Self::PeerMisbehaved(PeerMisbehaved::ResponseMismatch(ResponseMismatch::Algorithm)) =>
        "peer.response-mismatch.algorithm",
    Self::PeerMisbehaved(PeerMisbehaved::ResponseMismatch(ResponseMismatch::PublicKey)) =>
        "peer.response-mismatch.public-key",
    Self::PeerMisbehaved(PeerMisbehaved::ResponseMismatch(ResponseMismatch::Credential)) =>
        "peer.response-mismatch.credential",
    Self::PeerMisbehaved(PeerMisbehaved::ResponseMismatch(ResponseMismatch::UserHandle)) =>
        "peer.response-mismatch.user-handle",
    Self::PeerMisbehaved(PeerMisbehaved::ResponseMismatch(ResponseMismatch::Extensions)) =>
        "peer.response-mismatch.extensions",
    Self::PeerMisbehaved(PeerMisbehaved::ResponseMismatch(ResponseMismatch::Protection)) =>
        "peer.response-mismatch.protection",
    Self::PeerMisbehaved(PeerMisbehaved::ResponseMismatch(ResponseMismatch::LargeBlob)) =>
        "peer.response-mismatch.large-blob",
    Self::PeerMisbehaved(PeerMisbehaved::ResponseMismatch(ResponseMismatch::NumberOfAnswers)) =>
        "peer.response-mismatch.number-of-answers",
    Self::PeerMisbehaved(PeerMisbehaved::ResponseMismatch(ResponseMismatch::Contradiction)) =>
        "peer.response-mismatch.contradiction",
    Self::PeerMisbehaved(PeerMisbehaved::Update(_)) => "peer.update",
    Self::PeerMisbehaved(PeerMisbehaved::TooManyRequests) => "peer.too-many-requests",
    Self::PeerDisconnected => "peer-disconnected",
    Self::EndedOnPhone => "ended-on-phone",
    Self::Status(_) => "ctap-status",
    Self::QrCode(QrCodeError::NotFido) => "qr-code.not-fido",
    Self::QrCode(QrCodeError::Empty) => "qr-code.empty",
    Self::QrCode(QrCodeError::Digits(_)) => "qr-code.digits",
    Self::QrCode(QrCodeError::Cbor(_)) => "qr-code.content",
    Self::StaleQrCode => "qr-code.stale",
    Self::Store(StoreError::Full) => "store.full",
    Self::Store(StoreError::Failed(_)) => "store.failed",
    Self::Engine(EngineError::Empty) => "engine.response-empty",
    Self::Engine(EngineError::TooLong(_)) => "engine.response-too-long",
    Self::Engine(EngineError::Cbor(_)) => "engine.response",
    Self::Key(KeyError::Missing) => "key.not-found",
    Self::Key(KeyError::Cancelled) => "key.cancelled",
    Self::Key(KeyError::WrongSignature) => "key.wrong-signature",
    Self::Key(KeyError::Failed(_)) => "key.failed",
    Self::Origin(OriginError::Scheme) => "origin.scheme",
    Self::Origin(OriginError::NotOnlyOrigin) => "origin.not-only-origin",
    Self::Origin(OriginError::Host(DomainError::Syntax)) => "origin.host-syntax",
    Self::Origin(OriginError::Host(DomainError::NotCanonical)) => "origin.host-not-canonical",
    Self::Origin(OriginError::Host(DomainError::IpAddress)) => "origin.host-ip-address",
    Self::Origin(OriginError::Port) => "origin.port",
    Self::Origin(OriginError::DefaultPort) => "origin.default-port",
    Self::Options(OptionsError::TooLong) => "options.too-long",
    Self::Options(OptionsError::Json) => "options.json",
    Self::Options(OptionsError::Missing(_)) => "options.missing",
    Self::Options(OptionsError::Type { .. }) => "options.type",
    Self::Options(OptionsError::Base64(_)) => "options.base64",
    Self::Options(OptionsError::Length(_)) => "options.length",
    Self::Options(OptionsError::TooMany(_)) => "options.too-many",
    Self::Options(OptionsError::NothingKnown(_)) => "options.nothing-known",
    Self::Options(OptionsError::NoPossibleId(_)) => "options.no-possible-id",
    Self::Options(OptionsError::EvalByCredential) => "options.eval-by-credential",
    Self::Options(OptionsError::NothingToEvalBy) => "options.nothing-to-eval-by",
    Self::Options(OptionsError::Unsupported(_)) => "options.unsupported",
    Self::Options(OptionsError::NotOnPhones(_)) => "options.not-on-phones",
    Self::Options(OptionsError::OtherCeremony(_)) => "options.other-ceremony",
    Self::Options(OptionsError::LargeBlobReadAndWrite) => "options.large-blob-read-and-write",
    Self::Options(OptionsError::LargeBlobCredentials) => "options.large-blob-credentials",
    Self::Options(OptionsError::Url(_)) => "options.url",
    Self::Options(OptionsError::AppId(_)) => "options.app-id",
    Self::Options(OptionsError::ClientData) => "options.client-data",
    Self::Options(OptionsError::RpId(RpIdError::Domain(DomainError::Syntax))) =>
        "options.rp-id-syntax",
    Self::Options(OptionsError::RpId(RpIdError::Domain(DomainError::NotCanonical))) =>
        "options.rp-id-not-canonical",
    Self::Options(OptionsError::RpId(RpIdError::Domain(DomainError::IpAddress))) =>
        "options.rp-id-ip-address",
    Self::Options(OptionsError::RpId(RpIdError::OtherDomain)) => "options.rp-id-other-domain",
    Self::Options(OptionsError::RpId(RpIdError::PublicSuffix)) => "options.rp-id-public-suffix",
    Self::RelatedOrigins(RelatedOriginsError::Fetch(_)) => "related-origins.fetch",
    Self::RelatedOrigins(RelatedOriginsError::CertificateDate(_)) => "related-origins.certificate-date",
    Self::RelatedOrigins(RelatedOriginsError::UntrustedIssuer(_)) => "related-origins.untrusted-issuer",
    Self::RelatedOrigins(RelatedOriginsError::Certificate(_)) => "related-origins.certificate",
    Self::RelatedOrigins(RelatedOriginsError::Proxy(_)) => "related-origins.proxy",
    Self::RelatedOrigins(RelatedOriginsError::TimedOut) => "related-origins.timed-out",
    Self::RelatedOrigins(RelatedOriginsError::Redirect) => "related-origins.redirect",
    Self::RelatedOrigins(RelatedOriginsError::Status(_)) => "related-origins.http-status",
    Self::RelatedOrigins(RelatedOriginsError::ContentType) => "related-origins.content-type",
    Self::RelatedOrigins(RelatedOriginsError::TooLong) => "related-origins.too-long",
    Self::RelatedOrigins(RelatedOriginsError::Json) => "related-origins.json",
    Self::RelatedOrigins(RelatedOriginsError::NotListed) => "related-origins.not-listed",
    Self::RelatedOrigins(RelatedOriginsError::TooManyLabels) => "related-origins.too-many-labels",
    Self::NoThread(_) => "no-thread",
    Self::Unsupported(Unsupported::Ctap) => "unsupported.ctap",
    Self::Unsupported(Unsupported::Json) => "unsupported.json",
    Self::Unsupported(Unsupported::Command) => "unsupported.command",
    Self::Unsupported(Unsupported::UserVerification) => "unsupported.user-verification",
    Self::Unsupported(Unsupported::VerificationNotSetUp) => "unsupported.verification-not-set-up",
    Self::Unsupported(Unsupported::DiscoverablePasskeys) => "unsupported.discoverable-passkeys",
    Self::Unsupported(Unsupported::CredentialProtection) => "unsupported.credential-protection",
    Self::Unsupported(Unsupported::LargeBlob) => "unsupported.large-blob",
    Self::Unsupported(Unsupported::Algorithm) => "unsupported.algorithm",
    Self::Unsupported(Unsupported::Passkeys) => "unsupported.passkeys",
    Self::Unsupported(Unsupported::ListTooLong) => "unsupported.list-too-long",
    Self::Unsupported(Unsupported::MessageTooLong) => "unsupported.message-too-long",
    Self::Unsupported(Unsupported::RequestTooLong) => "unsupported.request-too-long",
    Self::Unsupported(Unsupported::TunnelDomain) => "unsupported.tunnel-domain",
    Self::Unsupported(Unsupported::DataChannel) => "unsupported.data-channel",
    Self::ApiMisuse(ApiMisuse::OutputsPending) => "misuse.outputs-pending",
    Self::ApiMisuse(ApiMisuse::WrongStage) => "misuse.wrong-stage",
    Self::ApiMisuse(ApiMisuse::TimeWentBackwards) => "misuse.time-went-backwards",
    Self::ApiMisuse(ApiMisuse::Closed) => "misuse.closed",
    Self::ApiMisuse(ApiMisuse::WrongPrompt) => "misuse.wrong-prompt",
    Self::ApiMisuse(ApiMisuse::NoSuchAccount) => "misuse.no-such-account",
    Self::ApiMisuse(ApiMisuse::TooManyRequests) => "misuse.too-many-requests",
    Self::ApiMisuse(ApiMisuse::EmptyRequest) => "misuse.empty-request",
    Self::ApiMisuse(ApiMisuse::NoRuntime) => "misuse.no-runtime",
    Self::ApiMisuse(ApiMisuse::TaskEnded) => "misuse.task-ended",
    Self::ApiMisuse(ApiMisuse::RemoteBus) => "misuse.remote-bus",
    Self::ApiMisuse(ApiMisuse::NoTlsProvider) => "misuse.no-tls-provider",
    Self::ApiMisuse(ApiMisuse::RootsAndTlsConfig) => "misuse.roots-and-tls-config",
    Self::ApiMisuse(ApiMisuse::Alpn) => "misuse.alpn",
    Self::ApiMisuse(ApiMisuse::NotLoopback) => "misuse.not-loopback",
    Self::ApiMisuse(ApiMisuse::QrScale) => "misuse.qr-scale",
    Self::ApiMisuse(ApiMisuse::NoTerminal) => "misuse.no-terminal",
    Self::ApiMisuse(ApiMisuse::CodeNotTaken) => "misuse.code-not-taken",
});

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::authenticator::AuthenticatorUpdate;
    use crate::authenticator::link::LinkUpdate;
    use crate::client::ClientUpdate;

    const LIST: &str = include_str!("ids.md");

    #[test]
    fn ids_are_unique_well_formed_and_listed() {
        let mut list = String::new();
        for (name, ids) in [
            ("client::ClientUpdate", ClientUpdate::IDS),
            ("authenticator::AuthenticatorUpdate", AuthenticatorUpdate::IDS),
            ("authenticator::link::LinkUpdate", LinkUpdate::IDS),
            ("error::Stage", Stage::IDS),
            ("error::Advice", Advice::IDS),
            ("error::ErrorKind", ErrorKind::IDS),
        ] {
            assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{name}");
            for id in ids {
                let in_words = id.split(['.', '-']).all(|word| {
                    let mut letters = word.bytes();
                    letters.next().is_some_and(|it| it.is_ascii_lowercase())
                        && letters.all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
                });
                assert!(in_words, "{id}");
            }
            list += &format!("\n`{name}`:\n\n```text\n{}\n```\n", ids.join("\n"));
        }
        let (_, listed) = LIST.split_once("\n\n").unwrap();
        // To renew the list after adding ids, copy this text into the file. Ids that
        // are there already must stay as they are.
        assert_eq!(listed, list.trim_start_matches('\n'), "ids.md should be:\n{list}");
    }

    #[test]
    fn details_of_an_error_have_ids_of_their_own() {
        let off = ErrorKind::from(BluetoothError::Off);
        assert_eq!(off.as_str(), "bluetooth.off");
        assert_eq!(ErrorKind::from(BluetoothError::Absent).as_str(), "bluetooth.absent");
        assert_eq!(Stage::Ready.as_str(), "ready");
        assert_eq!(Advice::TryAgain.as_str(), "try-again");
    }
}
