//! Command lines, by hand: a few flags, and words that say what is wrong.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt::Display;

/// Why a program does not begin.
#[derive(Debug)]
pub enum Stop {
    /// The help was asked for.
    Help,
    /// The arguments are wrong: how.
    Usage(String),
    /// The machine lacks something that every program needs.
    Failed(String),
}

/// The words of a command line that are not taken yet.
pub struct Arguments(VecDeque<String>);

impl Arguments {
    /// This program's. `--flag=value` counts as two words.
    pub fn from_environment() -> Result<Self, Stop> {
        let mut words = VecDeque::new();
        for word in std::env::args_os().skip(1) {
            let word = word.into_string().map_err(|word: OsString| {
                wrong(format_args!("{} is not UTF-8", word.to_string_lossy()))
            })?;
            match word.split_once('=') {
                Some((flag, value)) if flag.starts_with("--") => {
                    words.extend([flag.to_owned(), value.to_owned()]);
                }
                _ => words.push_back(word),
            }
        }
        Ok(Self(words))
    }

    /// The next word; `--help` and `-h` end it all.
    pub fn next(&mut self) -> Result<Option<String>, Stop> {
        match self.0.pop_front() {
            Some(word) if word == "--help" || word == "-h" => Err(Stop::Help),
            word => Ok(word),
        }
    }

    /// The value that must follow this flag.
    pub fn value(&mut self, flag: &str) -> Result<String, Stop> {
        let missing = || wrong(format_args!("{flag} needs a value"));
        let value = self.0.pop_front().ok_or_else(missing)?;
        // `-` stands for standard input.
        if value.starts_with('-') && value != "-" { Err(missing()) } else { Ok(value) }
    }
}

/// A usage error.
pub fn wrong(what: impl Display) -> Stop {
    Stop::Usage(what.to_string())
}

/// The error for an unknown argument.
pub fn unknown(word: &str) -> Stop {
    match word.starts_with('-') {
        true => wrong(format_args!("unknown flag {word}")),
        // Not repeated: it may be a code that was to go elsewhere.
        false => wrong("too many arguments"),
    }
}
