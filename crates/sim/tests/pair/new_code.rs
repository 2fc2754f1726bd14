//! The client shows a new code after the phone has read the one before.

use std::time::Duration;

use fido_hybrid_proto::client::{Input, PREVIOUS_CODE_ACCEPTED, QrSecrets};
use fido_hybrid_proto::ctap::CtapResponse;
use fido_hybrid_proto::error::Stage;
use fido_hybrid_sim::{SeededRng, Side};

use super::{SEEDS, assert_all_is_off, pair_at};

fn new_code(seed: u64) -> Input {
    Input::NewCode { keys: QrSecrets::generate(&mut SeededRng::new(seed)), created: 1 }
}

#[test]
fn a_phone_that_reads_the_code_just_before_it_is_renewed_completes_its_ceremony() {
    for seed in SEEDS {
        let mut pair = pair_at(seed, Side::Phone, Stage::Registering);
        pair.tell_client(new_code(seed));
        while pair.step() {}
        assert!(matches!(pair.responses[..], [Ok(CtapResponse::MakeCredential(_))]));
        assert_all_is_off(&pair);
    }
}

#[test]
fn a_phone_that_reads_an_old_code_is_not_met() {
    for seed in SEEDS {
        let mut pair = pair_at(seed, Side::Phone, Stage::Registering);
        for number in 0..2 {
            pair.tell_client(new_code(seed + number));
        }
        pair.run_until(|pair| pair.result(Side::Phone).is_some());
        assert!(pair.responses.is_empty());
        assert!(pair.is_scanning());
        assert_eq!(pair.stage(Side::Client), Stage::ShowingQr);
        assert!(pair.now() >= Duration::from_secs(1));
    }
    assert_eq!(PREVIOUS_CODE_ACCEPTED, Duration::from_secs(60));
}
