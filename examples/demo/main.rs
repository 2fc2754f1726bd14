//! A whole passkey ceremony on one machine, with nothing but this program.
//!
//! ```text
//!  site (relying_party.rs)
//!    │ options ▲ answers, as WebAuthn JSON
//!  desktop (this file) ── QR code, as a picture ──▶ phone (phone.rs)
//!    │        ▲                                       │
//!    │        └────────── advert, on a simulated air ─┤
//!    └──── WebSocket, TLS ──▶ tunnel service ◀────────┘   (world.rs)
//! ```
//!
//! What is simulated is the air alone. The QR code is drawn and read from its
//! picture; the tunnel service is the crate's own, on loopback, with a
//! certificate made for this run; the site checks all that a server must, and
//! is then attacked (attacks.rs).
//!
//! `--json` prints the two answers and nothing else.

#![allow(clippy::print_stderr, reason = "a program for people")]

mod attacks;
mod narrator;
mod phone;
mod world;

use fido_hybrid_examples::runtime;
use fido_hybrid_testkit::qr_reader;
use fido_hybrid_testkit::relying_party;
use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use fido_hybrid::authenticator;
use fido_hybrid::client::{Ceremony, Client, ClientUpdate};
use fido_hybrid::qr_render::QrMatrix;
use fido_hybrid::webauthn::{CreationOptions, Origin, RequestOptions};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

use attacks::Attack;
use narrator::{Narrator, Voice};
use phone::Phone;
use relying_party::{Policy, Refusal, RelyingParty};
use world::World;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const RP_ID: &str = "example.com";
const ORIGIN: &str = "https://example.com";
const ACCOUNT: &str = "ada@example.com";
/// Whose challenge it is: a cookie, on a real site.
const SESSION: &str = "ada's browser";

fn main() -> ExitCode {
    runtime::run(program())
}

async fn program() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let narrator = Arc::new(match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Narrator::to_terminal(),
        ["--json"] => Narrator::silent(),
        _ => {
            eprintln!("usage: cargo run --example demo [-- --json]");
            return ExitCode::from(2);
        }
    });
    match run(&narrator).await {
        Ok(answers) if narrator.is_silent() => match writeln!(std::io::stdout(), "{answers}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nthe demo failed: {error}");
            let mut source = error.source();
            while let Some(error) = source {
                eprintln!("  because: {error}");
                source = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

/// Both ceremonies and the attacks; the two answers as one JSON object.
async fn run(narrator: &Arc<Narrator>) -> Result<String> {
    let started = Instant::now();
    let mut rng = UnwrapErr(SysRng);
    let world = World::new().await?;
    let mut relying_party = RelyingParty::new(Policy::new(RP_ID, ORIGIN));
    let phone = Phone::new(&world, narrator)?;
    let client = Client::new(world.air.clone(), world.tunnel.clone());
    let origin = Origin::parse(ORIGIN)?;

    narrator.show("A desktop, a phone and a tunnel service, all on this computer.");
    narrator.scene("Register a passkey");
    let options = relying_party.start_registration(SESSION, ACCOUNT, started.elapsed(), &mut rng);
    narrator.say(Voice::RelyingParty, format_args!("Requests a passkey for {ACCOUNT}."));
    let ceremony = client.create(&CreationOptions::from_json(&options)?, &origin)?;
    let registration = perform(ceremony, &phone, narrator).await?;
    let registered = registration.to_json();
    let credential =
        relying_party.finish_registration(SESSION, registered.expose(), started.elapsed())?;
    narrator.say(Voice::RelyingParty, "The answer is valid. The passkey is registered.");

    narrator.scene("Sign in, without typing");
    // No account is named: the allow list is empty, the phone knows who it is.
    let options = relying_party.start_sign_in(SESSION, None, started.elapsed(), &mut rng);
    narrator.say(Voice::RelyingParty, "Requests a sign-in, without naming an account.");
    let ceremony = client.get(&RequestOptions::from_json(&options)?, &origin)?;
    let assertion = perform(ceremony, &phone, narrator).await?;
    let signed = assertion.to_json();
    let signed_in = relying_party.finish_sign_in(SESSION, signed.expose(), started.elapsed())?;
    if signed_in.account != ACCOUNT || signed_in.credential != credential {
        return Err("signed in to another account".into());
    }
    narrator.say(Voice::RelyingParty, format_args!("The answer is valid. {ACCOUNT} is signed in."));

    narrator.scene("Attacks that fail");
    // The very answer that has just signed the user in.
    match relying_party.finish_sign_in(SESSION, signed.expose(), started.elapsed()) {
        Err(refusal @ Refusal::UnknownChallenge) => {
            narrator.tick("This sign-in is sent a second time.", refusal);
        }
        other => return Err(format!("the same answer was accepted twice: {other:?}").into()),
    }
    // A page elsewhere that asks for this site's passkey gets no QR code.
    let options = relying_party.start_sign_in(SESSION, None, started.elapsed(), &mut rng);
    let phishing = Origin::parse("https://examp1e.com")?;
    match client.get(&RequestOptions::from_json(&options)?, &phishing) {
        Err(refusal) => {
            narrator.tick("A page at examp1e.com requests this passkey.", refusal.kind);
        }
        Ok(_) => return Err("a request from another origin was accepted".into()),
    }
    for attack in Attack::ALL {
        match attack.attempt(&mut rng) {
            Err(refusal) if refusal == attack.expected() => narrator.tick(attack, refusal),
            other => return Err(format!("{attack} ended in {other:?}").into()),
        }
    }
    narrator.show(&format!("\nEverything was verified, in {} ms.", started.elapsed().as_millis()));

    let (registered, signed) = (registered.expose(), signed.expose());
    Ok(format!("{{\"registration\":{registered},\"authentication\":{signed}}}"))
}

/// Shows the code, lets the phone see it, and goes on until there is an answer.
async fn perform<T>(
    mut ceremony: Ceremony<T>,
    phone: &Phone,
    narrator: &Arc<Narrator>,
) -> Result<T> {
    let code = QrMatrix::new(&ceremony.qr_code().ok_or("the code was already used")?)?;
    let on_screen = if narrator.is_coloured() { code.to_terminal() } else { code.to_plain_text() };
    narrator.show(on_screen.expose());
    let picture = code.to_greyscale(4)?;

    let mut session = None;
    while let Some(update) = ceremony.next().await {
        narrator.say(Voice::Desktop, &update);
        if let ClientUpdate::WaitingForScan(_) = update {
            let mut scanned = phone.scan(&picture, narrator)?;
            let narrator = Arc::clone(narrator);
            session = Some(tokio::spawn(async move {
                while let Some(update) = scanned.next().await {
                    // What is asked, the person at the phone says better.
                    if !matches!(update, authenticator::AuthenticatorUpdate::Answering) {
                        narrator.say(Voice::Phone, update);
                    }
                }
                scanned.outcome().await
            }));
        }
    }
    let answer = ceremony.outcome().await?;
    // The desktop has what it wants: the phone is told, and is done too.
    drop(ceremony);
    if let Some(session) = session {
        session.await??;
    }
    Ok(answer)
}
