//! A passkey as bytes, for stores that keep whole passkeys.
//!
//! ```text
//! passkey = {
//!   0: uint  version, 1              6: bstr  private key, 32 bytes, or
//!   1: bstr  credential id           7: bstr  handle of a key store, with
//!   2: tstr  RP ID                   8: bstr    its public key, uncompressed
//!   3: bstr  user handle             9: uint  counter; absent: not counted
//!   4: tstr  name, optional         10: uint  0 bound to the device, 1 eligible
//!   5: tstr  display name, optional             for backup, 2 backed up
//!                                   11: bstr  PRF secret, 32 bytes, optional
//! }
//! ```
//!
//! Canonical CBOR, in a form of this crate's own. Each passkey has one encoding, and
//! other bytes are refused. A new member raises the version: what this version does not
//! know it refuses, since writing the passkey again would lose it. The version stays the
//! first member of a map, so that it can be read whatever follows.

use super::key::{ExternalKey, KeyHandle, PrivateKey};
use super::passkey::{Backup, Passkey};
use crate::cbor::{self, Decode, Encode, MapKey, Reader, Writer, decode, encode};
use crate::crypto::{PublicKey, SecretKey};
use crate::ctap::{CredentialId, User, UserHandle};
use crate::secret::{PrfSecret, SecretBytes};

/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;

/// Where the version ends at the latest, in bytes: the longest head of a map, the key 0,
/// and the longest integer.
const VERSION_END: usize = 9 + 1 + 9;

/// Why bytes are not a passkey, or a passkey has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasskeyError {
    /// The encoding is longer than [`Passkey::MAX_LENGTH`], and not of another version.
    #[error("the passkey is too long")]
    TooLong,
    /// The bytes begin with this version of the form, which another version of this crate
    /// wrote. What follows is not read, and may have any length. A store must keep the
    /// bytes.
    #[error("the passkey has the unknown version {0}")]
    Version(u64),
    /// The bytes are not the CBOR of a passkey.
    #[error("the passkey is invalid: {0}")]
    Cbor(#[from] cbor::CborError),
}

impl Passkey {
    /// The longest encoding, in bytes. A handle and a credential id of full length leave
    /// 11 KiB for the RP ID and the names.
    pub const MAX_LENGTH: usize = 16 << 10;

    /// The bytes to store, at most [`MAX_LENGTH`](Self::MAX_LENGTH). They hold the
    /// private key, unless that is in a key store, and the PRF secret: a store encrypts
    /// them.
    ///
    /// # Errors
    /// [`PasskeyError::TooLong`] if the RP ID or a name is too long.
    pub fn to_bytes(&self) -> Result<SecretBytes, PasskeyError> {
        let bytes = SecretBytes::new(encode(self));
        if bytes.len() > Self::MAX_LENGTH {
            return Err(PasskeyError::TooLong);
        }
        Ok(bytes)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) returned. Later versions of this crate
    /// read it too.
    ///
    /// # Errors
    /// A [`PasskeyError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PasskeyError> {
        match version(bytes) {
            Some(version) if version != VERSION => Err(PasskeyError::Version(version)),
            _ if bytes.len() > Self::MAX_LENGTH => Err(PasskeyError::TooLong),
            _ => Ok(decode(bytes)?),
        }
    }
}

/// The version that the bytes begin with. A later version may be longer, and may have
/// items that this one does not allow, so what follows is not read.
fn version(bytes: &[u8]) -> Option<u64> {
    let mut version = None;
    let mut beginning = Reader::new(bytes.get(..VERSION_END).unwrap_or(bytes));
    let _cut_off = beginning.map(|key, reader| {
        if key == MapKey::Integer(0) {
            version = Some(reader.unsigned()?);
        }
        Ok(())
    });
    version
}

impl Encode for Passkey {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            map.integer(0, |writer| writer.unsigned(VERSION));
            map.integer(1, |writer| writer.bytes(self.id.as_bytes()));
            map.integer(2, |writer| writer.text(&self.rp_id));
            map.integer(3, |writer| writer.bytes(self.user.id.as_bytes()));
            if let Some(name) = &self.user.name {
                map.integer(4, |writer| writer.text(name));
            }
            if let Some(name) = &self.user.display_name {
                map.integer(5, |writer| writer.text(name));
            }
            match &self.key {
                PrivateKey::Software(key) => map.integer(6, |writer| writer.bytes(&*key.expose())),
                PrivateKey::External(key) => {
                    map.integer(7, |writer| writer.bytes(key.handle.as_bytes()));
                    map.integer(8, |writer| writer.bytes(&key.public_key.uncompressed()));
                }
            }
            if let Some(counter) = self.counter {
                map.integer(9, |writer| writer.unsigned(counter.into()));
            }
            map.integer(10, |writer| {
                writer.unsigned(match self.backup {
                    Backup::DeviceBound => 0,
                    Backup::Eligible => 1,
                    Backup::BackedUp => 2,
                });
            });
            if let Some(secret) = &self.prf_secret {
                map.integer(11, |writer| writer.bytes(secret.expose()));
            }
        });
    }
}

impl<'a> Decode<'a> for Passkey {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, cbor::CborError> {
        use cbor::CborError::{Invalid, Missing};
        let (mut version, mut id, mut rp_id) = (None, None, None);
        let (mut user, mut name, mut display_name) = (None, None, None);
        let (mut software, mut handle, mut public_key) = (None, None, None);
        let (mut counter, mut backup, mut prf_secret) = (None, None, None);
        reader.map(|key, reader| {
            match key {
                MapKey::Integer(0) => {
                    let known = (reader.unsigned()? == VERSION).then_some(());
                    version = Some(known.ok_or(Invalid("the version"))?);
                }
                MapKey::Integer(1) => {
                    let read = CredentialId::new(reader.bytes()?);
                    id = Some(read.map_err(|_| Invalid("the credential id"))?);
                }
                MapKey::Integer(2) => rp_id = Some(reader.text()?.to_owned()),
                MapKey::Integer(3) => {
                    let read = UserHandle::new(reader.bytes()?);
                    user = Some(read.map_err(|_| Invalid("the user handle"))?);
                }
                MapKey::Integer(4) => name = Some(reader.text()?.to_owned()),
                MapKey::Integer(5) => display_name = Some(reader.text()?.to_owned()),
                MapKey::Integer(6) => {
                    let scalar = reader.bytes()?.try_into().ok();
                    let read = scalar.and_then(|scalar| SecretKey::from_scalar(scalar).ok());
                    software = Some(read.ok_or(Invalid("the private key"))?);
                }
                MapKey::Integer(7) => {
                    let read = KeyHandle::new(reader.bytes()?);
                    handle = Some(read.map_err(|_| Invalid("the key handle"))?);
                }
                MapKey::Integer(8) => {
                    let read = PublicKey::from_uncompressed(reader.bytes()?);
                    public_key = Some(read.map_err(|_| Invalid("the public key"))?);
                }
                MapKey::Integer(9) => {
                    let read = u32::try_from(reader.unsigned()?);
                    counter = Some(read.map_err(|_| Invalid("the counter"))?);
                }
                MapKey::Integer(10) => {
                    backup = Some(match reader.unsigned()? {
                        0 => Backup::DeviceBound,
                        1 => Backup::Eligible,
                        2 => Backup::BackedUp,
                        _ => return Err(Invalid("the backup state")),
                    });
                }
                MapKey::Integer(11) => {
                    let read = PrfSecret::from_slice(reader.bytes()?);
                    prf_secret = Some(read.ok_or(Invalid("the PRF secret"))?);
                }
                // A member that would be lost.
                _ => return Err(Invalid("a member")),
            }
            Ok(())
        })?;
        version.ok_or(Missing("the version"))?;
        let key = match (software, handle, public_key) {
            (Some(key), None, None) => PrivateKey::Software(key),
            (None, Some(handle), Some(public_key)) => {
                PrivateKey::External(ExternalKey { handle, public_key })
            }
            (None, None, None) => return Err(Missing("the private key")),
            _ => return Err(Invalid("the private key")),
        };
        let mut account = User::from_handle(user.ok_or(Missing("the user handle"))?);
        (account.name, account.display_name) = (name, display_name);
        Ok(Self {
            id: id.ok_or(Missing("the credential id"))?,
            rp_id: rp_id.ok_or(Missing("the RP ID"))?,
            user: account,
            key,
            prf_secret,
            counter,
            backup: backup.ok_or(Missing("the backup state"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// [`known`] as this version writes it: all members, and a key in this process. These
    /// bytes and the next never change: stores have them.
    const KNOWN: &str = "aa00010144c0c0c0c0026b6578616d706c652e636f6d03420102046361646105634164\
                         6106582011111111111111111111111111111111111111111111111111111111111111\
                         1109070a000b5820ababababababababababababababababababababababababababab\
                         ababababab";

    /// [`external`]: a key in a key store, with the public key that OpenSSL computes for
    /// the private key of [`known`], and nothing that is optional.
    const EXTERNAL: &str = "a700010144c0c0c0c0026b6578616d706c652e636f6d034007430909090858410402\
                            17e617f0b6443928278f96999e69a23a4f2c152bdf6d6cdf66e5b80282d4ed194a7d\
                            ebcb97712d2dda3ca85aa8765a56f45fc758599652f2897c65306e57940a00";

    /// [`without_counter`] with [`Backup::Eligible`].
    const ELIGIBLE: &str = "a900010144c0c0c0c0026b6578616d706c652e636f6d034201020463616461056341\
                            646106582011111111111111111111111111111111111111111111111111111111\
                            111111110a010b5820abababababababababababababababababababababababab\
                            abababababababab";

    /// [`without_counter`] with [`Backup::BackedUp`].
    const BACKED_UP: &str = "a900010144c0c0c0c0026b6578616d706c652e636f6d034201020463616461056341\
                             646106582011111111111111111111111111111111111111111111111111111111\
                             111111110a020b5820abababababababababababababababababababababababab\
                             abababababababab";

    fn known() -> Passkey {
        let user = User::new(UserHandle::new([1, 2]).unwrap(), "ada", "Ada");
        let key = SecretKey::from_scalar(&[0x11; 32]).unwrap();
        let id = CredentialId::new([0xc0; 4]).unwrap();
        let mut passkey =
            Passkey::new(id, "example.com", user, key).with_prf_secret(PrfSecret::new([0xab; 32]));
        passkey.counter = Some(7);
        passkey
    }

    /// The same with its key in a key store, and without what is optional.
    fn external() -> Passkey {
        let public_key = *SecretKey::from_scalar(&[0x11; 32]).unwrap().public_key();
        let handle = KeyHandle::new([9; 3]).unwrap();
        let mut passkey = known();
        passkey.key = ExternalKey { handle, public_key }.into();
        passkey.user = User::from_handle(UserHandle::new([]).unwrap());
        (passkey.counter, passkey.prf_secret) = (None, None);
        passkey
    }

    /// The first one as backups have it.
    fn without_counter(backup: Backup) -> Passkey {
        let mut passkey = known();
        (passkey.counter, passkey.backup) = (None, backup);
        passkey
    }

    fn written(passkey: &Passkey) -> Vec<u8> {
        passkey.to_bytes().unwrap().into_exposed()
    }

    /// What a passkey has, to compare.
    fn content(passkey: &Passkey) -> impl PartialEq + std::fmt::Debug + use<> {
        (
            (passkey.id.clone(), passkey.rp_id.clone(), passkey.user.clone()),
            (*passkey.key.public_key(), passkey.key.handle().cloned()),
            passkey.key.software().map(|key| *key.expose()),
            passkey.prf_secret.as_ref().map(|secret| *secret.expose()),
            (passkey.counter, passkey.backup),
        )
    }

    /// A map of these members: a key and the CBOR of the value.
    fn map(members: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = vec![0xa0 | u8::try_from(members.len()).unwrap()];
        for (key, value) in members {
            bytes.push(*key);
            bytes.extend(value);
        }
        bytes
    }

    /// The members of a passkey, in order.
    fn members(passkey: &Passkey) -> Vec<(u8, Vec<u8>)> {
        let bytes = written(passkey);
        let (mut reader, mut members) = (Reader::new(&bytes), Vec::new());
        reader
            .map(|key, value| {
                let MapKey::Integer(key) = key else { unreachable!() };
                members.push((u8::try_from(key).unwrap(), value.raw()?.to_vec()));
                Ok(())
            })
            .unwrap();
        members
    }

    fn refusal(bytes: &[u8]) -> PasskeyError {
        Passkey::from_bytes(bytes).unwrap_err()
    }

    #[test]
    fn the_bytes_are_those_that_stores_have() {
        for (passkey, hex) in [
            (known(), KNOWN),
            (external(), EXTERNAL),
            (without_counter(Backup::Eligible), ELIGIBLE),
            (without_counter(Backup::BackedUp), BACKED_UP),
        ] {
            let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
            assert_eq!(data_encoding::HEXLOWER.encode(&written(&passkey)), hex);
            assert_eq!(content(&Passkey::from_bytes(&bytes).unwrap()), content(&passkey));
        }
    }

    #[test]
    fn a_key_of_a_key_store_is_kept_by_its_handle() {
        let read = Passkey::from_bytes(&written(&external())).unwrap();
        assert_eq!(content(&read), content(&external()));
        assert!(read.key.software().is_none());
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_refused() {
        for passkey in [known(), external()] {
            let bytes = written(&passkey);
            for length in 0..bytes.len() {
                assert!(matches!(refusal(&bytes[..length]), PasskeyError::Cbor(_)), "{length}");
            }
            let longer = [bytes.as_slice(), &[0]].concat();
            assert_eq!(refusal(&longer), cbor::CborError::TrailingBytes.into());
        }
        assert_eq!(refusal(&vec![0; Passkey::MAX_LENGTH + 1]), PasskeyError::TooLong);
    }

    #[test]
    fn a_passkey_that_could_not_be_read_back_is_not_written() {
        let mut passkey = known();
        passkey.user.name = Some("a".repeat(Passkey::MAX_LENGTH));
        assert_eq!(passkey.to_bytes().unwrap_err(), PasskeyError::TooLong);
    }

    #[test]
    fn later_versions_and_their_members_are_refused_and_not_lost() {
        let mut later = members(&known());
        later[0].1 = vec![2];
        later.push((12, vec![0]));
        assert_eq!(refusal(&map(&later)), PasskeyError::Version(2));
        later[0].1 = vec![1];
        assert_eq!(refusal(&map(&later)), cbor::CborError::Invalid("a member").into());
    }

    #[test]
    fn a_later_version_is_known_whatever_follows_it() {
        let known = written(&known());
        for (head, version) in [
            (&[0xaa, 0, 2][..], 2),
            (&[0xa1, 0, 0x18, 24], 24),
            (&[0xbb, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0], 1 << 32),
        ] {
            // Cut off, of this crate's members, of a type that is not read, and too long.
            for rest in [&[][..], &known[3..], &[1, 0xf9, 0, 0], &[0xff; Passkey::MAX_LENGTH]] {
                assert_eq!(refusal(&[head, rest].concat()), PasskeyError::Version(version));
            }
        }
        let mut long = known;
        long.resize(Passkey::MAX_LENGTH + 1, 0);
        assert_eq!(refusal(&long), PasskeyError::TooLong);
        // A map whose first member is another, or whose version is no number.
        for head in [&[0xa2, 1, 0, 0, 2][..], &[0xa1, 0, 0x41, 2], &[0x82, 0, 2]] {
            assert!(matches!(refusal(head), PasskeyError::Cbor(_)));
        }
    }

    #[test]
    fn each_member_is_checked() {
        use cbor::CborError::{Invalid, Missing};
        let optional = [4, 5, 9, 11];
        for at in 0..members(&known()).len() {
            let mut fewer = members(&known());
            let (key, _) = fewer.remove(at);
            match Passkey::from_bytes(&map(&fewer)) {
                Ok(_) => assert!(optional.contains(&key), "{key}"),
                Err(error) => {
                    assert!(matches!(error, PasskeyError::Cbor(Missing(_))), "{key}: {error}");
                    assert!(!optional.contains(&key), "{key}");
                }
            }
        }
        let long = |length: usize| {
            let mut writer = Writer::new();
            writer.bytes(&vec![7; length]);
            writer.into_bytes()
        };
        for (passkey, key, value, name) in [
            (known(), 1, long(1024), "the credential id"),
            (known(), 3, long(65), "the user handle"),
            (known(), 6, vec![0x41, 1], "the private key"),
            (known(), 6, [&[0x58, 32][..], &[0; 32]].concat(), "the private key"),
            (external(), 7, long(4097), "the key handle"),
            (external(), 8, [&[0x58, 65][..], &[4; 65]].concat(), "the public key"),
            (known(), 9, vec![0x1b, 0, 0, 0, 1, 0, 0, 0, 0], "the counter"),
            (known(), 10, vec![3], "the backup state"),
            (known(), 11, vec![0x41, 1], "the PRF secret"),
        ] {
            let mut changed = members(&passkey);
            changed.iter_mut().find(|(at, _)| *at == key).unwrap().1 = value;
            assert_eq!(refusal(&map(&changed)), Invalid(name).into());
        }
    }

    #[test]
    fn a_key_is_here_or_in_a_key_store_and_not_both() {
        let (here, there) = (members(&known()), members(&external()));
        let mut both = here.clone();
        both.extend(there.iter().filter(|(key, _)| [7, 8].contains(key)).cloned());
        both.sort();
        assert_eq!(refusal(&map(&both)), cbor::CborError::Invalid("the private key").into());
        let half: Vec<_> = there.into_iter().filter(|(key, _)| *key != 8).collect();
        assert_eq!(refusal(&map(&half)), cbor::CborError::Invalid("the private key").into());
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            id in prop::collection::vec(any::<u8>(), 0..=1023),
            rp_id in "\\PC{0,64}",
            user in prop::collection::vec(any::<u8>(), 0..=64),
            (name, display_name) in (prop::option::of("\\PC{0,64}"), prop::option::of("\\PC{0,64}")),
            scalar in 1_u8..,
            handle in prop::option::of(prop::collection::vec(any::<u8>(), 0..=64)),
            counter: Option<u32>,
            backup in prop::sample::select(
                vec![Backup::DeviceBound, Backup::Eligible, Backup::BackedUp],
            ),
            prf: Option<[u8; 32]>,
        ) {
            let mut account = User::from_handle(UserHandle::new(user).unwrap());
            (account.name, account.display_name) = (name, display_name);
            let key = SecretKey::from_scalar(&[scalar.min(0xfe); 32]).unwrap();
            let public_key = *key.public_key();
            let mut passkey = Passkey::new(CredentialId::new(id).unwrap(), rp_id, account, key);
            if let Some(handle) = handle {
                let handle = KeyHandle::new(handle).unwrap();
                passkey.key = ExternalKey { handle, public_key }.into();
            }
            (passkey.counter, passkey.backup) = (counter, backup);
            passkey.prf_secret = prf.map(PrfSecret::new);
            let bytes = written(&passkey);
            let read = Passkey::from_bytes(&bytes).unwrap();
            prop_assert_eq!(content(&read), content(&passkey));
            prop_assert_eq!(written(&read), bytes);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at: prop::sample::Index) {
            let _refused = Passkey::from_bytes(&bytes);
            let mut changed = written(&known());
            let at = at.index(changed.len());
            changed[at] ^= bytes.first().copied().unwrap_or(1);
            let _read_or_refused = Passkey::from_bytes(&changed);
        }
    }
}
