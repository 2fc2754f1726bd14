//! The search is not blind: it finds what is left behind in each way in which
//! programs leave something behind.

use std::hint::black_box;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use fido_hybrid::crypto::SecretKey;
use fido_hybrid::secret::{PrfOutput, SecretBytes};
use fido_hybrid_heap::{Secrets, record};
use fido_hybrid_sim::SeededRng;

const SECRET: [u8; 32] = *b"0 secret of thirty-two bytes,.-\x81";

/// Whether a part of [`SECRET`] is left by this.
fn is_left_by(work: impl FnOnce()) -> bool {
    let mut secrets = Secrets::default();
    secrets.bytes("the planted", &SECRET);
    let ((), record) = record(work);
    !secrets.find_in(&record.bytes()).is_empty()
}

#[test]
fn freed_blocks_are_found() {
    assert!(is_left_by(|| drop(black_box(SECRET.to_vec()))));
    assert!(is_left_by(|| drop(black_box(Box::new(SECRET)))));
    assert!(is_left_by(|| drop(black_box(SECRET[5..14].to_vec()))), "nine bytes of it");
    assert!(!is_left_by(|| drop(black_box(vec![1; 32]))));
}

#[test]
fn blocks_that_were_not_freed_are_found() {
    assert!(is_left_by(|| std::mem::forget(black_box(SECRET.to_vec()))));
}

#[test]
fn the_old_place_of_what_grew_is_found() {
    let grows = || {
        let mut bytes = black_box(SECRET.to_vec());
        bytes.reserve(1000);
        black_box(&mut bytes).fill(0);
    };
    assert!(is_left_by(grows));
}

#[test]
fn what_a_move_left_is_found() {
    let moves = || {
        let mut place = black_box(Box::new(Some(SECRET)));
        let mut moved = black_box(place.take().map(Box::new));
        moved.as_mut().unwrap().fill(0);
        drop(black_box((place, moved)));
    };
    assert!(is_left_by(moves));
}

#[test]
fn other_forms_are_found() {
    let backwards = || drop(black_box(SECRET.iter().rev().copied().collect::<Vec<u8>>()));
    assert!(is_left_by(backwards));
    assert!(is_left_by(|| drop(black_box(BASE64URL_NOPAD.encode(&SECRET)))));
    assert!(is_left_by(|| drop(black_box(BASE64.encode(&SECRET)))));
}

#[test]
fn what_a_secret_type_was_made_of_and_its_moves_are_not_found() {
    let moves = || {
        let output = PrfOutput::new(SECRET);
        let mut places = black_box(Box::new([Some(output.clone()), Some(output)]));
        let moved: Vec<_> = places.iter_mut().map(Option::take).collect();
        drop(black_box(Box::new(moved)));
        drop(black_box(SecretBytes::new(SECRET.to_vec())));
    };
    assert!(!is_left_by(moves));
    assert!(is_left_by(|| drop(black_box(PrfOutput::new(SECRET).expose().to_vec()))));
}

#[test]
fn a_private_key_in_use_is_found_and_a_dropped_one_is_not() {
    let key = SecretKey::generate(&mut SeededRng::new(7));
    let mut secrets = Secrets::default();
    secrets.bytes("the key", &*key.expose());
    let ((), record) = record(|| {
        let mut keys = black_box(vec![key.clone()]);
        let key = keys.remove(0);
        assert!(!secrets.find_in(&fido_hybrid_heap::recorded_so_far()).is_empty());
        drop(black_box(Box::new(key)));
    });
    assert!(secrets.find_in(&record.bytes()).is_empty());
}
