//! Requests that only ask for the user's presence.
//!
//! A client that cannot use this authenticator for its request, as it knows
//! from getInfo or from `UNSUPPORTED_ALGORITHM`, asks for the user's presence
//! before it tells the RP. Chromium then waits for the answer, and for no
//! other end of the request. It has two ways to ask:
//!
//! * authenticatorSelection [CTAP 2.2 §6.9], of an authenticator with
//!   `FIDO_2_1`. The answer is `OK`.
//! * A registration for [`DUMMY_RP_ID`], of any other. The answer is
//!   `PIN_NOT_SET`: what [CTAP 2.2 §6.1.2] answers, after user presence, to a request
//!   with an empty `pinUvAuthParam`, which asks for the same. Chromium takes it
//!   as a touch, and no passkey is made.
//!
//! Chromium ignores every other status and goes on waiting until its user gives
//! up, even when the tunnel is closed. So the user is told, and has nothing to
//! decide: a decline acknowledges as an approval does. Without either there was
//! no user, and the answer is what CTAP says.

use crate::ctap::{MakeCredentialRequest, Status};

/// The RP ID of Chromium's request for the user's presence. No relying party has it.
const DUMMY_RP_ID: &str = ".dummy";

/// How the client asks for the user's presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Touch {
    Selection,
    Dummy,
}

impl Touch {
    /// The answer once the user has acknowledged.
    pub(super) const fn status(self) -> Status {
        match self {
            Self::Selection => Status::OK,
            Self::Dummy => Status::PIN_NOT_SET,
        }
    }
}

/// Whether a registration only asks for the user's presence.
pub(super) fn is_dummy(request: &MakeCredentialRequest) -> bool {
    request.rp.id == DUMMY_RP_ID
}
