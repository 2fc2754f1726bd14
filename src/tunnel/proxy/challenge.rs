//! Authentication that a program brings: Negotiate, NTLM, Digest or another scheme.

use std::fmt;

use http::HeaderMap;
use http::header::PROXY_AUTHENTICATE;

use fido_hybrid_proto::error::Source;
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_proto::secret::SecretText;

/// How often one connection to a proxy answers a challenge. Negotiate takes one or two
/// answers, NTLM two.
pub const MAX_PROXY_ROUNDS: usize = 5;

/// Answers the challenges of HTTP proxies (status 407), for
/// [`Proxy::authenticator`](super::Proxy::authenticator). SOCKS5 does not use it.
///
/// ```
/// use fido_hybrid::BoxFuture;
/// use fido_hybrid::error::Source;
/// use fido_hybrid::secret::SecretText;
/// use fido_hybrid::tunnel::{ProxyAuthenticator, ProxyChallenges, ProxyDialogue};
///
/// /// Kerberos, by the system's GSSAPI or SSPI.
/// struct Negotiate;
///
/// impl ProxyAuthenticator for Negotiate {
///     fn begin(&self, proxy: &str) -> Box<dyn ProxyDialogue> {
///         Box::new(Context(format!("HTTP@{proxy}")))
///     }
/// }
///
/// struct Context(String);
///
/// impl ProxyDialogue for Context {
///     fn answer<'a>(
///         &'a mut self,
///         challenges: &'a ProxyChallenges,
///     ) -> BoxFuture<'a, Result<Option<SecretText>, Source>> {
///         Box::pin(async {
///             let Some(token) = challenges.token("Negotiate") else { return Ok(None) };
///             let next = step(&self.0, token);
///             Ok(Some(SecretText::new(format!("Negotiate {next}"))))
///         })
///     }
/// }
/// # fn step(_: &str, token: &str) -> String { token.to_owned() }
/// ```
pub trait ProxyAuthenticator: Send + Sync {
    /// Starts the dialogue for one connection to this proxy, given by its name or IP
    /// address.
    fn begin(&self, proxy: &str) -> Box<dyn ProxyDialogue>;
}

/// One dialogue with a proxy, over one connection. It begins when the proxy answers with
/// 407 and has at most [`MAX_PROXY_ROUNDS`] rounds. If the proxy closes the connection
/// behind its first challenge, the answer to that goes over a new one.
pub trait ProxyDialogue: Send {
    /// The next value of `Proxy-Authorization`, with its scheme (`NTLM TlRM…`). `None`:
    /// there is no answer, and the proxy has refused.
    ///
    /// # Errors
    /// Any; the dial ends with
    /// [`ProxyError::Authenticator`](crate::error::ProxyError::Authenticator). The dialer's
    /// deadline goes on meanwhile.
    ///
    /// # Cancel safety
    /// The future is dropped when the dial is cancelled or times out, and the dialogue with
    /// it.
    fn answer<'a>(
        &'a mut self,
        challenges: &'a ProxyChallenges,
    ) -> BoxFuture<'a, Result<Option<SecretText>, Source>>;
}

/// The challenges of one 407. They are text from the proxy, at most 64 KiB.
///
/// `Debug` prints their number only.
pub struct ProxyChallenges {
    lines: Vec<String>,
}

impl ProxyChallenges {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(PROXY_AUTHENTICATE).iter();
        let lines = lines.filter_map(|line| line.to_str().ok());
        Self { lines: lines.map(ToOwned::to_owned).collect() }
    }

    /// The values of the `Proxy-Authenticate` headers, as the proxy sent them. One value
    /// can contain several challenges [RFC 9110 §11.7.1].
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// The token of the first challenge of this scheme; empty if the challenge is the
    /// scheme alone. For Negotiate and NTLM, whose challenges have no parameters.
    #[must_use]
    pub fn token(&self, scheme: &str) -> Option<&str> {
        self.lines().flat_map(|line| line.split(',')).find_map(|challenge| {
            let challenge = challenge.trim();
            let (name, token) = challenge.split_once(' ').unwrap_or((challenge, ""));
            name.eq_ignore_ascii_case(scheme).then_some(token.trim())
        })
    }
}

impl fmt::Debug for ProxyChallenges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyChallenges({} headers)", self.lines.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_by_scheme_on_any_line() {
        let mut headers = HeaderMap::new();
        for line in ["Basic realm=\"a, b\"", "Negotiate, ntlm TlRMTVNTUAACAAAA==", "Digest a=b"] {
            headers.append(PROXY_AUTHENTICATE, line.parse().unwrap());
        }
        let challenges = ProxyChallenges::of(&headers);
        assert_eq!(challenges.lines().count(), 3);
        assert_eq!(challenges.token("negotiate"), Some(""));
        assert_eq!(challenges.token("NTLM"), Some("TlRMTVNTUAACAAAA=="));
        assert_eq!(challenges.token("Bearer"), None);
        assert_eq!(format!("{challenges:?}"), "ProxyChallenges(3 headers)");
    }
}
