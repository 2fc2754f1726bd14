//! What the scripts of `client_transaction` are made of.

/// Settings: one byte of these bits.
pub mod setting {
    /// A linked phone is called; no QR code.
    pub const LINKED: u8 = 1;
    /// The QR code offers to keep a link.
    pub const LINKING: u8 = 2;
    /// The QR code is shown for 60 seconds, not for ever.
    pub const OFFERING_ENDS: u8 = 4;
}

/// Steps and their arguments; `bytes` have their length in two bytes before.
pub mod step {
    /// Service data of the radio: bytes.
    pub const FOREIGN_ADVERT: u8 = 0;
    /// The phone's advert: routing id \[3\], domain LE \[2\], suffix bytes.
    pub const ADVERT: u8 = 1;
    /// connect signal announced \[1\].
    pub const TUNNEL_OPENED: u8 = 2;
    /// kind \[1\], code \[2\].
    pub const TUNNEL_FAILED: u8 = 3;
    /// Nothing.
    pub const TUNNEL_CLOSED: u8 = 4;
    /// kind \[1\].
    pub const BLUETOOTH_FAILED: u8 = 5;
    /// A message as it is: bytes.
    pub const RAW_MESSAGE: u8 = 6;
    /// The phone's handshake message.
    pub const REPLY: u8 = 7;
    /// The phone's handshake message, changed: position \[1\], XOR \[1\].
    pub const CHANGED_REPLY: u8 = 8;
    /// A message without a type, sealed: bytes.
    pub const SEALED: u8 = 9;
    /// The phone's post-handshake message: [`introduction`](super::introduction) \[1\].
    pub const INTRODUCTION: u8 = 10;
    /// A typed message, sealed: type \[1\], bytes.
    pub const TYPED: u8 = 11;
    /// An update with a link: its signature XOR \[1\].
    pub const LINK: u8 = 12;
    /// The answer to what was asked: [`answer`](super::answer) \[1\].
    pub const ANSWER: u8 = 13;
    /// Seconds \[2\].
    pub const TIME_PASSED: u8 = 14;
    /// As long as the stage may last.
    pub const DEADLINE: u8 = 15;
    /// A request of the program: [`request`](super::request) \[1\], timeout in
    /// seconds \[1\] with 255 for none.
    pub const REQUEST: u8 = 16;
    /// A request of the program, if the bytes are one.
    pub const RAW_REQUEST: u8 = 17;
    /// Nothing.
    pub const FINISH: u8 = 18;
    /// Nothing.
    pub const CANCEL: u8 = 19;
    /// The clock goes back.
    pub const TIME_BACKWARDS: u8 = 20;
    /// Seconds \[2\], which the next input tells of.
    pub const WAIT: u8 = 21;
    /// state \[1\].
    pub const ADAPTER: u8 = 22;
    /// How many there are.
    pub const COUNT: u8 = 23;
}

/// Bits of [`step::INTRODUCTION`].
pub mod introduction {
    /// With a link.
    pub const LINK: u8 = 1;
    /// Of revision 0, padded by the phone.
    pub const REVISION_ZERO: u8 = 2;
    /// Digital credentials too.
    pub const DIGITAL_CREDENTIALS: u8 = 4;
}

/// Bits of [`step::REQUEST`].
pub mod request {
    /// A sign-in; else a registration.
    pub const SIGN_IN: u8 = 1;
    /// User verification required.
    pub const VERIFY: u8 = 2;
    /// With an allow list.
    pub const LISTED: u8 = 4;
    /// getInfo instead.
    pub const GET_INFO: u8 = 8;
    /// Selection instead, which no phone has.
    pub const SELECTION: u8 = 16;
}

/// Bits of [`step::ANSWER`].
pub mod answer {
    /// Without UV.
    pub const NOT_VERIFIED: u8 = 1;
    /// Without UP.
    pub const NOT_PRESENT: u8 = 2;
    /// For another relying party.
    pub const OTHER_RP: u8 = 4;
    /// By another credential, or without one.
    pub const OTHER_CREDENTIAL: u8 = 8;
    /// Without an account.
    pub const NO_USER: u8 = 16;
    /// A refusal instead.
    pub const REFUSED: u8 = 32;
}
