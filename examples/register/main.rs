//! Registers a passkey of a phone: shows a QR code, and prints the answer for
//! the site.
//!
//! Without `--options` there is no server behind it: this program asks as one
//! would, and checks the answer as one must.

use fido_hybrid_examples::{arguments, desktop, network, record, report, runtime};
use std::process::ExitCode;

use fido_hybrid::client::Client;
use fido_hybrid::secret::SecretText;
use fido_hybrid::webauthn::{CreationOptions, Requirement};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

use arguments::{Stop, wrong};
use desktop::{Checked, Desktop, Ended, SESSION, invalid};
use record::Record;

struct Register {
    desktop: Desktop,
    user: Option<String>,
    keep: Option<String>,
}

fn main() -> ExitCode {
    runtime::run(program())
}

async fn program() -> ExitCode {
    match parse() {
        Ok(register) => ExitCode::from(register.desktop.finish(register.run().await)),
        Err(stop) => report::stopped(stop, &help()),
    }
}

fn help() -> String {
    format!(
        "\
Registers a passkey of a phone at a site, with a QR code.

usage: register [flags] https://site

  --user NAME             the account name; not with --options
  --keep FILE             save the registration for sign_in --registered
{}
{}

{}",
        desktop::HELP,
        network::HELP,
        desktop::EXIT_CODES
    )
}

fn parse() -> Result<Register, Stop> {
    let (mut user, mut keep) = (None, None);
    let desktop = Desktop::parse(|flag, arguments| {
        match flag {
            "--user" => user = Some(arguments.value(flag)?),
            "--keep" => keep = Some(arguments.value(flag)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if user.is_some() && desktop.options().is_some() {
        return Err(wrong("--user cannot be used with --options, which contain the account"));
    }
    Ok(Register { desktop, user, keep })
}

impl Register {
    async fn run(&self) -> Result<(SecretText, Checked), Ended> {
        let desktop = &self.desktop;
        let (mut relying_party, options) = match desktop.options() {
            Some(json) => {
                let options = CreationOptions::from_json(json).map_err(invalid)?;
                let rp_id = options.rp_id.as_deref().unwrap_or(desktop.origin.host());
                (desktop.relying_party(rp_id, options.user_verification), options)
            }
            None => {
                let user = self.user.clone();
                let user = user.unwrap_or_else(|| format!("user@{}", desktop.rp_id));
                let mut relying_party =
                    desktop.relying_party(&desktop.rp_id, desktop.verification());
                let rng = &mut UnwrapErr(SysRng);
                let json = relying_party.start_registration(SESSION, &user, desktop.now(), rng);
                (relying_party, CreationOptions::from_json(&json).map_err(invalid)?)
            }
        };
        let begin = |client: &Client| client.create(&options, &desktop.origin);
        let registration = desktop.perform(begin).await?;
        let answer = registration.to_json();
        let account = options.user.name.as_deref().unwrap_or_default();
        let handle = options.user.id.as_bytes();
        if desktop.options().is_some() {
            // Now, for how long its challenge is good is that server's to say.
            let now = desktop.now();
            relying_party.adopt_registration(SESSION, account, handle, &options.challenge, now);
        }
        // What it was asked for decides; what a site prefers it may go without.
        let asked = match options.user_verification {
            Requirement::Required => "The answer is valid, and the user was verified.",
            _ => "The answer is valid.",
        };
        match relying_party.finish_registration(SESSION, answer.expose(), desktop.now()) {
            Ok(_) => {
                if let Some(file) = &self.keep {
                    let record = Record {
                        rp_id: relying_party.policy.rp_id.clone(),
                        account: account.to_owned(),
                        handle: handle.to_vec(),
                        answer: answer.expose().to_owned(),
                    };
                    if let Err(why) = std::fs::write(file, record.to_json()) {
                        let why = format!("cannot write {file}: {why}");
                        return Ok((answer, Checked::NotKept(why)));
                    }
                }
                Ok((answer, Checked::Right(asked)))
            }
            Err(refusal) => Ok((answer, Checked::Wrong(refusal))),
        }
    }
}
