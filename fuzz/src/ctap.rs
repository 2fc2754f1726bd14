//! CTAP2 requests and responses.

use fido_hybrid::ctap::{
    Command, RawResponse, Request, RequestError, Response, ResponseError, Status,
};

use super::memory;

/// What a message may hold once read: its lists are of structures some times
/// as large as the least that each takes in CBOR.
fn most(input: &[u8]) -> usize {
    4 * 1_024 + 64 * input.len()
}

/// A request as a phone gets it.
pub fn ctap_request(input: &[u8]) {
    match memory::within(most(input), || Request::parse(input)) {
        Ok(request) => {
            assert_eq!(request.command().byte(), input[0]);
            let written = request.to_bytes();
            // What has no meaning here is not kept.
            assert!(written.len() <= input.len());
            assert_eq!(Request::parse(&written).as_ref(), Ok(&request));
            assert_eq!(request.to_bytes(), written);
        }
        Err(error) => {
            assert!(!error.status().is_ok());
            assert_eq!(error.command_byte(), input.first().copied());
            let known = input.first().copied().and_then(Command::from_byte).is_some();
            let is_unknown = matches!(error, RequestError::UnknownCommand(_));
            assert_eq!(is_unknown, !known && !input.is_empty());
        }
    }
}

/// The command asked, then a response as a client gets it.
pub fn ctap_response(input: &[u8]) {
    let Some((command, response)) = input.split_first() else { return };
    let Some(command) = Command::from_byte(*command) else { return };
    let raw = match RawResponse::parse(response.to_vec()) {
        Ok(raw) => raw,
        Err(error) => {
            assert_eq!(error, ResponseError::Empty);
            assert!(response.is_empty());
            return;
        }
    };
    assert_eq!(raw.to_bytes().expose(), response);
    match memory::within(most(input), || raw.decode(command)) {
        Ok(answer) => {
            assert_eq!(raw.status(), Status::OK);
            let written = answer.to_raw();
            assert_eq!(written.decode(command).as_ref(), Ok(&answer));
            assert_eq!(answer.to_raw(), written);
            let kind = matches!(
                (command, &answer),
                (Command::MakeCredential, Response::MakeCredential(_))
                    | (
                        Command::GetAssertion | Command::GetNextAssertion,
                        Response::GetAssertion(_)
                    )
                    | (Command::GetInfo, Response::GetInfo(_))
                    | (Command::Selection, Response::Selection)
            );
            assert!(kind, "{command} answered with {answer:?}");
        }
        Err(ResponseError::Status(status)) => assert!(status == raw.status() && !status.is_ok()),
        Err(ResponseError::Answer { command: of, .. }) => assert_eq!(of, command),
        Err(error) => panic!("{error}"),
    }
}
