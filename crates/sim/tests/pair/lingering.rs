//! After the answer: the client offered to keep a link, so it listens a while
//! longer. Nothing that happens then takes the answer back.

use fido_hybrid_proto::client::{Input, Linking};
use fido_hybrid_proto::error::Stage;
use fido_hybrid_sim::{Pair, Side};

use super::{SEEDS, assert_all_is_off, made, setup};

fn lingering(seed: u64) -> Pair {
    let mut setup = setup(seed);
    setup.client.linking = Linking::Offered;
    let mut pair = Pair::new(setup).unwrap();
    pair.run_until(|pair| pair.stage(Side::Client) == Stage::Lingering);
    assert_eq!(pair.stage(Side::Client), Stage::Lingering, "{:#?}", pair.transcript());
    pair
}

fn assert_ended_well(pair: &Pair) {
    for side in [Side::Client, Side::Phone] {
        assert!(matches!(pair.result(side), Some(Ok(()))), "{:#?}", pair.transcript());
    }
    made(pair);
    assert_all_is_off(pair);
}

#[test]
fn ends_when_the_phone_has_disconnected() {
    for seed in SEEDS {
        let mut pair = lingering(seed);
        pair.run();
        assert_ended_well(&pair);
    }
}

#[test]
fn ends_when_the_caller_has_enough() {
    let mut pair = lingering(1);
    pair.cancel(Side::Client);
    pair.run();
    assert_ended_well(&pair);
}

#[test]
fn ends_by_itself() {
    let mut pair = lingering(1);
    let began = pair.now();
    pair.stall(Side::Client);
    assert_eq!((pair.now() - began).as_secs(), 3 * 60);
    pair.run();
    assert_ended_well(&pair);
}

#[test]
fn ends_when_something_comes_that_the_phone_did_not_seal() {
    for length in [0, 1, 3, 15, 16, 32, 81, 528] {
        let mut pair = lingering(1);
        pair.tell_client(Input::Message(vec![0; length]));
        assert!(matches!(pair.result(Side::Client), Some(Ok(()))), "{length} bytes");
        pair.run();
        assert_ended_well(&pair);
    }
}

#[test]
fn ends_when_the_tunnel_breaks() {
    let mut pair = lingering(1);
    pair.break_tunnel();
    pair.run();
    assert_ended_well(&pair);
}
