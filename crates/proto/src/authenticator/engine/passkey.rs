//! A passkey: what an authenticator keeps of a credential ([WebAuthn L3 §4],
//! "public key credential source").

use std::fmt;

use super::key::PrivateKey;
use crate::ctap::{CredentialId, Flags, User};
use crate::secret::PrfSecret;

/// A passkey with its secrets. `Debug` shows nothing of it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Passkey {
    /// Names it among all credentials.
    pub id: CredentialId,
    /// The RP ID that it is for; it signs for no other.
    pub rp_id: String,
    /// The account it is for, with names for people.
    pub user: User,
    /// Its private key, or the handle of one.
    pub key: PrivateKey,
    /// The key of its PRF. `None`: it has no PRF. Relying parties encrypt data
    /// under the outputs, which are lost with the secret: a store keeps it,
    /// encrypted and unchanged, as long as the key.
    pub prf_secret: Option<PrfSecret>,
    /// How often it has signed in, or `None` if that is not counted: devices
    /// that share a passkey cannot count together.
    pub counter: Option<u32>,
    /// Whether it can leave the device.
    pub backup: Backup,
}

impl Passkey {
    /// A passkey that stays on its device, has not signed in yet, and has no
    /// PRF.
    #[must_use]
    pub fn new(
        id: CredentialId,
        rp_id: impl Into<String>,
        user: User,
        key: impl Into<PrivateKey>,
    ) -> Self {
        let backup = Backup::DeviceBound;
        let (rp_id, key, counter) = (rp_id.into(), key.into(), backup.first_count());
        Self { id, rp_id, user, key, prf_secret: None, counter, backup }
    }

    /// The same with a PRF under this secret, which serves nothing else.
    #[must_use]
    pub fn with_prf_secret(mut self, secret: PrfSecret) -> Self {
        self.prf_secret = Some(secret);
        self
    }

    /// The same with another [`Backup`], counting only if it is bound to its
    /// device.
    #[must_use]
    pub fn with_backup(mut self, backup: Backup) -> Self {
        self.backup = backup;
        self.counter = backup.first_count();
        self
    }

    /// Whether this is a passkey of the relying party `rp_id`, compared byte by byte,
    /// and among `ids`; `None`: any of the relying party.
    ///
    /// It is what [`PasskeyStore::candidates`](super::PasskeyStore::candidates) must
    /// filter by, and what the authenticator filters by again.
    #[must_use]
    pub fn matches(&self, rp_id: &str, ids: Option<&[CredentialId]>) -> bool {
        self.rp_id == rp_id && ids.is_none_or(|ids| ids.contains(&self.id))
    }

    /// Counts a use and gives the counter, for stores that keep whole
    /// passkeys. At its end it stays; what does not count gives 0.
    pub fn count_use(&mut self) -> u32 {
        self.counter = self.counter.map(|counter| counter.saturating_add(1));
        self.counter.unwrap_or_default()
    }
}

impl fmt::Debug for Passkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passkey(..)")
    }
}

/// Whether a passkey can be, and is, on more than one device [WebAuthn L3 §6.1.3].
/// Relying parties take the first answer as final: a passkey that once was
/// [`DeviceBound`](Self::DeviceBound) must stay so, and the others must not
/// become so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backup {
    /// It never leaves its device: neither BE nor BS.
    #[default]
    DeviceBound,
    /// It may be backed up or synchronised and is not yet: BE.
    Eligible,
    /// It is backed up or synchronised: BE and BS.
    BackedUp,
}

impl Backup {
    /// BE and BS, as authenticator data has them.
    #[must_use]
    pub fn flags(self) -> Flags {
        match self {
            Self::DeviceBound => Flags::default(),
            Self::Eligible => Flags::BACKUP_ELIGIBLE,
            Self::BackedUp => Flags::BACKUP_ELIGIBLE | Flags::BACKED_UP,
        }
    }

    const fn first_count(self) -> Option<u32> {
        match self {
            Self::DeviceBound => Some(0),
            Self::Eligible | Self::BackedUp => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SecretKey;
    use crate::ctap::UserHandle;

    #[test]
    fn debug_shows_nothing() {
        let user = User::new(UserHandle::new([0xab; 8]).unwrap(), "ada@example", "Ada");
        let key = SecretKey::from_scalar(&[0x11; 32]).unwrap();
        let id = CredentialId::new([0xab; 16]).unwrap();
        let passkey =
            Passkey::new(id, "example.com", user, key).with_prf_secret(PrfSecret::new([0xab; 32]));
        assert_eq!(format!("{passkey:?}"), "Passkey(..)");
    }

    #[test]
    fn a_passkey_matches_its_relying_party_and_its_id_only() {
        let id = |byte| CredentialId::new([byte; 16]).unwrap();
        let user = User::from_handle(UserHandle::new([1]).unwrap());
        let key = SecretKey::from_scalar(&[1; 32]).unwrap();
        let passkey = Passkey::new(id(1), "example.com", user, key);
        assert!(passkey.matches("example.com", None));
        assert!(passkey.matches("example.com", Some(&[id(2), id(1)])));
        assert!(!passkey.matches("example.com", Some(&[id(2)])));
        assert!(!passkey.matches("example.com", Some(&[])));
        assert!(!passkey.matches("example.net", None));
        assert!(!passkey.matches("example.net", Some(&[id(1)])), "whatever the ids say");
        assert!(!passkey.matches("Example.com", None));
    }

    #[test]
    fn backed_up_implies_eligible() {
        assert_eq!(Backup::DeviceBound.flags().0, 0);
        assert_eq!(Backup::Eligible.flags().0, 0x08);
        assert_eq!(Backup::BackedUp.flags().0, 0x18);
    }
}
