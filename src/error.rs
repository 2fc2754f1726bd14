//! What went wrong, how far things had got, and what a person can do about it.
//!
//! One path: whatever ends a transaction, in either role and at either level,
//! comes out as an [`Error`]. It is made of a [`Stage`], where the transaction
//! was, and a [`Fault`], who or what failed. [`Error::advice`] turns both into
//! one thing for a person to try.
//!
//! Neither `Debug` nor `Display` ever holds a secret or text from a peer. An
//! underlying [`Source`] prints what its maker has it print: that is for those
//! to mind who make one, such as the author of a passkey store.

use std::fmt;
use std::sync::Arc;

use crate::cbor;
use crate::ctap::Status;
use crate::protocol::channel::ChannelError;
use crate::protocol::message::MessageType;
use crate::protocol::noise::HandshakeError;
use crate::protocol::qr_code::QrCodeError;
#[cfg(feature = "webauthn")]
use crate::webauthn::{DomException, OptionsError};

/// An underlying error, kept for logs.
pub type Source = Arc<dyn std::error::Error + Send + Sync>;

/// How far a transaction has got. Each stage has its own deadline, which
/// starts when the stage starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The request, or the QR code that was read, is being checked.
    Preparing,
    /// Client: the QR code is shown and the radio listens. In a linked
    /// transaction: the phone is being called and listened for.
    Offering,
    /// Authenticator: a tunnel is being opened at the tunnel service.
    Registering,
    /// Authenticator: the advert is on the air, waiting for the client.
    Advertising,
    /// Client: the tunnel to the phone that was heard is being opened.
    Connecting,
    /// The Noise handshake.
    Handshaking,
    /// Client: waiting for the phone to say what it is.
    Introducing,
    /// Client: the phone is ready and nothing has been asked of it.
    Ready,
    /// Client: the phone has a request and its user is being asked.
    Asking,
    /// Client: done, and still listening for a late link.
    Lingering,
    /// Authenticator: waiting for a request.
    Listening,
    /// Authenticator: a request is being answered; its user is being asked.
    Prompting,
    /// Over.
    Closed,
}

impl Stage {
    /// Every stage, in the order in which they come.
    pub const ALL: [Self; 13] = [
        Self::Preparing,
        Self::Offering,
        Self::Registering,
        Self::Advertising,
        Self::Connecting,
        Self::Handshaking,
        Self::Introducing,
        Self::Ready,
        Self::Asking,
        Self::Lingering,
        Self::Listening,
        Self::Prompting,
        Self::Closed,
    ];
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Preparing => "preparing",
            Self::Offering => "waiting for a phone",
            Self::Registering => "opening a tunnel",
            Self::Advertising => "waiting for the other device",
            Self::Connecting => "connecting to the phone",
            Self::Handshaking => "securing the connection",
            Self::Introducing => "waiting for the phone to introduce itself",
            Self::Ready => "the phone is ready",
            Self::Asking => "waiting for the phone's answer",
            Self::Lingering => "finishing",
            Self::Listening => "waiting for a request",
            Self::Prompting => "answering a request",
            Self::Closed => "closed",
        })
    }
}

/// Why a transaction ended without success: how far it got, and what failed.
///
/// `Display` says both, and `source` goes on behind that, so that a log of the
/// whole chain says nothing twice.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Error {
    /// Where the transaction was.
    pub stage: Stage,
    /// Who or what failed.
    pub fault: Fault,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.fault)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            // These are in the fault's own words already.
            Fault::PeerMisbehaved(misbehaved) => misbehaved.source(),
            Fault::QrCode(error) => error.source(),
            #[cfg(feature = "webauthn")]
            Fault::Options(error) => error.source(),
            fault => fault.source(),
        }
    }
}

impl Error {
    /// Puts a fault at its stage.
    #[must_use]
    pub fn new(stage: Stage, fault: impl Into<Fault>) -> Self {
        Self { stage, fault: fault.into() }
    }

    /// Whether somebody wanted it so: not a failure, and nothing to report.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        matches!(self.fault, Fault::Cancelled(_))
    }

    /// Whether the same thing may well work when tried again, with a new QR
    /// code and no change to anything else.
    #[must_use]
    pub const fn can_retry(&self) -> bool {
        match &self.fault {
            Fault::Cancelled(_) | Fault::Deadline | Fault::PeerLeft | Fault::PeerMisbehaved(_) => {
                true
            }
            Fault::Status(status) => matches!(
                *status,
                Status::OPERATION_DENIED
                    | Status::USER_ACTION_TIMEOUT
                    | Status::TIMEOUT
                    | Status::ACTION_TIMEOUT
                    | Status::UV_INVALID
                    | Status::KEEPALIVE_CANCEL
                    | Status::OTHER
            ),
            Fault::Tunnel(fault) => !matches!(
                fault,
                TunnelFault::Status(410) | TunnelFault::Redirect | TunnelFault::Upgrade(_)
            ),
            Fault::Bluetooth(fault) => matches!(fault, BluetoothFault::Failed(_)),
            Fault::QrCode(_) | Fault::StaleQrCode => true,
            Fault::Store(_) | Fault::Unsupported(_) | Fault::ApiMisuse(_) => false,
            #[cfg(feature = "webauthn")]
            Fault::Options(_) => false,
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub const fn advice(&self) -> Advice {
        match &self.fault {
            Fault::Cancelled(_) => Advice::Nothing,
            Fault::Deadline => match self.stage {
                Stage::Offering => Advice::ScanTheCode,
                Stage::Advertising => Advice::BringTheDevicesTogether,
                Stage::Connecting | Stage::Registering => Advice::CheckTheNetwork,
                Stage::Asking | Stage::Prompting => Advice::AnswerOnThePhone,
                _ => Advice::TryAgain,
            },
            Fault::Bluetooth(fault) => match fault {
                BluetoothFault::Absent => Advice::AddBluetooth,
                BluetoothFault::Off => Advice::TurnBluetoothOn,
                BluetoothFault::NotPermitted => Advice::AllowBluetooth,
                BluetoothFault::Unsupported(_) => Advice::UseAnotherDevice,
                BluetoothFault::Failed(_) => Advice::RestartBluetooth,
            },
            Fault::Tunnel(fault) => match fault {
                TunnelFault::Dns(_) | TunnelFault::Tcp(_) => Advice::CheckTheNetwork,
                TunnelFault::Tls(_) => Advice::CheckTlsInspection,
                TunnelFault::Status(410) => Advice::ScanTheCode,
                _ => Advice::TryAgain,
            },
            Fault::PeerMisbehaved(PeerMisbehaved::Handshake(_)) => Advice::ScanTheCode,
            Fault::PeerMisbehaved(_) => match self.stage {
                // Seen from the phone, it was the other device.
                Stage::Registering | Stage::Advertising | Stage::Listening | Stage::Prompting => {
                    Advice::TryAgain
                }
                _ => Advice::UpdateThePhone,
            },
            Fault::PeerLeft => Advice::TryAgain,
            Fault::Status(status) => match *status {
                Status::NO_CREDENTIALS => Advice::UseAnotherPasskey,
                Status::CREDENTIAL_EXCLUDED => Advice::AlreadyRegistered,
                Status::KEY_STORE_FULL => Advice::MakeRoomOnThePhone,
                Status::UNSUPPORTED_ALGORITHM | Status::UNSUPPORTED_OPTION => {
                    Advice::UseAnotherDevice
                }
                _ => Advice::TryAgain,
            },
            Fault::QrCode(_) | Fault::StaleQrCode => Advice::ScanTheCode,
            Fault::Unsupported(_) => Advice::UseAnotherDevice,
            Fault::Store(StoreFault::Full) => Advice::MakeRoomOnThePhone,
            Fault::Store(StoreFault::Failed(_)) | Fault::ApiMisuse(_) => Advice::ReportTheProgram,
            #[cfg(feature = "webauthn")]
            Fault::Options(_) => Advice::TellTheSite,
        }
    }

    /// What a web page would be told.
    #[cfg(feature = "webauthn")]
    #[must_use]
    pub fn dom_exception(&self) -> DomException {
        match &self.fault {
            Fault::Cancelled(CancelledBy::Caller) => DomException::Abort,
            Fault::Status(status) => (*status).into(),
            Fault::Options(error) => error.into(),
            _ => DomException::NotAllowed,
        }
    }
}

/// Who or what failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Somebody wanted it so.
    #[error("cancelled by {0}")]
    Cancelled(CancelledBy),
    /// The stage took longer than its deadline allows.
    #[error("it took too long")]
    Deadline,
    /// The radio could not do its part.
    #[error(transparent)]
    Bluetooth(#[from] BluetoothFault),
    /// The tunnel could not be opened or did not last.
    #[error(transparent)]
    Tunnel(#[from] TunnelFault),
    /// The other side sent what no such device sends.
    #[error("the other device misbehaved: {0}")]
    PeerMisbehaved(#[from] PeerMisbehaved),
    /// The other side left without an answer. To a client this may mean that
    /// the phone's user cancelled, which iOS does not say, or that Android
    /// could not read the request.
    #[error("the other device left")]
    PeerLeft,
    /// The phone answered with a CTAP status that is not success.
    #[error("the phone answered {0}")]
    Status(Status),
    /// The text that was read is no FIDO QR code.
    #[error("not a FIDO QR code: {0}")]
    QrCode(#[from] QrCodeError),
    /// The QR code was made longer ago, or further in the future, than this
    /// phone accepts: it is old, or one of the two clocks is wrong.
    #[error("the QR code's time is too far from this device's")]
    StaleQrCode,
    /// The passkey store could not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The site's options, or an origin that they are not for.
    #[cfg(feature = "webauthn")]
    #[error("the site's request is invalid: {0}")]
    Options(#[from] OptionsError),
    /// One side needs what the other does not offer.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// This library was called in a way that its documentation rules out.
    #[error(transparent)]
    ApiMisuse(#[from] ApiMisuse),
}

/// Who cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelledBy {
    /// The program on this side.
    Caller,
    /// The client, by its shutdown message, before it had an answer.
    Client,
}

impl fmt::Display for CancelledBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Caller => "this program",
            Self::Client => "the client",
        })
    }
}

/// What the other side did that no such device does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// Its handshake message. From a wrong key this is also what somebody
    /// looks like who saw the QR code and did not hear the advert.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// A sealed message.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The phone's post-handshake message.
    #[error("the post-handshake message is invalid: {0}")]
    PostHandshake(cbor::Error),
    /// The phone's getInfo response.
    #[error("the getInfo response is invalid: {0}")]
    GetInfo(cbor::Error),
    /// A message of a type that must not come now.
    #[error("an unexpected message came")]
    UnexpectedMessage(MessageType),
    /// A message before the handshake, or no connect signal where one was due.
    #[error("a message came before the handshake")]
    TooEarly,
    /// A CTAP response that is none.
    #[error("the response is invalid: {0}")]
    Response(cbor::Error),
    /// A CTAP response without even a status.
    #[error("the response is empty")]
    EmptyResponse,
    /// A response that does not answer the request.
    #[error("the response does not answer the request: {0}")]
    Mismatch(Mismatch),
    /// The client's update message.
    #[error("the update message is invalid: {0}")]
    Update(cbor::Error),
    /// More requests than a user should be asked about in one transaction.
    #[error("too many requests came")]
    TooManyRequests,
}

/// In what a response does not answer its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// It is for another relying party.
    #[error("it is for another relying party")]
    RelyingParty,
    /// It does not say that a user was present.
    #[error("no user was present")]
    UserPresence,
    /// Verification was asked for and it does not say that it was done.
    #[error("the user was not verified")]
    UserVerification,
    /// A new passkey without its credential data.
    #[error("it holds no credential")]
    NoCredential,
    /// A new passkey with a key of an algorithm that was not offered.
    #[error("the algorithm was not offered")]
    Algorithm,
    /// A passkey that the allow list does not hold, or none named where the
    /// allow list leaves a choice.
    #[error("the passkey is not one of the allowed")]
    Credential,
    /// No user handle, where no allow list tells whose passkey it is.
    #[error("it does not say which account")]
    UserHandle,
    /// Extension outputs that nobody asked for.
    #[error("it has extensions that were not asked for")]
    Extensions,
    /// Members that exclude each other.
    #[error("its members contradict each other")]
    Contradiction,
}

/// What one side needs and the other does not offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// The phone does not offer CTAP.
    #[error("the phone does not offer CTAP")]
    Ctap,
    /// This command does not exist over hybrid: phones end the transaction.
    #[error("this command does not exist over the hybrid transport")]
    Command,
    /// The request is longer than peers accept.
    #[error("the request is too long")]
    RequestTooLong,
    /// The QR code's client knows no tunnel service that this phone uses.
    #[error("no tunnel service that both sides know")]
    TunnelDomain,
    /// The QR code's client does not use tunnel services at all.
    #[error("the client does not offer to meet at a tunnel service")]
    DataChannel,
}

/// A call that the documentation rules out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ApiMisuse {
    /// An input while outputs of the last one were not taken.
    #[error("outputs must be taken before the next input")]
    OutputsPending,
    /// An input that does not belong to the transaction's stage.
    #[error("this input does not belong to this stage")]
    WrongStage,
    /// Time went backwards.
    #[error("time went backwards")]
    TimeWentBackwards,
    /// The transaction is over.
    #[error("the transaction is over")]
    Closed,
    /// A decision on another prompt than the one that is shown.
    #[error("this decision is not on the prompt that is shown")]
    WrongPrompt,
    /// An approval of an account that the prompt does not have.
    #[error("the prompt has no such account")]
    NoSuchAccount,
    /// Called outside a tokio runtime.
    #[error("this must be called within a tokio runtime")]
    NoRuntime,
    /// The task behind the ceremony or session ended without a word: its
    /// runtime was shut down, or a part that the program brought panicked.
    #[error("the task behind this was ended from outside")]
    TaskEnded,
    /// Something that must be given was not, such as the way to scan.
    #[error("{0} was not given")]
    Missing(&'static str),
}

/// What a person can do. `Display` is one sentence for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Advice {
    /// Nothing: somebody wanted it so.
    Nothing,
    /// Try once more.
    TryAgain,
    /// Scan the code that is shown now.
    ScanTheCode,
    /// Bring phone and computer close together.
    BringTheDevicesTogether,
    /// Answer the phone's question.
    AnswerOnThePhone,
    /// Plug in a Bluetooth adapter or use another computer.
    AddBluetooth,
    /// Turn Bluetooth on.
    TurnBluetoothOn,
    /// Give this program permission to use Bluetooth.
    AllowBluetooth,
    /// Turn Bluetooth off and on.
    RestartBluetooth,
    /// Check the network and the firewall's list.
    CheckTheNetwork,
    /// Ask the administrator about TLS inspection.
    CheckTlsInspection,
    /// Update the phone.
    UpdateThePhone,
    /// Choose a passkey that exists.
    UseAnotherPasskey,
    /// There is a passkey already.
    AlreadyRegistered,
    /// Delete passkeys on the phone.
    MakeRoomOnThePhone,
    /// Use another phone or computer.
    UseAnotherDevice,
    /// Tell the makers of the site.
    TellTheSite,
    /// Tell the makers of the program.
    ReportTheProgram,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "There is nothing to do.",
            Self::TryAgain => "Try again.",
            Self::ScanTheCode => "Scan the QR code that is shown now with the phone's camera.",
            Self::BringTheDevicesTogether => {
                "Bring the two devices close together, with Bluetooth on at both."
            }
            Self::AnswerOnThePhone => "Unlock the phone and answer its question.",
            Self::AddBluetooth => "Plug in a Bluetooth adapter, or use another computer.",
            Self::TurnBluetoothOn => "Turn Bluetooth on.",
            Self::AllowBluetooth => "Allow this program to use Bluetooth in the system's settings.",
            Self::RestartBluetooth => "Turn Bluetooth off and on again.",
            Self::CheckTheNetwork => {
                "Check the internet connection; a firewall must let https://cable.ua5v.com and \
                 https://cable.auth.com through."
            }
            Self::CheckTlsInspection => {
                "Ask the network's administrator whether connections are inspected, and for the \
                 certificate that this takes."
            }
            Self::UpdateThePhone => "Update the phone's system and try again.",
            Self::UseAnotherPasskey => "Choose a passkey or phone that is registered at this site.",
            Self::AlreadyRegistered => "This phone is registered already: sign in with it.",
            Self::MakeRoomOnThePhone => "Delete passkeys that are not needed from the phone.",
            Self::UseAnotherDevice => "Use another phone or computer.",
            Self::TellTheSite => "Tell the makers of the site that its request is invalid.",
            Self::ReportTheProgram => "Report this to the makers of this program.",
        })
    }
}

/// Why the radio could not do its part.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BluetoothFault {
    /// This machine has no Bluetooth adapter.
    #[error("there is no Bluetooth adapter")]
    Absent,
    /// There is an adapter and it is switched off.
    #[error("Bluetooth is switched off")]
    Off,
    /// The system does not let this program use Bluetooth.
    #[error("this program is not permitted to use Bluetooth")]
    NotPermitted,
    /// This radio or system cannot do what was asked, such as advertising
    /// service data on macOS.
    #[error("the Bluetooth adapter cannot {0}")]
    Unsupported(&'static str),
    /// Anything else that Bluetooth reported.
    #[error("Bluetooth failed")]
    Failed(#[source] Source),
}

/// Why a tunnel could not be opened or did not last, by step.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TunnelFault {
    /// The service's name has no address.
    #[error("the tunnel service's name did not resolve")]
    Dns(#[source] Source),
    /// No connection to any of its addresses.
    #[error("the tunnel service could not be reached")]
    Tcp(#[source] Source),
    /// No secure connection: certificate, protocol version, interception.
    #[error("no secure connection to the tunnel service")]
    Tls(#[source] Source),
    /// The service answered with an HTTP status other than 101. 410 on
    /// `/cable/contact` means that the linked phone is gone for good.
    #[error("the tunnel service answered with HTTP status {0}")]
    Status(u16),
    /// More redirects than allowed, or to something that is not `wss`.
    #[error("the tunnel service redirected to where this client does not go")]
    Redirect,
    /// The answer breaks the WebSocket or tunnel rules: no subprotocol, a
    /// malformed or repeated routing id.
    #[error("the tunnel service's answer is invalid: {0}")]
    Upgrade(&'static str),
    /// The tunnel was closed by the service, with its closing code if it gave
    /// one.
    #[error("the tunnel was closed{}", closing_code(*.0))]
    Closed(Option<u16>),
    /// A message over the limit in bytes.
    #[error("a message on the tunnel is longer than {0} bytes")]
    TooLong(usize),
    /// A text message, where only binary ones are allowed.
    #[error("a text message came through the tunnel")]
    NotBinary,
    /// The service does not take what is sent.
    #[error("the tunnel service takes no message")]
    Stalled,
    /// The WebSocket or the connection below it broke.
    #[error("the connection to the tunnel service broke")]
    Broken(#[source] Source),
}

/// Why a passkey store could not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreFault {
    /// There is no room for another passkey. The client is told.
    #[error("the passkey store has no room for another passkey")]
    Full,
    /// Anything else. The client learns no more than that it failed.
    #[error("the passkey store failed")]
    Failed(#[source] Source),
}

impl StoreFault {
    /// A failure with its cause, for logs.
    #[must_use]
    pub fn failed(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Failed(Arc::new(cause))
    }
}

fn closing_code(code: Option<u16>) -> String {
    code.map(|code| format!(" (code {code})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::io;

    use super::*;
    use crate::protocol::digits::DigitsError;

    /// What a program prints that goes through all sources.
    fn chain(fault: impl Into<Fault>) -> Vec<String> {
        let error = Error::new(Stage::Preparing, fault);
        let mut said = vec![error.to_string()];
        let mut source = error.source();
        while let Some(cause) = source {
            said.push(cause.to_string());
            source = cause.source();
        }
        said
    }

    #[test]
    fn a_chain_of_sources_says_nothing_twice() {
        let io = || -> Source { Arc::new(io::Error::other("the cause")) };
        for (fault, expected) in [
            (Fault::Deadline, &["it took too long"][..]),
            (
                TunnelFault::Tcp(io()).into(),
                &["the tunnel service could not be reached", "the cause"],
            ),
            (BluetoothFault::Failed(io()).into(), &["Bluetooth failed", "the cause"]),
            (StoreFault::Failed(io()).into(), &["the passkey store failed", "the cause"]),
            (
                PeerMisbehaved::Response(cbor::Error::TooDeep).into(),
                &["the other device misbehaved: the response is invalid: the CBOR nests too deep"],
            ),
            (
                PeerMisbehaved::Handshake(HandshakeError::Length(3)).into(),
                &["the other device misbehaved: the handshake message has 3 bytes"],
            ),
            (
                QrCodeError::Digits(DigitsError::Length).into(),
                &[
                    "not a FIDO QR code: the QR code's digits are malformed",
                    "no number of bytes has this many digits",
                ],
            ),
        ] {
            let mut said = chain(fault);
            assert_eq!(said.remove(0), format!("preparing: {}", expected[0]));
            assert_eq!(said, expected[1..]);
        }
    }

    #[test]
    fn a_wish_is_no_failure_and_a_dead_link_is_not_tried_again() {
        for by in [CancelledBy::Caller, CancelledBy::Client] {
            let error = Error::new(Stage::Asking, Fault::Cancelled(by));
            assert!(error.is_cancelled());
            assert_eq!(error.advice(), Advice::Nothing);
        }
        let gone = Error::new(Stage::Offering, TunnelFault::Status(410));
        assert!(!gone.is_cancelled() && !gone.can_retry());
        assert_eq!(gone.advice(), Advice::ScanTheCode);
        assert!(Error::new(Stage::Connecting, TunnelFault::Status(503)).can_retry());
    }
}
