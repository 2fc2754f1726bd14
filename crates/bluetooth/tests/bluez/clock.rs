//! A clock that only the test moves.

use std::sync::mpsc;
use std::time::Duration;

use tokio::task::{spawn_blocking, yield_now};

use crate::bluez::Machine;
use crate::the_test_bluez::Program;

/// For what must happen soon in real time.
const PATIENCE: Duration = Duration::from_secs(60);

/// By the moved clock: what has not come by then never comes.
const FOR_EVER: Duration = Duration::from_secs(5 * 60);

/// How often the program may run between two looks at what it has asked.
const TURNS: u32 = 20;

/// The clock of this test's runtime, which has one thread and is paused.
pub(crate) struct Clock<'a> {
    machine: &'a Machine,
    /// Another program on the machine.
    beside: Program,
    _held: mpsc::Sender<()>,
}

impl<'a> Clock<'a> {
    /// Stops the clock. tokio moves a paused clock by itself while nothing is to be
    /// done, also while BlueZ is asked; but not while there is a blocking task. That
    /// task ends with this value, or after [`PATIENCE`], so that a test that waits for
    /// nothing fails.
    pub(crate) fn stop(machine: &'a Machine) -> Self {
        tokio::time::pause();
        let (held, is_held) = mpsc::channel();
        spawn_blocking(move || {
            let _ended: Result<(), _> = is_held.recv_timeout(PATIENCE);
        });
        Self { machine, beside: Program::on(machine), _held: held }
    }

    /// Moves the clock by `step` whenever the program waits for it, until something is
    /// so. Gives back how far the clock was moved.
    pub(crate) async fn run_until(&self, step: Duration, is_so: impl Fn() -> bool) -> Duration {
        let mut moved = Duration::ZERO;
        loop {
            self.quiet().await;
            if is_so() {
                return moved;
            }
            assert!(moved < FOR_EVER, "the clock went on by {moved:?}, and nothing came");
            tokio::time::advance(step).await;
            moved += step;
        }
    }

    /// Lets the program do what is due, until it asks BlueZ nothing more.
    async fn quiet(&self) {
        let calls = || self.machine.calls().into_iter();
        let asked = || calls().filter(|call| call.member != "Ping").count();
        loop {
            let before = asked();
            for _ in ["what BlueZ was asked is answered", "what follows is asked"] {
                for _ in 0..TURNS {
                    // Lets the runtime look at its sockets.
                    yield_now().await;
                }
                // What was on its way over the bus has come.
                self.beside.round_trip();
            }
            if asked() == before {
                return;
            }
        }
    }
}

impl Drop for Clock<'_> {
    fn drop(&mut self) {
        // For the next clock of this test.
        tokio::time::resume();
    }
}
