//! What a radio hears while a client waits: adverts of every length, other
//! people's, and those of phones that do not keep to the rules.

use fido_hybrid_proto::client::{Input, Output, Update};
use fido_hybrid_proto::error::Stage;
use fido_hybrid_proto::transport::advert::{ADVERT_LENGTH, AdvertKey, Eid};
use fido_hybrid_proto::transport::keys;
use fido_hybrid_proto::transport::tunnel_domain::TunnelDomain;
use fido_hybrid_sim::SeededRng;
use rand_core::Rng;

use super::client_rig::{self, ClientRig, FLOWS, Flow};
use super::within;

/// The longest service data there can be, in bytes.
const LONGEST: usize = 255;

/// What somebody else's advert may make a client hold: nothing.
const FOREIGN_PEAK: u64 = 0;

fn random(length: usize, rng: &mut SeededRng) -> Vec<u8> {
    let mut data = vec![0; length];
    rng.fill_bytes(&mut data);
    data
}

/// An advert under the client's own key is decrypted: the EID is a secret, and in
/// a box.
const EID_BOX: u64 = FOREIGN_PEAK + 16;

/// Feeds service data that is for somebody else: nothing comes of it.
fn ignores(rig: &mut ClientRig, data: Vec<u8>) {
    ignores_within(FOREIGN_PEAK, rig, data);
}

fn ignores_within(bound: u64, rig: &mut ClientRig, data: Vec<u8>) {
    let (stage, deadline) = (rig.transaction.stage(), rig.transaction.deadline());
    let length = data.len();
    let now = rig.now;
    within(bound, || {
        rig.transaction.handle(now, Input::ServiceData(data)).unwrap();
        assert!(rig.transaction.poll_output().is_none(), "{length} bytes");
    });
    assert_eq!((rig.transaction.stage(), rig.transaction.deadline()), (stage, deadline));
}

/// Feeds the phone's own advert, or more than it.
fn hears(rig: &mut ClientRig, data: Vec<u8>) {
    let outputs = rig.step(Input::ServiceData(data));
    let heard = |output: &Output| matches!(output, Output::Update(Update::PhoneHeard));
    assert!(matches!(outputs[0], Output::StopScanning));
    assert!(outputs.iter().any(heard), "{outputs:?}");
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
        hears(&mut rig, advert);
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
        hears(&mut rig, advert);
    }
}

/// CTAP 2.3 puts a suffix there, and whatever it is, the first 20 bytes decide.
#[test]
fn a_phone_advertises_up_to_255_bytes() {
    let mut rng = SeededRng::new(2);
    for length in ADVERT_LENGTH..=LONGEST {
        let mut rig = ClientRig::offering(FLOWS[length % 2]);
        let data = [rig.advert.clone(), random(length - ADVERT_LENGTH, &mut rng)].concat();
        hears(&mut rig, data);
    }
}

#[test]
fn somebody_changes_a_bit_of_an_advert() {
    for flow in FLOWS {
        let mut rig = ClientRig::offering(flow);
        for bit in 0..ADVERT_LENGTH * 8 {
            let mut changed = rig.advert.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            ignores(&mut rig, changed);
        }
    }
}

/// Under the right key: somebody who read the code, or a phone of the future.
#[test]
fn a_phone_advertises_a_tunnel_service_that_does_not_exist() {
    let mut rig = ClientRig::offering(Flow::Qr);
    let code = rig.code();
    let key = AdvertKey::new(&keys::eid_key(&code.secret));
    for domain in (0..=u16::MAX).filter(|it| TunnelDomain::from_encoded(*it).is_none()) {
        let mut bytes = [9; 16];
        bytes[0] = 0;
        bytes[14..].copy_from_slice(&domain.to_le_bytes());
        let eid = Eid::parse_linked(&bytes).unwrap();
        ignores_within(EID_BOX, &mut rig, key.seal(&eid).to_vec());
    }
    let advert = rig.advert.clone();
    hears(&mut rig, advert);
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
        hears(&mut rig, advert);
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
        assert_ne!(stage, Stage::Offering);
    }
}
