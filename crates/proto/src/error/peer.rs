//! Violations of the protocol by the other device.

use crate::cbor;
use crate::transport::{ChannelError, HandshakeError, MessageType};

/// A violation of the protocol by the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// Its handshake message was invalid. A peer that saw the QR code and did not
    /// receive the advert also causes this error, since its key is wrong.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// A sealed message.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The phone's post-handshake message.
    #[error("the post-handshake message is invalid: {0}")]
    PostHandshake(cbor::CborError),
    /// The phone's getInfo response.
    #[error("the getInfo response is invalid: {0}")]
    GetInfo(cbor::CborError),
    /// A message of a type that must not come now.
    #[error("a message of an unexpected type arrived")]
    UnexpectedMessage(MessageType),
    /// A message before the handshake, or no connect signal where one was due.
    #[error("a message arrived before the handshake")]
    TooEarly,
    /// A CTAP response that could not be parsed.
    #[error("the response is invalid: {0}")]
    Response(cbor::CborError),
    /// A CTAP response without even a status.
    #[error("the response is empty")]
    EmptyResponse,
    /// A JSON response that is not UTF-8.
    #[error("the response is not UTF-8")]
    NotUtf8,
    /// A response that does not answer the request.
    #[error("the response does not answer the request: {0}")]
    ResponseMismatch(ResponseMismatch),
    /// The client's update message.
    #[error("the update message is invalid: {0}")]
    Update(cbor::CborError),
    /// More requests than a user should be asked about in one transaction, or
    /// than its keys are good for in answers.
    #[error("too many requests arrived")]
    TooManyRequests,
}

/// In what a response does not answer its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseMismatch {
    /// It is for another relying party.
    #[error("it is for another relying party")]
    RelyingParty,
    /// It does not say that a user was present.
    #[error("the user was not present")]
    UserPresence,
    /// Verification was asked for and it does not say that it was done.
    #[error("the user was not verified")]
    UserVerification,
    /// A new passkey without its credential data, or without an id.
    #[error("it has no credential")]
    NoCredential,
    /// A sign-in with the credential data of a new passkey.
    #[error("it has a new credential")]
    NewCredential,
    /// A new passkey with a key of an algorithm that was not offered.
    #[error("the algorithm was not offered")]
    Algorithm,
    /// A new passkey whose public key is not of the form that its algorithm has.
    #[error("the public key is not one of its algorithm")]
    PublicKey,
    /// A passkey that the allow list does not hold, or none named where the
    /// allow list leaves a choice.
    #[error("the passkey is not in the allow list")]
    Credential,
    /// No user handle, where no allow list tells whose passkey it is.
    #[error("the user handle is missing")]
    UserHandle,
    /// Extension outputs that were not asked for.
    #[error("it has extensions that were not requested")]
    Extensions,
    /// A new passkey with less protection than was asked for, or with none where
    /// the relying party enforces its policy.
    #[error("the passkey has less protection than was requested")]
    Protection,
    /// A sign-in that is one of several for an allow list, or of none at all.
    #[error("the number of its answers is not one")]
    NumberOfAnswers,
    /// A new passkey that cannot hold a large blob, where the relying party requires it.
    #[error("the passkey cannot hold a large blob, as was required")]
    LargeBlob,
    /// Members that exclude each other.
    #[error("its members contradict each other")]
    Contradiction,
}
