//! `authenticatorGetAssertion`: [CTAP 2.2 §6.2]. A signature with a
//! passkey. `authenticatorGetNextAssertion` [CTAP 2.2 §6.3] answers with the same.
//!
//! ```text
//! request   {1: RP ID, 2: client data hash[32], 3?: [allowed descriptors],
//!            4?: extensions, 5?: {"up", "uv"?: bool}}
//! response  {1?: descriptor, 2: authenticator data, 3: signature, 4?: user,
//!            5?: number of credentials, 6?: user selected, 7?: large blob key,
//!            8?: unsigned extension outputs}
//! ```
//!
//! A response signs its holder in until the server has used it: it is a bearer
//! secret. Its `Debug` prints lengths and no byte.
//!
//! Members 6 and 7 of a request belong to PIN/UV protocols; they are kept
//! among the unknown ones.

use std::fmt;

use super::authenticator_data::AuthenticatorData;
use super::bounds::{self, MAX_CREDENTIALS};
use super::entity::{CredentialDescriptor, User};
use super::extensions::{AssertionInputs, AssertionOutputs};
use super::options::Options;
use super::raw::{Received, UnknownMembers};
use crate::cbor::{CborError, Decode, Encode, MapKey, Reader, Writer};
use crate::secret::SecretBytes;

/// Asks for a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GetAssertionRequest {
    /// The RP ID: a domain, at most 253 bytes.
    pub rp_id: String,
    /// SHA-256 of the client data.
    pub client_data_hash: [u8; 32],
    /// CTAP `allowList`; at most 2,000. If empty, any discoverable
    /// credential of the RP ID may be used.
    pub allow_list: Vec<CredentialDescriptor>,
    /// Extensions asked for.
    pub extensions: AssertionInputs,
    /// Options; written only if one is set.
    pub options: Options,
    unknown: UnknownMembers,
}

impl GetAssertionRequest {
    /// Asks for a signature with any passkey of the RP ID.
    #[must_use]
    pub fn new(rp_id: impl Into<String>, client_data_hash: [u8; 32]) -> Self {
        Self {
            rp_id: rp_id.into(),
            client_data_hash,
            allow_list: Vec::new(),
            extensions: AssertionInputs::default(),
            options: Options::default(),
            unknown: UnknownMembers::default(),
        }
    }

    /// Members that came and that this crate does not know. They are written
    /// again with the rest.
    #[must_use]
    pub const fn unknown(&self) -> &UnknownMembers {
        &self.unknown
    }
}

impl Encode for GetAssertionRequest {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            map.integer(1, |writer| writer.text(&self.rp_id));
            map.integer(2, |writer| writer.bytes(&self.client_data_hash));
            if !self.allow_list.is_empty() {
                map.integer(3, |writer| writer.array(self.allow_list.iter(), Writer::value));
            }
            self.extensions.write_member(4, map);
            if self.options != Options::default() {
                map.integer(5, |writer| writer.value(&self.options));
            }
            self.unknown.write(map);
        });
    }
}

impl<'a> Decode<'a> for GetAssertionRequest {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let (mut rp_id, mut client_data_hash, mut allow_list) = (None, None, Vec::new());
        let (mut extensions, mut options) = (AssertionInputs::default(), Options::default());
        let mut unknown = UnknownMembers::default();
        reader.map(|key, reader| {
            match key {
                MapKey::Integer(1) => rp_id = Some(bounds::rp_id(reader)?),
                MapKey::Integer(2) => {
                    client_data_hash = Some(reader.byte_array("the client data hash")?);
                }
                MapKey::Integer(3) => {
                    allow_list = bounds::list(
                        reader,
                        MAX_CREDENTIALS,
                        "the allow list",
                        CredentialDescriptor::decode,
                    )?;
                }
                MapKey::Integer(4) => extensions = AssertionInputs::decode(reader)?,
                MapKey::Integer(5) => options = Options::decode(reader)?,
                MapKey::Integer(number) => unknown.read(number, reader)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            rp_id: rp_id.ok_or(CborError::Missing("the RP ID"))?,
            client_data_hash: client_data_hash.ok_or(CborError::Missing("the client data hash"))?,
            allow_list,
            extensions,
            options,
            unknown,
        })
    }
}

/// A signature, and what was signed.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GetAssertionResponse {
    /// With which passkey. It may be absent if the allow list had just one.
    pub credential: Option<CredentialDescriptor>,
    /// The authenticator data.
    pub auth_data: AuthenticatorData,
    /// The signature over authenticator data and client data hash.
    pub signature: SecretBytes,
    /// Of which account; phones tell if the allow list was empty, with empty
    /// names.
    pub user: Option<User>,
    /// How many assertions there are to get in all.
    pub number_of_credentials: Option<u64>,
    /// The user chose the passkey on the authenticator.
    pub user_selected: Option<bool>,
    /// A key for the large blob array; not for the relying party.
    pub large_blob_key: Option<SecretBytes>,
    /// Extension outputs that are not signed.
    pub unsigned_extensions: AssertionOutputs,
    unknown: UnknownMembers,
    pub(super) received: Received,
}

impl GetAssertionResponse {
    /// A signature with this passkey.
    #[must_use]
    pub fn new(
        credential: CredentialDescriptor,
        auth_data: AuthenticatorData,
        signature: SecretBytes,
    ) -> Self {
        Self {
            credential: Some(credential),
            auth_data,
            signature,
            user: None,
            number_of_credentials: None,
            user_selected: None,
            large_blob_key: None,
            unsigned_extensions: AssertionOutputs::default(),
            unknown: UnknownMembers::default(),
            received: Received::default(),
        }
    }

    /// Members that came and that this crate does not know. They are written
    /// again with the rest.
    #[must_use]
    pub const fn unknown(&self) -> &UnknownMembers {
        &self.unknown
    }

    /// The CBOR that the phone sent, byte for byte, without the status before it.
    /// `None`: this value is not the response of a ceremony.
    #[must_use]
    pub const fn received(&self) -> Option<&SecretBytes> {
        self.received.get()
    }
}

impl Encode for GetAssertionResponse {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            if let Some(credential) = &self.credential {
                map.integer(1, |writer| writer.value(credential));
            }
            map.integer(2, |writer| writer.value(&self.auth_data));
            map.integer(3, |writer| writer.bytes(self.signature.expose()));
            if let Some(user) = &self.user {
                map.integer(4, |writer| writer.value(user));
            }
            if let Some(number) = self.number_of_credentials {
                map.integer(5, |writer| writer.unsigned(number));
            }
            if let Some(selected) = self.user_selected {
                map.integer(6, |writer| writer.boolean(selected));
            }
            if let Some(key) = &self.large_blob_key {
                map.integer(7, |writer| writer.bytes(key.expose()));
            }
            self.unsigned_extensions.write_member(8, map);
            self.unknown.write(map);
        });
    }
}

impl<'a> Decode<'a> for GetAssertionResponse {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let (mut credential, mut auth_data, mut signature, mut user) = (None, None, None, None);
        let (mut number_of_credentials, mut user_selected) = (None, None);
        let (mut large_blob_key, mut unsigned_extensions) = (None, AssertionOutputs::default());
        let mut unknown = UnknownMembers::default();
        reader.map(|key, reader| {
            match key {
                MapKey::Integer(1) => credential = Some(CredentialDescriptor::decode(reader)?),
                MapKey::Integer(2) => auth_data = Some(AuthenticatorData::decode(reader)?),
                MapKey::Integer(3) => signature = Some(reader.bytes()?.into()),
                MapKey::Integer(4) => user = Some(User::decode(reader)?),
                MapKey::Integer(5) => number_of_credentials = Some(reader.unsigned()?),
                MapKey::Integer(6) => user_selected = Some(reader.boolean()?),
                MapKey::Integer(7) => large_blob_key = Some(reader.bytes()?.into()),
                MapKey::Integer(8) => unsigned_extensions = AssertionOutputs::decode(reader)?,
                MapKey::Integer(number) => unknown.read(number, reader)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            credential,
            auth_data: auth_data.ok_or(CborError::Missing("the authenticator data"))?,
            signature: signature.ok_or(CborError::Missing("the signature"))?,
            user,
            number_of_credentials,
            user_selected,
            large_blob_key,
            unsigned_extensions,
            unknown,
            received: Received::default(),
        })
    }
}

impl fmt::Debug for GetAssertionResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("auth_data_length", &self.auth_data.raw().len())
            .field("signature_length", &self.signature.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::{decode, encode};
    use crate::ctap::extensions::{PrfAssertionOutput, PrfValues};
    use crate::ctap::{CredentialId, Flags, UserHandle};
    use crate::secret::PrfOutput;

    fn response() -> GetAssertionResponse {
        GetAssertionResponse::new(
            CredentialDescriptor::new(CredentialId::new([0xcd; 16]).unwrap()),
            AuthenticatorData::new([0xcd; 32], Flags(0x1d), 0xcdcd_cdcd),
            SecretBytes::new(vec![0xcd; 70]),
        )
    }

    #[test]
    fn the_shortest_request_has_two_members() {
        let request = GetAssertionRequest::new("a", [7; 32]);
        let bytes = encode(&request);
        assert_eq!(bytes[..7], *b"\xa2\x01\x61a\x02\x58\x20");
        assert_eq!(decode(&bytes), Ok(request));
    }

    #[test]
    fn an_option_that_is_absent_is_not_false() {
        let mut request = GetAssertionRequest::new("a", [7; 32]);
        request.options.up = Some(false);
        let read: GetAssertionRequest = decode(&encode(&request)).unwrap();
        assert_eq!((read.options.up, read.options.uv), (Some(false), None));
    }

    #[test]
    fn every_member_of_a_response_is_written_and_read() {
        let mut full = response();
        full.user = Some(User::new(UserHandle::new([1; 64]).unwrap(), "", ""));
        full.number_of_credentials = Some(2);
        full.user_selected = Some(true);
        full.large_blob_key = Some(SecretBytes::new(vec![2; 32]));
        full.unsigned_extensions.prf = Some(PrfAssertionOutput::new(PrfValues {
            first: PrfOutput::new([3; 32]),
            second: Some(PrfOutput::new([4; 32])),
        }));
        assert_eq!(encode(&full)[0], 0xa8);
        assert_eq!(decode(&encode(&full)), Ok(full));
    }

    #[test]
    fn the_credential_may_be_absent_but_not_what_is_signed() {
        let mut bare = response();
        bare.credential = None;
        assert_eq!(decode(&encode(&bare)), Ok(bare));
        assert_eq!(
            decode::<GetAssertionResponse>(b"\xa1\x03\x41\x00"),
            Err(CborError::Missing("the authenticator data"))
        );
    }

    #[test]
    fn members_of_the_future_are_kept() {
        let mut bytes = encode(&response());
        bytes[0] += 1;
        bytes.extend(b"\x18\x63\xa1\x61x\x00");
        let read: GetAssertionResponse = decode(&bytes).unwrap();
        assert_eq!(read.unknown().get(0x63).unwrap().as_bytes(), b"\xa1\x61x\x00");
        assert_eq!(encode(&read), bytes);
    }

    #[test]
    fn debug_shows_no_byte_of_an_assertion() {
        let debug = format!("{:?} {:#?}", response(), response());
        assert!(!debug.contains("cd") && !debug.contains("205"), "{debug}");
    }
}
