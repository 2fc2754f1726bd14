//! One registration of an account at a time.
//!
//! Two sessions that register one account at once would both look into the store
//! before either has saved: neither prompt would say that a passkey is replaced,
//! and one of the two passkeys would be lost. So a session claims the account
//! before it looks, and holds the claim until its request is answered.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use fido_hybrid_proto::ctap::UserHandle;

/// RP ID and user handle.
pub(super) type Account = (String, UserHandle);

/// The accounts for which passkeys are being registered.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    claimed: Mutex<HashSet<Account>>,
    released: Notify,
}

/// No other session has the account as long as this lives.
#[derive(Debug)]
pub(super) struct Claim {
    accounts: Arc<Accounts>,
    account: Account,
}

impl Accounts {
    /// Waits until no other session has the account. `waits` is called once if
    /// another has it.
    ///
    /// # Cancel safety
    /// Dropping the future claims nothing.
    pub(super) async fn claim(self: Arc<Self>, account: Account, waits: impl FnOnce()) -> Claim {
        let mut waits = Some(waits);
        loop {
            let mut released = pin!(self.released.notified());
            // Before the look, so that no release is missed.
            released.as_mut().enable();
            if self.claimed().insert(account.clone()) {
                break;
            }
            if let Some(waits) = waits.take() {
                waits();
            }
            released.await;
        }
        Claim { accounts: self, account }
    }

    fn claimed(&self) -> MutexGuard<'_, HashSet<Account>> {
        // Nothing is left half done by a panic elsewhere.
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.accounts.claimed().remove(&self.account);
        self.accounts.released.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::Future;
    use std::task::{Context, Waker};

    fn account(rp_id: &str, handle: u8) -> Account {
        (rp_id.to_owned(), UserHandle::new([handle]).unwrap())
    }

    #[tokio::test]
    async fn a_second_claim_waits_for_the_first_and_others_do_not() {
        let accounts = Arc::new(Accounts::default());
        let told = Cell::new(0);
        let waits = || told.set(told.get() + 1);
        let claim = |account| Arc::clone(&accounts).claim(account, waits);
        let first = claim(account("a.example", 1)).await;
        claim(account("a.example", 2)).await;
        claim(account("b.example", 1)).await;

        assert_eq!(told.get(), 0);
        let mut context = Context::from_waker(Waker::noop());
        let mut second = Box::pin(claim(account("a.example", 1)));
        let mut third = Box::pin(claim(account("a.example", 1)));
        assert!(second.as_mut().poll(&mut context).is_pending());
        assert!(third.as_mut().poll(&mut context).is_pending());
        assert!(third.as_mut().poll(&mut context).is_pending());
        assert_eq!(told.get(), 2, "each once");
        drop(first);
        // One that gives up leaves the account to the next.
        drop(second);
        let third = third.await;
        let mut fourth = Box::pin(claim(account("a.example", 1)));
        assert!(fourth.as_mut().poll(&mut context).is_pending());
        drop(third);
        fourth.await;
        assert!(accounts.claimed().is_empty());
    }
}
