//! Whether this device's clock is right, where a certificate is not valid by it.
//!
//! A service that is not trusted yet cannot be asked for the time, and its certificate is
//! not trusted at this device's time. So the dialer connects again and has everything
//! about the certificate checked, but at a time that lies within its dates. Over that
//! connection it sends `HEAD /`, which tells nothing of a tunnel, and reads `Date` from the
//! answer. An attacker who has the key of an expired certificate can lie about it: that
//! changes the error, and nothing else is sent to it. The session is kept from later dials,
//! which would resume it without a look at the certificate.
//!
//! There is no `Date` if the verifier does not tell the certificate's dates, which those
//! of macOS and Windows do not, if an issuer's certificate is outdated as well, or if the
//! service does not answer in time.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{CONNECTION, DATE, HOST};
use http::{Method, Request};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::UnixTime;
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, ClientConfig, SignatureScheme};

use super::http::{EmptyBody, start_http};
use super::stream::BoxedStream;
use fido_hybrid_proto::error::{Source, TunnelError};

/// How long the question may take. The dial has failed already.
pub(super) const TIMEOUT: Duration = Duration::from_secs(3);

/// How much the two clocks may differ, in seconds.
const TOLERANCE: u64 = 5 * 60;

/// The longest answer read, in bytes. Services send some 300.
const MAX_ANSWER: usize = 16 * 1024;

/// The configuration, with a clock that stands still within the dates of the certificate
/// that `error` refused. `None` if those are not known. It shares no sessions with the other
/// one and has no certificate of a client.
pub(super) fn at_a_valid_time(config: &ClientConfig, error: &Source) -> Option<Arc<ClientConfig>> {
    let error: &(dyn std::error::Error + 'static) = &**error;
    let error = error.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref::<rustls::Error>()?;
    let rustls::Error::InvalidCertificate(error) = error else { return None };
    let seconds = match error {
        CertificateError::ExpiredContext { not_after, .. } => not_after.as_secs().checked_sub(1)?,
        CertificateError::NotValidYetContext { not_before, .. } => {
            not_before.as_secs().checked_add(1)?
        }
        _ => return None,
    };
    let mut config = config.clone();
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    config.time_provider = Arc::new(Still(time));
    config.resumption = Resumption::disabled();
    config.client_auth_cert_resolver = Arc::new(NoCertificate);
    Some(Arc::new(config))
}

#[derive(Debug)]
struct Still(UnixTime);

impl TimeProvider for Still {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}

/// Answers a service that asks for a certificate of the client with an empty list.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// The time that the service tells.
pub(super) async fn ask(stream: BoxedStream, host: &str) -> Option<SystemTime> {
    let request = Request::builder()
        .method(Method::HEAD)
        .uri("/")
        .header(HOST, host)
        .header(CONNECTION, "close")
        .body(EmptyBody)
        .ok()?;
    let (mut sender, mut connection) = start_http(stream, MAX_ANSWER).await.ok()?;
    let answer = connection.during(sender.send_request(request)).await.ok()?;
    httpdate::parse_http_date(answer.headers().get(DATE)?.to_str().ok()?).ok()
}

/// The error, now that the service's time is known or not.
pub(super) fn judged(source: Source, theirs: Option<SystemTime>, ours: SystemTime) -> TunnelError {
    let Some(ahead_by) = theirs.and_then(|theirs| seconds(ours)?.checked_sub(seconds(theirs)?))
    else {
        return TunnelError::CertificateDate(source);
    };
    if ahead_by.unsigned_abs() > TOLERANCE {
        TunnelError::WrongClock { ahead_by, source }
    } else {
        TunnelError::CertificateOutdated(source)
    }
}

/// Since 1970.
fn seconds(time: SystemTime) -> Option<i64> {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).ok(),
        Err(before) => i64::try_from(before.duration().as_secs()).ok().map(|seconds| -seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct WithCertificate;

    impl ResolvesClientCert for WithCertificate {
        fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
            None
        }

        fn has_certs(&self) -> bool {
            true
        }
    }

    #[test]
    fn a_certificate_of_the_client_is_for_trusted_services_alone() {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_client_cert_resolver(Arc::new(WithCertificate));
        let (time, not_after) = (
            UnixTime::since_unix_epoch(Duration::from_secs(2_000_000_000)),
            UnixTime::since_unix_epoch(Duration::from_secs(1_000_000_000)),
        );
        let expired = CertificateError::ExpiredContext { time, not_after };
        let error: Source = Arc::new(io::Error::other(rustls::Error::InvalidCertificate(expired)));
        let question = at_a_valid_time(&config, &error).unwrap();
        let now = question.time_provider.current_time().unwrap();
        assert_eq!(now.as_secs(), 999_999_999);
        assert!(config.client_auth_cert_resolver.has_certs());
        assert!(!question.client_auth_cert_resolver.has_certs());
    }

    #[test]
    fn clocks_may_differ_by_five_minutes() {
        let theirs = UNIX_EPOCH + Duration::from_secs(2_000_000_000);
        let source = || Arc::new(io::Error::other("expired")) as Source;
        for (ours, expected) in [
            (2_000_000_000_u64, None),
            (2_000_000_300, None),
            (1_999_999_700, None),
            (2_000_000_301, Some(301)),
            (1_999_999_699, Some(-301)),
            (0, Some(-2_000_000_000)),
        ] {
            let ours = UNIX_EPOCH + Duration::from_secs(ours);
            match (judged(source(), Some(theirs), ours), expected) {
                (TunnelError::CertificateOutdated(_), None) => {}
                (TunnelError::WrongClock { ahead_by, .. }, Some(expected)) => {
                    assert_eq!(ahead_by, expected);
                }
                (other, _) => panic!("{expected:?}: {other:?}"),
            }
        }
        let before = UNIX_EPOCH - Duration::from_secs(1_000);
        let error = judged(source(), Some(UNIX_EPOCH), before);
        assert!(matches!(error, TunnelError::WrongClock { ahead_by: -1_000, .. }), "{error:?}");
        let unknown = judged(source(), None, theirs);
        assert!(matches!(unknown, TunnelError::CertificateDate(_)), "{unknown:?}");
    }
}
