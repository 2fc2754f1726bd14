//! The entities of messages: relying parties, users, credentials, algorithms
//! [WebAuthn L3 §5.4] [CTAP 2.2 §6.1, §6.2].
//!
//! ```text
//! relying party  {"id": text, "name"?: text}
//! user           {"id": bytes, "name"?: text, "displayName"?: text}
//! descriptor     {"id": bytes, "type": text, "transports"?: [text]}
//! parameters     {"alg": integer, "type": text}
//! ```
//!
//! **Names.** CTAP makes them optional. Chromium's phone closes the tunnel
//! without an error when a registration lacks one of `rp.name`, `user.name` and
//! `user.displayName`, and iOS wants the last. So `new` takes them all (an
//! empty one will do), the fields are optional since a peer may leave them
//! out, and what is written is what the fields say.
//!
//! Types and transports stay text as received: an unknown one is no error, it
//! is only nothing that this crate will choose.

use std::fmt;

use super::bounds;
use super::cose::Algorithm;
use crate::cbor::{CborError, Decode, Encode, MapKey, Reader, Writer};
use crate::too_long::TooLong;

/// The one credential type that WebAuthn has.
pub(crate) const PUBLIC_KEY: &str = "public-key";

/// Transports as WebAuthn names them [WebAuthn L3 §5.8.4].
pub(crate) mod transport {
    /// This transport.
    pub(crate) const HYBRID: &str = "hybrid";
    /// This transport, by the name that Android phones still send beside it.
    #[cfg(feature = "webauthn")]
    pub(crate) const CABLE: &str = "cable";
    /// The phone itself.
    pub(crate) const INTERNAL: &str = "internal";
}

macro_rules! bounded_bytes {
    ($(#[$doc:meta])* $name:ident, $max:literal, $words:literal) => {
        $(#[$doc])*
        ///
        /// `Debug` prints the length only: the bytes tell people apart.
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Vec<u8>);

        impl $name {
            /// The greatest length in bytes.
            pub const MAX_LENGTH: usize = $max;

            /// Takes the bytes.
            ///
            /// # Errors
            /// [`TooLong`] if they are more than [`MAX_LENGTH`](Self::MAX_LENGTH).
            pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, TooLong> {
                TooLong::check($words, Self::MAX_LENGTH, bytes).map(Self)
            }

            /// The bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
        }

        impl Encode for $name {
            fn encode(&self, writer: &mut Writer) {
                writer.bytes(&self.0);
            }
        }

        impl<'a> Decode<'a> for $name {
            fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
                Self::from_message(reader.bytes()?)
            }
        }

        impl $name {
            pub(super) fn from_message(bytes: &[u8]) -> Result<Self, CborError> {
                // The length is looked at before anything is copied.
                if bytes.len() > Self::MAX_LENGTH {
                    return Err(CborError::Invalid($words));
                }
                Ok(Self(bytes.to_vec()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }
    };
}

bounded_bytes!(
    /// Names a credential, among all of them: at most 1,023 bytes
    /// ([WebAuthn L3 §4], "Credential ID").
    CredentialId,
    1023,
    "the credential id"
);

bounded_bytes!(
    /// Names an account at its relying party: at most 64 bytes [WebAuthn L3 §5.4.3].
    UserHandle,
    64,
    "the user's id"
);

/// The relying party that a credential belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelyingParty {
    /// The RP ID: a domain, at most 253 bytes.
    pub id: String,
    /// A name for people; the relying party chose it, so it proves nothing.
    pub name: Option<String>,
}

impl RelyingParty {
    /// A relying party with the members that phones need.
    #[must_use]
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { id: id.into(), name: Some(name.into()) }
    }
}

impl Encode for RelyingParty {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            map.text("id", |writer| writer.text(&self.id));
            if let Some(name) = &self.name {
                map.text("name", |writer| writer.text(name));
            }
        });
    }
}

impl<'a> Decode<'a> for RelyingParty {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let (mut id, mut name) = (None, None);
        reader.map(|key, reader| {
            match key {
                MapKey::Text("id") => id = Some(bounds::rp_id(reader)?),
                MapKey::Text("name") => name = Some(reader.text()?.to_owned()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self { id: id.ok_or(CborError::Missing("the RP ID"))?, name })
    }
}

/// An account at a relying party.
///
/// `Debug` prints no name and no byte: they are a person's.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// Names the account for machines.
    pub id: UserHandle,
    /// Names the account for people, such as an address.
    pub name: Option<String>,
    /// Names the person.
    pub display_name: Option<String>,
}

impl User {
    /// A user with what phones need to know in a registration.
    #[must_use]
    pub fn new(id: UserHandle, name: impl Into<String>, display_name: impl Into<String>) -> Self {
        Self { id, name: Some(name.into()), display_name: Some(display_name.into()) }
    }

    /// A user as an assertion carries one, without names.
    #[must_use]
    pub const fn from_handle(id: UserHandle) -> Self {
        Self { id, name: None, display_name: None }
    }
}

impl Encode for User {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            map.text("id", |writer| writer.value(&self.id));
            if let Some(name) = &self.name {
                map.text("name", |writer| writer.text(name));
            }
            if let Some(name) = &self.display_name {
                map.text("displayName", |writer| writer.text(name));
            }
        });
    }
}

impl<'a> Decode<'a> for User {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let (mut id, mut name, mut display_name) = (None, None, None);
        reader.map(|key, reader| {
            match key {
                MapKey::Text("id") => id = Some(UserHandle::decode(reader)?),
                MapKey::Text("name") => name = Some(reader.text()?.to_owned()),
                MapKey::Text("displayName") => display_name = Some(reader.text()?.to_owned()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self { id: id.ok_or(CborError::Missing("the user's id"))?, name, display_name })
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Points at a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CredentialDescriptor {
    /// Which one.
    pub id: CredentialId,
    /// Its type; `public-key` for all that this crate makes.
    pub kind: String,
    /// How its authenticator may be reached, if the relying party knows.
    pub transports: Vec<String>,
}

impl CredentialDescriptor {
    /// Points at a credential of type `public-key`, without transports.
    #[must_use]
    pub fn new(id: CredentialId) -> Self {
        Self { id, kind: PUBLIC_KEY.to_owned(), transports: Vec::new() }
    }
}

impl Encode for CredentialDescriptor {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            map.text("id", |writer| writer.value(&self.id));
            map.text("type", |writer| writer.text(&self.kind));
            if !self.transports.is_empty() {
                map.text("transports", |writer| {
                    writer.array(self.transports.iter(), |writer, name| writer.text(name));
                });
            }
        });
    }
}

impl<'a> Decode<'a> for CredentialDescriptor {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let (mut id, mut kind, mut transports) = (None, None, Vec::new());
        reader.map(|key, reader| {
            match key {
                MapKey::Text("id") => id = Some(CredentialId::decode(reader)?),
                MapKey::Text("type") => kind = Some(reader.text()?.to_owned()),
                MapKey::Text("transports") => {
                    transports = bounds::names(reader, "the list of transports")?;
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            id: id.ok_or(CborError::Missing("the credential id"))?,
            kind: kind.ok_or(CborError::Missing("the credential type"))?,
            transports,
        })
    }
}

/// A kind of credential that a relying party accepts, or an authenticator can make.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CredentialParameters {
    /// Its type; `public-key` for all that WebAuthn has.
    pub kind: String,
    /// Its signature algorithm.
    pub algorithm: Algorithm,
}

impl CredentialParameters {
    /// Credentials of type `public-key` with this algorithm.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        Self { kind: PUBLIC_KEY.to_owned(), algorithm }
    }
}

impl Encode for CredentialParameters {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            map.text("alg", |writer| writer.integer(self.algorithm.0));
            map.text("type", |writer| writer.text(&self.kind));
        });
    }
}

impl<'a> Decode<'a> for CredentialParameters {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let (mut kind, mut algorithm) = (None, None);
        reader.map(|key, reader| {
            match key {
                MapKey::Text("alg") => algorithm = Some(Algorithm(reader.integer()?)),
                MapKey::Text("type") => kind = Some(reader.text()?.to_owned()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            kind: kind.ok_or(CborError::Missing("the credential type"))?,
            algorithm: algorithm.ok_or(CborError::Missing("the algorithm"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::{decode, encode};

    #[test]
    fn names_that_a_peer_left_out_stay_left_out() {
        let rp: RelyingParty = decode(b"\xa1\x62id\x61a").unwrap();
        assert_eq!(rp, RelyingParty { id: "a".into(), name: None });
        assert_eq!(encode(&rp), b"\xa1\x62id\x61a");
        let user: User = decode(b"\xa1\x62id\x41\x07").unwrap();
        assert_eq!(user, User::from_handle(UserHandle::new([7]).unwrap()));
        assert_eq!(encode(&user), b"\xa1\x62id\x41\x07");
    }

    #[test]
    fn empty_names_are_written() {
        let user = User::new(UserHandle::new([7]).unwrap(), "", "");
        assert_eq!(encode(&user), b"\xa3\x62id\x41\x07\x64name\x60\x6bdisplayName\x60");
        assert_eq!(decode(&encode(&user)), Ok(user));
    }

    #[test]
    fn ids_are_bounded() {
        assert!(UserHandle::new(vec![0; 64]).is_ok());
        assert!(UserHandle::new(vec![0; 65]).is_err());
        let mut writer = Writer::new();
        writer.map(|map| map.text("id", |writer| writer.bytes(&[0; 65])));
        let read: Result<User, CborError> = decode(&writer.into_bytes());
        assert_eq!(read, Err(CborError::Invalid("the user's id")));
        assert!(CredentialId::new(vec![0; 1023]).is_ok());
        assert!(CredentialId::new(vec![0; 1024]).is_err());
    }

    #[test]
    fn types_and_transports_of_the_future_are_kept() {
        let bytes = b"\xa3\x62id\x41\x07\x64type\x63new\x6atransports\x81\x69smoke-sig";
        let descriptor: CredentialDescriptor = decode(bytes).unwrap();
        assert_eq!(descriptor.kind, "new");
        assert_eq!(descriptor.transports, ["smoke-sig"]);
        assert_eq!(encode(&descriptor), bytes);
    }

    #[test]
    fn what_must_be_there_is_named_when_it_is_missing() {
        assert_eq!(decode::<RelyingParty>(b"\xa0"), Err(CborError::Missing("the RP ID")));
        assert_eq!(decode::<User>(b"\xa0"), Err(CborError::Missing("the user's id")));
        assert_eq!(
            decode::<CredentialDescriptor>(b"\xa1\x62id\x40"),
            Err(CborError::Missing("the credential type"))
        );
        assert_eq!(
            decode::<CredentialParameters>(b"\xa1\x64type\x60"),
            Err(CborError::Missing("the algorithm"))
        );
    }

    #[test]
    fn debug_tells_no_passkeys_apart() {
        let user = User::new(UserHandle::new([0xab; 4]).unwrap(), "ada@example", "Ada");
        assert_eq!(format!("{user:?}"), "User { id: UserHandle(4 bytes), .. }");
    }
}
