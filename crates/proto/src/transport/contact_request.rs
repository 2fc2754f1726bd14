//! The request by which a client calls a linked phone: [CTAP 2.2 §11.5.2].
//!
//! The tunnel service pushes it to the phone, so it holds nothing secret:
//!
//! ```text
//! X-caBLE-Client-Payload: hex(CBOR)
//! CBOR { 1: link id [8], 2: client nonce [16], 3: "ga" | "mc" }
//! ```
//!
//! Reading is as strict as Chromium's phone: all three members, exactly these
//! lengths, no third hint. Further members are skipped. What an unknown link
//! id leads to (nothing at all) is for the role to decide.

use data_encoding::{HEXLOWER_PERMISSIVE, HEXUPPER};
use rand_core::CryptoRng;

use super::qr_code::RequestHint;
use crate::cbor::{self, Decode, Encode, MapKey, Reader, Writer};

/// The longest request that is decoded, in bytes. All known clients send 33.
pub const MAX_CONTACT_REQUEST: usize = 256;

/// Names one link at a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub [u8; 8]);

/// Makes each call to a linked phone another one: salt of its
/// [EID key](super::key_schedule::eid_key_linked).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientNonce(pub [u8; 16]);

impl ClientNonce {
    /// A fresh nonce.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut nonce = Self([0; 16]);
        rng.fill_bytes(&mut nonce.0);
        nonce
    }
}

/// The kind of the coming request, for the phone's notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContactHint {
    /// `mc`: a passkey will be registered.
    MakeCredential,
    /// `ga`: a sign-in will be signed.
    GetAssertion,
}

impl ContactHint {
    /// The same hint; `None` for those that only QR codes can give.
    #[must_use]
    pub const fn from_request(hint: RequestHint) -> Option<Self> {
        match hint {
            RequestHint::MakeCredential => Some(Self::MakeCredential),
            RequestHint::GetAssertion => Some(Self::GetAssertion),
            RequestHint::CredentialPresentation | RequestHint::CredentialIssuance => None,
        }
    }
}

impl From<ContactHint> for RequestHint {
    fn from(hint: ContactHint) -> Self {
        match hint {
            ContactHint::MakeCredential => Self::MakeCredential,
            ContactHint::GetAssertion => Self::GetAssertion,
        }
    }
}

/// A client's call to a linked phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContactRequest {
    /// The id of the phone's link.
    pub link_id: LinkId,
    /// Fresh for each call.
    pub nonce: ClientNonce,
    /// The kind of the coming request.
    pub hint: ContactHint,
}

/// Why a call was not understood. The client sent it, or the tunnel service
/// changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContactRequestError {
    /// More than [`MAX_CONTACT_REQUEST`] bytes.
    #[error("the contact request is longer than {MAX_CONTACT_REQUEST} bytes")]
    TooLong,
    /// The header's value is not hex.
    #[error("the contact request is not hex")]
    NotHex,
    /// The bytes are not the map that is due.
    #[error("the contact request is malformed")]
    Malformed(#[source] cbor::CborError),
}

impl ContactRequest {
    /// The value of
    /// [`CLIENT_PAYLOAD_HEADER`](super::tunnel_url::CLIENT_PAYLOAD_HEADER),
    /// in upper case as Chromium writes it.
    #[must_use]
    pub fn to_header(&self) -> String {
        HEXUPPER.encode(&self.to_bytes())
    }

    /// The CBOR, as a push message carries it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Reads the header's value; hex of either case.
    ///
    /// # Errors
    /// A [`ContactRequestError`] that says what was wrong.
    pub fn from_header(value: &str) -> Result<Self, ContactRequestError> {
        if value.len() > 2 * MAX_CONTACT_REQUEST {
            return Err(ContactRequestError::TooLong);
        }
        let bytes = HEXLOWER_PERMISSIVE
            .decode(value.as_bytes())
            .map_err(|_| ContactRequestError::NotHex)?;
        Self::from_bytes(&bytes)
    }

    /// Reads the CBOR.
    ///
    /// # Errors
    /// [`ContactRequestError::TooLong`] or [`ContactRequestError::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ContactRequestError> {
        if bytes.len() > MAX_CONTACT_REQUEST {
            return Err(ContactRequestError::TooLong);
        }
        cbor::decode(bytes).map_err(ContactRequestError::Malformed)
    }
}

impl Encode for ContactRequest {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            map.integer(1, |w| w.bytes(&self.link_id.0));
            map.integer(2, |w| w.bytes(&self.nonce.0));
            map.integer(3, |w| w.text(RequestHint::from(self.hint).as_str()));
        });
    }
}

impl<'a> Decode<'a> for ContactRequest {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, cbor::CborError> {
        let (mut link_id, mut nonce, mut hint) = (None, None, None);
        reader.map(|key, value| {
            match key {
                MapKey::Integer(1) => link_id = Some(LinkId(value.byte_array("the link id")?)),
                MapKey::Integer(2) => nonce = Some(ClientNonce(value.byte_array("the nonce")?)),
                MapKey::Integer(3) => {
                    hint = Some(match value.text()? {
                        "mc" => ContactHint::MakeCredential,
                        "ga" => ContactHint::GetAssertion,
                        _ => return Err(cbor::CborError::Invalid("the request hint")),
                    });
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            link_id: link_id.ok_or(cbor::CborError::Missing("the link id"))?,
            nonce: nonce.ok_or(cbor::CborError::Missing("the nonce"))?,
            hint: hint.ok_or(cbor::CborError::Missing("the request hint"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REQUEST: ContactRequest = ContactRequest {
        link_id: LinkId([1; 8]),
        nonce: ClientNonce([2; 16]),
        hint: ContactHint::MakeCredential,
    };

    fn malformed(error: cbor::CborError) -> Result<ContactRequest, ContactRequestError> {
        Err(ContactRequestError::Malformed(error))
    }

    #[test]
    fn a_header_of_either_case_is_read() {
        let header = REQUEST.to_header();
        assert_eq!(header.len(), 2 * 33);
        assert_eq!(ContactRequest::from_header(&header), Ok(REQUEST));
        assert_eq!(ContactRequest::from_header(&header.to_lowercase()), Ok(REQUEST));
    }

    #[test]
    fn members_of_other_lengths_are_refused() {
        for (link, nonce, text, error) in [
            (7, 16, "ga", "the link id"),
            (9, 16, "ga", "the link id"),
            (8, 15, "ga", "the nonce"),
            (8, 17, "ga", "the nonce"),
            (8, 16, "GA", "the request hint"),
            (8, 16, "dcp", "the request hint"),
            (8, 16, "", "the request hint"),
        ] {
            let mut writer = Writer::new();
            writer.map(|map| {
                map.integer(1, |w| w.bytes(&vec![1; link]));
                map.integer(2, |w| w.bytes(&vec![2; nonce]));
                map.integer(3, |w| w.text(text));
            });
            let read = ContactRequest::from_bytes(&writer.into_bytes());
            assert_eq!(read, malformed(cbor::CborError::Invalid(error)), "{link} {nonce} {text:?}");
        }
    }

    #[test]
    fn each_member_must_be_there_and_others_may() {
        for (left_out, name) in [(1, "the link id"), (2, "the nonce"), (3, "the request hint")] {
            let mut writer = Writer::new();
            writer.map(|map| {
                let mut member = |key, value: &dyn Fn(&mut Writer)| {
                    if key != left_out {
                        map.integer(key, |w| value(w));
                    }
                };
                member(1, &|w| w.bytes(&[1; 8]));
                member(2, &|w| w.bytes(&[2; 16]));
                member(3, &|w| w.text("mc"));
            });
            let read = ContactRequest::from_bytes(&writer.into_bytes());
            assert_eq!(read, malformed(cbor::CborError::Missing(name)));
        }
        let mut bytes = REQUEST.to_bytes();
        bytes[0] = 0xa4;
        bytes.extend([0x04, 0xf5]);
        assert_eq!(ContactRequest::from_bytes(&bytes), Ok(REQUEST));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        assert_eq!(ContactRequest::from_header("zz"), Err(ContactRequestError::NotHex));
        assert_eq!(ContactRequest::from_header("a"), Err(ContactRequestError::NotHex));
        assert_eq!(ContactRequest::from_header(""), malformed(cbor::CborError::UnexpectedEnd));
        assert_eq!(
            ContactRequest::from_header("00"),
            malformed(cbor::CborError::Expected("a map"))
        );
        let mut bytes = REQUEST.to_bytes();
        bytes.push(0);
        assert_eq!(ContactRequest::from_bytes(&bytes), malformed(cbor::CborError::TrailingBytes));
        let long = vec![0; MAX_CONTACT_REQUEST + 1];
        assert_eq!(ContactRequest::from_bytes(&long), Err(ContactRequestError::TooLong));
        let long = "0".repeat(2 * MAX_CONTACT_REQUEST + 2);
        assert_eq!(ContactRequest::from_header(&long), Err(ContactRequestError::TooLong));
    }

    proptest! {
        #[test]
        fn requests_survive(link_id: [u8; 8], nonce: [u8; 16], make: bool) {
            let request = ContactRequest {
                link_id: LinkId(link_id),
                nonce: ClientNonce(nonce),
                hint: if make { ContactHint::MakeCredential } else { ContactHint::GetAssertion },
            };
            prop_assert_eq!(ContactRequest::from_header(&request.to_header()), Ok(request));
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, text: String) {
            let _ = ContactRequest::from_bytes(&bytes);
            let _ = ContactRequest::from_header(&text);
        }
    }
}
