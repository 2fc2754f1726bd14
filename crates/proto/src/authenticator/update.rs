//! What a person may want to see while a transaction goes on.

use std::fmt;

use super::refusal::Refusal;
use crate::error::Error;
use crate::ports::bluetooth::AdapterState;

/// A step that was taken. `Display` is a sentence for people.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Update {
    /// A tunnel is being opened at the tunnel service.
    Registering,
    /// The advert goes on the air; the other device has to hear it.
    Advertising,
    /// The radio changed, or cannot be used yet: the other device can receive nothing
    /// until it is on. Then the transaction goes on.
    Adapter(AdapterState),
    /// The other device is near and connected, and the connection is secured.
    Secured,
    /// The other device asked for something and the user is being asked.
    Prompting,
    /// Another session registers a passkey for the same account, and this one
    /// waits until that is answered. It waits in the time of its own prompt,
    /// [`Deadlines::prompting`](super::Deadlines::prompting). Only an
    /// `Authenticator` says so.
    Waiting,
    /// A passkey was made and saved, and the other device is being told. Whether
    /// that gets through shows in the outcome.
    Registered,
    /// The other device is being given a signature.
    SignedIn,
    /// The request was refused.
    Refused(Refusal),
    /// The client is being told that the user is here:
    /// [`Question::Unsupported`](super::Question::Unsupported). It may ask for
    /// something else now.
    Unsupported,
    /// The store failed. [`Refused`](Self::Refused) follows.
    StoreFailed(Error),
}

impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused(refusal) => return refusal.fmt(f),
            Self::Unsupported => "The other device was told that you are here.",
            Self::Adapter(state) => return state.fmt(f),
            Self::Registering => "Connecting to the tunnel service.",
            Self::Advertising => "Bring the two devices close together.",
            Self::Secured => "The connection to the other device is secure.",
            Self::Prompting => "The other device asks for something.",
            Self::Waiting => "Another request for the same account has to be answered first.",
            Self::Registered => "A passkey was registered.",
            Self::SignedIn => "The other device was signed in.",
            Self::StoreFailed(_) => "The passkey store failed.",
        })
    }
}
