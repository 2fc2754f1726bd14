use fido_hybrid::blocking::Client;
use fido_hybrid::error::ErrorKind;
use fido_hybrid_embedders::{ORIGIN, SIGN_IN, World};

use super::sign_in;

#[test]
fn it_returns_the_answer_of_the_phone() {
    let world = World::new();
    world.register();
    let client = Client::new(world.air.clone(), world.relay.clone()).unwrap();
    let answer = sign_in(&client, ORIGIN, SIGN_IN, world.show()).unwrap();
    assert!(answer.contains("\"signature\""), "{answer}");
}

#[test]
fn a_phone_without_a_passkey_is_an_error() {
    let world = World::new();
    let client = Client::new(world.air.clone(), world.relay.clone()).unwrap();
    let error = sign_in(&client, ORIGIN, SIGN_IN, world.show()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Status(_)), "{error}");
}
