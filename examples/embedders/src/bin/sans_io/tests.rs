use fido_hybrid_proto::ctap::CtapResponse;

use super::{Queues, register};

#[test]
fn the_phone_makes_a_passkey_for_the_client() {
    let response = register(&mut Queues::default()).unwrap();
    assert!(matches!(response, Ok(CtapResponse::MakeCredential(_))), "{response:?}");
}
