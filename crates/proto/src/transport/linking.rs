//! Linking a phone, and the update message that carries it:
//! [CTAP 2.2 §11.5.1.2, §11.5.2].
//!
//! ```text
//! update  = { 0: bstr padding, 1: linking map }
//! linking = {
//!   1: bstr  contact id             5: tstr  name
//!   2: bstr  link id                6: bstr  signature
//!   3: bstr  link secret          999: true  from Google Play services
//!   4: bstr  phone's identity key, uncompressed
//! }
//! signature = HMAC-SHA-256(ECDH(phone's identity key, QR key), handshake hash)
//! ```
//!
//! The signature proves that the phone holds key 4 and that the map belongs to
//! this handshake. It can be checked in the QR flow only: a linked transaction
//! has no QR key.

use std::fmt;

use super::contact_request::LinkId;
use super::noise::HandshakeHash;
use super::tunnel_url::ContactId;
use crate::cbor::{CborError, Decode, Encode, MapKey, Reader, Writer, decode, encode};
use crate::crypto::{HmacSha256, InvalidPoint, PublicKey, SecretKey};
use crate::secret::{LinkSecret, SecretBytes};

/// The longest phone name accepted, in bytes: it is shown to people.
pub const MAX_PHONE_NAME_BYTES: usize = 256;

/// An update message's length with its type byte is one byte short of a
/// multiple of this, so that sealing pads it to exactly that: 528 bytes on the
/// wire, as Android's, whether or not there is linking information inside.
pub const UPDATE_UNIT: usize = 512;

/// A phone's link whose signature was verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// Where to call the phone, opaque to everyone but its tunnel service.
    pub contact_id: ContactId,
    /// The phone's id of this link.
    pub link_id: LinkId,
    /// The secret that takes the place of the QR secret.
    pub secret: LinkSecret,
    /// The phone's identity key. A later link with the same key replaces this.
    pub identity: PublicKey,
    /// The phone's name, for people.
    pub name: String,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link(..)")
    }
}

/// A linking map as it was received, not yet verified.
#[derive(Clone)]
pub struct UnverifiedLink {
    link: Link,
    signature: [u8; 32],
}

impl fmt::Debug for UnverifiedLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnverifiedLink(..)")
    }
}

/// The linking map's signature does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the linking signature is wrong")]
pub struct LinkSignatureError;

impl UnverifiedLink {
    /// Checks the signature with the private key of the QR code.
    ///
    /// # Errors
    /// [`LinkSignatureError`] if it is wrong; no link must be stored then.
    pub fn verify(
        self,
        qr_key: &SecretKey,
        handshake: &HandshakeHash,
    ) -> Result<Link, LinkSignatureError> {
        let key = signature_key(qr_key, &self.link.identity).map_err(|_| LinkSignatureError)?;
        if key.verifies(&handshake.0, &self.signature) {
            Ok(self.link)
        } else {
            Err(LinkSignatureError)
        }
    }
}

impl Link {
    /// Signs the link for one client and handshake, and writes its map.
    ///
    /// # Errors
    /// None is possible with keys of these types; the primitives state one.
    pub fn sign(
        &self,
        identity: &SecretKey,
        qr_key: &PublicKey,
        handshake: &HandshakeHash,
    ) -> Result<SecretBytes, InvalidPoint> {
        let signature = signature_key(identity, qr_key)?.tag(&handshake.0);
        Ok(encode(&UnverifiedLink { link: self.clone(), signature }).into())
    }
}

fn signature_key(secret: &SecretKey, peer: &PublicKey) -> Result<HmacSha256, InvalidPoint> {
    Ok(HmacSha256::new(secret.diffie_hellman(peer)?.expose()))
}

impl<'a> Decode<'a> for UnverifiedLink {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let (mut contact_id, mut link_id, mut secret) = (None, None, None);
        let (mut identity, mut name, mut signature) = (None, None, None);
        reader.map(|key, reader| {
            match key {
                MapKey::Integer(1) => {
                    let id = ContactId::new(reader.bytes()?);
                    contact_id = Some(id.map_err(|_| CborError::Invalid("the contact id"))?);
                }
                MapKey::Integer(2) => link_id = Some(LinkId(reader.byte_array("the link id")?)),
                MapKey::Integer(3) => {
                    let bytes = LinkSecret::from_slice(reader.bytes()?);
                    secret = Some(bytes.ok_or(CborError::Invalid("the link secret"))?);
                }
                MapKey::Integer(4) => {
                    let key = PublicKey::from_uncompressed(reader.bytes()?);
                    identity = Some(key.map_err(|_| CborError::Invalid("the identity key"))?);
                }
                MapKey::Integer(5) => {
                    name = Some(reader.text()?);
                }
                MapKey::Integer(6) => signature = Some(reader.byte_array("the signature")?),
                // 999 marks Google Play services; others are of the future.
                _ => {}
            }
            Ok(())
        })?;
        let name = name.ok_or(CborError::Missing("the name"))?;
        if name.len() > MAX_PHONE_NAME_BYTES {
            return Err(CborError::Invalid("the name"));
        }
        let link = Link {
            contact_id: contact_id.ok_or(CborError::Missing("the contact id"))?,
            link_id: link_id.ok_or(CborError::Missing("the link id"))?,
            secret: secret.ok_or(CborError::Missing("the link secret"))?,
            identity: identity.ok_or(CborError::Missing("the identity key"))?,
            name: name.to_owned(),
        };
        Ok(Self { link, signature: signature.ok_or(CborError::Missing("the signature"))? })
    }
}

impl Encode for UnverifiedLink {
    fn encode(&self, writer: &mut Writer) {
        let Self { link, signature } = self;
        writer.map(|map| {
            map.integer(1, |writer| writer.bytes(link.contact_id.as_bytes()));
            map.integer(2, |writer| writer.bytes(&link.link_id.0));
            map.integer(3, |writer| writer.bytes(link.secret.expose()));
            map.integer(4, |writer| writer.bytes(&link.identity.uncompressed()));
            map.integer(5, |writer| writer.text(&link.name));
            map.integer(6, |writer| writer.bytes(signature));
        });
    }
}

/// The payload of an update message. With a link in it, a secret: `Debug` says
/// only whether there is one.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UpdateMessage {
    /// The linking map's CBOR, if the phone sent one.
    pub linking: Option<SecretBytes>,
}

impl UpdateMessage {
    /// Reads an update message's payload.
    ///
    /// # Errors
    /// CBOR that CTAP2 does not allow, or that is no map.
    pub fn parse(payload: &[u8]) -> Result<Self, CborError> {
        decode(payload)
    }

    /// The payload, padded as [`UPDATE_UNIT`] says.
    #[must_use]
    pub fn to_bytes(&self) -> SecretBytes {
        let bare = self.with_padding(0).len();
        // With the type byte and the byte that counts zeros. A padding string's
        // header grows from 1 byte to 2 or 3; sealing evens out the difference.
        let unpadded = bare + 2;
        let padding = unpadded.next_multiple_of(UPDATE_UNIT) - unpadded;
        self.with_padding(padding.saturating_sub(2))
    }

    fn with_padding(&self, length: usize) -> SecretBytes {
        let mut writer = Writer::new();
        writer.map(|map| {
            map.integer(0, |writer| writer.bytes(&vec![0; length]));
            if let Some(linking) = &self.linking {
                map.integer(1, |writer| writer.raw(linking.expose()));
            }
        });
        SecretBytes::new(writer.into_bytes())
    }
}

impl fmt::Debug for UpdateMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateMessage").field("has_link", &self.linking.is_some()).finish()
    }
}

impl<'a> Decode<'a> for UpdateMessage {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let mut update = Self::default();
        reader.map(|key, reader| {
            if key == MapKey::Integer(1) {
                let map = reader.raw()?;
                Reader::new(map).map(|_, _| Ok(()))?;
                update.linking = Some(map.into());
            }
            Ok(())
        })?;
        Ok(update)
    }
}

#[cfg(test)]
mod tests {
    use super::super::crypter::PADDING_UNIT;
    use super::*;

    fn link(identity: &SecretKey, name: &str) -> Link {
        Link {
            contact_id: ContactId::new(vec![0xc0; 150]).unwrap(),
            link_id: LinkId([1; 8]),
            secret: LinkSecret::new([2; 32]),
            identity: *identity.public_key(),
            name: name.to_owned(),
        }
    }

    fn key(byte: u8) -> SecretKey {
        SecretKey::from_scalar(&[byte; 32]).unwrap()
    }

    #[test]
    fn a_link_verifies_for_its_own_client_and_handshake_only() {
        let (phone, client) = (key(4), key(1));
        let hash = HandshakeHash([9; 32]);
        let link = link(&phone, "Test phone");
        let map = link.sign(&phone, client.public_key(), &hash).unwrap();
        let received: UnverifiedLink = decode(map.expose()).unwrap();
        assert_eq!(received.clone().verify(&client, &hash), Ok(link));
        assert_eq!(received.clone().verify(&key(2), &hash), Err(LinkSignatureError));
        assert_eq!(received.verify(&client, &HandshakeHash([8; 32])), Err(LinkSignatureError));
    }

    #[test]
    fn a_map_signed_with_another_key_than_it_names_is_refused() {
        let (phone, client) = (key(4), key(1));
        let hash = HandshakeHash([9; 32]);
        let map = link(&phone, "").sign(&key(5), client.public_key(), &hash).unwrap();
        let received: UnverifiedLink = decode(map.expose()).unwrap();
        assert_eq!(received.verify(&client, &hash), Err(LinkSignatureError));
    }

    #[test]
    fn lengths_are_checked() {
        let (phone, client) = (key(4), key(1));
        let long = link(&phone, &"x".repeat(MAX_PHONE_NAME_BYTES + 1));
        let map = long.sign(&phone, client.public_key(), &HandshakeHash([0; 32])).unwrap();
        assert_eq!(
            decode::<UnverifiedLink>(map.expose()).unwrap_err(),
            CborError::Invalid("the name")
        );
        assert_eq!(decode::<UnverifiedLink>(&[0xa0]).unwrap_err(), CborError::Missing("the name"));
    }

    #[test]
    fn updates_are_as_long_with_a_link_as_without() {
        let phone = key(4);
        let map = link(&phone, "Test phone")
            .sign(&phone, key(1).public_key(), &HandshakeHash([0; 32]))
            .unwrap();
        for linking in [None, Some(map)] {
            let update = UpdateMessage { linking };
            let bytes = update.to_bytes();
            let padded = ((1 + bytes.len()) / PADDING_UNIT + 1) * PADDING_UNIT;
            assert_eq!(padded, UPDATE_UNIT);
            assert_eq!(UpdateMessage::parse(bytes.expose()), Ok(update));
        }
    }

    #[test]
    fn any_amount_of_linking_fills_whole_units() {
        for length in 0..1200 {
            let mut writer = Writer::new();
            writer.map(|map| map.integer(1, |writer| writer.bytes(&vec![1; length])));
            let update = UpdateMessage { linking: Some(writer.into_bytes().into()) };
            let bytes = update.to_bytes();
            let padded = ((1 + bytes.len()) / PADDING_UNIT + 1) * PADDING_UNIT;
            assert_eq!(padded % UPDATE_UNIT, 0, "{length}");
            assert_eq!(UpdateMessage::parse(bytes.expose()), Ok(update));
        }
    }

    #[test]
    fn debug_shows_nothing_of_a_link() {
        let phone = key(4);
        let map = link(&phone, "Test phone")
            .sign(&phone, key(1).public_key(), &HandshakeHash([0; 32]))
            .unwrap();
        let received: UnverifiedLink = decode(map.expose()).unwrap();
        let shown = format!("{:?} {received:?}", UpdateMessage { linking: Some(map) });
        assert_eq!(shown, "UpdateMessage { has_link: true } UnverifiedLink(..)");
    }

    #[test]
    fn updates_that_are_no_map_are_refused() {
        assert!(UpdateMessage::parse(&[0x01]).is_err());
        assert!(UpdateMessage::parse(&[]).is_err());
        assert!(UpdateMessage::parse(&[0xa1, 0x01, 0x00]).is_err(), "linking that is no map");
        assert_eq!(UpdateMessage::parse(&[0xa1, 0x07, 0x00]), Ok(UpdateMessage::default()));
    }
}
