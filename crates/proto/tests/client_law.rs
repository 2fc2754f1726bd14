//! The client's law: after each input, take all outputs; then wait for one more
//! input. And the other ways in which a caller can get it wrong.
//!
//! Clauses: [CTAP 2.2 §11.5.1].

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::time::Duration;

use fido_hybrid_proto::client::{
    ClientConfig, ClientUpdate, Input, Output, QrSecrets, Transaction,
};
use fido_hybrid_proto::ctap::CtapRequest;
use fido_hybrid_proto::error::{ApiMisuse, BluetoothError, CancelledBy, Error, ErrorKind, Stage};
use fido_hybrid_proto::ports::bluetooth::{AdapterState, AdvertReport, SERVICE_UUID};
use fido_hybrid_proto::transport::RequestHint;
use fido_hybrid_sim::SeededRng;

const LATER: Duration = Duration::from_secs(1);

fn offering() -> Transaction {
    let keys = QrSecrets::generate(&mut SeededRng::new(1));
    Transaction::qr(ClientConfig::new(RequestHint::GetAssertion), keys, Duration::ZERO, 0)
}

fn drained(mut client: Transaction) -> Transaction {
    while client.poll_output().is_some() {}
    client
}

fn request() -> Input {
    Input::Request { request: CtapRequest::GetInfo.try_into().unwrap(), timeout: None }
}

#[test]
fn an_input_before_the_outputs_are_taken_is_refused_and_changes_nothing() {
    let mut client = offering();
    let refused = client.handle(LATER, Input::Cancel);
    assert_eq!(refused, Err(ApiMisuse::OutputsPending));
    let mut client = drained(client);
    assert_eq!(client.stage(), Stage::ShowingQr);
    assert_eq!(client.handle(LATER, Input::Cancel), Ok(()));
}

#[test]
fn time_does_not_go_backwards() {
    let mut client = drained(offering());
    assert_eq!(
        client.handle(LATER, Input::Advert(AdvertReport::new(SERVICE_UUID, vec![]))),
        Ok(())
    );
    let refused = client.handle(LATER - Duration::from_nanos(1), Input::Cancel);
    assert_eq!(refused, Err(ApiMisuse::TimeWentBackwards));
    assert_eq!(client.handle(LATER, Input::Cancel), Ok(()));
}

#[test]
fn inputs_of_other_stages_are_refused() {
    let mut client = drained(offering());
    let refused = [
        Input::TunnelOpened { connect_signal: false },
        Input::Message(vec![0; 81]),
        Input::TunnelClosed,
        request(),
        Input::Finish,
    ];
    for input in refused {
        assert_eq!(client.handle(LATER, input), Err(ApiMisuse::WrongStage));
        assert_eq!(client.stage(), Stage::ShowingQr);
    }
}

#[test]
fn after_the_end_late_reports_are_ignored_and_requests_refused() {
    let mut client = drained(offering());
    client.handle(LATER, Input::Cancel).unwrap();
    let outputs: Vec<Output> = std::iter::from_fn(|| client.poll_output()).collect();
    let [Output::StopScanning, Output::Closed(Err(error))] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    assert!(matches!(error.kind, ErrorKind::Cancelled(CancelledBy::Caller)));
    assert!(error.is_cancelled());
    let late = [
        Input::Advert(AdvertReport::new(SERVICE_UUID, vec![0; 20])),
        Input::Message(vec![0; 81]),
        Input::TunnelClosed,
        Input::TunnelOpened { connect_signal: false },
        Input::Adapter(AdapterState::Off),
        Input::BluetoothFailed(BluetoothError::Off),
        Input::TimePassed,
        Input::Cancel,
    ];
    for input in late {
        assert_eq!(client.handle(LATER, input), Ok(()));
        assert!(client.poll_output().is_none());
    }
    assert_eq!(client.handle(LATER, request()), Err(ApiMisuse::Closed));
    assert_eq!(client.handle(LATER, Input::Finish), Err(ApiMisuse::Closed));
}

#[test]
fn the_code_stays_until_a_deadline_of_the_callers_and_foreign_adverts_change_nothing() {
    let client = drained(offering());
    assert_eq!(client.deadline(), None);

    let mut config = ClientConfig::new(RequestHint::GetAssertion);
    config.deadlines.showing_qr = Some(LATER);
    let keys = QrSecrets::generate(&mut SeededRng::new(1));
    let mut client = drained(Transaction::qr(config, keys, Duration::ZERO, 0));
    for length in 0..=255 {
        client
            .handle(
                Duration::ZERO,
                Input::Advert(AdvertReport::new(SERVICE_UUID, vec![length; length.into()])),
            )
            .unwrap();
        assert!(client.poll_output().is_none());
    }
    assert_eq!(client.deadline(), Some(LATER));
    client.handle(LATER, Input::TimePassed).unwrap();
    let mut outputs = std::iter::from_fn(|| client.poll_output());
    assert!(matches!(outputs.next(), Some(Output::StopScanning)));
    let Some(Output::Closed(Err(Error { stage, kind, .. }))) = outputs.next() else { panic!() };
    assert_eq!(stage, Stage::ShowingQr);
    assert!(matches!(kind, ErrorKind::Deadline));
}

#[test]
fn an_adapter_that_is_off_is_told_and_waited_for() {
    let mut client = drained(offering());
    for state in [AdapterState::Off, AdapterState::On] {
        client.handle(LATER, Input::Adapter(state)).unwrap();
        let outputs: Vec<Output> = std::iter::from_fn(|| client.poll_output()).collect();
        let [Output::Update(ClientUpdate::Adapter(told))] = &outputs[..] else {
            panic!("{outputs:?}")
        };
        assert_eq!(*told, state);
        assert_eq!(client.stage(), Stage::ShowingQr);
    }
}

#[test]
fn the_radios_error_is_reported_as_it_is() {
    let mut client = drained(offering());
    client.handle(LATER, Input::BluetoothFailed(BluetoothError::NotPermitted)).unwrap();
    let outputs: Vec<Output> = std::iter::from_fn(|| client.poll_output()).collect();
    let Some(Output::Closed(Err(error))) = outputs.last() else { panic!("{outputs:?}") };
    assert!(matches!(error.kind, ErrorKind::Bluetooth(BluetoothError::NotPermitted)));
    assert!(error.advice().to_string().contains("Bluetooth"));
}
