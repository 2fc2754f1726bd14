//! The phone's store: one file, whole or not at all.

#[allow(dead_code, reason = "the program uses the rest")]
#[path = "../../examples/phone/pin.rs"]
mod pin;
#[allow(dead_code, reason = "the program uses the rest")]
#[path = "../../examples/phone/store.rs"]
mod store;

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fido_hybrid::authenticator::{Backup, ExternalKey, KeyHandle, Passkey, PasskeyStore};
use fido_hybrid::cbor::decode;
use fido_hybrid::crypto::SecretKey;
use fido_hybrid::ctap::{CredentialId, User, UserHandle};
use fido_hybrid::error::StoreError;
use fido_hybrid::secret::PrfSecret;

use crate::programs::{Ended, Program, Running, Scratch};
use pin::Pin;
use store::{FileStore, OpenError};

/// For what must happen soon.
const PATIENCE: Duration = Duration::from_secs(20);

fn passkey(number: u8) -> Passkey {
    let user = User::new(UserHandle::new([number]).unwrap(), "ada", "Ada");
    let key = SecretKey::from_scalar(&[number.max(1); 32]).unwrap();
    Passkey::new(CredentialId::new([number; 16]).unwrap(), "example.com", user, key)
}

fn open(file: &str) -> FileStore {
    try_open(file).unwrap()
}

/// A program that another test starts has the lock of a store that is open here,
/// too, for the moment before it becomes that program.
fn try_open(file: &str) -> Result<FileStore, OpenError> {
    let until = Instant::now() + PATIENCE;
    loop {
        match FileStore::open(file.into()) {
            Err(OpenError::InUse(_)) if Instant::now() < until => std::thread::yield_now(),
            opened => return opened,
        }
    }
}

fn phone(store: &str) -> Running {
    Program::new("phone").arguments(["--store", store]).start()
}

/// The program is asked for nothing but its store.
fn refused(store: &str) -> Ended {
    let mut phone = phone(store);
    phone.end_input();
    let ended = phone.finish();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains(store), "the file is named: {}", ended.stderr);
    ended
}

/// The same of a store that no other program uses: see [`try_open`].
fn refused_for_what_it_is(store: &str) -> Ended {
    let until = Instant::now() + PATIENCE;
    loop {
        let ended = refused(store);
        if !ended.stderr.contains("another program uses") || Instant::now() > until {
            return ended;
        }
    }
}

#[tokio::test]
async fn what_is_kept_is_there_when_the_store_is_opened_again() {
    let scratch = Scratch::new();
    let file = scratch.file("new folder/store");
    let store = open(&file);
    store.set_pin(Pin { salt: [1; 16], hash: [2; 32] }).unwrap();
    store.insert(passkey(1)).await.unwrap();
    let prf_secret = PrfSecret::new([22; 32]);
    let backed_up = passkey(2).with_backup(Backup::BackedUp).with_prf_secret(prf_secret);
    store.insert(backed_up).await.unwrap();
    let mut nameless = passkey(3);
    nameless.user = User::from_handle(UserHandle::new([3]).unwrap());
    store.insert(nameless).await.unwrap();
    assert_eq!(store.count_use("example.com", &passkey(1).id).await.unwrap(), 1);
    drop(store);

    let store = open(&file);
    assert_eq!(store.pin().unwrap().hash, [2; 32]);
    assert_eq!(store.pin().unwrap().salt, [1; 16]);
    let found = store.candidates("example.com", None).await.unwrap();
    let told = found.iter().map(|passkey| {
        let Passkey { id, user, counter, backup, key, prf_secret, .. } = passkey;
        let key = key.software().unwrap();
        let keys = (key.expose()[0], prf_secret.as_ref().map(|secret| secret.expose()[0]));
        (id.as_bytes()[0], user.name.clone(), *counter, *backup, keys)
    });
    let ada = || Some("ada".to_owned());
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (3, None, Some(0), Backup::DeviceBound, (3, None)),
            (2, ada(), None, Backup::BackedUp, (2, Some(22))),
            (1, ada(), Some(1), Backup::DeviceBound, (1, None)),
        ]
    );
    assert_eq!(found[1].user.display_name.as_deref(), Some("Ada"));
    assert!(store.candidates("example.org", None).await.unwrap().is_empty());
    assert!(store.count_use("example.org", &passkey(1).id).await.is_err());
    drop(store);
    assert_eq!(open(&file).candidates("example.com", None).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_passkey_whose_key_is_elsewhere_is_refused_and_not_kept_without_its_key() {
    let scratch = Scratch::new();
    let store = open(&scratch.file("store"));
    let mut external = passkey(1);
    let handle = KeyHandle::new([1]).unwrap();
    external.key = ExternalKey { handle, public_key: *external.key.public_key() }.into();
    assert!(matches!(store.insert(external).await, Err(StoreError::Failed(_))));
    assert!(store.candidates("example.com", None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_file_from_before_the_prf_is_read_and_then_written_as_one_of_today() {
    let scratch = Scratch::new();
    // {0: 1, 2: [{0: id, 1: "example.com", 2: handle, 3: "ada", 4: "Ada", 5: key, 6: 7, 7: 0}]}
    let (one, key) = ([1; 16], [1; 32]);
    let old = [
        &b"\xa2\x00\x01\x02\x81\xa8\x00\x50"[..],
        &one,
        b"\x01\x6bexample.com\x02\x41\x01\x03\x63ada\x04\x63Ada\x05\x58\x20",
        &key,
        b"\x06\x07\x07\x00",
    ];
    let file = scratch.write("old", old.concat());
    let store = open(&file);
    let [found] = store.candidates("example.com", None).await.unwrap().try_into().unwrap();
    assert_eq!((found.id, found.user), (passkey(1).id, passkey(1).user));
    assert_eq!(found.key.public_key(), passkey(1).key.public_key());
    assert_eq!((found.counter, found.prf_secret), (Some(7), None));
    assert_eq!(fs::read(&file).unwrap(), old.concat(), "reading changes nothing");

    let with_prf = passkey(2).with_prf_secret(PrfSecret::new([22; 32]));
    store.insert(with_prf).await.unwrap();
    drop(store);
    assert_eq!(fs::read(&file).unwrap()[2], 2);
    let found = open(&file).candidates("example.com", None).await.unwrap();
    let secrets: Vec<_> = found.iter().map(|passkey| passkey.prf_secret.is_some()).collect();
    assert_eq!(secrets, [true, false]);
}

#[tokio::test]
async fn a_reader_of_the_file_meanwhile_sees_it_whole() {
    let scratch = Scratch::new();
    let file = scratch.file("store");
    let store = open(&file);
    store.insert(passkey(0)).await.unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(Ordering::SeqCst) {
                decode::<store::Content>(&fs::read(&file).unwrap()).unwrap();
                reads += 1;
            }
            reads
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        scope.spawn(|| {
            runtime.unwrap().block_on(async {
                for number in 1..=100 {
                    store.insert(passkey(number)).await.unwrap();
                }
            });
            done.store(true, Ordering::SeqCst);
        });
        assert!(reader.join().unwrap() > 1);
    });
}

#[cfg(unix)]
#[tokio::test]
async fn no_other_user_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = Scratch::new();
    let file = scratch.file("folder/store");
    let store = open(&file);
    store.insert(passkey(1)).await.unwrap();
    let mode = |path: &str| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&scratch.file("folder")), 0o700);
}

#[tokio::test]
async fn what_a_killed_write_left_does_not_block_the_next() {
    let scratch = Scratch::new();
    let file = scratch.file("store");
    open(&file).insert(passkey(1)).await.unwrap();
    fs::write(format!("{file}.new"), "half of").unwrap();
    let store = open(&file);
    assert_eq!(store.candidates("example.com", None).await.unwrap().len(), 1);
    store.insert(passkey(2)).await.unwrap();
    assert!(!fs::exists(format!("{file}.new")).unwrap());
    drop(store);
    assert_eq!(open(&file).candidates("example.com", None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_written_is_not_kept_in_memory_either() {
    let scratch = Scratch::new();
    let file = scratch.file("store");
    let store = open(&file);
    store.insert(passkey(1)).await.unwrap();
    // A folder with something in it cannot be replaced or removed as a file.
    fs::create_dir_all(format!("{file}.new/full")).unwrap();
    assert!(matches!(store.insert(passkey(2)).await, Err(StoreError::Failed(_))));
    let use_of = store.count_use("example.com", &passkey(1).id).await;
    assert!(matches!(use_of, Err(StoreError::Failed(_))));
    let kept = store.candidates("example.com", None).await.unwrap();
    assert_eq!(kept.iter().map(|passkey| passkey.counter).collect::<Vec<_>>(), [Some(0)]);
}

#[tokio::test]
async fn a_store_that_would_get_too_long_is_full() {
    let scratch = Scratch::new();
    let store = open(&scratch.file("store"));
    let mut large = passkey(1);
    large.rp_id = "a".repeat(store::MAX_FILE);
    assert!(matches!(store.insert(large).await, Err(StoreError::Full)));
    store.insert(passkey(1)).await.unwrap();
}

#[test]
fn a_damaged_store_is_refused_and_left_as_it_was() {
    let scratch = Scratch::new();
    let store = open(&scratch.file("whole"));
    store.set_pin(Pin { salt: [1; 16], hash: [2; 32] }).unwrap();
    let whole = fs::read(scratch.file("whole")).unwrap();
    let half = &whole[..whole.len() / 2];
    let mut of_the_future = whole.clone();
    // {0: 2, …}: the version is the third byte.
    assert_eq!(of_the_future[..3], [0xa3, 0, 2]);
    of_the_future[2] = 3;
    let longer = [&whole[..], &[0]].concat();
    for damaged in [&b""[..], b"hello", half, &of_the_future, &longer] {
        let file = scratch.write("damaged", damaged);
        let opened = try_open(&file).err();
        assert!(matches!(opened, Some(OpenError::Damaged { .. })), "{opened:?}");
        let ended = refused_for_what_it_is(&file);
        assert!(ended.stderr.contains("is damaged, or of another program"), "{}", ended.stderr);
        assert_eq!(fs::read(&file).unwrap(), damaged);
    }
}

#[test]
fn a_store_of_any_length_is_read_no_further_than_its_bound() {
    let scratch = Scratch::new();
    let file = scratch.file("long");
    // 1 TiB, of which the disk has nothing.
    fs::File::create(&file).unwrap().set_len(1 << 40).unwrap();
    let ended = refused(&file);
    assert!(ended.stderr.contains("is longer than"), "{}", ended.stderr);
    assert_eq!(fs::metadata(&file).unwrap().len(), 1 << 40);
}

#[test]
fn a_store_is_one_programs_at_a_time() {
    let scratch = Scratch::new();
    let file = scratch.file("store");
    let mut first = phone(&file);
    first.wait_for("New PIN:");
    let ended = refused(&file);
    assert!(ended.stderr.contains("another program uses"), "{}", ended.stderr);
}

#[test]
fn a_killed_program_leaves_a_store_that_opens_with_what_was_kept() {
    let scratch = Scratch::new();
    let file = scratch.file("store");
    let mut first = phone(&file);
    first.wait_for("not encrypted");
    first.wait_for("New PIN:");
    first.type_line("123");
    first.wait_for("at least 4 characters");
    first.wait_for("New PIN:");
    first.type_line("1234");
    first.wait_for("Repeat the PIN:");
    first.type_line("12345");
    first.wait_for("The PINs differ.");
    first.wait_for("New PIN:");
    first.type_line("1234");
    first.wait_for("Repeat the PIN:");
    first.type_line("1234");
    first.wait_for("The text of the QR code");
    first.kill();

    let mut second = phone(&file);
    second.wait_for("The text of the QR code");
    assert!(!second.said.contains("PIN"), "{}", second.said);
    second.type_line("hello");
    let ended = second.finish();
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(open(&file).pin().unwrap().is("1234"));
    assert!(!open(&file).pin().unwrap().is("1235"));
}
