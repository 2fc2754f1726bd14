//! The authenticator's side of one transaction, without I/O:
//! [CTAP 2.2 §11.5.1].

use std::time::Duration;

pub use super::config::{AuthenticatorConfig, PhoneSecrets};
pub use super::input::Input;
pub use super::link::AuthenticatorDeadlines;
use super::link::can_meet;
pub use super::output::Output;
use super::state::State;
use crate::ctap::UserHandle;
use crate::error::{ApiMisuse, Error, Stage};
use crate::state_machine::Runner;
use crate::transport::QrCode;

/// The authenticator's side of one transaction.
///
/// It takes [`Input`]s with the time at which they happened and
/// gives [`Output`]s. One law, broken only with an
/// [`ApiMisuse`] error:
///
/// > After each input, take all outputs; then wait for one more input.
///
/// ```text
///  Registering ──opened──▶ Advertising ──handshake──▶ Listening ◀──response──┐
///                                                         │                  │
///  Closed ◀── shutdown, close, cancel, deadline, error ───┴──request──▶ Answering
/// ```
///
/// Same keys, same inputs, same times: same outputs. The caller must ensure
/// that the QR code was read by a camera, or by an equally deliberate act of
/// the user (CVE-2024-9956), and that a [`Decision`](super::Decision) is the
/// user's own.
///
/// Messages that are no CTAP request that can be served are answered with a
/// CTAP status and cost nothing more; phones in the field close the tunnel instead. What
/// no client does (a second request before the first is answered, an unknown
/// message type, JSON that was not offered) ends the transaction.
#[derive(Debug)]
pub struct Transaction(Runner<State>);

impl Transaction {
    /// Starts with a QR code that was read: the first output is a dial.
    ///
    /// `now` is the time since an origin of the caller's choosing, by a clock
    /// that never goes back.
    ///
    /// # Errors
    /// [`Unsupported::TunnelDomain`] if the code's client does not know this
    /// authenticator's tunnel service, [`Unsupported::DataChannel`] if it uses no
    /// tunnel service at all.
    ///
    /// [`Unsupported::TunnelDomain`]: crate::error::Unsupported::TunnelDomain
    /// [`Unsupported::DataChannel`]: crate::error::Unsupported::DataChannel
    pub fn qr(
        config: AuthenticatorConfig,
        code: &QrCode,
        keys: PhoneSecrets,
        now: Duration,
    ) -> Result<Self, Error> {
        can_meet(code, config.domain)?;
        let deadlines = config.deadlines;
        let (state, outputs) = State::new(config, code, keys);
        Ok(Self(Runner::new(state, deadlines, now, outputs)))
    }

    /// Where the transaction is.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.0.stage()
    }

    /// The account for which a passkey is being registered, by RP ID and user
    /// handle: from [`Output::FindPasskeys`] until the answer; `None` otherwise.
    ///
    /// Several transactions may share a store. While one is registering for an
    /// account, the store's answer to another that registers for the same must
    /// wait: its prompt would not say that a passkey is replaced.
    #[must_use]
    pub fn registering(&self) -> Option<(&str, &UserHandle)> {
        self.0.state().registering()
    }

    /// When [`Input::TimePassed`] is due.
    #[must_use]
    pub const fn deadline(&self) -> Option<Duration> {
        self.0.deadline()
    }

    /// The next thing to do, if there is one.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.0.poll_output()
    }

    /// Takes one input. Faults of the world and of the client end the
    /// transaction with [`Output::Closed`]; they are no errors of this call.
    ///
    /// A deadline that has passed by `now` counts before the input, unless that
    /// is the tunnel's end. What radio, tunnel, store and user still report
    /// after the end is ignored.
    ///
    /// # Errors
    /// [`ApiMisuse`] if the law is broken or the input does not belong to the
    /// stage, such as a decision on a prompt that is not shown. The transaction
    /// is unchanged.
    pub fn handle(&mut self, now: Duration, input: Input) -> Result<(), ApiMisuse> {
        self.0.handle(now, input)
    }
}
