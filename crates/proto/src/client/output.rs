//! Outputs of a client's transaction.

use super::update::ClientUpdate;
use crate::ctap::{CtapResponse, Status};
use crate::error::Error;
use crate::secret::{SecretBytes, SecretText};
use crate::transport::{LinkedPhone, TunnelRequest};

/// An action for the driver.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there are a handful at a time, moved once")]
pub enum Output {
    /// Open a tunnel.
    Dial(TunnelRequest),
    /// Send a message through the tunnel.
    Send(Vec<u8>),
    /// Stop listening with the radio.
    StopScanning,
    /// Close the tunnel, or stop opening it.
    CloseTunnel,
    /// Tell the person.
    Update(ClientUpdate),
    /// The phone's response to the last CTAP request, checked to answer it; or the
    /// status with which the phone refused.
    Response(Result<CtapResponse, Status>),
    /// The phone's response to the last request, which was a
    /// [`RawRequest`](super::RawRequest), byte for byte: the status byte, then what
    /// follows it, in all fewer than [`MAX_CIPHERTEXT`] bytes. Nothing is read or
    /// checked, and a status other than OK is a response too.
    ///
    /// [`MAX_CIPHERTEXT`]: crate::transport::MAX_CIPHERTEXT
    RawResponse(SecretBytes),
    /// The phone's response to the last request, which was JSON: UTF-8, fewer than
    /// [`MAX_CIPHERTEXT`] bytes. That it is JSON and what it says is not checked.
    ///
    /// [`MAX_CIPHERTEXT`]: crate::transport::MAX_CIPHERTEXT
    JsonResponse(SecretText),
    /// A linked phone to keep, the link's signature verified. It replaces any
    /// with the same identity key.
    Linked(LinkedPhone),
    /// The link of this linked transaction is dead: delete it.
    ForgetLink,
    /// Over. Nothing follows.
    Closed(Result<(), Error>),
}
