use std::future::{pending, ready};

use fido_hybrid::Canceller;
use fido_hybrid::client::Client;
use fido_hybrid::error::{CancelledBy, ErrorKind};
use fido_hybrid_embedders::{ORIGIN, SIGN_IN, World};

use super::sign_in;

#[tokio::test]
async fn it_returns_the_answer_of_the_phone() {
    let world = World::new();
    world.register();
    let client = Client::new(world.air.clone(), world.relay.clone());
    let answer = sign_in(&client, ORIGIN, SIGN_IN, world.show(), pending()).await.unwrap();
    assert!(answer.to_json().expose().contains("\"signature\""));
}

#[tokio::test]
async fn ctrl_c_cancels() {
    let world = World::new();
    let client = Client::new(world.air.clone(), world.relay.clone());
    let outcome = sign_in(&client, ORIGIN, SIGN_IN, |_| {}, ready(Ok(()))).await;
    assert!(is_cancelled_by(outcome.err(), Canceller::User));
}

#[tokio::test(start_paused = true)]
async fn its_time_limit_cancels() {
    let world = World::new();
    let client = Client::new(world.air.clone(), world.relay.clone());
    let outcome = sign_in(&client, ORIGIN, SIGN_IN, |_| {}, pending()).await;
    assert!(is_cancelled_by(outcome.err(), Canceller::Caller));
}

fn is_cancelled_by(error: Option<fido_hybrid::Error>, canceller: Canceller) -> bool {
    let expected = CancelledBy::from(canceller);
    matches!(error.map(|it| it.kind), Some(ErrorKind::Cancelled(by)) if by == expected)
}
