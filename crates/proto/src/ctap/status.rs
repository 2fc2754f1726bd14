//! Status codes: [CTAP 2.2 §8.2] ("Status codes").

use std::fmt;

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $words:literal;)*) => {
        /// The byte that starts a CTAP response. Codes without a name are kept.
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct Status(pub u8);

        impl Status {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// The standard's name, such as `CTAP2_ERR_OPERATION_DENIED`.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some($words),)*
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    /// Success.
    OK = 0x00, "CTAP2_OK";
    /// The command is not a valid one.
    INVALID_COMMAND = 0x01, "CTAP1_ERR_INVALID_COMMAND";
    /// A parameter is not valid.
    INVALID_PARAMETER = 0x02, "CTAP1_ERR_INVALID_PARAMETER";
    /// The message has an invalid length.
    INVALID_LENGTH = 0x03, "CTAP1_ERR_INVALID_LENGTH";
    /// The message's sequence is invalid.
    INVALID_SEQ = 0x04, "CTAP1_ERR_INVALID_SEQ";
    /// The command timed out.
    TIMEOUT = 0x05, "CTAP1_ERR_TIMEOUT";
    /// The channel is busy.
    CHANNEL_BUSY = 0x06, "CTAP1_ERR_CHANNEL_BUSY";
    /// The command needs the channel locked.
    LOCK_REQUIRED = 0x0a, "CTAP1_ERR_LOCK_REQUIRED";
    /// The command is not allowed on this channel.
    INVALID_CHANNEL = 0x0b, "CTAP1_ERR_INVALID_CHANNEL";
    /// A CBOR item has an unexpected type.
    CBOR_UNEXPECTED_TYPE = 0x11, "CTAP2_ERR_CBOR_UNEXPECTED_TYPE";
    /// The CBOR cannot be parsed.
    INVALID_CBOR = 0x12, "CTAP2_ERR_INVALID_CBOR";
    /// A parameter that must be there is not.
    MISSING_PARAMETER = 0x14, "CTAP2_ERR_MISSING_PARAMETER";
    /// A limit was exceeded.
    LIMIT_EXCEEDED = 0x15, "CTAP2_ERR_LIMIT_EXCEEDED";
    /// There is no room for another fingerprint.
    FP_DATABASE_FULL = 0x17, "CTAP2_ERR_FP_DATABASE_FULL";
    /// There is no room for a large blob.
    LARGE_BLOB_STORAGE_FULL = 0x18, "CTAP2_ERR_LARGE_BLOB_STORAGE_FULL";
    /// A passkey of the exclude list is on this authenticator.
    CREDENTIAL_EXCLUDED = 0x19, "CTAP2_ERR_CREDENTIAL_EXCLUDED";
    /// Processing takes long.
    PROCESSING = 0x21, "CTAP2_ERR_PROCESSING";
    /// The credential is not valid for this authenticator.
    INVALID_CREDENTIAL = 0x22, "CTAP2_ERR_INVALID_CREDENTIAL";
    /// Waiting for the user.
    USER_ACTION_PENDING = 0x23, "CTAP2_ERR_USER_ACTION_PENDING";
    /// Another operation is pending.
    OPERATION_PENDING = 0x24, "CTAP2_ERR_OPERATION_PENDING";
    /// There is no operation to continue.
    NO_OPERATIONS = 0x25, "CTAP2_ERR_NO_OPERATIONS";
    /// None of the algorithms is supported.
    UNSUPPORTED_ALGORITHM = 0x26, "CTAP2_ERR_UNSUPPORTED_ALGORITHM";
    /// The user declined, or the device does not allow it.
    OPERATION_DENIED = 0x27, "CTAP2_ERR_OPERATION_DENIED";
    /// There is no room for another passkey.
    KEY_STORE_FULL = 0x28, "CTAP2_ERR_KEY_STORE_FULL";
    /// An option is not supported.
    UNSUPPORTED_OPTION = 0x2b, "CTAP2_ERR_UNSUPPORTED_OPTION";
    /// An option is not valid for this command.
    INVALID_OPTION = 0x2c, "CTAP2_ERR_INVALID_OPTION";
    /// The platform cancelled.
    KEEPALIVE_CANCEL = 0x2d, "CTAP2_ERR_KEEPALIVE_CANCEL";
    /// There is no passkey for this RP ID, or for this allow list.
    NO_CREDENTIALS = 0x2e, "CTAP2_ERR_NO_CREDENTIALS";
    /// The user did not act in time.
    USER_ACTION_TIMEOUT = 0x2f, "CTAP2_ERR_USER_ACTION_TIMEOUT";
    /// The command is not allowed now.
    NOT_ALLOWED = 0x30, "CTAP2_ERR_NOT_ALLOWED";
    /// The PIN is wrong.
    PIN_INVALID = 0x31, "CTAP2_ERR_PIN_INVALID";
    /// The PIN is blocked.
    PIN_BLOCKED = 0x32, "CTAP2_ERR_PIN_BLOCKED";
    /// The PIN or user verification token did not verify.
    PIN_AUTH_INVALID = 0x33, "CTAP2_ERR_PIN_AUTH_INVALID";
    /// PIN use is blocked until power is cycled.
    PIN_AUTH_BLOCKED = 0x34, "CTAP2_ERR_PIN_AUTH_BLOCKED";
    /// No PIN is set.
    PIN_NOT_SET = 0x35, "CTAP2_ERR_PIN_NOT_SET";
    /// A PIN or user verification token is needed.
    PUAT_REQUIRED = 0x36, "CTAP2_ERR_PUAT_REQUIRED";
    /// The PIN breaks the policy.
    PIN_POLICY_VIOLATION = 0x37, "CTAP2_ERR_PIN_POLICY_VIOLATION";
    /// The request is too large.
    REQUEST_TOO_LARGE = 0x39, "CTAP2_ERR_REQUEST_TOO_LARGE";
    /// The current action timed out.
    ACTION_TIMEOUT = 0x3a, "CTAP2_ERR_ACTION_TIMEOUT";
    /// User presence is needed.
    UP_REQUIRED = 0x3b, "CTAP2_ERR_UP_REQUIRED";
    /// Built-in user verification is blocked.
    UV_BLOCKED = 0x3c, "CTAP2_ERR_UV_BLOCKED";
    /// A checksum does not match.
    INTEGRITY_FAILURE = 0x3d, "CTAP2_ERR_INTEGRITY_FAILURE";
    /// The subcommand is not valid.
    INVALID_SUBCOMMAND = 0x3e, "CTAP2_ERR_INVALID_SUBCOMMAND";
    /// Built-in user verification did not succeed.
    UV_INVALID = 0x3f, "CTAP2_ERR_UV_INVALID";
    /// The token lacks the permission.
    UNAUTHORIZED_PERMISSION = 0x40, "CTAP2_ERR_UNAUTHORIZED_PERMISSION";
    /// Another error.
    OTHER = 0x7f, "CTAP1_ERR_OTHER";
}

impl Status {
    /// Whether this is [`Status::OK`].
    #[must_use]
    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "CTAP status {:#04x}", self.0),
        }
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Status({self})")
    }
}
