//! The client's side of one transaction, without I/O: [CTAP 2.2 §11.5].

use std::time::Duration;

pub use super::config::{
    AllowedTunnelServices, ClientConfig, ClientDeadlines, ContactSecrets, Linking,
    PREVIOUS_CODE_ACCEPTED, QrSecrets,
};
pub use super::input::Input;
pub use super::output::Output;
use super::state::State;
use super::update::ClientUpdate;
use crate::ctap::GetInfoResponse;
use crate::error::{ApiMisuse, Stage};
use crate::ports::bluetooth::BluetoothAddress;
use crate::state_machine::Runner;
use crate::transport::{ContactHint, Features, LinkedPhone, QrText};

/// The client's side of one transaction.
///
/// It takes [`Input`]s with the time at which they happened and
/// gives [`Output`]s. One law, broken only with an
/// [`ApiMisuse`] error:
///
/// > After each input, take all outputs; then wait for one more input.
///
/// ```text
///  ShowingQr ──advert──▶ Connecting ──opened──▶ Handshaking
///                                                 ▲  │
///  Contacting ──advert and opened, in either order┘  └──reply──▶ AwaitingPostHandshake
///                                                                        │
///  AwaitingResponse ◀──request / response──▶ Ready ◀──post-handshake─────┘
///                                              │
///  Closed ◀────────── Lingering ◀────finish────┘
/// ```
///
/// Same keys, same inputs, same times: same outputs. The caller must ensure
/// that a radio received an advert *here and now*: nothing else proves that the
/// phone is near.
#[derive(Debug)]
pub struct Transaction {
    runner: Runner<State>,
    phone_address: Option<BluetoothAddress>,
}

impl Transaction {
    /// Starts with a QR code to show.
    ///
    /// `now` is the time since an origin of the caller's choosing, by a clock
    /// that never goes back; `created` goes into the QR code, in seconds since
    /// 1970.
    #[must_use]
    pub fn qr(config: ClientConfig, keys: QrSecrets, now: Duration, created: u64) -> Self {
        let state = State::showing_qr(&config, keys, created);
        let shown = state.qr_text().cloned().map(ClientUpdate::WaitingForScan);
        let outputs: Vec<_> = shown.map(Output::Update).into_iter().collect();
        let runner = Runner::new(state, config.deadlines, now, outputs);
        Self { runner, phone_address: None }
    }

    /// Starts by calling a linked phone: the first output is a dial, and the
    /// radio listens at the same time.
    #[must_use]
    pub fn linked(
        hint: ContactHint,
        deadlines: ClientDeadlines,
        phone: &LinkedPhone,
        keys: ContactSecrets,
        now: Duration,
    ) -> Self {
        let (state, request) = State::contacting(hint, phone, keys);
        let outputs = [Output::Update(ClientUpdate::Contacting), Output::Dial(request)];
        let runner = Runner::new(state, deadlines, now, outputs);
        Self { runner, phone_address: None }
    }

    /// The text of the QR code, until a phone's advert was received: a used code must
    /// not stay on the screen. [`Input::NewCode`] replaces it.
    #[must_use]
    pub fn qr_text(&self) -> Option<&QrText> {
        self.runner.state().qr_text()
    }

    /// The Bluetooth address from which the phone's advert came: where a direct
    /// channel is opened. `None` before an advert was recognised and after the
    /// end, and where the system tells no addresses.
    #[must_use]
    pub const fn phone_address(&self) -> Option<BluetoothAddress> {
        self.phone_address
    }

    /// Where the transaction is.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.runner.stage()
    }

    /// When [`Input::TimePassed`] is due: at the stage's deadline, or before it, when
    /// secrets of a code that was replaced are to be wiped.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let drops_at = self.runner.state().drops_at();
        self.runner.deadline().into_iter().chain(drops_at).min()
    }

    /// The phone's features. `None` until [`Stage::Ready`], and after the end.
    #[must_use]
    pub fn features(&self) -> Option<Features> {
        self.runner.state().features()
    }

    /// The phone's getInfo response. `None` until [`Stage::Ready`], after the end,
    /// and for a phone that does not offer CTAP.
    #[must_use]
    pub fn get_info(&self) -> Option<&GetInfoResponse> {
        self.runner.state().get_info()
    }

    /// The next thing to do, if there is one.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.runner.poll_output()
    }

    /// Takes one input. Faults of the world and of the phone end the
    /// transaction with [`Output::Closed`]; they are no errors of this call.
    ///
    /// A deadline that has passed by `now` counts before the input, unless that
    /// is the tunnel's end. What the radio and the tunnel still report after the
    /// end is ignored.
    ///
    /// # Errors
    /// [`ApiMisuse`] if the law is broken or the input does not belong to the
    /// stage. The transaction is unchanged.
    pub fn handle(&mut self, now: Duration, input: Input) -> Result<(), ApiMisuse> {
        let sender = match &input {
            Input::Advert(advert) => advert.address,
            _ => None,
        };
        let was_scanning = self.runner.state().is_scanning();
        self.runner.handle(now, input)?;
        if was_scanning && !self.runner.state().is_scanning() {
            self.phone_address = sender;
        }
        if self.stage() == Stage::Closed {
            self.phone_address = None;
        }
        Ok(())
    }
}
