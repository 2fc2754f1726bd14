//! Messages after the handshake, sealed and opened, beside the AEAD of the same
//! provider in place.
//!
//! Sealing leaves the caller its message and allocates what is sent; so does
//! the yardstick, in one copy. Sealing in place takes the message's own buffer,
//! with room behind it, and so does opening; that ours wipes a message when it
//! is dropped is not in its time.
//!
//! Where the two buffers lie decides how fast some processors copy: in one run
//! of a few, sealing 1 MiB takes three times as long on one side or the other.

use std::hint::black_box;
use std::rc::Rc;

use fido_hybrid::secret::{SecretBytes, TrafficKey};
use fido_hybrid::transport::Crypter;

use crate::case::{Case, batched, plain};

const KEY: [u8; 32] = [3; 32];

/// The last is the longest message that a peer takes, less padding and tag.
const SIZES: [(usize, &str); 4] =
    [(100, "100 B"), (1 << 10, "1 KiB"), (16 << 10, "16 KiB"), ((1 << 20) - 64, "1 MiB")];

/// Repetitions whose buffers together stay in a processor's cache.
fn batch(size: usize) -> u64 {
    ((256 << 10) / size).clamp(1, 64) as u64
}

fn crypter() -> Crypter {
    Crypter::new(TrafficKey::new(KEY), TrafficKey::new(KEY))
}

/// A crypter whose counters restart long before they end.
struct Counted {
    crypter: Crypter,
    used: u32,
}

impl Counted {
    fn new() -> Self {
        Self { crypter: crypter(), used: 0 }
    }

    fn next(&mut self) -> &mut Crypter {
        if self.used == 1 << 23 {
            *self = Self::new();
        }
        self.used += 1;
        &mut self.crypter
    }
}

/// As many bytes as ours has to encrypt, with its padding.
fn padded(size: usize) -> usize {
    (size / 32 + 1) * 32
}

fn nonce(counter: u32) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[8..].copy_from_slice(&counter.to_be_bytes());
    nonce
}

/// The comparisons.
pub fn cases() -> Vec<Case> {
    SIZES
        .into_iter()
        .flat_map(|(size, name)| {
            [sealing(size, name), sealing_in_place(size, name), opening(size, name)]
        })
        .collect()
}

fn sealing(size: usize, name: &str) -> Case {
    let mut ours = Counted::new();
    let message = vec![0x5a; size];
    let same_message = message.clone();
    let raw = raw::Aead::new(&KEY);
    let mut counter = 0;
    Case::new(
        format!("seal {name}"),
        plain(move || drop(black_box(ours.next().seal(&[&message]).unwrap()))),
        "AEAD in place, in a copy",
        plain(move || {
            counter += 1;
            let mut sealed = Vec::with_capacity(padded(size) + 16);
            sealed.extend_from_slice(&same_message);
            sealed.resize(padded(size), 0);
            let tag = raw.seal(&nonce(counter), &mut sealed);
            sealed.extend_from_slice(&tag);
            drop(black_box(sealed));
        }),
    )
}

fn sealing_in_place(size: usize, name: &str) -> Case {
    let mut ours = Counted::new();
    let raw = raw::Aead::new(&KEY);
    let mut counter = 0;
    let message = move || {
        let mut message = Vec::with_capacity(padded(size) + 16);
        message.resize(size, 0x5a);
        message
    };
    Case::new(
        format!("seal {name} in place"),
        batched(
            batch(size),
            move || SecretBytes::new(message()),
            move |message| ours.next().seal_in_place(message).unwrap(),
        ),
        "AEAD in place",
        batched(
            batch(size),
            move || {
                let mut message = message();
                message.resize(padded(size), 0);
                message
            },
            move |mut message| {
                counter += 1;
                let tag = raw.seal(&nonce(counter), &mut message);
                message.extend_from_slice(&tag);
                message
            },
        ),
    )
}

fn opening(size: usize, name: &str) -> Case {
    let message = vec![0x5a; size];
    // Both ends count on together.
    let (mut sender, mut receiver) = (Counted::new(), Counted::new());
    let raw = Rc::new(raw::Aead::new(&KEY));
    let sealing = Rc::clone(&raw);
    let mut counter = 0;
    Case::new(
        format!("open {name}"),
        batched(
            batch(size),
            move || sender.next().seal(&[&message]).unwrap(),
            move |message| receiver.next().open(message).unwrap(),
        ),
        "AEAD in place",
        batched(
            batch(size),
            move || {
                counter += 1;
                let mut message = vec![0x5a; padded(size)];
                let tag = sealing.seal(&nonce(counter), &mut message);
                (counter, message, tag)
            },
            move |(counter, mut message, tag)| {
                raw.open(&nonce(counter), &mut message, &tag);
                message
            },
        ),
    )
}

#[cfg(feature = "aws-lc-rs")]
mod raw {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

    pub(super) struct Aead(LessSafeKey);

    impl Aead {
        pub(super) fn new(key: &[u8; 32]) -> Self {
            Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap()))
        }

        pub(super) fn seal(&self, nonce: &[u8; 12], message: &mut [u8]) -> [u8; 16] {
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let tag = self.0.seal_in_place_separate_tag(nonce, Aad::empty(), message).unwrap();
            tag.as_ref().try_into().unwrap()
        }

        pub(super) fn open(&self, nonce: &[u8; 12], message: &mut [u8], tag: &[u8; 16]) {
            let nonce = Nonce::assume_unique_for_key(*nonce);
            self.0.open_in_place_separate_tag(nonce, Aad::empty(), tag, message).unwrap();
        }
    }
}

#[cfg(not(feature = "aws-lc-rs"))]
mod raw {
    use aes_gcm::aead::{AeadInOut, KeyInit};

    pub(super) struct Aead(aes_gcm::Aes256Gcm);

    impl Aead {
        pub(super) fn new(key: &[u8; 32]) -> Self {
            Self(aes_gcm::Aes256Gcm::new(key.into()))
        }

        pub(super) fn seal(&self, nonce: &[u8; 12], message: &mut [u8]) -> [u8; 16] {
            self.0.encrypt_inout_detached(nonce.into(), &[], message.into()).unwrap().into()
        }

        pub(super) fn open(&self, nonce: &[u8; 12], message: &mut [u8], tag: &[u8; 16]) {
            self.0.decrypt_inout_detached(nonce.into(), &[], message.into(), tag.into()).unwrap();
        }
    }
}
