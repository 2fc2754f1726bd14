//! Phones whose answers are wrong in one field, through `Client`: the outcome is the
//! error that names the field, whatever is asked of the ceremony afterwards.

use fido_hybrid::client::{Ceremony, Client};
use fido_hybrid::ctap::CtapRequest;
use fido_hybrid::error::{Error, ErrorKind, Stage};
use fido_hybrid::transport::MessageType;
use fido_hybrid_sim::{Air, MemoryRelay};
use fido_hybrid_testkit::made_phone::MadePhone;
use fido_hybrid_testkit::wrong_answers::{Asked, Options, get_info, origin, wrong_answers};

/// The outcome of a ceremony whose phone sends this message, and then of one more request.
async fn outcome(asked: Asked, kind: MessageType, answer: &[u8]) -> (Result<(), Error>, Error) {
    let (air, relay) = (Air::new(), MemoryRelay::new());
    let client = Client::new(air.clone(), relay.clone());
    match asked.options() {
        Options::Create(options) => {
            let ceremony = client.create(&options, origin()).unwrap();
            answered(ceremony, &air, &relay, kind, answer).await
        }
        Options::Get(options) => {
            let ceremony = client.get(&options, origin()).unwrap();
            answered(ceremony, &air, &relay, kind, answer).await
        }
    }
}

async fn answered<T>(
    mut ceremony: Ceremony<T>,
    air: &Air,
    relay: &MemoryRelay,
    kind: MessageType,
    answer: &[u8],
) -> (Result<(), Error>, Error) {
    let code = ceremony.qr_code().unwrap().expose().parse().unwrap();
    let mut phone = MadePhone::connect(&code, air, relay, &get_info()).await;
    assert_eq!(phone.receive().await.unwrap().kind, MessageType::Ctap);
    phone.send(&[(kind, answer)]).await.unwrap();
    let outcome = ceremony.outcome().await.map(drop);
    drop(phone);
    let more = ceremony.ask(CtapRequest::GetInfo).await;
    (outcome, more.unwrap_err())
}

#[tokio::test(start_paused = true)]
async fn each_wrong_field_of_an_answer_is_the_outcome_and_the_end() {
    for wrong in wrong_answers() {
        let row = format!("{:?}, {}", wrong.asked, wrong.field);
        let (kind, answer) = wrong.message();
        let (outcome, more) = outcome(wrong.asked, kind, &answer).await;
        for error in [outcome.unwrap_err(), more] {
            assert_eq!(error.stage, Stage::AwaitingResponse, "{row}");
            let ErrorKind::PeerMisbehaved(misbehaved) = error.kind else {
                panic!("{row}: {error}")
            };
            assert_eq!(misbehaved, wrong.error, "{row}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_right_answers_are_outcomes() {
    for asked in Asked::ALL {
        let answer = asked.right_answer().bytes();
        let (air, relay) = (Air::new(), MemoryRelay::new());
        let client = Client::new(air.clone(), relay.clone());
        let json = match asked.options() {
            Options::Create(options) => {
                let mut ceremony = client.create(&options, origin()).unwrap();
                answer_once(&ceremony, &air, &relay, &answer).await;
                ceremony.outcome().await.unwrap().to_json()
            }
            Options::Get(options) => {
                let mut ceremony = client.get(&options, origin()).unwrap();
                answer_once(&ceremony, &air, &relay, &answer).await;
                ceremony.outcome().await.unwrap().to_json()
            }
        };
        assert!(json.expose().contains("\"type\":\"public-key\""), "{asked:?}");
    }
}

/// The phone answers, and the same again.
async fn answer_once<T>(ceremony: &Ceremony<T>, air: &Air, relay: &MemoryRelay, answer: &[u8]) {
    let code = ceremony.qr_code().unwrap().expose().parse().unwrap();
    let mut phone = MadePhone::connect(&code, air, relay, &get_info()).await;
    phone.receive().await.unwrap();
    phone.send(&[(MessageType::Ctap, answer), (MessageType::Ctap, answer)]).await.unwrap();
}
