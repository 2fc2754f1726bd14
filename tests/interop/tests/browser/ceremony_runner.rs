//! One case: a user with a phone in front of Chromium, ceremony after ceremony.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use fido_hybrid::authenticator::{AuthenticatorUpdate, Prompt, Session};
use fido_hybrid::ctap::Status;
use fido_hybrid::error::Error;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::environment::World;
use crate::phone::{Answer, Asked, Person, Phone};
use crate::site::Site;

/// For what must happen in any case, on any machine.
const LIMIT: Duration = Duration::from_secs(30);

/// How soon after the person's answer the page has its own.
const SOON: Duration = Duration::from_secs(3);

pub(crate) struct Scene<'a> {
    pub(crate) world: &'a World,
    pub(crate) phone: Phone,
    case: &'static str,
    ceremonies: u32,
}

/// How a ceremony ended.
pub(crate) struct Outcome {
    /// What the page got: a credential, or an exception.
    page: Value,
    /// What the phone made of it; nothing if it was switched off.
    pub(crate) phone: Option<Result<(), Error>>,
    /// The status that the client got, as the phone said.
    pub(crate) answered: Option<Status>,
    prompt: Option<Prompt>,
    /// From the page's call to its answer.
    pub(crate) took: Duration,
}

impl<'a> Scene<'a> {
    /// The page as new, and a phone without passkeys.
    pub(crate) async fn new(case: &'static str, world: &'a World) -> Self {
        world.chromium.reload().await;
        world.screen.at_rest().await;
        Self { world, phone: world.phone(), case, ceremonies: 0 }
    }

    pub(crate) fn site(&self) -> &'a Site {
        &self.world.site
    }

    pub(crate) async fn create(&mut self, options: &Value, answer: Answer) -> Outcome {
        self.ceremony("create", options, answer).await
    }

    pub(crate) async fn get(&mut self, options: &Value, answer: Answer) -> Outcome {
        self.ceremony("get", options, answer).await
    }

    /// The page calls, the phone scans what the screen shows, the person
    /// answers. The page must have its answer soon after that, and Chromium's
    /// dialog must be closed, without a click.
    async fn ceremony(&mut self, kind: &str, options: &Value, answer: Answer) -> Outcome {
        self.ceremonies += 1;
        let World { chromium, screen, .. } = self.world;
        let (case, number) = (self.case, self.ceremonies);
        let picture = |of: &str| self.world.picture(&format!("{case}-{number}{of}"));

        // A picture of a page that still moves would never come back.
        let before = screen.at_rest().await;
        let mut page = pin!(chromium.ceremony(kind, options));
        let (code, seen) = tokio::select! {
            seen = screen.code() => seen,
            early = &mut page => panic!("the page has its answer without a code: {early}"),
        };
        seen.save(&picture("a-code"));

        let (asked, mut asks) = mpsc::unbounded_channel();
        let screen = Arc::clone(screen);
        let (capability, picture_b) = (self.phone.capability, picture("b-phone"));
        let person = Person { answer, capability, screen, picture: picture_b, asked };
        let phone = self.phone.authenticator(person).await;
        let power = Power::on();
        let mut session = power.run(move || phone.answer(code).unwrap());
        let asked = tokio::select! {
            biased;
            asked = timeout(LIMIT, asks.recv()) => match asked {
                Ok(Some(asked)) => asked,
                Ok(None) => panic!("the phone asks nothing: {:?}", session.outcome().await),
                Err(_) => panic!("the phone has not asked within {LIMIT:?}"),
            },
            () = secured(&mut session), if answer == Answer::PowerOffEarly => Asked::now(None),
            early = &mut page => panic!("the page has its answer before the phone asks: {early}"),
        };
        let power = (!matches!(answer, Answer::PowerOff | Answer::PowerOffEarly)).then_some(power);

        let Ok(page) = timeout(LIMIT, page).await else {
            self.world.screen.look().save(&picture("c-stuck"));
            panic!("the page has no answer {LIMIT:?} after the person's");
        };
        let waited = asked.answered.elapsed();
        assert!(waited < SOON, "the page had its answer {waited:?} after the person's");
        let (phone, answered) = match power {
            Some(_on) => {
                let (outcome, answered) = timeout(LIMIT, ended(&mut session)).await.unwrap();
                (Some(outcome), answered)
            }
            None => (None, None),
        };
        assert!(asks.try_recv().is_err(), "the phone asked twice");
        before.save(&picture("c-before"));
        self.world.screen.shows(&before, &picture("d-stuck")).await.save(&picture("d-end"));
        let took = Duration::from_secs_f64(page["took"].as_f64().unwrap() / 1000.0);
        self.world.note(format!(
            "{took:.2?}, {waited:.2?} of it after the person's answer: {case}, {kind}"
        ));
        Outcome { page, phone, answered, prompt: asked.prompt, took }
    }
}

impl Outcome {
    /// The credential that the page got; the phone must be content, too.
    pub(crate) fn credential(self) -> Value {
        serde_json::from_str(&self.credential_text()).unwrap()
    }

    /// The same as the page's script would send it.
    pub(crate) fn credential_text(self) -> String {
        let text = self.page["credential"].as_str();
        let text = text.unwrap_or_else(|| panic!("no credential: {}", self.page)).to_owned();
        self.phone.unwrap().unwrap();
        text
    }

    /// What the phone asked.
    pub(crate) fn prompt(&self) -> &Prompt {
        self.prompt.as_ref().unwrap()
    }

    /// The name of the exception that the page got.
    pub(crate) fn exception(&self) -> &str {
        self.page["exception"].as_str().unwrap_or_else(|| panic!("no exception: {}", self.page))
    }
}

/// Waits for the end of the handshake.
async fn secured(session: &mut Session) {
    loop {
        match session.next().await {
            Some(AuthenticatorUpdate::Secured) => return,
            Some(_) => {}
            None => panic!("no handshake: {:?}", session.outcome().await),
        }
    }
}

/// Waits for the end of the session: its outcome, and the status of its response.
async fn ended(session: &mut Session) -> (Result<(), Error>, Option<Status>) {
    let mut answered = None;
    while let Some(update) = session.next().await {
        match update {
            AuthenticatorUpdate::Answered(status) => answered = Some(status),
            AuthenticatorUpdate::EngineFailed(error) => panic!("the engine failed: {error}"),
            _ => {}
        }
    }
    (session.outcome().await, answered)
}

/// A phone's own power: without it, all that it does ends in that moment.
struct Power(Option<Runtime>);

impl Power {
    fn on() -> Self {
        Self(Some(Runtime::new().unwrap()))
    }

    fn run<T>(&self, act: impl FnOnce() -> T) -> T {
        let _on_the_phone = self.0.as_ref().unwrap().enter();
        act()
    }
}

impl Drop for Power {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
