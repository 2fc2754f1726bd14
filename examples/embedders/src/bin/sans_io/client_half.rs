//! What the client wants done.

use fido_hybrid_proto::client::{Input, Output, PhoneRequest, Transaction};
use fido_hybrid_proto::ctap::{CtapResponse, Status};
use fido_hybrid_proto::error::{Error, Stage};

use super::{Queues, phone};

pub(super) fn outputs(
    transaction: &mut Transaction,
    request: &mut Option<PhoneRequest>,
    queues: &mut Queues,
) -> Result<Option<Result<CtapResponse, Status>>, Error> {
    while let Some(output) = transaction.poll_output() {
        match output {
            // A program opens a WebSocket here, and gives what it receives to the client.
            Output::Dial(_) => {
                queues.to_client.push_back(Input::TunnelOpened { connect_signal: false });
            }
            Output::Send(message) => queues.to_phone.push_back(phone::Input::Message(message)),
            Output::CloseTunnel => queues.to_phone.push_back(phone::Input::TunnelClosed),
            Output::StopScanning => {}
            Output::Update(update) => println!("client: {update}"),
            Output::Response(response) => return Ok(Some(response)),
            // The request is neither bytes nor JSON, and the client does not offer linking.
            Output::RawResponse(_) | Output::JsonResponse(_) => {}
            Output::Linked(_) | Output::ForgetLink => {}
            Output::Closed(end) => end?,
        }
    }
    if transaction.stage() == Stage::Ready
        && let Some(request) = request.take()
    {
        queues.to_client.push_back(Input::Request { request, timeout: None });
    }
    Ok(None)
}
