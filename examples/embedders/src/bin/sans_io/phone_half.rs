//! What the phone wants done.

use fido_hybrid_proto::authenticator::{Decision, Input, Output, Transaction, UserVerification};
use fido_hybrid_proto::error::Error;
use fido_hybrid_proto::ports::bluetooth::{AdvertReport, SERVICE_UUID};
use fido_hybrid_proto::transport::RoutingId;

use super::{Queues, client};

pub(super) fn outputs(transaction: &mut Transaction, queues: &mut Queues) -> Result<(), Error> {
    while let Some(output) = transaction.poll_output() {
        let answer = match output {
            // The tunnel service chooses the routing id.
            Output::Dial(_) => Input::TunnelOpened { routing_id: Some(RoutingId([1, 2, 3])) },
            Output::Advertise(service_data) => {
                let report = AdvertReport::new(SERVICE_UUID, service_data);
                queues.to_client.push_back(client::Input::Advert(report));
                continue;
            }
            Output::Send(message) => {
                queues.to_client.push_back(client::Input::Message(message));
                continue;
            }
            Output::FindPasskeys { .. } => Input::PasskeysFound(Ok(Vec::new())),
            Output::Prompt(prompt) => {
                println!("phone: {prompt}");
                let verification = UserVerification::Verified; // ask and verify the user here
                let decision = Decision::Approved { verification, account: 0 };
                Input::Decided { prompt: prompt.id, decision }
            }
            Output::SavePasskey(_) => Input::Saved(Ok(())),
            Output::Update(update) => {
                println!("phone: {update}");
                continue;
            }
            Output::Closed(end) => return end,
            Output::StopAdvertising | Output::DismissPrompt | Output::CloseTunnel => continue,
            // There is no passkey to sign with, and no key store.
            Output::CountUse { .. } | Output::CreateKey { .. } | Output::Sign { .. } => continue,
            Output::CancelKeyOperation | Output::DeleteKey(_) => continue,
        };
        queues.to_phone.push_back(answer);
    }
    Ok(())
}
