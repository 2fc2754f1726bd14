//! Signs in with a passkey of a phone: shows a QR code, and prints the answer
//! for the site.
//!
//! Without `--options` there is no server behind it: this program asks as one
//! would, and checks the answer as one must. Whether the signature is right can
//! only be said by who has the passkey's public key: `--registered` takes the
//! file in which `register --keep` put it down.

use fido_hybrid_examples::{arguments, desktop, network, record, report, runtime};
use std::process::ExitCode;

use fido_hybrid::client::Client;
use fido_hybrid::secret::SecretText;
use fido_hybrid::webauthn::RequestOptions;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

use arguments::{Stop, wrong};
use desktop::{Checked, Desktop, Ended, SESSION, invalid, read};
use record::Record;

struct SignIn {
    desktop: Desktop,
    registered: Option<Record>,
}

fn main() -> ExitCode {
    runtime::run(program())
}

async fn program() -> ExitCode {
    match parse() {
        Ok(sign_in) => ExitCode::from(sign_in.desktop.finish(sign_in.run().await)),
        Err(stop) => report::stopped(stop, &help()),
    }
}

fn help() -> String {
    format!(
        "\
Signs in to a site with a passkey of a phone, with a QR code.

usage: sign_in [flags] https://site

  --registered FILE       sign in with the passkey that register --keep FILE saved,
                          and verify its signature
{}
{}

{}",
        desktop::HELP,
        network::HELP,
        desktop::EXIT_CODES
    )
}

fn parse() -> Result<SignIn, Stop> {
    let mut registered = None;
    let desktop = Desktop::parse(|flag, arguments| {
        if flag != "--registered" {
            return Ok(false);
        }
        let file = arguments.value(flag)?;
        let record = Record::from_json(&read(&file)?);
        let record =
            record.ok_or_else(|| wrong(format_args!("{file} was not saved by register --keep")))?;
        registered = Some(record);
        Ok(true)
    })?;
    Ok(SignIn { desktop, registered })
}

impl SignIn {
    async fn run(&self) -> Result<(SecretText, Checked), Ended> {
        let desktop = &self.desktop;
        let adopted = desktop.options().map(RequestOptions::from_json).transpose();
        let adopted = adopted.map_err(invalid)?;
        let (rp_id, verification) = match &adopted {
            Some(options) => (
                options.rp_id.as_deref().unwrap_or(desktop.origin.host()),
                options.user_verification,
            ),
            None => (desktop.rp_id.as_str(), desktop.verification()),
        };
        let mut relying_party = desktop.relying_party(rp_id, verification);
        if let Some(record) = &self.registered {
            if record.rp_id != rp_id {
                let stop = wrong(format_args!("the saved passkey is for {}", record.rp_id));
                return Err(Ended::Stopped(stop));
            }
            let adopted =
                relying_party.adopt_passkey(&record.account, &record.handle, &record.answer);
            adopted.map_err(|why| {
                Ended::Stopped(wrong(format_args!("the saved passkey is invalid: {why}")))
            })?;
        }
        let options = match adopted {
            Some(options) => options,
            None => {
                let account = self.registered.as_ref().map(|record| record.account.as_str());
                let rng = &mut UnwrapErr(SysRng);
                let json = relying_party.start_sign_in(SESSION, account, desktop.now(), rng);
                RequestOptions::from_json(&json).map_err(invalid)?
            }
        };
        let begin = |client: &Client| client.get(&options, &desktop.origin);
        let answer = desktop.perform(begin).await?.to_json();
        let (answer_json, now) = (answer.expose(), desktop.now());
        if desktop.options().is_some() {
            // Now, for how long its challenge is good is that server's to say.
            relying_party.adopt_sign_in(SESSION, &options.challenge, now);
        }
        let checked = match &self.registered {
            Some(_) => relying_party
                .finish_sign_in(SESSION, answer_json, now)
                .map(|_| "The answer and its signature are valid."),
            None => relying_party.check_unsigned(SESSION, answer_json, now).map(|_| {
                "The answer is valid. Its signature was not verified, which needs the \
                 passkey's public key: see --registered."
            }),
        };
        Ok((answer, checked.map_or_else(Checked::Wrong, Checked::Right)))
    }
}
