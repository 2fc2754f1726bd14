//! Passkeys in a file.
//!
//! ```text
//! {0: 2,                                    version
//!  1: {0: salt, 1: hash},                   the PIN, if there is one
//!  2: [{0: id, 1: RP ID, 2: user handle,    passkeys, the latest last
//!       3: name, 4: display name, 5: private key, 6: counter, 7: backup,
//!       8: PRF secret}, …]}
//! ```
//!
//! Version 1 had no PRF secrets. It is read, and written as 2 with the first
//! change: a program that does not know the secrets must not lose them.
//!
//! Canonical CBOR. The file is written whole or not at all: a new one beside it
//! takes its place once it is on the disk. What cannot be read is refused and
//! left as it is: it may be the user's only copy.
//!
//! Keys and secrets are in the clear. A real phone has them in a chip, or encrypts them
//! with a key that the system keeps.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{Backup, Passkey, PasskeyStore};
use fido_hybrid::cbor::{self, Decode, MapKey, Reader, Writer, decode};
use fido_hybrid::crypto::SecretKey;
use fido_hybrid::ctap::{CredentialId, User, UserHandle};
use fido_hybrid::error::StoreError;
use fido_hybrid::secret::PrfSecret;
use zeroize::Zeroizing;

use super::pin::Pin;

/// The longest file read or written, in bytes: some thousand passkeys.
pub(crate) const MAX_FILE: usize = 1 << 20;

/// What this program writes, and reads.
const VERSION: u64 = 2;

/// What it reads as well: passkeys without a PRF.
const VERSION_WITHOUT_PRF: u64 = 1;

/// Why there is no store. `Display` is for people, and names the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("cannot use {}: {why}", .file.display())]
    Io { file: PathBuf, why: io::Error },
    #[error("another program uses {}", .0.display())]
    InUse(PathBuf),
    #[error("{} is damaged, or of another program: {why}. It was not changed.", .file.display())]
    Damaged { file: PathBuf, why: cbor::CborError },
    #[error("{} is longer than {MAX_FILE} bytes. It was not changed.", .0.display())]
    TooLong(PathBuf),
}

/// This store keeps no handles: the example has no key store.
#[derive(Debug, thiserror::Error)]
#[error("the passkey's key is in a key store")]
struct ExternalKey;

/// The passkeys of one file, which no other program uses meanwhile.
#[derive(Clone)]
pub(crate) struct FileStore {
    file: Arc<PathBuf>,
    content: Arc<Mutex<Content>>,
    /// Ends with the program, however that ends.
    _lock: Arc<File>,
}

#[derive(Clone, Default)]
pub(crate) struct Content {
    pin: Option<Pin>,
    passkeys: Vec<Passkey>,
}

impl FileStore {
    /// Opens it; a file that is not there is an empty store.
    pub(crate) fn open(file: PathBuf) -> Result<Self, OpenError> {
        let io = |why| OpenError::Io { file: file.clone(), why };
        create_folder(folder(&file)).map_err(io)?;
        // Not the file itself: that one is replaced with every write.
        let mut options = OpenOptions::new();
        let options = private(options.write(true).create(true).truncate(false));
        let lock = options.open(beside(&file, ".lock")).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(OpenError::InUse(file)),
            Err(fs::TryLockError::Error(why)) => return Err(io(why)),
        }
        let content = match File::open(&file) {
            Ok(opened) => {
                let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE + 1));
                opened.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
                if bytes.len() > MAX_FILE {
                    return Err(OpenError::TooLong(file));
                }
                decode(&bytes).map_err(|why| OpenError::Damaged { file: file.clone(), why })?
            }
            Err(why) if why.kind() == io::ErrorKind::NotFound => Content::default(),
            Err(why) => return Err(io(why)),
        };
        let content = Arc::new(Mutex::new(content));
        Ok(Self { file: Arc::new(file), content, _lock: Arc::new(lock) })
    }

    pub(crate) fn pin(&self) -> Option<Pin> {
        self.lock().pin.clone()
    }

    pub(crate) fn set_pin(&self, pin: Pin) -> Result<(), StoreError> {
        self.change(|content| {
            content.pin = Some(pin);
            Ok(())
        })
    }

    /// Makes a change, which counts only once it is on the disk.
    fn change<T>(
        &self,
        make: impl FnOnce(&mut Content) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut content = self.lock();
        let mut changed = content.clone();
        let made = make(&mut changed)?;
        let bytes = Zeroizing::new(cbor::encode(&changed));
        if bytes.len() > MAX_FILE {
            return Err(StoreError::Full);
        }
        replace(&self.file, &bytes).map_err(StoreError::failed)?;
        *content = changed;
        Ok(made)
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        // A change is made on a copy: nothing is left half done.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each future is done with its first poll, so none is dropped half way.
impl PasskeyStore for FileStore {
    fn candidates<'a>(
        &'a self,
        rp_id: &'a str,
        ids: Option<&'a [CredentialId]>,
    ) -> BoxFuture<'a, Result<Vec<Passkey>, StoreError>> {
        Box::pin(async move {
            let content = self.lock();
            let found = content.passkeys.iter().rev();
            Ok(found.filter(|passkey| passkey.matches(rp_id, ids)).cloned().collect())
        })
    }

    fn insert(&self, passkey: Passkey) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            if passkey.key.software().is_none() {
                return Err(StoreError::failed(ExternalKey));
            }
            self.change(|content| {
                content.passkeys.retain(|kept| {
                    (&kept.rp_id, &kept.user.id) != (&passkey.rp_id, &passkey.user.id)
                });
                content.passkeys.push(passkey);
                Ok(())
            })
        })
    }

    fn count_use<'a>(
        &'a self,
        rp_id: &'a str,
        id: &'a CredentialId,
    ) -> BoxFuture<'a, Result<u32, StoreError>> {
        Box::pin(async move {
            self.change(|content| {
                let mut passkeys = content.passkeys.iter_mut();
                let passkey = passkeys.find(|passkey| passkey.rp_id == rp_id && passkey.id == *id);
                let missing = || StoreError::failed("there is no such passkey");
                passkey.map(Passkey::count_use).ok_or_else(missing)
            })
        })
    }
}

/// Where passkeys are kept by default.
pub(crate) fn default_file() -> Option<PathBuf> {
    let of = |name| {
        let folder = PathBuf::from(std::env::var_os(name)?);
        // The XDG specification: a relative path counts as none.
        folder.is_absolute().then_some(folder)
    };
    let data = of("XDG_DATA_HOME")
        .or_else(|| of("LOCALAPPDATA"))
        .or_else(|| Some(of("HOME")?.join(".local/share")))?;
    Some(data.join("fido-hybrid").join("phone.passkeys"))
}

/// Puts `bytes` in the file's place. A reader sees the old file or the new one,
/// also after a power cut.
fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = beside(file, ".new");
    // Left by a program that was killed: with the lock held, no program uses it.
    match fs::remove_file(&new) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
        _ => {}
    }
    let mut written = private(OpenOptions::new().write(true).create_new(true)).open(&new)?;
    written.write_all(bytes)?;
    written.sync_all()?;
    drop(written);
    fs::rename(&new, file)?;
    // The name is on the disk when the folder is. Windows has no such call.
    #[cfg(unix)]
    File::open(folder(file))?.sync_all()?;
    Ok(())
}

/// Its owner's alone from the moment when it is made.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}

fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

impl cbor::Encode for Content {
    fn encode(&self, writer: &mut Writer) {
        writer.map(|map| {
            map.integer(0, |w| w.unsigned(VERSION));
            if let Some(pin) = &self.pin {
                map.integer(1, |w| {
                    w.map(|map| {
                        map.integer(0, |w| w.bytes(&pin.salt));
                        map.integer(1, |w| w.bytes(&pin.hash));
                    });
                });
            }
            map.integer(2, |w| w.array(self.passkeys.iter(), write));
        });
    }
}

fn write(writer: &mut Writer, passkey: &Passkey) {
    writer.map(|map| {
        map.integer(0, |w| w.bytes(passkey.id.as_bytes()));
        map.integer(1, |w| w.text(&passkey.rp_id));
        map.integer(2, |w| w.bytes(passkey.user.id.as_bytes()));
        if let Some(name) = &passkey.user.name {
            map.integer(3, |w| w.text(name));
        }
        if let Some(name) = &passkey.user.display_name {
            map.integer(4, |w| w.text(name));
        }
        if let Some(key) = passkey.key.software() {
            map.integer(5, |w| w.bytes(&*key.expose()));
        }
        if let Some(counter) = passkey.counter {
            map.integer(6, |w| w.unsigned(counter.into()));
        }
        map.integer(7, |w| {
            w.unsigned(match passkey.backup {
                Backup::Eligible => 1,
                Backup::BackedUp => 2,
                _ => 0,
            });
        });
        if let Some(secret) = &passkey.prf_secret {
            map.integer(8, |w| w.bytes(secret.expose()));
        }
    });
}

impl<'a> Decode<'a> for Content {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, cbor::CborError> {
        let mut content = Self::default();
        let (mut version, mut passkeys) = (None, None);
        reader.map(|key, value| {
            match key {
                MapKey::Integer(0) => version = Some(value.unsigned()?),
                MapKey::Integer(1) => content.pin = Some(read_pin(value)?),
                MapKey::Integer(2) => {
                    let mut all = Vec::new();
                    value.array(|value| {
                        all.push(read(value)?);
                        Ok(())
                    })?;
                    passkeys = Some(all);
                }
                _ => return Err(cbor::CborError::Invalid("a member")),
            }
            Ok(())
        })?;
        if !matches!(version, Some(VERSION | VERSION_WITHOUT_PRF)) {
            return Err(cbor::CborError::Invalid("the version"));
        }
        content.passkeys = passkeys.ok_or(cbor::CborError::Missing("the passkeys"))?;
        Ok(content)
    }
}

fn read_pin(reader: &mut Reader<'_>) -> Result<Pin, cbor::CborError> {
    let (mut salt, mut hash) = (None, None);
    reader.map(|key, value| {
        match key {
            MapKey::Integer(0) => salt = Some(value.byte_array("the salt")?),
            MapKey::Integer(1) => hash = Some(value.byte_array("the hash")?),
            _ => return Err(cbor::CborError::Invalid("a member")),
        }
        Ok(())
    })?;
    let salt = salt.ok_or(cbor::CborError::Missing("the salt"))?;
    Ok(Pin { salt, hash: hash.ok_or(cbor::CborError::Missing("the hash"))? })
}

/// A member that is not known is refused: a write would lose it.
fn read(reader: &mut Reader<'_>) -> Result<Passkey, cbor::CborError> {
    let (mut id, mut rp_id, mut handle, mut key_pair) = (None, None, None, None);
    let (mut name, mut display_name, mut counter, mut backup) = (None, None, None, None);
    let mut prf_secret = None;
    reader.map(|key, value| {
        match key {
            MapKey::Integer(0) => id = CredentialId::new(value.bytes()?).ok(),
            MapKey::Integer(1) => rp_id = Some(value.text()?.to_owned()),
            MapKey::Integer(2) => handle = UserHandle::new(value.bytes()?).ok(),
            MapKey::Integer(3) => name = Some(value.text()?.to_owned()),
            MapKey::Integer(4) => display_name = Some(value.text()?.to_owned()),
            MapKey::Integer(5) => {
                let scalar = Zeroizing::new(value.byte_array("the private key")?);
                key_pair = SecretKey::from_scalar(&scalar).ok();
            }
            MapKey::Integer(6) => {
                let count = u32::try_from(value.unsigned()?);
                counter = Some(count.map_err(|_| cbor::CborError::Invalid("the counter"))?);
            }
            MapKey::Integer(7) => {
                backup = Some(match value.unsigned()? {
                    0 => Backup::DeviceBound,
                    1 => Backup::Eligible,
                    2 => Backup::BackedUp,
                    _ => return Err(cbor::CborError::Invalid("the backup state")),
                });
            }
            MapKey::Integer(8) => {
                let secret = Zeroizing::new(value.byte_array("the PRF secret")?);
                prf_secret = Some(PrfSecret::new(*secret));
            }
            _ => return Err(cbor::CborError::Invalid("a member")),
        }
        Ok(())
    })?;
    let mut user = User::from_handle(handle.ok_or(cbor::CborError::Invalid("the user handle"))?);
    (user.name, user.display_name) = (name, display_name);
    let id = id.ok_or(cbor::CborError::Invalid("the id"))?;
    let rp_id = rp_id.ok_or(cbor::CborError::Missing("the RP ID"))?;
    let key_pair = key_pair.ok_or(cbor::CborError::Invalid("the private key"))?;
    let backup = backup.ok_or(cbor::CborError::Missing("the backup state"))?;
    let mut passkey = Passkey::new(id, rp_id, user, key_pair).with_backup(backup);
    (passkey.counter, passkey.prf_secret) = (counter, prf_secret);
    Ok(passkey)
}
