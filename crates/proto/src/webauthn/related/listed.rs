//! One element of a list of related origins.

use super::super::domain;

/// Schemes of URLs that have a domain, with their own ports (URL standard, "special scheme").
const SCHEMES: [(&str, u16); 5] =
    [("https", 443), ("http", 80), ("wss", 443), ("ws", 80), ("ftp", 21)];

/// The origin in an element of a list. Relying parties write URLs there, which browsers
/// parse: with a `/` at the end, in upper case, with the scheme's own port.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listed {
    scheme: &'static str,
    pub(super) host: String,
    port: Option<u16>,
}

impl Listed {
    /// `None` for what has no domain, and is skipped [WebAuthn L3 §5.11.1].
    pub(super) fn parse(item: &str) -> Option<Self> {
        let item = item.trim_matches(|character: char| character <= ' ');
        let (scheme, rest) = item.split_once("://")?;
        let mut known = SCHEMES.iter();
        let (scheme, own_port) = known.find(|(known, _)| scheme.eq_ignore_ascii_case(known))?;
        let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
        let authority = authority.rsplit('@').next().unwrap_or_default();
        let (host, port) = match authority.split_once(':') {
            Some((host, "")) => (host, None),
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                (host, Some(port.parse().ok()?))
            }
            Some(_) => return None,
            None => (authority, None),
        };
        let host = host.to_ascii_lowercase();
        domain::check(&host).ok()?;
        Some(Self { scheme, host, port: port.filter(|port| port != own_port) })
    }

    /// As an [`Origin`] is spelled.
    pub(super) fn origin(&self) -> String {
        let Self { scheme, host, port } = self;
        match port {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }
    }
}
