//! The way to tunnel services, as the command line gives it.

use std::error::Error as _;
use std::net::ToSocketAddrs as _;

use fido_hybrid::error::{ErrorKind, TunnelError};
use fido_hybrid::transport::{FIRST_HASHED_DOMAIN, TunnelDomain};
use fido_hybrid::tunnel::{Proxy, WebSocketDialer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::arguments::{Arguments, Stop, wrong};

/// The flags that [`Network`] takes, for `--help`.
pub const HELP: &str =
    "  --tunnel DOMAIN         the tunnel service: cable.ua5v.com, cable.auth.com, or a
                          number from 256 to 65535 or the name derived from it
  --tunnel-address HOST:PORT
                          the address of that service, instead of asking DNS
  --ca FILE               also trust the certificates in this PEM file";

/// What to do where the system trusts no certificate.
const NO_ROOTS: &str = "\
Install the system's trusted certificates (package ca-certificates on Linux), or use --ca.";

/// Which tunnel service, and how it is reached.
#[derive(Clone, Default)]
pub struct Network {
    /// The service that was named.
    pub domain: Option<TunnelDomain>,
    address: Option<String>,
    authorities: Vec<CertificateDer<'static>>,
}

impl Network {
    /// Takes this flag if it is one of these.
    pub fn take(&mut self, flag: &str, arguments: &mut Arguments) -> Result<bool, Stop> {
        match flag {
            "--tunnel" => {
                let value = arguments.value(flag)?;
                self.domain = Some(domain(&value).ok_or_else(|| {
                    wrong(format_args!(
                        "{value} is not a tunnel service that clients can find; see --tunnel in --help"
                    ))
                })?);
            }
            "--tunnel-address" => self.address = Some(arguments.value(flag)?),
            "--ca" => {
                let file = arguments.value(flag)?;
                let unread = |why| wrong(format_args!("cannot read certificates of {file}: {why}"));
                let found = CertificateDer::pem_file_iter(&file).and_then(Iterator::collect);
                self.authorities = found.map_err(|why| unread(why.to_string()))?;
                if self.authorities.is_empty() {
                    return Err(unread("the file contains no certificate".to_owned()));
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The dialer. An address is that of the service that was named, or of
    /// both assigned ones. The proxy is the environment's.
    pub fn dialer(&self) -> Result<WebSocketDialer, Stop> {
        let proxy = Proxy::from_environment().map_err(wrong)?;
        let mut dialer =
            WebSocketDialer::builder().extra_roots(self.authorities.iter().cloned()).proxy(proxy);
        if let Some(address) = &self.address {
            let unusable = |why: &str| wrong(format_args!("--tunnel-address {address}: {why}"));
            let mut found = address.to_socket_addrs().map_err(|why| unusable(&why.to_string()))?;
            let found = found.next().ok_or_else(|| unusable("the name has no address"))?;
            let assigned = [TunnelDomain::GOOGLE, TunnelDomain::APPLE];
            let named = self.domain.as_ref().map_or(&assigned[..], std::slice::from_ref);
            for domain in named {
                dialer = dialer.resolve(&domain.host(), found);
            }
        }
        dialer.build().map_err(|why| {
            let mut told = format!("tunnel services cannot be used: {}", why.kind);
            if let Some(cause) = why.source() {
                told = format!("{told}\n  because: {cause}");
            }
            if matches!(why.kind, ErrorKind::Tunnel(TunnelError::Roots(_))) {
                told = format!("{told}\n{NO_ROOTS}");
            }
            Stop::Failed(told)
        })
    }

    /// Whether an address was given for this service, whose name is then not
    /// looked up.
    pub fn has_address(&self, domain: TunnelDomain) -> bool {
        self.address.is_some() && self.domain.is_none_or(|named| named == domain)
    }
}

/// The service of this name or number.
fn domain(text: &str) -> Option<TunnelDomain> {
    if let Ok(number) = text.parse::<u16>() {
        return TunnelDomain::from_encoded(number);
    }
    // Names are hashes of numbers: the way back is to try all of them.
    (0..2)
        .chain(FIRST_HASHED_DOMAIN..=u16::MAX)
        .filter_map(TunnelDomain::from_encoded)
        .find(|domain| domain.host().eq_ignore_ascii_case(text))
}
