//! What is allocated, and what is not. Each thread is counted for itself, so
//! that tests may run side by side; what a provider written in C keeps for its
//! keys is not counted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod loopback;

use std::time::Duration;

use allocation_counter::measure;
use fido_hybrid::bluetooth::{AdvertReport, SERVICE_UUID};
use fido_hybrid::client::{ClientConfig, Input, Output, QrSecrets, Transaction};
use fido_hybrid::crypto::AEAD_TAG_LENGTH;
use fido_hybrid::error::Stage;
use fido_hybrid::secret::{SecretBytes, TrafficKey};
use fido_hybrid::transport::{
    ADVERT_LENGTH, AdvertKey, Channel, Crypter, CrypterError, Eid, Established, HandshakeHash,
    MAX_MESSAGE, MessageType, PADDING_UNIT, QrCode, RequestHint, RoutingId, TunnelDomain,
    key_schedule,
};
use fido_hybrid_sim::SeededRng;
use rand_core::Rng as _;

/// From nothing to the longest message that there is.
const LENGTHS: [usize; 6] = [0, 1, 100, 1 << 10, 16 << 10, MAX_MESSAGE];

/// More adverts than the devices in a full stadium transmit.
const FOREIGN: usize = 10_000;

fn crypters() -> (Crypter, Crypter) {
    let key = |byte| TrafficKey::new([byte; 32]);
    (Crypter::new(key(1), key(2)), Crypter::new(key(2), key(1)))
}

fn channels() -> (Channel, Channel) {
    let end = |sending, receiving| {
        Channel::new(Established {
            sending: TrafficKey::new([sending; 32]),
            receiving: TrafficKey::new([receiving; 32]),
            hash: HandshakeHash([0; 32]),
        })
    };
    (end(1, 2), end(2, 1))
}

fn foreign_adverts() -> Vec<[u8; ADVERT_LENGTH]> {
    let mut rng = SeededRng::new(1);
    let random = || {
        let mut advert = [0; ADVERT_LENGTH];
        rng.fill_bytes(&mut advert);
        advert
    };
    std::iter::repeat_with(random).take(FOREIGN).collect()
}

fn advert(code: &QrCode) -> [u8; ADVERT_LENGTH] {
    let eid = Eid::new([7; 10], RoutingId([1, 2, 3]), TunnelDomain::GOOGLE);
    AdvertKey::new(&key_schedule::eid_key(&code.secret)).seal(&eid)
}

#[test]
fn sealing_allocates_the_message_and_nothing_else() {
    let (mut client, mut phone) = crypters();
    for length in LENGTHS {
        let payload = vec![5; length];
        let (start, end) = payload.split_at(length / 2);
        let mut sealed = Vec::new();
        let counted = measure(|| sealed = client.seal(&[start, end]).unwrap());
        assert_eq!((counted.count_total, counted.bytes_total), (1, sealed.len() as u64));
        assert_eq!(phone.open(sealed).unwrap().expose(), payload);
    }
}

#[test]
fn sealing_in_place_allocates_nothing_where_there_is_room() {
    let (mut client, mut phone) = crypters();
    for length in LENGTHS {
        let mut message = Vec::with_capacity(length + PADDING_UNIT + AEAD_TAG_LENGTH);
        message.resize(length, 5);
        let message = SecretBytes::new(message);
        let mut sealed = Vec::new();
        let counted = measure(|| sealed = client.seal_in_place(message).unwrap());
        assert_eq!(counted.count_total, 0, "{length} bytes");
        assert_eq!(phone.open(sealed).unwrap().len(), length);
    }
}

#[test]
fn opening_allocates_nothing() {
    let (mut client, mut phone) = crypters();
    for length in LENGTHS {
        let sealed = client.seal(&[&vec![5; length]]).unwrap();
        let mut opened = None;
        let counted = measure(|| opened = Some(phone.open(sealed).unwrap()));
        assert_eq!(counted.count_total, 0, "{length} bytes");
        assert_eq!(opened.unwrap().len(), length);
    }
}

#[test]
fn a_type_byte_costs_no_allocation() {
    let (mut client, mut phone) = channels();
    for length in LENGTHS {
        // The type byte is part of the message.
        let payload = vec![5; length.min(MAX_MESSAGE - 1)];
        let mut sealed = Vec::new();
        let sealing = measure(|| sealed = client.seal(MessageType::Ctap, &payload).unwrap());
        assert_eq!((sealing.count_total, sealing.bytes_total), (1, sealed.len() as u64));
        let mut opened = None;
        let opening = measure(|| opened = Some(phone.open(sealed).unwrap()));
        assert_eq!(opening.count_total, 0, "{length} bytes");
        assert_eq!(opened.unwrap().payload.expose(), payload);
    }
}

#[test]
fn a_message_that_does_not_open_allocates_nothing() {
    let (_, mut phone) = crypters();
    let forged = vec![5; 1 << 10];
    let counted = measure(|| {
        assert_eq!(phone.open(forged).unwrap_err(), CrypterError::Authentication);
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn a_foreign_advert_allocates_nothing_and_ones_own_its_content_alone() {
    let client = QrSecrets::generate(&mut SeededRng::new(2));
    let key = AdvertKey::new(&key_schedule::eid_key(&client.secret));
    let own = key.seal(&Eid::new([7; 10], RoutingId([1, 2, 3]), TunnelDomain::GOOGLE));
    let foreign = foreign_adverts();
    let counted = measure(|| {
        for advert in &foreign {
            assert!(key.open(advert).is_none());
            assert!(key.open_linked(advert).is_none());
        }
    });
    assert_eq!(counted.count_total, 0);
    let counted = measure(|| assert!(key.open(&own).is_some()));
    assert_eq!(counted.count_total, 1, "the content is a secret, in a box");
}

#[test]
fn ten_thousand_foreign_adverts_leave_a_client_as_it_was() {
    let config = ClientConfig::new(RequestHint::MakeCredential);
    let keys = QrSecrets::generate(&mut SeededRng::new(3));
    let mut client = Transaction::qr(config, keys, Duration::ZERO, 0);
    while client.poll_output().is_some() {}
    let code: QrCode = client.qr_text().unwrap().expose().parse().unwrap();
    let foreign: Vec<Vec<u8>> = foreign_adverts().iter().map(|advert| advert.to_vec()).collect();

    let counted = measure(|| {
        for advert in foreign {
            client
                .handle(Duration::ZERO, Input::Advert(AdvertReport::new(SERVICE_UUID, advert)))
                .unwrap();
            assert!(client.poll_output().is_none());
        }
    });
    assert_eq!(counted.count_total, 0);
    assert_eq!(client.stage(), Stage::ShowingQr);

    client
        .handle(
            Duration::ZERO,
            Input::Advert(AdvertReport::new(SERVICE_UUID, advert(&code).to_vec())),
        )
        .unwrap();
    let dials = std::iter::from_fn(|| client.poll_output())
        .filter(|output| matches!(output, Output::Dial(_)))
        .count();
    assert_eq!((dials, client.stage()), (1, Stage::Connecting));
}
