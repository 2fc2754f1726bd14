//! Where everything is written down that is traced and printed.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::fmt::{Debug, Display};
use std::sync::{Arc, Mutex};

use fido_hybrid::error::Error;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::finder::Secrets;

/// As a tracing subscriber it writes down the fields of every span and event.
#[derive(Clone, Default)]
pub(crate) struct Notebook(Arc<Mutex<BTreeSet<String>>>);

impl Notebook {
    fn write(&self, text: String) {
        self.0.lock().unwrap().insert(text);
    }

    /// What `Debug` shows, in both its forms.
    pub(crate) fn print(&self, value: &dyn Debug) {
        self.write(format!("{value:?}"));
        self.write(format!("{value:#?}"));
    }

    pub(crate) fn say(&self, value: &(impl Display + Debug)) {
        self.write(value.to_string());
        self.print(value);
    }

    /// All that an error has to say.
    pub(crate) fn fail(&self, error: &Error) {
        self.say(error);
        self.say(&error.kind);
        self.say(&error.stage);
        self.say(&error.advice());
        self.print(&error.dom_exception());
        let mut source = error.source();
        while let Some(cause) = source {
            self.say(&cause);
            source = cause.source();
        }
    }

    pub(crate) fn end<T: Debug>(&self, outcome: &Result<T, Error>) {
        self.print(outcome);
        if let Err(error) = outcome {
            self.fail(error);
        }
    }

    #[allow(dead_code, reason = "only the async objects trace")]
    pub(crate) fn holds(&self, words: &str) -> bool {
        self.0.lock().unwrap().iter().any(|text| text.contains(words))
    }

    #[track_caller]
    pub(crate) fn assert_holds_none_of(&self, secrets: &Secrets) {
        assert!(secrets.len() > 0, "nothing is looked for");
        let texts = self.0.lock().unwrap();
        assert!(!texts.is_empty(), "nothing was written down");
        for text in texts.iter() {
            assert_eq!(secrets.find_in(text), None, "in {text}");
        }
    }
}

impl Visit for Notebook {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.write(format!("{field}: {value:?}"));
    }
}

impl Subscriber for Notebook {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
