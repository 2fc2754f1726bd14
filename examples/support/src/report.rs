//! How a program says that it could not do its work.

use std::error::Error as _;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use fido_hybrid::error::{Advice, Error, Stage};

use crate::arguments::Stop;

/// What `--help` has to say when the arguments are wrong.
pub const USAGE_ERROR: u8 = 2;

/// An error with what is behind it and what a person can do, in lines. How far
/// things had got is a line of its own, where it tells something.
pub fn describe(error: &Error) -> String {
    let mut text = error.kind.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a string cannot fail.
        let _infallible = write!(text, "\n  because: {cause}");
        source = cause.source();
    }
    if let Some(doing) = doing(error.stage) {
        // As above.
        let _infallible = write!(text, "\n  while {doing}");
    }
    match error.advice() {
        Advice::Nothing => text,
        advice => text + "\n" + &advice.to_string(),
    }
}

/// What the program was doing; `None` where it had not begun, or was idle.
fn doing(stage: Stage) -> Option<String> {
    match stage {
        Stage::Preparing | Stage::Ready | Stage::Closed => None,
        stage => Some(stage.to_string()),
    }
}

/// Ends a program that did not begin.
pub fn stopped(stop: Stop, help: &str) -> ExitCode {
    match stop {
        Stop::Help => {
            print(help);
            ExitCode::SUCCESS
        }
        Stop::Usage(what) => {
            tell(&format!("error: {what}\nTry --help."));
            ExitCode::from(USAGE_ERROR)
        }
        Stop::Failed(what) => {
            tell(&format!("error: {what}"));
            ExitCode::FAILURE
        }
    }
}

/// For programs that read the output. Whether it was read decides nothing.
pub fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _dropped =
        stdout.write_all(text.trim_end().as_bytes()).and_then(|()| stdout.write_all(b"\n"));
}

/// For people, without an end of line.
pub fn put(text: &str) {
    let mut stderr = std::io::stderr();
    let _dropped = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// For people. One that has closed the terminal is no reason to fail.
pub fn tell(text: &str) {
    let _dropped = writeln!(std::io::stderr(), "{text}");
}
