//! Chromium, unmodified, as the client of our phone, through everything that
//! lies between them: its own dialog on a screen, whose code our phone reads off
//! the picture; D-Bus and BlueZ, though without a radio; our own tunnel service
//! under the name at which Chromium looks for it; and a site whose server is
//! webauthn-rs-core.
//!
//! One Chromium serves all cases, one after another. Pictures of its dialogs and
//! the programs' logs are kept in `browser` in Cargo's folder for tests
//! (`target/tmp`). In the environment, `BROWSER_RUNS` is the number of runs one
//! after another, and with `BROWSER_DEVICE_LOG` Chromium's own account of all
//! ceremonies is kept, too.
//!
//! Chromium shows no error of its own in any of these cases: the page has its
//! exception, and the dialog is closed, without a click.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod browser;
mod cases;
mod ceremony_runner;
mod client_compared;
mod conversions;
mod decoded_answers;
mod devtools;
mod environment;
mod extended;
mod page;
mod passkey_authenticator;
mod phone;
mod polling;
mod process;
mod screen;
mod scripted_engine;
mod site;
mod tools;
mod unable;
mod unverified;

use fido_hybrid_testkit::{bluez, conversions as table};
use std::path::Path;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Completion, Trial};
use tokio::runtime::Runtime;

use ceremony_runner::Scene;
use environment::World;

type Case = for<'a> fn(Scene<'a>) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

macro_rules! cases {
    ($($module:ident: $($case:ident),* ;)*) => {
        [$($((stringify!($case), (|scene| Box::pin($module::$case(scene))) as Case)),*),*]
    };
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // There is one screen.
    arguments.test_threads = Some(1);
    let cases = cases![
        cases:
        a_passkey_is_registered_and_signs_in_without_being_named,
        a_passkey_signs_in_when_it_is_named,
        of_two_accounts_the_one_that_is_chosen_signs_in,
        a_phone_with_an_excluded_passkey_makes_no_other,
        a_user_who_declines_ends_the_ceremony,
        a_phone_without_a_passkey_ends_the_sign_in,
        a_phone_that_is_switched_off_while_it_asks_ends_the_ceremony,
        a_phone_that_is_switched_off_after_the_handshake_ends_the_ceremony,
        an_attestation_gets_through_to_a_site_that_asks_for_it,
        a_site_gets_the_same_prf_output_for_the_same_input,
        a_challenge_of_900_bytes_is_signed,
        each_of_many_runs_takes_less_than_6_seconds;
        client_compared:
        our_client_gives_a_site_what_chromium_gives_it_in_registrations,
        our_client_gives_a_site_what_chromium_gives_it_in_sign_ins,
        our_client_has_chromiums_names_for_what_goes_wrong;
        extended:
        our_client_gives_a_site_what_chromium_gives_it_with_extended_options,
        our_client_gives_a_site_each_attestation_that_chromium_gives_it,
        our_client_refuses_options_as_chromium_does;
        conversions:
        chromium_reads_options_as_our_client_or_the_table_says_why_not;
        passkey_authenticator:
        a_passkey_of_another_engine_is_registered_and_signs_in,
        a_user_who_declines_to_another_engine_ends_the_ceremony;
        unable:
        a_registration_that_the_phone_cannot_do_ends_in_an_exception,
        a_registration_that_a_phone_of_ctap_2_0_cannot_do_ends_in_an_exception,
        a_sign_in_that_the_phone_cannot_do_ends_in_an_exception,
        an_algorithm_that_only_the_phone_knows_to_be_missing_ends_in_an_exception,
        a_user_who_declines_what_the_phone_cannot_do_ends_the_ceremony,
        whatever_the_phone_refuses_ends_in_an_exception;
        unverified:
        a_phone_that_cannot_verify_its_user_does_with_default_options,
        a_phone_that_cannot_verify_its_user_does_where_that_is_preferred,
        a_registration_that_excludes_64_passkeys_makes_one;
    ];

    let missing = tools::missing();
    let leave_out = (!missing.is_empty())
        .then(|| format!("the Debian packages {} are missing", missing.join(" ")));
    if let Some(why) = &leave_out {
        eprintln!("LEFT OUT: Chromium with our phone, {why}");
        if std::env::var_os("CI").is_some() {
            return ExitCode::FAILURE;
        }
    }
    let runtime = Arc::new(Runtime::new().unwrap());
    let world: Arc<OnceLock<World>> = Arc::default();
    let trials: Vec<_> = cases
        .into_iter()
        .map(|(name, case)| {
            if let Some(why) = leave_out.clone() {
                return Trial::ignorable_test(name, || Ok(Completion::ignored_with(why)));
            }
            let (world, runtime) = (Arc::clone(&world), Arc::clone(&runtime));
            Trial::test(name, move || {
                let world = world.get().unwrap();
                runtime.block_on(async { case(Scene::new(name, world).await).await });
                Ok(())
            })
        })
        .collect();

    let wanted = |trial| !arguments.is_filtered_out(trial);
    if leave_out.is_none() && !arguments.list && trials.iter().any(wanted) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
        let _the_first = world.set(runtime.block_on(World::new(&folder)));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(world) = Arc::into_inner(world).and_then(OnceLock::into_inner) {
        runtime.block_on(world.close());
    }
    conclusion.exit_code()
}
