//! User name and password for a proxy.

use std::fmt;

use data_encoding::BASE64;
use http::HeaderValue;
use zeroize::Zeroize as _;

use fido_hybrid_proto::error::ProxyError;
use fido_hybrid_proto::secret::SecretBytes;

/// The longest user name and the longest password, in bytes: SOCKS5 has one byte for
/// each length (RFC 1929).
const MAX_LENGTH: usize = 255;

/// A user name and a password for a proxy.
///
/// `Debug` prints neither, and both are wiped when this value is dropped. What was sent
/// stays for a while in buffers of HTTP and of the system.
#[derive(Clone)]
pub struct ProxyCredentials {
    user: SecretBytes,
    password: SecretBytes,
}

impl ProxyCredentials {
    /// A user name and a password, each at most 255 bytes long. The password is taken, so
    /// that it is wiped.
    ///
    /// # Errors
    /// [`ProxyError::Address`] if one is longer, if the user name contains a colon, or if
    /// one contains a control character. `Basic` cannot carry those (RFC 7617).
    pub fn new(user: &str, password: String) -> Result<Self, ProxyError> {
        let (user, password) = (SecretBytes::from(user.as_bytes()), password.into_bytes());
        Self::from_bytes(user, SecretBytes::new(password)).map_err(ProxyError::Address)
    }

    pub(super) fn from_bytes(
        user: SecretBytes,
        password: SecretBytes,
    ) -> Result<Self, &'static str> {
        if user.len() > MAX_LENGTH || password.len() > MAX_LENGTH {
            return Err("its user name or password is longer than 255 bytes");
        }
        if user.expose().contains(&b':') {
            return Err("its user name contains a colon");
        }
        if user.expose().iter().chain(password.expose()).any(u8::is_ascii_control) {
            return Err("its credentials contain a control character");
        }
        Ok(Self { user, password })
    }

    pub(super) fn user(&self) -> &[u8] {
        self.user.expose()
    }

    pub(super) fn password(&self) -> &[u8] {
        self.password.expose()
    }

    /// The value of `Proxy-Authorization`, marked as sensitive.
    pub(super) fn basic(&self) -> Option<HeaderValue> {
        let length = self.user.len().saturating_add(self.password.len()).saturating_add(1);
        let mut pair = Vec::with_capacity(length);
        pair.extend_from_slice(self.user());
        pair.push(b':');
        pair.extend_from_slice(self.password());
        let pair = SecretBytes::new(pair);
        let mut text = String::with_capacity(BASE64.encode_len(length).saturating_add(6));
        text.push_str("Basic ");
        BASE64.encode_append(pair.expose(), &mut text);
        let value = HeaderValue::from_str(&text).ok();
        text.zeroize();
        value.map(|mut value| {
            value.set_sensitive(true);
            value
        })
    }
}

impl fmt::Debug for ProxyCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyCredentials").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_that_of_rfc_7617() {
        let credentials = ProxyCredentials::new("Aladdin", "open sesame".to_owned()).unwrap();
        let value = credentials.basic().unwrap();
        assert_eq!(value, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(value.is_sensitive());
        assert_eq!(format!("{credentials:?}"), "ProxyCredentials { .. }");
    }

    #[test]
    fn credentials_that_cannot_be_sent_are_refused() {
        for (user, password) in
            [("a:b", String::new()), ("a\r\n", String::new()), ("a", "\0".into())]
        {
            assert!(ProxyCredentials::new(user, password).is_err());
        }
        assert!(ProxyCredentials::new("a", "b".repeat(MAX_LENGTH)).is_ok());
        assert!(ProxyCredentials::new("a", "b".repeat(MAX_LENGTH + 1)).is_err());
        assert!(ProxyCredentials::new("é", "ü:%".to_owned()).unwrap().basic().is_some());
    }
}
