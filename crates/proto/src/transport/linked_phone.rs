//! A linked phone as a client keeps it: the link, and the tunnel service where the
//! phone is called.
//!
//! ```text
//! linked phone = {
//!   0: uint  version, 1           4: bstr  phone's identity key, uncompressed
//!   1: bstr  contact id           5: tstr  name
//!   2: bstr  link id              6: uint  tunnel domain, as in an advert
//!   3: bstr  link secret
//! }
//! ```
//!
//! The form is this crate's own: no peer reads it. Each linked phone has one
//! encoding, and other bytes are refused.

use std::fmt;

use super::contact_request::LinkId;
use super::linking::{Link, MAX_PHONE_NAME_BYTES};
use super::tunnel_domain::TunnelDomain;
use super::tunnel_url::{ContactId, MAX_CONTACT_ID};
use crate::cbor::{self, Decode, Encode, MapKey, Reader, Writer, decode, encode};
use crate::crypto::PublicKey;
use crate::secret::{LinkSecret, SecretBytes};

/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;

/// A client's record of a linked phone.
///
/// It holds the link's secret: `Debug` shows nothing of it, and a store must
/// encrypt what [`to_bytes`](Self::to_bytes) returns or keep it where other
/// programs cannot read it.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkedPhone {
    /// The link, its signature verified.
    pub link: Link,
    /// The tunnel service at which the phone is called.
    pub domain: TunnelDomain,
}

/// Why bytes are not a linked phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkedPhoneError {
    /// They are more than [`LinkedPhone::MAX_LENGTH`].
    #[error("the linked phone is too long")]
    TooLong,
    /// They were written in this version, which is not 1.
    #[error("the linked phone has the unknown version {0}")]
    Version(u64),
    /// They are not the CBOR of a linked phone.
    #[error("the linked phone is invalid: {0}")]
    Cbor(#[from] cbor::CborError),
}

impl LinkedPhone {
    /// The longest encoding, in bytes: a contact id and a name of full length, and 128
    /// bytes for everything else.
    pub const MAX_LENGTH: usize = MAX_CONTACT_ID + MAX_PHONE_NAME_BYTES + 128;

    /// The bytes to store, at most [`MAX_LENGTH`](Self::MAX_LENGTH).
    ///
    /// A name of more than [`MAX_PHONE_NAME_BYTES`] bytes, which no verified link has, is
    /// written and cannot be read back.
    #[must_use]
    pub fn to_bytes(&self) -> SecretBytes {
        SecretBytes::new(encode(self))
    }

    /// Reads what [`to_bytes`](Self::to_bytes) returned.
    ///
    /// # Errors
    /// A [`LinkedPhoneError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LinkedPhoneError> {
        if bytes.len() > Self::MAX_LENGTH {
            return Err(LinkedPhoneError::TooLong);
        }
        let Version(version) = decode(bytes)?;
        if version != VERSION {
            return Err(LinkedPhoneError::Version(version));
        }
        Ok(decode(bytes)?)
    }
}

impl fmt::Debug for LinkedPhone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkedPhone(..)")
    }
}

/// The version of a linked phone whose other members may be of the future.
struct Version(u64);

impl<'a> Decode<'a> for Version {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, cbor::CborError> {
        let mut version = None;
        reader.map(|key, reader| {
            if key == MapKey::Integer(0) {
                version = Some(reader.unsigned()?);
            }
            Ok(())
        })?;
        version.map(Self).ok_or(cbor::CborError::Missing("the version"))
    }
}

impl<'a> Decode<'a> for LinkedPhone {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, cbor::CborError> {
        use cbor::CborError::{Invalid, Missing};
        let (mut contact_id, mut link_id, mut secret) = (None, None, None);
        let (mut identity, mut name, mut domain) = (None, None, None);
        reader.map(|key, reader| {
            match key {
                MapKey::Integer(0) => {
                    let _checked_before = reader.unsigned()?;
                }
                MapKey::Integer(1) => {
                    let id = ContactId::new(reader.bytes()?);
                    contact_id = Some(id.map_err(|_| Invalid("the contact id"))?);
                }
                MapKey::Integer(2) => link_id = Some(LinkId(reader.byte_array("the link id")?)),
                MapKey::Integer(3) => {
                    let bytes = LinkSecret::from_slice(reader.bytes()?);
                    secret = Some(bytes.ok_or(Invalid("the link secret"))?);
                }
                MapKey::Integer(4) => {
                    let key = PublicKey::from_uncompressed(reader.bytes()?);
                    identity = Some(key.map_err(|_| Invalid("the identity key"))?);
                }
                MapKey::Integer(5) => {
                    let text = reader.text()?;
                    if text.len() > MAX_PHONE_NAME_BYTES {
                        return Err(Invalid("the name"));
                    }
                    name = Some(text.to_owned());
                }
                MapKey::Integer(6) => {
                    let encoded = u16::try_from(reader.unsigned()?).ok();
                    let known = encoded.and_then(TunnelDomain::from_encoded);
                    domain = Some(known.ok_or(Invalid("the tunnel domain"))?);
                }
                // A member that would be lost.
                _ => return Err(Invalid("a member")),
            }
            Ok(())
        })?;
        let link = Link {
            contact_id: contact_id.ok_or(Missing("the contact id"))?,
            link_id: link_id.ok_or(Missing("the link id"))?,
            secret: secret.ok_or(Missing("the link secret"))?,
            identity: identity.ok_or(Missing("the identity key"))?,
            name: name.ok_or(Missing("the name"))?,
        };
        Ok(Self { link, domain: domain.ok_or(Missing("the tunnel domain"))? })
    }
}

impl Encode for LinkedPhone {
    fn encode(&self, writer: &mut Writer) {
        let Self { link, domain } = self;
        writer.map(|map| {
            map.integer(0, |writer| writer.unsigned(VERSION));
            map.integer(1, |writer| writer.bytes(link.contact_id.as_bytes()));
            map.integer(2, |writer| writer.bytes(&link.link_id.0));
            map.integer(3, |writer| writer.bytes(link.secret.expose()));
            map.integer(4, |writer| writer.bytes(&link.identity.uncompressed()));
            map.integer(5, |writer| writer.text(&link.name));
            map.integer(6, |writer| writer.unsigned(domain.encoded().into()));
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::SecretKey;

    type Write = fn(&mut Writer);

    fn phone(contact: Vec<u8>, name: &str, domain: u16) -> LinkedPhone {
        LinkedPhone {
            link: Link {
                contact_id: ContactId::new(contact).unwrap(),
                link_id: LinkId([1; 8]),
                secret: LinkSecret::new([0xab; 32]),
                identity: *SecretKey::from_scalar(&[4; 32]).unwrap().public_key(),
                name: name.to_owned(),
            },
            domain: TunnelDomain::from_encoded(domain).unwrap(),
        }
    }

    fn example() -> LinkedPhone {
        phone(vec![0xc0; 150], "Test phone", 1)
    }

    /// Writes the example with members of the test's choosing in place of its own.
    fn with(members: &[(i64, Write)], but: &[i64]) -> Vec<u8> {
        let LinkedPhone { link, domain } = example();
        let mut writer = Writer::new();
        writer.map(|map| {
            for at in 0..=7 {
                if let Some((_, write)) = members.iter().find(|(key, _)| *key == at) {
                    map.integer(at, write);
                } else if !but.contains(&at) {
                    match at {
                        0 => map.integer(at, |writer| writer.unsigned(VERSION)),
                        1 => map.integer(at, |writer| writer.bytes(link.contact_id.as_bytes())),
                        2 => map.integer(at, |writer| writer.bytes(&link.link_id.0)),
                        3 => map.integer(at, |writer| writer.bytes(link.secret.expose())),
                        4 => map.integer(at, |writer| writer.bytes(&link.identity.uncompressed())),
                        5 => map.integer(at, |writer| writer.text(&link.name)),
                        6 => map.integer(at, |writer| writer.unsigned(domain.encoded().into())),
                        _ => {}
                    }
                }
            }
        });
        writer.into_bytes()
    }

    fn refusal(bytes: &[u8]) -> LinkedPhoneError {
        LinkedPhone::from_bytes(bytes).unwrap_err()
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            contact in prop::collection::vec(any::<u8>(), 0..=MAX_CONTACT_ID),
            name in "\\PC{0,64}",
            domain in prop_oneof![0_u16..2, 256_u16..],
        ) {
            let phone = phone(contact, &name, domain);
            let bytes = phone.to_bytes();
            prop_assert!(bytes.len() <= LinkedPhone::MAX_LENGTH);
            prop_assert_eq!(LinkedPhone::from_bytes(bytes.expose()), Ok(phone));
        }

        #[test]
        fn bytes_that_are_read_are_the_one_encoding(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            cut in prop::option::of(any::<prop::sample::Index>()),
        ) {
            let mut bytes = example().to_bytes().into_exposed();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            if let Ok(phone) = LinkedPhone::from_bytes(&bytes) {
                let written = phone.to_bytes();
                prop_assert_eq!(written.expose(), bytes);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _read = LinkedPhone::from_bytes(&bytes);
        }
    }

    #[test]
    fn the_longest_is_read_and_a_longer_one_is_refused() {
        let longest = phone(vec![7; MAX_CONTACT_ID], &"x".repeat(MAX_PHONE_NAME_BYTES), 0xffff);
        let mut bytes = longest.to_bytes().into_exposed();
        assert_eq!(bytes.len(), LinkedPhone::MAX_LENGTH);
        assert_eq!(LinkedPhone::from_bytes(&bytes), Ok(longest));
        bytes.push(0);
        assert_eq!(refusal(&bytes), LinkedPhoneError::TooLong);
    }

    #[test]
    fn another_version_is_told_from_what_is_invalid() {
        let newer =
            with(&[(0, |writer| writer.unsigned(2)), (7, |writer| writer.text("new"))], &[3]);
        assert_eq!(refusal(&newer), LinkedPhoneError::Version(2));
        assert_eq!(refusal(&with(&[], &[0])), cbor::CborError::Missing("the version").into());
    }

    #[test]
    fn each_member_must_be_there_and_no_other() {
        assert_eq!(LinkedPhone::from_bytes(&with(&[], &[])), Ok(example()));
        for (key, name) in [
            (1, "the contact id"),
            (2, "the link id"),
            (3, "the link secret"),
            (4, "the identity key"),
            (5, "the name"),
            (6, "the tunnel domain"),
        ] {
            assert_eq!(refusal(&with(&[], &[key])), cbor::CborError::Missing(name).into());
        }
        let with_another = with(&[(7, |writer| writer.unsigned(0))], &[]);
        assert_eq!(refusal(&with_another), cbor::CborError::Invalid("a member").into());
    }

    #[test]
    fn each_member_is_checked() {
        let members: [(i64, Write, &str); 6] = [
            (1, |writer| writer.bytes(&[0; MAX_CONTACT_ID + 1]), "the contact id"),
            (2, |writer| writer.bytes(&[0; 9]), "the link id"),
            (3, |writer| writer.bytes(&[0; 31]), "the link secret"),
            (4, |writer| writer.bytes(&[4; 65]), "the identity key"),
            (5, |writer| writer.text(&"x".repeat(MAX_PHONE_NAME_BYTES + 1)), "the name"),
            (6, |writer| writer.unsigned(2), "the tunnel domain"),
        ];
        for (key, write, name) in members {
            let bytes = with(&[(key, write)], &[]);
            assert_eq!(refusal(&bytes), cbor::CborError::Invalid(name).into());
        }
        let beyond = with(&[(6, |writer| writer.unsigned(0x1_0000))], &[]);
        assert_eq!(refusal(&beyond), cbor::CborError::Invalid("the tunnel domain").into());
    }

    #[test]
    fn debug_shows_nothing() {
        let bytes = example().to_bytes();
        assert_eq!(format!("{:?}", example()), "LinkedPhone(..)");
        assert_eq!(format!("{bytes:?}"), format!("SecretBytes({} bytes)", bytes.len()));
    }
}
