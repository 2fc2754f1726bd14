//! What a radio receives while a client waits: adverts of every length, other
//! people's, and those of phones that do not keep to the rules.
//!
//! Clauses: [CTAP 2.2 §11.5.1] [CTAP 2.3 §11.5.1.1].

use fido_hybrid_proto::client::{ClientUpdate, Input, Output};
use fido_hybrid_proto::error::Stage;
use fido_hybrid_proto::ports::bluetooth::{
    AddressKind, AdvertReport, BluetoothAddress, DEPRECATED_SERVICE_UUID, SERVICE_UUID,
};
use fido_hybrid_proto::transport::{ADVERT_LENGTH, AdvertKey, Eid, TunnelDomain, key_schedule};
use fido_hybrid_sim::SeededRng;
use rand_core::Rng;

use super::client_rig::{self, ClientRig, FLOWS, Flow};
use super::within;

/// The longest service data there can be, in bytes.
const LONGEST: usize = 255;

/// What another sender's advert may make a client hold: nothing.
const FOREIGN_PEAK: u64 = 0;

fn random(length: usize, rng: &mut SeededRng) -> Vec<u8> {
    let mut data = vec![0; length];
    rng.fill_bytes(&mut data);
    data
}

/// An advert under the client's own key is decrypted: the EID is a secret, and in
/// a box.
const EID_BOX: u64 = FOREIGN_PEAK + 16;

/// Feeds service data for another client: nothing comes of it.
fn ignores(rig: &mut ClientRig, data: Vec<u8>) {
    ignores_within(FOREIGN_PEAK, rig, data);
}

fn ignores_within(bound: u64, rig: &mut ClientRig, data: Vec<u8>) {
    let (stage, deadline) = (rig.transaction.stage(), rig.transaction.deadline());
    let length = data.len();
    let now = rig.now;
    within(bound, || {
        rig.transaction.handle(now, Input::Advert(AdvertReport::new(SERVICE_UUID, data))).unwrap();
        assert!(rig.transaction.poll_output().is_none(), "{length} bytes");
    });
    assert_eq!((rig.transaction.stage(), rig.transaction.deadline()), (stage, deadline));
}

/// Feeds the phone's own advert, or more than it.
fn receives(rig: &mut ClientRig, data: Vec<u8>) {
    let outputs = rig.step(Input::Advert(AdvertReport::new(SERVICE_UUID, data)));
    let received = |output: &Output| matches!(output, Output::Update(ClientUpdate::PhoneFound));
    assert!(matches!(outputs[0], Output::StopScanning));
    assert!(outputs.iter().any(received), "{outputs:?}");
}

#[test]
fn strangers_advertise_0_to_255_bytes() {
    let mut rng = SeededRng::new(1);
    for flow in FLOWS {
        let mut rig = ClientRig::offering(flow);
        for length in 0..=LONGEST {
            ignores(&mut rig, random(length, &mut rng));
            ignores(&mut rig, vec![0; length]);
            ignores(&mut rig, vec![0xff; length]);
        }
        let advert = rig.advert.clone();
        receives(&mut rig, advert);
    }
}

#[test]
fn a_phone_advertises_part_of_its_advert() {
    for flow in FLOWS {
        let mut rig = ClientRig::offering(flow);
        for length in 0..ADVERT_LENGTH {
            let part = rig.advert[..length].to_vec();
            ignores(&mut rig, part.clone());
            // Made up to its length, or beyond it.
            for whole in [ADVERT_LENGTH, LONGEST] {
                let mut padded = part.clone();
                padded.resize(whole, !rig.advert[length]);
                ignores(&mut rig, padded);
            }
        }
        let advert = rig.advert.clone();
        receives(&mut rig, advert);
    }
}

/// CTAP 2.3 puts a suffix there, and whatever it is, the first 20 bytes decide.
#[test]
fn a_phone_advertises_up_to_255_bytes() {
    let mut rng = SeededRng::new(2);
    for length in ADVERT_LENGTH..=LONGEST {
        let mut rig = ClientRig::offering(FLOWS[length % 2]);
        let data = [rig.advert.clone(), random(length - ADVERT_LENGTH, &mut rng)].concat();
        receives(&mut rig, data);
    }
}

#[test]
fn an_attacker_changes_a_bit_of_an_advert() {
    for flow in FLOWS {
        let mut rig = ClientRig::offering(flow);
        for bit in 0..ADVERT_LENGTH * 8 {
            let mut changed = rig.advert.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            ignores(&mut rig, changed);
        }
    }
}

/// Under the right key: an attacker who read the code, or a phone of the future.
#[test]
fn a_phone_advertises_a_tunnel_service_that_does_not_exist() {
    let mut rig = ClientRig::offering(Flow::Qr);
    let code = rig.code();
    let key = AdvertKey::new(&key_schedule::eid_key(&code.secret));
    for domain in (0..=u16::MAX).filter(|it| TunnelDomain::from_encoded(*it).is_none()) {
        let mut bytes = [9; 16];
        bytes[0] = 0;
        bytes[14..].copy_from_slice(&domain.to_le_bytes());
        let eid = Eid::parse_linked(&bytes).unwrap();
        ignores_within(EID_BOX, &mut rig, key.seal(&eid).to_vec());
    }
    let advert = rig.advert.clone();
    receives(&mut rig, advert);
}

#[test]
fn ten_thousand_strangers_advertise() {
    let mut rng = SeededRng::new(3);
    for flow in FLOWS {
        let mut rig = ClientRig::offering(flow);
        for _ in 0..10_000 {
            ignores(&mut rig, random(ADVERT_LENGTH, &mut rng));
        }
        let advert = rig.advert.clone();
        receives(&mut rig, advert);
    }
}

/// Its own advert again, from a radio that was not stopped at once.
#[test]
fn a_phone_goes_on_advertising() {
    for (stage, client) in client_rig::STAGES {
        let mut rig = client();
        for _ in 0..3 {
            let advert = rig.advert.clone();
            ignores(&mut rig, advert);
        }
        assert_eq!(rig.transaction.stage(), stage);
        assert_ne!(stage, Stage::ShowingQr);
    }
}

/// An advert with its sender's address, which ends so.
fn advert_of(service_data: Vec<u8>, last: u8) -> AdvertReport {
    let mut advert = AdvertReport::new(SERVICE_UUID, service_data);
    advert.address = Some(address(last));
    advert.rssi = Some(-60);
    advert
}

fn address(last: u8) -> BluetoothAddress {
    BluetoothAddress { bytes: [0xc0, 0xa1, 0xa2, 0xa3, 0xa4, last], kind: AddressKind::Random }
}

#[test]
fn the_address_is_that_of_the_advert_that_was_recognised() {
    for flow in FLOWS {
        let mut rig = ClientRig::offering(flow);
        let own = rig.advert.clone();
        rig.step(Input::Advert(advert_of(vec![0; ADVERT_LENGTH], 1)));
        assert_eq!(rig.transaction.phone_address(), None, "a stranger's");
        rig.step(Input::Advert(advert_of(own.clone(), 2)));
        assert_eq!(rig.transaction.phone_address(), Some(address(2)));
        // An attacker repeats the phone's advert.
        rig.step(Input::Advert(advert_of(own, 3)));
        assert_eq!(rig.transaction.phone_address(), Some(address(2)));
        rig.step(Input::Cancel);
        assert_eq!(rig.transaction.phone_address(), None, "after the end");
    }
}

#[test]
fn a_transaction_that_ends_before_it_has_no_address() {
    for flow in FLOWS {
        let mut rig = ClientRig::offering(flow);
        rig.step(Input::Cancel);
        rig.step(Input::Advert(advert_of(rig.advert.clone(), 2)));
        assert_eq!(rig.transaction.phone_address(), None);
    }
}

#[test]
fn adverts_of_both_services_of_phones_count_and_no_others() {
    for flow in FLOWS {
        let mut rig = ClientRig::offering(flow);
        for service in [0, 0x180d, SERVICE_UUID - 1, SERVICE_UUID + 1, 0xffff] {
            let outputs = rig.step(Input::Advert(AdvertReport::new(service, rig.advert.clone())));
            assert!(outputs.is_empty(), "{service:#06x}: {outputs:?}");
            assert_eq!(rig.transaction.stage(), Stage::ShowingQr);
        }
        let advert = AdvertReport::new(DEPRECATED_SERVICE_UUID, rig.advert.clone());
        assert!(!rig.step(Input::Advert(advert)).is_empty());
        assert_ne!(rig.transaction.stage(), Stage::ShowingQr);
    }
}

#[test]
fn debug_shows_no_byte_of_an_address() {
    let shown = format!("{:?}", Input::Advert(advert_of(vec![], 0xa5)));
    assert!(shown.contains("Address(Random)"), "{shown}");
    for byte in address(0xa5).bytes {
        assert!(!shown.contains(&byte.to_string()), "{shown}");
        assert!(!shown.contains(&format!("{byte:x}")), "{shown}");
    }
}
