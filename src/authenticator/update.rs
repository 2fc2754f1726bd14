//! What a person may want to see while a transaction goes on.

use std::fmt;

use crate::ctap::Status;
use crate::error::Error;

/// A step that was taken. `Display` is a sentence for people.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Update {
    /// A tunnel is being opened at the tunnel service.
    Registering,
    /// The advert goes on the air; the other device has to hear it.
    Advertising,
    /// The other device is near and connected, and the connection is secured.
    Secured,
    /// The other device asked for something and the user is being asked.
    Prompting,
    /// A passkey was made and saved, and the other device is being told. Whether
    /// that gets through shows in the outcome.
    Registered,
    /// The other device is being given a signature.
    SignedIn,
    /// The other device was told no, with this status.
    Refused(Status),
    /// The store failed, and the other device is told no. The transaction goes
    /// on.
    StoreFailed(Error),
}

impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Registering => "Connecting to the tunnel service.",
            Self::Advertising => "Bring the two devices close together.",
            Self::Secured => "The connection to the other device is secure.",
            Self::Prompting => "The other device asks for something.",
            Self::Registered => "A passkey was registered.",
            Self::SignedIn => "The other device was signed in.",
            Self::Refused(_) => "The other device was told no.",
            Self::StoreFailed(_) => "The passkey store failed.",
        })
    }
}
