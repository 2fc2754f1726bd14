//! The scanner and the advertiser with a real kernel and BlueZ's own
//! `bluetoothd`, which is switched off, stopped, killed and started again, and
//! whose adapters are taken away, while one of them is at work.
//!
//! For the virtual machine of `tests/vm`, as root: it takes the machine's
//! Bluetooth over. Two virtual controllers receive each other's adverts: `hci0`
//! is the computer's that shows the code, `hci1` the phone's.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod computer;
#[allow(dead_code, reason = "this test uses a part")]
mod world;

use fido_hybrid_testkit::{rig, services};
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use tokio::runtime::Runtime;

use computer::{Bluetooth, Disturbance};
use world::World;

/// What happens to a computer's Bluetooth, by the end of a case's name.
const DISTURBANCES: [(&str, Disturbance); 6] = [
    ("its_adapter_is_switched_off_and_on", Disturbance::PowerOffAndOn),
    ("its_adapter_is_removed_and_back", Disturbance::RemoveAndReturn),
    ("bluetoothd_stops_and_starts", Disturbance::Terminate),
    ("bluetoothd_is_killed_and_back_after_1_s", Disturbance::Kill { seconds_away: 1 }),
    ("bluetoothd_is_killed_and_back_after_3_s", Disturbance::Kill { seconds_away: 3 }),
    ("bluetoothd_is_killed_and_back_after_12_s", Disturbance::Kill { seconds_away: 12 }),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // There is one Bluetooth.
    arguments.test_threads = Some(1);
    let runtime = Arc::new(Runtime::new().unwrap());
    let trial =
        |name: String, case: fn(&mut World, Disturbance) -> world::Case<'_>, disturbance| {
            let runtime = Arc::clone(&runtime);
            Trial::test(name, move || {
                runtime.block_on(async {
                    let mut world = World::new(Bluetooth::start().await).await;
                    case(&mut world, disturbance).await;
                    world.until_both_are_idle().await;
                });
                Ok(())
            })
        };
    let mut trials = vec![trial(
        "a_passkey_is_registered_and_signs_in".to_owned(),
        |world, _| Box::pin(world.registers_and_signs_in()),
        Disturbance::PowerOffAndOn,
    )];
    for (name, disturbance) in DISTURBANCES {
        trials.push(trial(
            format!("a_scan_goes_on_when_{name}"),
            |world, disturbance| Box::pin(world.disturbs_the_scan(disturbance)),
            disturbance,
        ));
        trials.push(trial(
            format!("an_advert_is_sent_again_when_{name}"),
            |world, disturbance| Box::pin(world.disturbs_the_advert(disturbance)),
            disturbance,
        ));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
