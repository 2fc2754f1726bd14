//! Client data: what the phone signs besides its own data, and the relying party
//! checks [WebAuthn L3 §5.8.1].
//!
//! ```text
//! {"type":"webauthn.get","challenge":"…","origin":"https://…","crossOrigin":false}
//! {"type":"webauthn.get","challenge":"…","origin":"https://…","crossOrigin":true,"topOrigin":"https://…"}
//! ```
//!
//! It is JSON by a byte-exact rule [WebAuthn L3 §5.8.1.1], so that a relying party may
//! compare bytes in place of reading JSON [WebAuthn L3 §5.8.1.2]. The phone gets the
//! hash only; the bytes go to the relying party. Client data that a program brings
//! ([`Caller::client_data`]) is not written here, and may have any form.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;

use super::brought::Kind;
use super::caller::Caller;
use crate::crypto::sha256;
use crate::error::OptionsError;

/// The client data of one request, as JSON. `Debug` prints the length only.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientData {
    /// Empty if only the hash is known.
    json: String,
    hash: [u8; 32],
}

impl ClientData {
    /// Binds a relying party's `challenge` to who asks: an [`Origin`], or a
    /// [`Caller`] that is a frame or an app. Of a caller with client data of its own it is
    /// that, whatever the challenge.
    ///
    /// [`Origin`]: super::Origin
    #[must_use]
    pub fn new(kind: Kind, challenge: &[u8], caller: impl Into<Caller>) -> Self {
        let caller = caller.into();
        if let Some(brought) = caller.brought() {
            return Self { json: brought.json.clone(), hash: brought.hash };
        }
        let mut json = String::from("{\"type\":");
        push_string(&mut json, kind.name());
        json.push_str(",\"challenge\":");
        push_string(&mut json, &BASE64URL_NOPAD.encode(challenge));
        json.push_str(",\"origin\":");
        push_string(&mut json, caller.origin());
        json.push_str(",\"crossOrigin\":");
        json.push_str(if caller.is_cross_origin() { "true" } else { "false" });
        if let Some(top) = caller.top_origin() {
            json.push_str(",\"topOrigin\":");
            push_string(&mut json, top.as_str());
        }
        for (name, value) in caller.members() {
            json.push(',');
            push_string(&mut json, name);
            json.push(':');
            push_string(&mut json, value);
        }
        json.push('}');
        Self::of(json)
    }

    /// As [`new`](Self::new), for options of this kind.
    ///
    /// # Errors
    /// [`OptionsError::ClientData`] if the program brought client data of the other kind.
    pub(super) fn prepare(
        kind: Kind,
        challenge: &[u8],
        caller: Caller,
    ) -> Result<Self, OptionsError> {
        match caller.brought() {
            Some(brought) if !brought.may_be(kind) => Err(OptionsError::ClientData),
            _ => Ok(Self::new(kind, challenge, caller)),
        }
    }

    fn of(json: String) -> Self {
        Self { hash: sha256(&[json.as_bytes()]), json }
    }

    /// The JSON, in the bytes that were hashed. Empty if the program brought the hash alone
    /// ([`Caller::client_data_hash`]).
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        self.json.as_bytes()
    }

    /// SHA-256 of it, for the phone.
    #[must_use]
    pub const fn hash(&self) -> [u8; 32] {
        self.hash
    }
}

impl fmt::Debug for ClientData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientData({} bytes)", self.json.len())
    }
}

/// `CCDToString`. JSON has shorter forms of some of these escapes; the rule
/// has this one only.
fn push_string(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\0'..='\x1f' => {
                json.push_str("\\u00");
                let code = u32::from(character);
                for digit in [code >> 4, code & 0xf] {
                    json.extend(char::from_digit(digit, 16));
                }
            }
            _ => json.push(character),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webauthn::Origin;

    #[test]
    fn the_bytes_are_those_of_the_rule() {
        let origin = Origin::parse("https://example.com:8443").unwrap();
        let data = ClientData::new(Kind::Create, &[0xfb, 0xff, 0xbf], &origin);
        assert_eq!(
            data.as_bytes(),
            br#"{"type":"webauthn.create","challenge":"-_-_","origin":"https://example.com:8443","crossOrigin":false}"#
        );
        let data = ClientData::new(Kind::Get, b"", &origin);
        assert_eq!(
            data.as_bytes(),
            br#"{"type":"webauthn.get","challenge":"","origin":"https://example.com:8443","crossOrigin":false}"#
        );
        assert_eq!(data.hash(), sha256(&[data.as_bytes()]));
    }

    #[test]
    fn strings_are_escaped_by_the_rule() {
        for (text, escaped) in [
            ("", "\"\""),
            ("a \"b\"", "\"a \\\"b\\\"\""),
            ("\\", "\"\\\\\""),
            ("\n\t\x08", "\"\\u000a\\u0009\\u0008\""),
            ("\0\x1f", "\"\\u0000\\u001f\""),
            ("\x7f é ☃ 𝄞 /", "\"\x7f é ☃ 𝄞 /\""),
        ] {
            let mut json = String::new();
            push_string(&mut json, text);
            assert_eq!(json, escaped);
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
