use fido_hybrid::client::Client;
use fido_hybrid::ctap::{CtapRequest, GetAssertionRequest};
use fido_hybrid_embedders::World;

use super::pass;

/// CTAP2_ERR_NO_CREDENTIALS [CTAP 2.2 §8.2].
const NO_CREDENTIALS: u8 = 0x2e;

async fn response(world: &World, request: Vec<u8>) -> Vec<u8> {
    let client = Client::new(world.air.clone(), world.relay.clone());
    pass(&client, request, world.show()).await.unwrap().expose().to_vec()
}

fn sign_in() -> Vec<u8> {
    CtapRequest::from(GetAssertionRequest::new("example.com", [7; 32])).to_bytes()
}

#[tokio::test]
async fn a_response_passes_with_its_status() {
    let world = World::new();
    world.register();
    let response = response(&world, sign_in()).await;
    assert_eq!(response.first(), Some(&0));
    assert!(response.len() > 100);
}

#[tokio::test]
async fn a_refusal_is_a_response() {
    assert_eq!(response(&World::new(), sign_in()).await, [NO_CREDENTIALS]);
}

#[tokio::test]
async fn get_info_is_what_the_phone_said_after_the_handshake() {
    let response = response(&World::new(), vec![0x04]).await;
    assert_eq!(response.first(), Some(&0));
    assert!(response.windows(8).any(|it| it == b"FIDO_2_0"));
}
