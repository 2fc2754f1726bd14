//! The person at the terminal, who is asked.

use std::io::{IsTerminal as _, Read as _, stdin};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Account, Decision, Prompt, Question, UserCheck, UserVerification,
};
use tokio::sync::{Mutex, mpsc};
use zeroize::Zeroizing;

use super::pin::{MIN_LENGTH, Pin};
use super::report::tell;
use super::store::FileStore;

/// The longest line, in bytes. A QR code's text is shorter.
const MAX_LINE: usize = 4096;

/// Lines that wait to be looked at.
const WAITING: usize = 16;

/// How often a PIN may be mistyped in one prompt.
const TRIES: usize = 3;

type Line = Zeroizing<String>;

/// What is typed, line by line.
pub(crate) struct Terminal {
    lines: mpsc::Receiver<(u64, Line)>,
    /// Counts the questions. A line that was typed before its question was
    /// asked is no answer.
    question: Arc<AtomicU64>,
}

impl Terminal {
    /// Begins to read standard input, which goes on until the program ends.
    pub(crate) fn new() -> Self {
        let (sender, lines) = mpsc::channel(WAITING);
        let question = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&question);
        std::thread::spawn(move || {
            while let Some(line) = read_line() {
                if sender.blocking_send((counter.load(Ordering::SeqCst), line)).is_err() {
                    return;
                }
            }
        });
        Self { lines, question }
    }

    /// Asks, and waits for a line; `None` at the end of the input.
    pub(crate) async fn ask(&mut self, what: &str) -> Option<Line> {
        let asked = self.question.fetch_add(1, Ordering::SeqCst) + 1;
        tell(what);
        loop {
            let (question, line) = self.lines.recv().await?;
            if question == asked {
                return Some(Zeroizing::new(line.trim().to_owned()));
            }
        }
    }

    /// As [`ask`](Self::ask), and what is typed is not shown.
    async fn ask_unseen(&mut self, what: &str) -> Option<Line> {
        let _unseen = Unseen::begin();
        self.ask(what).await
    }

    /// Has a PIN chosen, by typing it twice.
    pub(crate) async fn choose_pin(&mut self) -> Option<Pin> {
        loop {
            let once = self.ask_unseen("New PIN:").await?;
            if once.chars().count() < MIN_LENGTH {
                tell(&format!("The PIN needs at least {MIN_LENGTH} characters."));
                continue;
            }
            if *self.ask_unseen("Repeat the PIN:").await? == *once {
                return hashed(move || Pin::new(&once)).await;
            }
            tell("The PINs differ. Try again.");
        }
    }
}

/// One line of standard input, without its end; `None` once there is no more,
/// or if it is too long or not text.
fn read_line() -> Option<Line> {
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE));
    let mut input = stdin().lock();
    let mut byte = [0];
    while line.len() < MAX_LINE {
        match input.read(&mut byte) {
            Ok(1) if byte != *b"\n" => line.extend_from_slice(&byte),
            Ok(1) => return Some(Zeroizing::new(std::str::from_utf8(&line).ok()?.to_owned())),
            _ => return None,
        }
    }
    None
}

/// The terminal shows nothing of what is typed as long as this lives.
struct Unseen;

impl Unseen {
    /// `None` where nothing is shown anyway, or the system cannot.
    fn begin() -> Option<Self> {
        (stdin().is_terminal() && echo("-echo")).then(|| Self)
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        echo("echo");
    }
}

fn echo(setting: &str) -> bool {
    Command::new("stty").arg(setting).status().is_ok_and(|status| status.success())
}

/// Hashing takes a moment, in which a session has other things to do.
async fn hashed<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

/// Asks the person at the terminal.
pub(crate) struct Person {
    terminal: Mutex<Terminal>,
    store: FileStore,
}

impl Person {
    pub(crate) fn new(terminal: Terminal, store: FileStore) -> Self {
        Self { terminal: Mutex::new(terminal), store }
    }

    async fn decide(&self, prompt: &Prompt) -> Decision {
        let mut terminal = self.terminal.lock().await;
        let mut on_screen = OnScreen { answered: false };
        let decision = match choose(&mut terminal, prompt).await {
            Some(account) => match self.verify(&mut terminal, prompt.demanded).await {
                Some(verification) => Decision::Approved { verification, account },
                // Not enough, which the phone tells.
                None => Decision::Approved { verification: UserVerification::Present, account },
            },
            None => Decision::Declined,
        };
        on_screen.answered = true;
        decision
    }

    /// Verifies the person as far as is demanded.
    async fn verify(
        &self,
        terminal: &mut Terminal,
        demanded: UserVerification,
    ) -> Option<UserVerification> {
        if demanded == UserVerification::Present {
            return Some(UserVerification::Present);
        }
        let pin = self.store.pin()?;
        for _ in 0..TRIES {
            let typed = terminal.ask_unseen("PIN:").await?;
            let pin = pin.clone();
            if hashed(move || pin.is(&typed)).await? {
                return Some(UserVerification::Verified);
            }
            tell("Wrong PIN.");
        }
        None
    }
}

impl UserCheck for Person {
    fn check(&self, prompt: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async move { self.decide(&prompt).await })
    }
}

/// The question on the screen; dropped before there is an answer when the other
/// device disconnects.
struct OnScreen {
    answered: bool,
}

impl Drop for OnScreen {
    fn drop(&mut self) {
        if !self.answered {
            tell("The other device disconnected. No answer is needed.");
        }
    }
}

/// The account that the person chose. `None`: the person declined.
async fn choose(terminal: &mut Terminal, prompt: &Prompt) -> Option<usize> {
    tell(&format!("\n{prompt}"));
    if let Some(name) = &prompt.rp_name
        && *name != prompt.rp_id
    {
        tell(&format!("The site calls itself {name:?}. This name is not verified."));
    }
    let accounts = prompt.accounts();
    if prompt.decline_label().is_none() {
        terminal.ask(&format!("{} (Enter)", prompt.approve_label())).await?;
        return Some(0);
    }
    match (&prompt.question, accounts) {
        (Question::SignIn(_), [_, _, ..]) => {
            for (number, account) in (1..).zip(accounts) {
                tell(&format!("  {number}  {}", name(account)));
            }
            loop {
                let answer =
                    terminal.ask("Which account? Enter its number, or n to cancel:").await?;
                match answer.parse::<usize>() {
                    Ok(number) if (1..=accounts.len()).contains(&number) => {
                        return number.checked_sub(1);
                    }
                    _ if is_no(&answer) => return None,
                    _ => {}
                }
            }
        }
        _ => {
            for account in accounts {
                tell(&format!("  {}", name(account)));
            }
            loop {
                let answer =
                    terminal.ask(&format!("{} (y) or cancel (n)?", prompt.approve_label())).await?;
                if answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes") {
                    return Some(0);
                }
                if is_no(&answer) {
                    return None;
                }
            }
        }
    }
}

fn is_no(answer: &str) -> bool {
    answer.eq_ignore_ascii_case("n") || answer.eq_ignore_ascii_case("no")
}

/// As the person knows it. The names were made safe to show.
fn name(account: &Account) -> String {
    let name = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
    match (name(&account.user.display_name), name(&account.user.name)) {
        (Some(display), Some(name)) if display != name => format!("{display} ({name})"),
        (Some(name), _) | (None, Some(name)) => name,
        (None, None) => "account without a name".to_owned(),
    }
}
