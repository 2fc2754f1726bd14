//! Plays the phone: reads the QR code that a browser shows, on another
//! computer or on this one, asks its user, and signs.
//!
//! For trying things out: passkeys are in a file, in the clear (store.rs), and
//! a PIN stands for the finger (pin.rs).

mod person;
mod picture;
mod pin;
#[cfg(target_os = "linux")]
mod portal;
mod screen;
mod store;

use fido_hybrid_examples::{arguments, farewell, network, report, runtime};
use fido_hybrid_testkit::qr_reader;
use std::path::PathBuf;
use std::process::ExitCode;

use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, AuthenticatorUpdate, Refusal, Session,
};
use fido_hybrid::bluetooth::Bluetooth;
use fido_hybrid::error::{Error, Stage};
use fido_hybrid::secret::SecretText;
use fido_hybrid::transport::{QrCode, TunnelDomain};

use arguments::{Arguments, Stop, unknown, wrong};
use farewell::Signals;
use network::Network;
use person::{Person, Terminal};
use report::{describe, tell};
use runtime::unwatched;
use store::FileStore;

const FAILED: u8 = 1;
const DECLINED: u8 = 3;
const NO_STORE: u8 = 4;
const NO_CODE: u8 = 5;

fn help() -> String {
    format!(
        "\
Acts as the phone for a browser that shows a QR code: asks you, and signs.

usage: phone [flags] [CODE | --picture FILE | --screen]

  CODE                    the text of the QR code, FIDO:/…; other users of this
                          computer can see it in the process list
  --picture FILE          read the code from this picture, PNG or JPEG
  --screen                read the code from this computer's screen
                          (without any of the three, the program asks for CODE)
  --store FILE            the file of the passkeys; by default
                          $XDG_DATA_HOME/fido-hybrid/phone.passkeys
  --adapter NAME          use only this Bluetooth adapter, such as hci1
  --switch-on-bluetooth   turn Bluetooth on if it is off
{}

The store is not encrypted: anyone who can read the file can sign in with its
passkeys. Use this program for tests only.

Without --tunnel, the two devices connect to cable.ua5v.com, which Google runs for
its own phones. Use it for tests only.

Exit codes:
  0    the other device was signed in, or a passkey was registered
  1    failed
  2    the arguments are invalid
  3    you declined, or were not verified
  4    the store cannot be used
  5    no usable QR code was given
  130  interrupted
  143  terminated",
        network::HELP
    )
}

/// Where the code is.
enum Source {
    Text(SecretText),
    Picture(PathBuf),
    Screen,
    Terminal,
}

struct Phone {
    source: Source,
    store: PathBuf,
    bluetooth: Bluetooth,
    network: Network,
}

fn main() -> ExitCode {
    runtime::run(program())
}

async fn program() -> ExitCode {
    let phone = match Phone::parse() {
        Ok(phone) => phone,
        Err(stop) => return report::stopped(stop, &help()),
    };
    let (code, why) = match phone.run().await {
        Ok(()) => return ExitCode::SUCCESS,
        Err(End::Failed(error)) => (FAILED, describe(&error)),
        // The update said why.
        Err(End::Declined) => return ExitCode::from(DECLINED),
        Err(End::Refused) => return ExitCode::from(FAILED),
        Err(End::Store(why)) => (NO_STORE, why),
        Err(End::NoCode(why)) => (NO_CODE, why),
        Err(End::Stopped(stop)) => return report::stopped(stop, &help()),
        Err(End::Interrupted(code)) => (code, "interrupted".to_owned()),
    };
    tell(&format!("error: {why}"));
    ExitCode::from(code)
}

/// Why nothing was signed.
enum End {
    Failed(Error),
    Declined,
    Refused,
    Store(String),
    NoCode(String),
    Stopped(Stop),
    /// By a signal, with the exit code for it.
    Interrupted(u8),
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Phone {
    fn parse() -> Result<Self, Stop> {
        let mut arguments = Arguments::from_environment()?;
        let (mut source, mut store) = (None, None);
        let (mut bluetooth, mut network) = (Bluetooth::new(), Network::default());
        while let Some(word) = arguments.next()? {
            let found = match word.as_str() {
                "--picture" => Some(Source::Picture(arguments.value(&word)?.into())),
                "--screen" => Some(Source::Screen),
                "--store" => {
                    store = Some(PathBuf::from(arguments.value(&word)?));
                    None
                }
                "--adapter" => {
                    bluetooth = bluetooth.adapter(arguments.value(&word)?);
                    None
                }
                "--switch-on-bluetooth" => {
                    bluetooth = bluetooth.switch_on();
                    None
                }
                flag if flag.starts_with('-') => {
                    if !network.take(flag, &mut arguments)? {
                        return Err(unknown(flag));
                    }
                    None
                }
                _ => Some(Source::Text(SecretText::new(word))),
            };
            if found.is_some() {
                if source.is_some() {
                    return Err(wrong("use only one of CODE, --picture and --screen"));
                }
                source = found;
            }
        }
        let no_place = || wrong("--store is needed, because XDG_DATA_HOME and HOME are not set");
        let store = store.or_else(store::default_file).ok_or_else(no_place)?;
        Ok(Self { source: source.unwrap_or(Source::Terminal), store, bluetooth, network })
    }

    /// After Ctrl-C too the other device is told before the program ends.
    async fn run(&self) -> Result<(), End> {
        let mut signals = Signals::listen();
        let mut session = tokio::select! {
            biased;
            code = signals.next() => return Err(End::Interrupted(code)),
            begun = self.begin() => begun?,
        };
        let ended = tokio::select! {
            biased;
            code = signals.next() => Err(End::Interrupted(code)),
            ended = follow(&mut session) => ended,
        };
        session.close().await;
        ended
    }

    /// Comes by a code and answers it.
    async fn begin(&self) -> Result<Session, End> {
        let network = self.network.clone();
        let dialer = unwatched(move || network.dialer()).await;
        let unusable = || Err(Stop::Failed("tunnel services cannot be used".to_owned()));
        let dialer = dialer.unwrap_or_else(unusable).map_err(End::Stopped)?;
        let mut terminal = Terminal::new();
        // A code that was given is looked at before anything is asked.
        let mut code = match &self.source {
            Source::Terminal => None,
            Source::Text(text) => Some(parse(text)?),
            Source::Picture(file) => {
                let path = file.clone();
                let read = unwatched(move || picture::read(&path)).await;
                let read = read.unwrap_or(Err(picture::PictureError::NotRead));
                let named = |why| End::NoCode(format!("{}: {why}", file.display()));
                Some(parse(&read.map_err(named)?)?)
            }
            Source::Screen => {
                let read = unwatched(screen::read).await;
                let read = read.unwrap_or_else(|| Err(screen::ScreenError::NotLooked));
                Some(parse(&read.map_err(|why| End::NoCode(why.to_string()))?)?)
            }
        };
        let file = self.store.clone();
        let store = unwatched(move || FileStore::open(file)).await;
        let store = store.ok_or_else(|| End::Store("the store could not be opened".to_owned()))?;
        let store = store.map_err(|why| End::Store(why.to_string()))?;
        self.prepare(&store, &mut terminal).await?;
        if code.is_none() {
            let typed = terminal.ask("The text of the QR code, FIDO:/…:").await;
            let typed = typed.ok_or_else(|| End::NoCode("no code was given".to_owned()))?;
            code = Some(parse(&SecretText::new((*typed).clone()))?);
        }
        let code = code.ok_or_else(|| End::NoCode("no code was given".to_owned()))?;

        let authenticator = Authenticator::new(AuthenticatorParts {
            store: store.clone(),
            user: Person::new(terminal, store),
            advertiser: self.bluetooth.clone(),
            dialer,
            domain: self.network.domain.unwrap_or(TunnelDomain::GOOGLE),
        });
        Ok(authenticator.answer(code)?)
    }

    /// Asks for a new PIN, if the store has no PIN yet.
    async fn prepare(&self, store: &FileStore, terminal: &mut Terminal) -> Result<(), End> {
        if store.pin().is_some() {
            return Ok(());
        }
        tell(&format!(
            "New store: {}\nIt is not encrypted: anyone who can read the file can sign in with its \
             passkeys.\nChoose a PIN. It replaces a phone's fingerprint or face check.",
            self.store.display()
        ));
        let pin = terminal.choose_pin().await;
        let pin = pin.ok_or_else(|| End::Store("no PIN was chosen".to_owned()))?;
        store.set_pin(pin).map_err(|error| {
            let error = Error::new(Stage::Preparing, error);
            End::Store(format!("cannot write {}: {}", self.store.display(), describe(&error)))
        })
    }
}

fn parse(text: &SecretText) -> Result<QrCode, End> {
    let code = text.expose().trim().parse();
    code.map_err(|why: fido_hybrid::transport::QrCodeError| {
        End::NoCode(describe(&Error::new(Stage::Preparing, why)))
    })
}

/// Prints each update until the other device disconnects.
async fn follow(session: &mut Session) -> Result<(), End> {
    let mut ended = Err(End::Refused);
    while let Some(update) = session.next().await {
        match &update {
            // The question says it better.
            AuthenticatorUpdate::Answering => continue,
            AuthenticatorUpdate::Registered | AuthenticatorUpdate::SignedIn => ended = Ok(()),
            AuthenticatorUpdate::Refused(Refusal::Declined | Refusal::NotVerified) => {
                ended = Err(End::Declined);
            }
            _ => {}
        }
        tell(&update.to_string());
        if let AuthenticatorUpdate::StoreFailed(error) = &update {
            tell(&describe(error));
        }
    }
    session.outcome().await?;
    ended
}
