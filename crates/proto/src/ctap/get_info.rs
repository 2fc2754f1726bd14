//! `authenticatorGetInfo`: [CTAP 2.2 §6.4]. What an authenticator can do.
//!
//! ```text
//! {1: [versions], 2?: [extensions], 3: AAGUID[16], 4?: {option: bool},
//!  5?: greatest message, 7?: longest list, 8?: longest id, 9?: [transports],
//!  10?: [algorithms], 20?: passkeys that fit, 22?: [attestation formats], ...}
//! ```
//!
//! Over hybrid it comes unasked, in the first message after the handshake and
//! without a status byte; iPhones answer no request for it.
//!
//! Reading is at most as strict as Chromium's: versions are there and differ,
//! the AAGUID has 16 bytes, options that are known here are booleans, and an
//! authenticator has large blobs of one kind only.

use std::collections::BTreeMap;

use super::authenticator_data::Aaguid;
use super::bounds::{self, MAX_CREDENTIAL_PARAMETERS, MAX_NAMES};
use super::entity::CredentialParameters;
use super::extensions::LARGE_BLOB;
use super::raw::UnknownMembers;
use crate::cbor::{CborError, Decode, Encode, ItemType, MapKey, Reader, Writer};

/// The version of CTAP 2.0.
pub const FIDO_2_0: &str = "FIDO_2_0";
/// The version of CTAP 2.1.
pub const FIDO_2_1: &str = "FIDO_2_1";

/// Names of options.
pub(crate) mod option {
    /// Passkeys can be found without their ids.
    pub(crate) const RK: &str = "rk";
    /// `true`: the user can be verified; `false`: could be, if set up.
    pub(crate) const UV: &str = "uv";
    /// The authenticator belongs to the client's device.
    pub(crate) const PLAT: &str = "plat";
    /// The user's presence can be tested.
    pub(crate) const UP: &str = "up";
    /// The large blob command is understood.
    pub(crate) const LARGE_BLOBS: &str = "largeBlobs";
    /// The user is verified for everything.
    pub(crate) const ALWAYS_UV: &str = "alwaysUv";
    /// Passkeys that are not discoverable are made without verification too.
    pub(crate) const MAKE_CRED_UV_NOT_RQD: &str = "makeCredUvNotRqd";

    /// Options that must be booleans, as for Chromium.
    pub(super) const BOOLEAN: [&str; 7] =
        [RK, UV, UP, PLAT, LARGE_BLOBS, ALWAYS_UV, MAKE_CRED_UV_NOT_RQD];
}

/// The abilities of an authenticator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GetInfoResponse {
    /// Versions of CTAP and U2F, each once.
    pub versions: Vec<String>,
    /// Names of extensions.
    pub extensions: Vec<String>,
    /// The model.
    pub aaguid: Aaguid,
    /// Options by name, those that are booleans. One that is absent is not
    /// supported, or has a default.
    pub options: BTreeMap<String, bool>,
    /// The greatest message taken, in bytes.
    pub max_message_size: Option<u64>,
    /// The most credentials taken in an allow or exclude list.
    pub max_credential_count_in_list: Option<u64>,
    /// The longest credential id taken, in bytes.
    pub max_credential_id_length: Option<u64>,
    /// Names of transports.
    pub transports: Vec<String>,
    /// Algorithms, the best first.
    pub algorithms: Vec<CredentialParameters>,
    /// How many more discoverable passkeys fit, as far as the authenticator knows.
    pub remaining_discoverable_credentials: Option<u64>,
    /// Formats of attestation statements, the best first.
    pub attestation_formats: Vec<String>,
    unknown: UnknownMembers,
}

impl GetInfoResponse {
    /// An authenticator of these versions and this model.
    #[must_use]
    pub fn new(versions: Vec<String>, aaguid: Aaguid) -> Self {
        Self {
            versions,
            extensions: Vec::new(),
            aaguid,
            options: BTreeMap::new(),
            max_message_size: None,
            max_credential_count_in_list: None,
            max_credential_id_length: None,
            transports: Vec::new(),
            algorithms: Vec::new(),
            remaining_discoverable_credentials: None,
            attestation_formats: Vec::new(),
            unknown: UnknownMembers::default(),
        }
    }

    /// Whether the extension is supported.
    #[must_use]
    pub fn has_extension(&self, name: &str) -> bool {
        self.extensions.iter().any(|extension| extension == name)
    }

    /// The value of an option. `None`: the response does not list it.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<bool> {
        self.options.get(name).copied()
    }

    /// Members that came and that this crate does not know. They are written
    /// again with the rest.
    #[must_use]
    pub const fn unknown(&self) -> &UnknownMembers {
        &self.unknown
    }
}

impl Encode for GetInfoResponse {
    fn encode(&self, writer: &mut Writer) {
        let names = |names: &[String], writer: &mut Writer| {
            writer.array(names.iter(), |writer, name| writer.text(name));
        };
        writer.map(|map| {
            map.integer(1, |writer| names(&self.versions, writer));
            if !self.extensions.is_empty() {
                map.integer(2, |writer| names(&self.extensions, writer));
            }
            map.integer(3, |writer| writer.bytes(&self.aaguid.0));
            if !self.options.is_empty() {
                map.integer(4, |writer| {
                    writer.map(|map| {
                        for (name, value) in &self.options {
                            map.text(name, |writer| writer.boolean(*value));
                        }
                    });
                });
            }
            for (number, value) in [
                (5, self.max_message_size),
                (7, self.max_credential_count_in_list),
                (8, self.max_credential_id_length),
            ] {
                if let Some(value) = value {
                    map.integer(number, |writer| writer.unsigned(value));
                }
            }
            if !self.transports.is_empty() {
                map.integer(9, |writer| names(&self.transports, writer));
            }
            if !self.algorithms.is_empty() {
                map.integer(10, |writer| writer.array(self.algorithms.iter(), Writer::value));
            }
            if let Some(remaining) = self.remaining_discoverable_credentials {
                map.integer(20, |writer| writer.unsigned(remaining));
            }
            if !self.attestation_formats.is_empty() {
                map.integer(22, |writer| names(&self.attestation_formats, writer));
            }
            self.unknown.write(map);
        });
    }
}

impl<'a> Decode<'a> for GetInfoResponse {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let (mut versions, mut aaguid) = (None, None);
        let mut info = Self::new(Vec::new(), Aaguid::ZERO);
        reader.map(|key, reader| {
            match key {
                MapKey::Integer(1) => {
                    versions = Some(bounds::names(reader, "the list of versions")?)
                }
                MapKey::Integer(2) => {
                    info.extensions = bounds::names(reader, "the list of extensions")?;
                }
                MapKey::Integer(3) => aaguid = Some(Aaguid(reader.byte_array("the AAGUID")?)),
                MapKey::Integer(4) => info.options = options(reader)?,
                MapKey::Integer(5) => info.max_message_size = Some(reader.unsigned()?),
                MapKey::Integer(7) => info.max_credential_count_in_list = Some(reader.unsigned()?),
                MapKey::Integer(8) => info.max_credential_id_length = Some(reader.unsigned()?),
                MapKey::Integer(9) => {
                    info.transports = bounds::names(reader, "the list of transports")?;
                }
                MapKey::Integer(10) => {
                    info.algorithms = bounds::list(
                        reader,
                        MAX_CREDENTIAL_PARAMETERS,
                        "the list of algorithms",
                        CredentialParameters::decode,
                    )?;
                }
                MapKey::Integer(20) => {
                    info.remaining_discoverable_credentials = Some(reader.unsigned()?);
                }
                MapKey::Integer(22) => {
                    info.attestation_formats =
                        bounds::names(reader, "the list of attestation formats")?;
                }
                MapKey::Integer(number) => info.unknown.read(number, reader)?,
                _ => {}
            }
            Ok(())
        })?;
        info.versions = versions.ok_or(CborError::Missing("the list of versions"))?;
        info.aaguid = aaguid.ok_or(CborError::Missing("the AAGUID"))?;
        // At most `MAX_NAMES`, so that comparing all pairs costs little.
        let mut earlier = info.versions.iter();
        while let Some(version) = earlier.next_back() {
            if earlier.clone().any(|other| other == version) {
                return Err(CborError::Invalid("the list of versions"));
            }
        }
        if info.has_extension(LARGE_BLOB)
            && info.has_extension("largeBlobKey")
            && info.option(option::LARGE_BLOBS) == Some(true)
        {
            return Err(CborError::Invalid("the large blob support"));
        }
        Ok(info)
    }
}

fn options(reader: &mut Reader<'_>) -> Result<BTreeMap<String, bool>, CborError> {
    let mut options = BTreeMap::new();
    reader.map(|key, reader| {
        let MapKey::Text(name) = key else { return Ok(()) };
        // Some have other values, such as `defaultCredProtect`.
        if !option::BOOLEAN.contains(&name) && reader.peek()? != ItemType::Bool {
            return Ok(());
        }
        if options.len() == MAX_NAMES {
            return Err(CborError::Invalid("the number of options"));
        }
        options.insert(name.to_owned(), reader.boolean()?);
        Ok(())
    })?;
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::{decode, encode};
    use crate::ctap::Algorithm;

    fn info() -> GetInfoResponse {
        GetInfoResponse::new(vec![FIDO_2_0.to_owned(), FIDO_2_1.to_owned()], Aaguid([7; 16]))
    }

    #[test]
    fn every_member_is_written_and_read() {
        let mut info = info();
        assert_eq!(encode(&info)[0], 0xa2);
        assert_eq!(decode(&encode(&info)), Ok(info.clone()));
        info.extensions = vec!["prf".to_owned()];
        info.options = [(option::RK.to_owned(), true), (option::UV.to_owned(), false)].into();
        info.max_message_size = Some(1 << 20);
        info.max_credential_count_in_list = Some(8);
        info.max_credential_id_length = Some(128);
        info.transports = vec!["internal".to_owned()];
        info.algorithms = vec![CredentialParameters::new(Algorithm::ES256)];
        info.remaining_discoverable_credentials = Some(3);
        info.attestation_formats = vec!["packed".to_owned()];
        assert_eq!(encode(&info)[0], 0xab);
        assert_eq!(decode(&encode(&info)), Ok(info.clone()));
        assert_eq!((info.option("rk"), info.option("uv")), (Some(true), Some(false)));
        assert_eq!(info.option("plat"), None);
    }

    #[test]
    fn unknown_members_are_kept() {
        let mut bytes = encode(&info());
        bytes[0] = 0xa3;
        bytes.extend([0x15, 0x18, 0x19]);
        let read: GetInfoResponse = decode(&bytes).unwrap();
        assert_eq!(read.unknown().get(0x15).unwrap().as_bytes(), [0x18, 0x19]);
        assert_eq!(encode(&read), bytes);
    }

    #[test]
    fn versions_are_there_and_differ() {
        let mut twice = info();
        twice.versions = ["a", "b", "a"].map(String::from).into();
        assert_eq!(
            decode::<GetInfoResponse>(&encode(&twice)),
            Err(CborError::Invalid("the list of versions"))
        );
        assert_eq!(
            decode::<GetInfoResponse>(b"\xa0"),
            Err(CborError::Missing("the list of versions"))
        );
        assert_eq!(
            decode::<GetInfoResponse>(b"\xa1\x01\x80"),
            Err(CborError::Missing("the AAGUID"))
        );
        assert_eq!(
            decode::<GetInfoResponse>(b"\xa1\x03\x41\x00"),
            Err(CborError::Invalid("the AAGUID"))
        );
    }

    #[test]
    fn options_of_any_type_are_ignored_unless_they_are_known() {
        let with = |options: &[u8]| {
            let mut bytes = encode(&info());
            bytes[0] += 1;
            bytes.push(4);
            bytes.extend(options);
            decode::<GetInfoResponse>(&bytes).map(|info| info.options)
        };
        for ignored in [
            &b"\xa1\x72defaultCredProtect\x02"[..],
            b"\xa1\x6cjsonMessages\x01",
            b"\xa1\x66future\xa1\x61a\x82\x00\xf6",
            b"\xa1\x00\xf5",
        ] {
            assert_eq!(with(ignored), Ok(BTreeMap::new()));
        }
        let one = |name: &str| Ok(BTreeMap::from([(name.to_owned(), true)]));
        assert_eq!(with(b"\xa1\x66future\xf5"), one("future"));
        for name in option::BOOLEAN {
            let known = [&[0xa1, 0x60 + name.len() as u8], name.as_bytes()].concat();
            assert_eq!(with(&[&known[..], &[0xf5]].concat()), one(name));
            for other in [&b"\x01"[..], b"\x64true", b"\xf6"] {
                let read = with(&[&known[..], other].concat());
                assert!(matches!(read, Err(CborError::Expected(_))), "{name}");
            }
        }
    }

    #[test]
    fn large_blobs_are_of_one_kind() {
        let mut both = info();
        both.extensions = vec![LARGE_BLOB.to_owned(), "largeBlobKey".to_owned()];
        assert!(decode::<GetInfoResponse>(&encode(&both)).is_ok());
        both.options.insert(option::LARGE_BLOBS.to_owned(), true);
        assert_eq!(
            decode::<GetInfoResponse>(&encode(&both)),
            Err(CborError::Invalid("the large blob support"))
        );
    }
}
