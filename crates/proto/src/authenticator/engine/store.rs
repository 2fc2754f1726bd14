//! The passkey store, as the authenticator needs it.
//!
//! A store finds the passkeys of a relying party and saves new ones. Its answers are
//! not trusted: they are filtered by RP ID and list again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::passkey::Passkey;
use crate::ctap::CredentialId;
use crate::error::StoreError;
use crate::ports::BoxFuture;

/// Keeps passkeys.
///
/// [`Passkey::to_bytes`] and [`Passkey::from_bytes`] are a form for stores that keep
/// bytes. Private keys and PRF secrets pass through it: a real one encrypts them, and
/// wipes what it decrypts ([`SecretKey`](crate::crypto::SecretKey) and
/// [`PrfSecret`](crate::secret::PrfSecret) wipe themselves).
///
/// The futures are polled in the task of the session. One may block for as long as a local
/// database takes; a slower store awaits.
///
/// # Cancel safety
/// The futures may be dropped at any time, such as when the other device
/// disconnects. A write must then have happened whole or not at all.
pub trait PasskeyStore: Send + Sync {
    /// The passkeys of `rp_id`, compared byte by byte, the latest first; with `ids`,
    /// only those among them. A passkey of another RP ID is not an answer, even if
    /// `ids` names it. [`Passkey::matches`] is this filter. The latest is the one that was
    /// saved last, not the one that was used last.
    ///
    /// A store that cannot read one of several passkeys leaves that one out if a later
    /// version of this crate wrote it
    /// ([`PasskeyError::Version`](super::PasskeyError::Version)), so that the others
    /// still sign in; if its bytes are damaged, it fails.
    ///
    /// # Errors
    /// A [`StoreError`].
    fn candidates<'a>(
        &'a self,
        rp_id: &'a str,
        ids: Option<&'a [CredentialId]>,
    ) -> BoxFuture<'a, Result<Vec<Passkey>, StoreError>>;

    /// Keeps a new passkey. It takes the place of any with the same RP ID *and*
    /// user handle ([CTAP 2.2 §6.1.2]: an account has one). It must last:
    /// the RP learns of the passkey as soon as this returns.
    ///
    /// # Errors
    /// [`StoreError::Full`] if there is no room; any other [`StoreError`].
    fn insert(&self, passkey: Passkey) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Counts a use of a passkey of `rp_id`: raises its counter by
    /// one, keeps it, and gives it for the signature to come. Here and not by
    /// the caller, so that two sign-ins at once never carry the same value,
    /// which an RP takes for a copied passkey. At its end a counter stays:
    /// going back to 0 would look like a copy too. A passkey that does not
    /// count gives 0, and does not begin to.
    ///
    /// # Errors
    /// A [`StoreError`], also for a passkey that is not there (any more):
    /// [`StoreError::failed`]. Then there is no signature.
    fn count_use<'a>(
        &'a self,
        rp_id: &'a str,
        id: &'a CredentialId,
    ) -> BoxFuture<'a, Result<u32, StoreError>>;
}

/// Passkeys in memory, for demos and tests: dropped with the last clone.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    passkeys: Arc<Mutex<Vec<Passkey>>>,
}

impl MemoryStore {
    /// A store without passkeys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All passkeys, the latest last.
    #[must_use]
    pub fn passkeys(&self) -> Vec<Passkey> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Passkey>> {
        // Nothing is left half done by a panic elsewhere.
        self.passkeys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PasskeyStore for MemoryStore {
    fn candidates<'a>(
        &'a self,
        rp_id: &'a str,
        ids: Option<&'a [CredentialId]>,
    ) -> BoxFuture<'a, Result<Vec<Passkey>, StoreError>> {
        Box::pin(async move {
            let passkeys = self.lock();
            let found = passkeys.iter().rev().filter(|passkey| passkey.matches(rp_id, ids));
            Ok(found.cloned().collect())
        })
    }

    fn insert(&self, passkey: Passkey) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let mut passkeys = self.lock();
            passkeys
                .retain(|kept| (&kept.rp_id, &kept.user.id) != (&passkey.rp_id, &passkey.user.id));
            passkeys.push(passkey);
            Ok(())
        })
    }

    fn count_use<'a>(
        &'a self,
        rp_id: &'a str,
        id: &'a CredentialId,
    ) -> BoxFuture<'a, Result<u32, StoreError>> {
        Box::pin(async move {
            let mut passkeys = self.lock();
            let passkey =
                passkeys.iter_mut().find(|passkey| passkey.rp_id == rp_id && passkey.id == *id);
            passkey
                .map(Passkey::count_use)
                .ok_or_else(|| StoreError::failed("there is no such passkey"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::passkey::Backup;
    use super::*;
    use crate::crypto::SecretKey;
    use crate::ctap::{User, UserHandle};

    fn id(byte: u8) -> CredentialId {
        CredentialId::new([byte; 16]).unwrap()
    }

    fn passkey(byte: u8, rp_id: &str, handle: u8) -> Passkey {
        let user = User::new(UserHandle::new([handle]).unwrap(), "", "");
        Passkey::new(id(byte), rp_id, user, SecretKey::from_scalar(&[byte; 32]).unwrap())
    }

    async fn found(store: &MemoryStore, rp_id: &str, ids: Option<&[CredentialId]>) -> Vec<u8> {
        let found = store.candidates(rp_id, ids).await.unwrap();
        found.iter().map(|passkey| passkey.id.as_bytes()[0]).collect()
    }

    #[tokio::test]
    async fn candidates_are_of_the_rp_and_on_the_list_the_latest_first() {
        let store = MemoryStore::new();
        for passkey in [passkey(1, "a", 1), passkey(2, "b", 1), passkey(3, "a", 2)] {
            store.insert(passkey).await.unwrap();
        }
        assert_eq!(found(&store, "a", None).await, [3, 1]);
        assert_eq!(found(&store, "a", Some(&[id(1), id(2)])).await, [1]);
        assert!(found(&store, "a", Some(&[])).await.is_empty());
        assert!(found(&store, "c", None).await.is_empty());
    }

    #[tokio::test]
    async fn an_account_has_one_passkey() {
        let store = MemoryStore::new();
        for passkey in [passkey(1, "a", 1), passkey(2, "a", 1), passkey(3, "b", 1)] {
            store.insert(passkey).await.unwrap();
        }
        assert_eq!(found(&store, "a", None).await, [2]);
        assert_eq!(found(&store, "b", None).await, [3]);
    }

    #[tokio::test]
    async fn each_use_is_counted_once_and_for_a_passkey_of_the_rp() {
        let store = MemoryStore::new();
        store.insert(passkey(1, "a", 1)).await.unwrap();
        assert_eq!(store.count_use("a", &id(1)).await.unwrap(), 1);
        assert_eq!(store.count_use("a", &id(1)).await.unwrap(), 2);
        assert!(store.count_use("b", &id(1)).await.is_err());
        assert_eq!(store.passkeys()[0].counter, Some(2));
        let mut last = passkey(3, "d", 1);
        last.counter = Some(u32::MAX);
        store.insert(last).await.unwrap();
        assert_eq!(store.count_use("d", &id(3)).await.unwrap(), u32::MAX);
        store.insert(passkey(2, "c", 1).with_backup(Backup::BackedUp)).await.unwrap();
        assert_eq!(store.count_use("c", &id(2)).await.unwrap(), 0);
        assert_eq!(store.passkeys()[2].counter, None);
    }
}
