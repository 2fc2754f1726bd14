//! The stages that a test of every stage goes through.

use fido_hybrid_proto::error::Stage;

use super::Side;

/// The stages of each side in which something can happen before there is an answer: for
/// tests that do something at each of them.
pub const STAGES: [(Side, Stage); 10] = [
    (Side::Client, Stage::ShowingQr),
    (Side::Client, Stage::Connecting),
    (Side::Client, Stage::Handshaking),
    (Side::Client, Stage::AwaitingPostHandshake),
    (Side::Client, Stage::Ready),
    (Side::Client, Stage::AwaitingResponse),
    (Side::Phone, Stage::Registering),
    (Side::Phone, Stage::Advertising),
    (Side::Phone, Stage::Listening),
    (Side::Phone, Stage::Answering),
];
