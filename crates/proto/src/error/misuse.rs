//! Calls that the documentation rules out.

/// A call that the documentation rules out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ApiMisuse {
    /// An input while outputs of the last one were not taken.
    #[error("outputs must be taken before the next input")]
    OutputsPending,
    /// An input that does not belong to the transaction's stage.
    #[error("the input is not allowed in this stage")]
    WrongStage,
    /// Time went backwards.
    #[error("time went backwards")]
    TimeWentBackwards,
    /// The transaction is over.
    #[error("the transaction is over")]
    Closed,
    /// A decision on another prompt than the one that is shown.
    #[error("the decision is for another prompt than the one that is shown")]
    WrongPrompt,
    /// An approval of an account that the prompt does not have.
    #[error("the prompt has no such account")]
    NoSuchAccount,
    /// More requests in one transaction than its keys are good for: 2^24.
    #[error("too many requests in one transaction")]
    TooManyRequests,
    /// A raw CTAP request without a command byte.
    #[error("the CTAP request is empty")]
    EmptyRequest,
    /// Called outside a tokio runtime.
    #[error("this must be called within a tokio runtime")]
    NoRuntime,
    /// The background task ended without an outcome: its runtime was shut down, or a
    /// part that the program brought panicked.
    #[error("the background task was aborted")]
    TaskEnded,
    /// The address of a D-Bus that may be on another machine was given. Adverts
    /// received there would not prove that a phone is near.
    #[error("the address of a D-Bus must begin with `unix:`: the bus must be on this machine")]
    RemoteBus,
    /// A dialer without a TLS configuration, in a build without a TLS provider.
    #[error(
        "there is no TLS provider: pass a `tls_config`, or build with the feature `tls-aws-lc-rs`"
    )]
    NoTlsProvider,
    /// Extra roots of trust and a whole TLS configuration, of which one excludes the
    /// other.
    #[error("extra roots and a TLS configuration exclude each other")]
    RootsAndTlsConfig,
    /// A TLS configuration that offers another protocol than HTTP/1.1.
    #[error("the TLS configuration offers a protocol other than http/1.1")]
    Alpn,
    /// An address without TLS that is not a loopback address.
    #[error("only loopback addresses can be dialled without TLS")]
    NotLoopback,
    /// A QR code to be drawn at a scale that it cannot have.
    #[error("the scale of the QR code is out of range")]
    QrScale,
    /// A ceremony on the terminal, where standard error is not a terminal.
    #[error("standard error is not a terminal, so no QR code can be shown there")]
    NoTerminal,
    /// The ceremony was awaited although the program never took its QR code, so that
    /// no person can have seen it.
    #[error("the QR code was not taken before the ceremony was awaited")]
    CodeNotTaken,
}
