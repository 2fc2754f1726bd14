//! A password manager: passkeys in SQLite, in the library's own form. A real one encrypts
//! them, and answers codes: `fido_hybrid::authenticator`.

use std::sync::{Mutex, PoisonError};

use fido_hybrid::authenticator::{Passkey, PasskeyStore};
use fido_hybrid::{BoxFuture, ctap::CredentialId, error::StoreError, secret::SecretBytes};
use rusqlite::{Connection, params};

#[cfg(test)]
mod tests;

type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
type Done<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

struct Vault(Mutex<Connection>);

impl Vault {
    fn open(file: &str) -> rusqlite::Result<Self> {
        let columns = "rp_id TEXT, user BLOB, id BLOB, passkey BLOB, PRIMARY KEY (rp_id, user)";
        let database = Connection::open(file)?;
        database.execute(&format!("CREATE TABLE IF NOT EXISTS passkeys ({columns})"), [])?;
        Ok(Self(Mutex::new(database)))
    }

    fn run<'a, T: Send + 'a>(&self, work: impl FnOnce(&Connection) -> Fallible<T>) -> Done<'a, T> {
        let done = work(&self.0.lock().unwrap_or_else(PoisonError::into_inner));
        Box::pin(std::future::ready(done.map_err(StoreError::failed)))
    }
}

fn find(db: &Connection, rp_id: &str) -> Fallible<Vec<Passkey>> {
    let mut sql = db.prepare("SELECT passkey FROM passkeys WHERE rp_id = ? ORDER BY rowid DESC")?;
    let rows = sql.query_map([rp_id], |row| row.get::<_, Vec<u8>>(0))?;
    rows.map(|row| Ok(Passkey::from_bytes(SecretBytes::new(row?).expose())?)).collect()
}

impl PasskeyStore for Vault {
    fn candidates<'a>(
        &'a self,
        rp_id: &'a str,
        ids: Option<&'a [CredentialId]>,
    ) -> Done<'a, Vec<Passkey>> {
        self.run(|it| {
            Ok(find(it, rp_id)?.into_iter().filter(|it| it.matches(rp_id, ids)).collect())
        })
    }

    fn insert(&self, new: Passkey) -> Done<'_, ()> {
        self.run(|it| {
            let (user, id, bytes) = (new.user.id.as_bytes(), new.id.as_bytes(), new.to_bytes()?);
            let row = params![new.rp_id, user, id, bytes.expose()];
            it.execute("REPLACE INTO passkeys VALUES (?, ?, ?, ?)", row)?;
            Ok(())
        })
    }

    fn count_use<'a>(&'a self, rp_id: &'a str, id: &'a CredentialId) -> Done<'a, u32> {
        self.run(|it| {
            let transaction = it.unchecked_transaction()?;
            let passkey = find(it, rp_id)?.into_iter().find(|it| it.id == *id);
            let mut passkey = passkey.ok_or("there is no such passkey")?;
            let (counter, bytes) = (passkey.count_use(), passkey.to_bytes()?);
            let row = params![bytes.expose(), rp_id, id.as_bytes()];
            it.execute("UPDATE passkeys SET passkey = ? WHERE rp_id = ? AND id = ?", row)?;
            transaction.commit()?;
            Ok(counter)
        })
    }
}

fn main() -> rusqlite::Result<()> {
    Vault::open("passkeys.db").map(drop)
}
