//! What `sign_in` and `register` have in common: their command line, the QR
//! code on the screen, and the way to an answer.

use std::io::{Read as _, stdin};
use std::time::Instant;

use fido_hybrid::Canceller;
use fido_hybrid::bluetooth::Bluetooth;
use fido_hybrid::client::{Ceremony, Client, ClientUpdate};
use fido_hybrid::error::{Error, ErrorKind, MAX_OPTIONS, Stage};
use fido_hybrid::secret::SecretText;
use fido_hybrid::tunnel::WebSocketDialer;
use fido_hybrid::webauthn::{Origin, Requirement};
use serde_json::json;

use crate::arguments::{Arguments, Stop, unknown, wrong};
use crate::farewell::{INTERRUPTED, Signals};
use crate::network::Network;
use crate::on_screen::{Form, OnScreen};
use crate::radio::{adapters, no_such_adapter};
use crate::report::{USAGE_ERROR, describe, print, tell};
use fido_hybrid_testkit::relying_party::{Policy, Refusal, RelyingParty, VerificationPolicy};

/// The flags that both programs take, and how they end, for `--help`.
pub const HELP: &str =
    "  --rp-id ID              the RP ID, to which passkeys are bound; by default the
                          site's host
  --user-verification required|preferred|discouraged
                          whether the phone must verify its user; by default
                          required
  --options FILE          use a server's options, as WebAuthn JSON; - is standard
                          input
  --adapter NAME          use only this Bluetooth adapter, such as hci1
  --switch-on-bluetooth   turn Bluetooth on if it is off
  --text                  print the code as text instead of drawing it
  --json                  also print errors as JSON, on standard output";

/// How both programs end, for `--help`.
pub const EXIT_CODES: &str = "\
The answer goes to standard output, everything else to standard error.

Exit codes:
  0    the answer is valid
  1    there is no answer, or it could not be saved
  2    the arguments are invalid
  3    the answer is invalid: a server would refuse it
  130  interrupted
  143  terminated";

/// There is an answer that a server would refuse.
const REFUSED: u8 = 3;

/// Whose challenges these are: a cookie, on a real site.
pub const SESSION: &str = "this terminal";

/// What the command line asks for.
pub struct Desktop {
    pub origin: Origin,
    pub rp_id: String,
    verification: Requirement,
    options: Option<String>,
    bluetooth: Bluetooth,
    adapter: Option<String>,
    dialer: WebSocketDialer,
    form: Form,
    json: bool,
    started: Instant,
}

impl Desktop {
    /// Reads the command line; `own` takes the flags of one program alone and
    /// says whether it did.
    pub fn parse(
        mut own: impl FnMut(&str, &mut Arguments) -> Result<bool, Stop>,
    ) -> Result<Self, Stop> {
        let mut arguments = Arguments::from_environment()?;
        let (mut origin, mut rp_id, mut options) = (None, None, None);
        let (mut bluetooth, mut network) = (Bluetooth::new(), Network::default());
        let (mut verification, mut json) = (Requirement::Required, false);
        let (mut adapter, mut form) = (None, Form::Drawing);
        while let Some(word) = arguments.next()? {
            match word.as_str() {
                "--rp-id" => rp_id = Some(arguments.value(&word)?),
                "--user-verification" => {
                    verification = match arguments.value(&word)?.as_str() {
                        "required" => Requirement::Required,
                        "preferred" => Requirement::Preferred,
                        "discouraged" => Requirement::Discouraged,
                        _ => {
                            return Err(wrong(
                                "--user-verification must be required, preferred or discouraged",
                            ));
                        }
                    }
                }
                "--options" => options = Some(read(&arguments.value(&word)?)?),
                "--adapter" => {
                    let name = arguments.value(&word)?;
                    bluetooth = bluetooth.adapter(&name);
                    adapter = Some(name);
                }
                "--switch-on-bluetooth" => bluetooth = bluetooth.switch_on(),
                "--text" => form = Form::Text,
                "--json" => json = true,
                flag if flag.starts_with('-') => {
                    if !network.take(flag, &mut arguments)? && !own(flag, &mut arguments)? {
                        return Err(unknown(flag));
                    }
                }
                _ if origin.is_some() => return Err(unknown(&word)),
                text => {
                    let text = text.strip_suffix('/').unwrap_or(text);
                    let parsed = Origin::parse(text);
                    origin = Some(parsed.map_err(|why| wrong(format_args!("{text}: {why}")))?);
                }
            }
        }
        let origin =
            origin.ok_or_else(|| wrong("the site is missing, such as https://example.com"))?;
        let rp_id = rp_id.unwrap_or_else(|| origin.host().to_owned());
        let (dialer, started) = (network.dialer()?, Instant::now());
        Ok(Self {
            origin,
            rp_id,
            verification,
            options,
            bluetooth,
            adapter,
            dialer,
            form,
            json,
            started,
        })
    }

    /// The server's options, if there is a server.
    pub fn options(&self) -> Option<&str> {
        self.options.as_deref()
    }

    /// The server that this program plays or stands in for. `rp_id` is that of
    /// the options in use, and `verification` what they ask for.
    pub fn relying_party(&self, rp_id: &str, verification: Requirement) -> RelyingParty {
        let verification = match verification {
            Requirement::Required => VerificationPolicy::Required,
            Requirement::Preferred => VerificationPolicy::Preferred,
            Requirement::Discouraged => VerificationPolicy::Discouraged,
        };
        let policy = Policy::new(rp_id, self.origin.as_str());
        RelyingParty::new(Policy { verification, ..policy })
    }

    pub const fn verification(&self) -> Requirement {
        self.verification
    }

    /// Since the program began: the server's clock.
    pub fn now(&self) -> std::time::Duration {
        self.started.elapsed()
    }

    /// Shows the code, tells what happens, and gives the answer. After Ctrl-C
    /// too the phone is told before the program ends.
    pub async fn perform<T>(
        &self,
        begin: impl FnOnce(&Client) -> Result<Ceremony<T>, Error>,
    ) -> Result<T, Ended> {
        let mut signals = Signals::listen();
        let (scanner, dialer) = (self.bluetooth.clone(), self.dialer.clone());
        let client = Client::new(scanner, dialer);
        // What is wrong with the request comes first; the code is not shown yet.
        let mut ceremony = begin(&client)?;
        tokio::select! {
            biased;
            code = signals.next() => return Err(interrupt(ceremony, code).await),
            ready = self.check_bluetooth() => ready?,
        }
        let answer = tokio::select! {
            biased;
            code = signals.next() => return Err(interrupt(ceremony, code).await),
            answer = follow(&mut ceremony, self.form) => answer,
        };
        ceremony.close().await;
        answer.map_err(Ended::Failed)
    }

    /// Whether this machine can wait for a phone. An adapter that is off or yet
    /// to be plugged in is waited for; a code would be of no help without the
    /// system's Bluetooth service, or with an adapter whose name is wrong.
    async fn check_bluetooth(&self) -> Result<(), Ended> {
        let found = adapters(&self.bluetooth).await;
        let found = found.map_err(|error| Error::new(Stage::ShowingQr, error))?;
        match self.adapter.as_deref().and_then(|name| no_such_adapter(name, &found)) {
            Some(why) => Err(Ended::Stopped(Stop::Failed(why))),
            None => Ok(()),
        }
    }

    /// Prints what there is, and gives the exit code.
    pub fn finish(&self, ended: Result<(SecretText, Checked), Ended>) -> u8 {
        let (code, name, told) = match ended {
            Ok((answer, checked)) => {
                print(answer.expose());
                match checked {
                    Checked::Right(sentence) => {
                        tell(sentence);
                        return 0;
                    }
                    Checked::NotKept(why) => {
                        tell(&format!("error: {why}"));
                        return 1;
                    }
                    // On standard output there is the answer already.
                    Checked::Wrong(refusal) => {
                        tell(&format!("error: a server would refuse this answer: {refusal}"));
                        return REFUSED;
                    }
                }
            }
            Err(Ended::Interrupted(code, error)) => {
                (code, error.dom_exception().name(), "interrupted".to_owned())
            }
            Err(Ended::Failed(error)) => (1, error.dom_exception().name(), describe(&error)),
            Err(Ended::Stopped(Stop::Usage(what))) => {
                (USAGE_ERROR, "TypeError", what + "\nTry --help.")
            }
            Err(Ended::Stopped(Stop::Failed(what))) => (1, "NotAllowedError", what),
            Err(Ended::Stopped(Stop::Help)) => return 0,
        };
        tell(&format!("error: {told}"));
        if self.json {
            print(&json!({"error": {"name": name, "message": told}}).to_string());
        }
        code
    }
}

/// What a server would say of the answer.
pub enum Checked {
    Right(&'static str),
    /// It is right, and could not be written down.
    NotKept(String),
    Wrong(Refusal),
}

/// Why there is no answer.
pub enum Ended {
    Failed(Error),
    /// By a signal, with the exit code for it.
    Interrupted(u8, Error),
    Stopped(Stop),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Ends a ceremony by a signal: a person's Ctrl-C, or the system's.
async fn interrupt<T>(ceremony: Ceremony<T>, code: u8) -> Ended {
    let by = if code == INTERRUPTED { Canceller::User } else { Canceller::Caller };
    Ended::Interrupted(code, ceremony.cancel(by).await)
}

async fn follow<T>(ceremony: &mut Ceremony<T>, form: Form) -> Result<T, Error> {
    let mut shown = ceremony.qr_code().map(|code| OnScreen::show(&code, form));
    loop {
        let update = match &mut shown {
            Some(screen) => tokio::select! {
                update = ceremony.next() => update,
                never = screen.follow_size() => match never {},
            },
            None => ceremony.next().await,
        };
        let Some(update) = update else { break };
        if matches!(update, ClientUpdate::PhoneFound) {
            // From here on the code is useful to an onlooker only.
            shown = None;
        }
        match &mut shown {
            Some(screen) => screen.tell(&update.to_string()),
            None => tell(&update.to_string()),
        }
    }
    drop(shown);
    ceremony.outcome().await
}

/// A file's text, or that of standard input.
pub fn read(file: &str) -> Result<String, Stop> {
    let unread = |why: std::io::Error| wrong(format_args!("cannot read {file}: {why}"));
    let limit = MAX_OPTIONS as u64;
    let mut text = String::new();
    match file {
        "-" => stdin().take(limit + 1).read_to_string(&mut text).map_err(unread)?,
        _ => {
            let opened = std::fs::File::open(file).map_err(unread)?;
            opened.take(limit + 1).read_to_string(&mut text).map_err(unread)?
        }
    };
    if text.len() > MAX_OPTIONS {
        return Err(wrong(format_args!("{file} is longer than {MAX_OPTIONS} bytes")));
    }
    Ok(text)
}

/// A server's options that this program cannot take.
pub fn invalid(error: impl Into<ErrorKind>) -> Ended {
    Ended::Failed(Error::new(Stage::Preparing, error))
}
