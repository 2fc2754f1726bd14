//! `authenticatorMakeCredential`: [CTAP 2.2 §6.1]. A new passkey.
//!
//! ```text
//! request   {1: client data hash[32], 2: relying party, 3: user, 4: [parameters],
//!            5?: [excluded descriptors], 6?: extensions, 7?: {"rk", "up", "uv"?: bool},
//!            10?: enterprise attestation, 11?: [attestation formats]}
//! response  {1: format, 2: authenticator data, 3: statement,
//!            4?: bool, 5?: large blob key, 6?: unsigned extension outputs}
//! ```
//!
//! Members 8 and 9 of a request belong to PIN/UV protocols, which do not exist
//! over hybrid; they are kept among the unknown ones.

use super::authenticator_data::{AttestedCredential, AuthenticatorData};
use super::bounds::{self, MAX_CREDENTIAL_PARAMETERS, MAX_CREDENTIALS};
use super::entity::{CredentialDescriptor, CredentialParameters, RelyingParty, User};
use super::extensions::{RegistrationInputs, RegistrationOutputs};
use super::options::Options;
use super::raw::{RawCbor, Received, UnknownMembers};
use crate::cbor::{CborError, Decode, Encode, ItemType, MapKey, Reader, Writer};
use crate::secret::SecretBytes;

/// The attestation format without an attestation; its statement is an empty map.
pub const FORMAT_NONE: &str = "none";

/// The attestation format of [WebAuthn L3 §8.2], also used for
/// self-attestation.
pub const FORMAT_PACKED: &str = "packed";

/// Asks for a new passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MakeCredentialRequest {
    /// SHA-256 of the client data.
    pub client_data_hash: [u8; 32],
    /// CTAP `rp`: the relying party.
    pub rp: RelyingParty,
    /// CTAP `user`: the account there.
    pub user: User,
    /// CTAP `pubKeyCredParams`: what the relying party accepts, the best first; at most
    /// 128.
    pub parameters: Vec<CredentialParameters>,
    /// The account's passkeys: an authenticator that has one of them makes no
    /// other. At most 2,000.
    pub exclude_list: Vec<CredentialDescriptor>,
    /// Extensions asked for.
    pub extensions: RegistrationInputs,
    /// Options; written only if one is set.
    pub options: Options,
    /// 1: facilitated by the vendor; 2: managed by the platform.
    pub enterprise_attestation: Option<u64>,
    /// Formats that the relying party prefers, the best first.
    pub attestation_formats: Vec<String>,
    unknown: UnknownMembers,
}

impl MakeCredentialRequest {
    /// Asks for a passkey with what every request must have.
    #[must_use]
    pub fn new(
        client_data_hash: [u8; 32],
        rp: RelyingParty,
        user: User,
        parameters: Vec<CredentialParameters>,
    ) -> Self {
        Self {
            client_data_hash,
            rp,
            user,
            parameters,
            exclude_list: Vec::new(),
            extensions: RegistrationInputs::default(),
            options: Options::default(),
            enterprise_attestation: None,
            attestation_formats: Vec::new(),
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

impl Encode for MakeCredentialRequest {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            map.integer(1, |writer| writer.bytes(&self.client_data_hash));
            map.integer(2, |writer| writer.value(&self.rp));
            map.integer(3, |writer| writer.value(&self.user));
            map.integer(4, |writer| writer.array(self.parameters.iter(), Writer::value));
            if !self.exclude_list.is_empty() {
                map.integer(5, |writer| writer.array(self.exclude_list.iter(), Writer::value));
            }
            self.extensions.write_member(6, map);
            if self.options != Options::default() {
                map.integer(7, |writer| writer.value(&self.options));
            }
            if let Some(kind) = self.enterprise_attestation {
                map.integer(10, |writer| writer.unsigned(kind));
            }
            if !self.attestation_formats.is_empty() {
                map.integer(11, |writer| {
                    writer.array(self.attestation_formats.iter(), |writer, name| writer.text(name));
                });
            }
            self.unknown.write(map);
        });
    }
}

impl<'a> Decode<'a> for MakeCredentialRequest {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let (mut client_data_hash, mut rp, mut user, mut parameters) = (None, None, None, None);
        let (mut exclude_list, mut attestation_formats) = (Vec::new(), Vec::new());
        let (mut extensions, mut options) = (RegistrationInputs::default(), Options::default());
        let (mut enterprise_attestation, mut unknown) = (None, UnknownMembers::default());
        reader.map(|key, reader| {
            match key {
                MapKey::Integer(1) => {
                    client_data_hash = Some(reader.byte_array("the client data hash")?);
                }
                MapKey::Integer(2) => rp = Some(RelyingParty::decode(reader)?),
                MapKey::Integer(3) => user = Some(User::decode(reader)?),
                MapKey::Integer(4) => {
                    parameters = Some(bounds::list(
                        reader,
                        MAX_CREDENTIAL_PARAMETERS,
                        "the list of credential parameters",
                        CredentialParameters::decode,
                    )?);
                }
                MapKey::Integer(5) => {
                    exclude_list = bounds::list(
                        reader,
                        MAX_CREDENTIALS,
                        "the exclude list",
                        CredentialDescriptor::decode,
                    )?;
                }
                MapKey::Integer(6) => extensions = RegistrationInputs::decode(reader)?,
                MapKey::Integer(7) => options = Options::decode(reader)?,
                MapKey::Integer(10) => enterprise_attestation = Some(reader.unsigned()?),
                MapKey::Integer(11) => {
                    attestation_formats = bounds::names(reader, "the list of attestation formats")?;
                }
                MapKey::Integer(number) => unknown.read(number, reader)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            client_data_hash: client_data_hash.ok_or(CborError::Missing("the client data hash"))?,
            rp: rp.ok_or(CborError::Missing("the relying party"))?,
            user: user.ok_or(CborError::Missing("the user"))?,
            parameters: parameters
                .ok_or(CborError::Missing("the list of credential parameters"))?,
            exclude_list,
            extensions,
            options,
            enterprise_attestation,
            attestation_formats,
            unknown,
        })
    }
}

/// A new passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MakeCredentialResponse {
    /// The format of the statement; any text.
    pub format: String,
    /// The authenticator data; one that was read has a credential.
    pub auth_data: AuthenticatorData,
    /// The attestation statement: a map, as it came.
    pub statement: RawCbor,
    /// Whether the attestation names this one device.
    pub enterprise_attestation: Option<bool>,
    /// A key for the large blob array; not for the relying party.
    pub large_blob_key: Option<SecretBytes>,
    /// Extension outputs that are not signed.
    pub unsigned_extensions: RegistrationOutputs,
    unknown: UnknownMembers,
    pub(super) received: Received,
}

impl MakeCredentialResponse {
    /// A passkey with the attestation of `format`.
    #[must_use]
    pub fn new(
        format: impl Into<String>,
        auth_data: AuthenticatorData,
        statement: RawCbor,
    ) -> Self {
        Self {
            format: format.into(),
            auth_data,
            statement,
            enterprise_attestation: None,
            large_blob_key: None,
            unsigned_extensions: RegistrationOutputs::default(),
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

    /// The new credential, unless `auth_data` was made without one.
    #[must_use]
    pub const fn credential(&self) -> Option<&AttestedCredential> {
        self.auth_data.credential()
    }
}

impl Encode for MakeCredentialResponse {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            map.integer(1, |writer| writer.text(&self.format));
            map.integer(2, |writer| writer.value(&self.auth_data));
            map.integer(3, |writer| writer.value(&self.statement));
            if let Some(enterprise) = self.enterprise_attestation {
                map.integer(4, |writer| writer.boolean(enterprise));
            }
            if let Some(key) = &self.large_blob_key {
                map.integer(5, |writer| writer.bytes(key.expose()));
            }
            self.unsigned_extensions.write_member(6, map);
            self.unknown.write(map);
        });
    }
}

impl<'a> Decode<'a> for MakeCredentialResponse {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let (mut format, mut auth_data, mut statement) = (None, None, None);
        let (mut enterprise_attestation, mut large_blob_key) = (None, None);
        let mut unsigned_extensions = RegistrationOutputs::default();
        let mut unknown = UnknownMembers::default();
        reader.map(|key, reader| {
            match key {
                MapKey::Integer(1) => format = Some(reader.text()?.to_owned()),
                MapKey::Integer(2) => auth_data = Some(AuthenticatorData::decode(reader)?),
                MapKey::Integer(3) => {
                    if reader.peek()? != ItemType::Map {
                        return Err(CborError::Expected("a map as the attestation statement"));
                    }
                    statement = Some(RawCbor::decode(reader)?);
                }
                MapKey::Integer(4) => enterprise_attestation = Some(reader.boolean()?),
                MapKey::Integer(5) => large_blob_key = Some(reader.bytes()?.into()),
                MapKey::Integer(6) => unsigned_extensions = RegistrationOutputs::decode(reader)?,
                MapKey::Integer(number) => unknown.read(number, reader)?,
                _ => {}
            }
            Ok(())
        })?;
        let auth_data = auth_data.ok_or(CborError::Missing("the authenticator data"))?;
        if auth_data.credential().is_none() {
            return Err(CborError::Missing("the new credential in the authenticator data"));
        }
        Ok(Self {
            format: format.ok_or(CborError::Missing("the attestation format"))?,
            auth_data,
            statement: statement.ok_or(CborError::Missing("the attestation statement"))?,
            enterprise_attestation,
            large_blob_key,
            unsigned_extensions,
            unknown,
            received: Received::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::{decode, encode};
    use crate::crypto::SecretKey;
    use crate::ctap::extensions::{LargeBlobSupport, PrfRegistrationInput, PrfRegistrationOutput};
    use crate::ctap::{Aaguid, Algorithm, CoseKey, CredentialId, Flags, UserHandle};

    fn request() -> MakeCredentialRequest {
        MakeCredentialRequest::new(
            [1; 32],
            RelyingParty::new("example.com", "Example"),
            User::new(UserHandle::new([2]).unwrap(), "ada", ""),
            vec![CredentialParameters::new(Algorithm::ES256)],
        )
    }

    fn response() -> MakeCredentialResponse {
        let credential = AttestedCredential {
            aaguid: Aaguid::ZERO,
            id: CredentialId::new([3; 16]).unwrap(),
            public_key: CoseKey::from_es256(
                SecretKey::from_scalar(&[0x42; 32]).unwrap().public_key(),
            ),
        };
        let data =
            AuthenticatorData::new([4; 32], Flags::USER_PRESENT, 0).with_credential(credential);
        MakeCredentialResponse::new(FORMAT_NONE, data, RawCbor::empty_map())
    }

    /// The keys of a message, to see what was written.
    fn keys(bytes: &[u8]) -> Vec<i64> {
        let mut keys = Vec::new();
        Reader::new(bytes)
            .map(|key, _| {
                if let MapKey::Integer(key) = key {
                    keys.push(key);
                }
                Ok(())
            })
            .unwrap();
        keys
    }

    #[test]
    fn what_is_not_set_is_not_written() {
        let bytes = encode(&request());
        assert_eq!(keys(&bytes), [1, 2, 3, 4]);
        assert_eq!(decode(&bytes), Ok(request()));
        let bytes = encode(&response());
        assert_eq!(keys(&bytes), [1, 2, 3]);
        assert_eq!(decode(&bytes), Ok(response()));
    }

    #[test]
    fn what_is_set_is_written_and_read() {
        let mut request = request();
        request.exclude_list = vec![CredentialDescriptor::new(CredentialId::new([9; 20]).unwrap())];
        request.extensions.prf = Some(PrfRegistrationInput::default());
        request.extensions.large_blob = Some(LargeBlobSupport::Preferred);
        request.options = Options { rk: Some(true), up: None, uv: Some(false) };
        request.enterprise_attestation = Some(1);
        request.attestation_formats = vec![FORMAT_PACKED.to_owned()];
        let bytes = encode(&request);
        assert_eq!(keys(&bytes), [1, 2, 3, 4, 5, 6, 7, 10, 11]);
        assert_eq!(decode(&bytes), Ok(request));

        let mut response = response();
        response.enterprise_attestation = Some(false);
        response.large_blob_key = Some(SecretBytes::new(vec![0xab; 32]));
        response.unsigned_extensions.prf = Some(PrfRegistrationOutput::new(true));
        let bytes = encode(&response);
        assert_eq!(keys(&bytes), [1, 2, 3, 4, 5, 6]);
        assert_eq!(decode(&bytes), Ok(response));
    }

    #[test]
    fn pin_members_and_those_of_the_future_are_kept() {
        let mut bytes = encode(&request());
        bytes[0] = 0xa7;
        bytes.extend(b"\x08\x41\x00\x09\x02\x18\x63\xa1\x61x\x00");
        let read: MakeCredentialRequest = decode(&bytes).unwrap();
        assert_eq!(read.unknown().iter().map(|(key, _)| key).collect::<Vec<_>>(), [8, 9, 0x63]);
        assert_eq!(encode(&read), bytes);
    }

    #[test]
    fn an_option_must_be_a_boolean() {
        assert!(matches!(decode::<Options>(b"\xa1\x62rk\x01"), Err(CborError::Expected(_))));
        assert_eq!(decode::<Options>(b"\xa1\x63new\x01"), Ok(Options::default()));
        let options: Options = decode(b"\xa1\x62uv\xf4").unwrap();
        assert_eq!((options.uv, options.rk), (Some(false), None));
    }

    #[test]
    fn a_registration_without_a_credential_is_refused() {
        let data = AuthenticatorData::new([4; 32], Flags::USER_PRESENT, 0);
        let response = MakeCredentialResponse::new(FORMAT_NONE, data, RawCbor::empty_map());
        assert!(matches!(
            decode::<MakeCredentialResponse>(&encode(&response)),
            Err(CborError::Missing(_))
        ));
    }

    #[test]
    fn a_statement_must_be_a_map() {
        let mut response = response();
        response.statement = RawCbor::new(vec![0x80]).unwrap();
        assert!(matches!(
            decode::<MakeCredentialResponse>(&encode(&response)),
            Err(CborError::Expected(_))
        ));
    }

    #[test]
    fn lists_are_bounded() {
        let mut request = request();
        let descriptor = CredentialDescriptor::new(CredentialId::new([]).unwrap());
        request.exclude_list = vec![descriptor; MAX_CREDENTIALS + 1];
        assert_eq!(
            decode::<MakeCredentialRequest>(&encode(&request)),
            Err(CborError::Invalid("the exclude list"))
        );
        request.exclude_list.pop();
        assert!(decode::<MakeCredentialRequest>(&encode(&request)).is_ok());
    }
}
