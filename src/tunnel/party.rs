//! Who is at the other end of a connection: the same step fails with another error for
//! a proxy than for the tunnel service.

use std::io;
use std::sync::Arc;

use rustls::CertificateError;

use fido_hybrid_proto::error::{ProxyError, Source, TunnelError, TunnelStep};

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    Service,
    Proxy,
}

impl Party {
    /// The name of this party in the log.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Service => "the tunnel service",
            Self::Proxy => "the proxy",
        }
    }

    pub(super) const fn dns_step(self) -> TunnelStep {
        match self {
            Self::Service => TunnelStep::Dns,
            Self::Proxy => TunnelStep::ProxyDns,
        }
    }

    pub(super) const fn tcp_step(self) -> TunnelStep {
        match self {
            Self::Service => TunnelStep::Tcp,
            Self::Proxy => TunnelStep::ProxyTcp,
        }
    }

    pub(super) const fn tls_step(self) -> TunnelStep {
        match self {
            Self::Service => TunnelStep::Tls,
            Self::Proxy => TunnelStep::ProxyTls,
        }
    }

    pub(super) fn dns(self, source: Source) -> TunnelError {
        match self {
            Self::Service => TunnelError::Dns(source),
            Self::Proxy => ProxyError::Dns(source).into(),
        }
    }

    pub(super) fn tcp(self, source: Source) -> TunnelError {
        match self {
            Self::Service => TunnelError::Tcp(source),
            Self::Proxy => ProxyError::Tcp(source).into(),
        }
    }

    /// Everything that goes wrong in this step, also a connection reset: boxes that
    /// meddle with TLS do that.
    pub(super) fn tls(self, error: io::Error) -> TunnelError {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let Some(rustls::Error::InvalidCertificate(invalid)) = inner else {
            return match self {
                Self::Service => TunnelError::Tls(Arc::new(error)),
                Self::Proxy => ProxyError::Tls(Arc::new(error)).into(),
            };
        };
        match (invalid, self) {
            // The names in a certificate are text from the other side.
            (
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                _,
            ) => {
                let without_names = CertificateError::NotValidForName.into();
                let source = Arc::<rustls::Error>::new(without_names);
                match self {
                    Self::Service => TunnelError::CertificateName(source),
                    Self::Proxy => ProxyError::CertificateName(source).into(),
                }
            }
            (
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. },
                Self::Service,
            ) => TunnelError::CertificateDate(Arc::new(error)),
            (
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. },
                Self::Proxy,
            ) => ProxyError::CertificateDate(Arc::new(error)).into(),
            // A bad signature: the issuer has the name of a trusted one, and another key.
            (CertificateError::UnknownIssuer | CertificateError::BadSignature, Self::Service) => {
                TunnelError::UntrustedIssuer(Arc::new(error))
            }
            (CertificateError::UnknownIssuer | CertificateError::BadSignature, Self::Proxy) => {
                ProxyError::UntrustedIssuer(Arc::new(error)).into()
            }
            (_, Self::Service) => TunnelError::Tls(Arc::new(error)),
            (_, Self::Proxy) => ProxyError::Tls(Arc::new(error)).into(),
        }
    }
}
