//! Every seed of the fuzz targets, and every input that once found something,
//! through the same assertions as under a fuzzer.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

#[path = "../fuzz/src/lib.rs"]
// Public to crates that link fuzz/ as a library.
#[allow(unreachable_pub)]
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fido_hybrid::authenticator::{Backup, Passkey, PasskeyError};
use fido_hybrid::crypto::{Pkcs8Error, SecretKey};
use targets::{TARGETS, Target};

fn fuzz() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz"))
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    fs::read_dir(folder).unwrap().map(|entry| name(entry.unwrap().path())).collect()
}

/// Runs a target on each of its seeds.
fn replay(name: &str, target: Target) {
    let folder = fuzz().join("seeds").join(name);
    let seeds = names_in(&folder);
    assert!(!seeds.is_empty(), "{name} has no seeds");
    target(&[]);
    for seed in seeds {
        // Shown if the target panics.
        eprintln!("{name}: {seed}");
        target(&fs::read(folder.join(seed)).unwrap());
    }
}

#[test]
fn of_every_target_hold() {
    for (name, target) in TARGETS {
        replay(name, *target);
    }
}

/// The seeds of a target, each read as the target reads it.
fn read_each<T>(name: &str, read: impl Fn(&[u8]) -> T) -> Vec<(String, T)> {
    let folder = fuzz().join("seeds").join(name);
    let read = |seed: &String| read(&fs::read(folder.join(seed)).unwrap());
    names_in(&folder).into_iter().map(|seed| (seed.clone(), read(&seed))).collect()
}

/// The target returns where a passkey is refused.
#[test]
fn of_passkeys_are_read_or_refused_as_their_names_say() {
    // What a passkey is named for: its name, key store, counter, PRF and backup.
    let content = |passkey: Passkey| {
        (
            passkey.user.name.is_some(),
            passkey.key.handle().is_some(),
            passkey.counter.is_some(),
            passkey.prf_secret.is_some(),
            passkey.backup,
        )
    };
    let read = read_each("passkey", |bytes| Passkey::from_bytes(bytes).map(content));
    let expected = [
        ("all-members", Ok((true, false, true, true, Backup::DeviceBound))),
        ("backed-up", Ok((false, false, false, false, Backup::BackedUp))),
        ("eligible", Ok((true, false, false, true, Backup::Eligible))),
        ("key-store", Ok((false, true, false, false, Backup::DeviceBound))),
        ("later-version", Err(PasskeyError::Version(2))),
        ("later-version-began", Err(PasskeyError::Version(2))),
    ];
    assert_eq!(read, expected.map(|(seed, read)| (seed.to_owned(), read)));
}

/// The target returns where a key is refused.
#[test]
fn of_keys_are_read_or_refused_as_their_names_say() {
    let read = read_each("pkcs8", |bytes| SecretKey::from_pkcs8_der(bytes).map(drop));
    let expected =
        [("openssl", Ok(())), ("short-scalar", Err(Pkcs8Error::Scalar)), ("version-2", Ok(()))];
    assert_eq!(read, expected.map(|(seed, read)| (seed.to_owned(), read)));
}

#[test]
fn are_told_apart_in_one_line_each() {
    let index = fs::read_to_string(fuzz().join("seeds/README.md")).unwrap();
    let mut described = BTreeSet::new();
    for line in index.lines().filter_map(|line| line.strip_prefix("| `")) {
        let (path, rest) = line.split_once("` | ").unwrap();
        assert!(!rest.trim_end_matches('|').trim().is_empty(), "{path}");
        assert!(described.insert(path.to_owned()), "{path} twice");
    }
    let mut seeds = BTreeSet::new();
    for (name, _) in TARGETS {
        let files = names_in(&fuzz().join("seeds").join(name));
        seeds.extend(files.iter().map(|file| format!("{name}/{file}")));
    }
    assert_eq!(described, seeds);
}

#[test]
fn belong_to_a_target_with_a_binary() {
    let binaries: BTreeSet<_> = TARGETS.iter().map(|(name, _)| format!("{name}.rs")).collect();
    assert_eq!(names_in(&fuzz().join("fuzz_targets")), binaries);
    let mut folders = names_in(&fuzz().join("seeds"));
    assert!(folders.remove("README.md"));
    assert_eq!(folders, TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect());
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        let binary =
            format!("path = \"fuzz_targets/{name}.rs\"\nrequired-features = [\"libfuzzer\"]\n");
        assert!(manifest.contains(&binary), "{name}");
    }
}

/// The bytes of a dictionary's entry, in the format that libFuzzer, AFL++ and honggfuzz read:
/// `"text"`, with `\"`, `\\` and `\x00`.
fn entry(line: &str) -> Option<Vec<u8>> {
    let mut rest = line.strip_prefix('"')?.strip_suffix('"')?.bytes();
    let mut bytes = Vec::new();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next()? {
                escaped @ (b'"' | b'\\') => escaped,
                b'x' => {
                    let digits = [rest.next()?, rest.next()?];
                    u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?
                }
                _ => return None,
            },
            b' '..=b'~' if byte != b'"' => byte,
            _ => return None,
        });
    }
    (!bytes.is_empty()).then_some(bytes)
}

#[test]
fn have_dictionaries_that_every_fuzzer_reads() {
    let folder = fuzz().join("dictionaries");
    let dictionaries = names_in(&folder);
    assert!(!dictionaries.is_empty());
    for file in dictionaries {
        let name = file.strip_suffix(".dict").unwrap_or_else(|| panic!("{file}"));
        assert!(TARGETS.iter().any(|(target, _)| *target == name), "no target {name}");
        let mut entries = BTreeSet::new();
        for line in fs::read_to_string(folder.join(&file)).unwrap().lines() {
            if !line.is_empty() && !line.starts_with('#') {
                let bytes = entry(line).unwrap_or_else(|| panic!("{file}: {line}"));
                assert!(entries.insert(bytes), "{file}: {line} twice");
            }
        }
        assert!(!entries.is_empty(), "{file}");
    }
}
