//! Asking the user: what a prompt shows and what comes back.
//!
//! **Every prompt is the wish of another device.** An attacker may have shown the
//! user a QR code that belongs to a computer far away; the prompt is the one
//! place where that can be noticed. So it says that another device asks, for
//! which RP ID, and what for, and nothing is signed and no passkey is told of
//! without an approval.

use std::fmt;

use crate::ctap::{CredentialId, User};
use crate::ports::BoxFuture;

use super::names;
use super::passkey::Passkey;

/// Tells a prompt from all others, of any transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PromptId(pub(super) [u8; 8]);

/// A question for the user.
///
/// `Display` is the question in at most 15 words, without the accounts;
/// [`Question::Unsupported`] is a statement. `Debug` shows no name: they are other
/// people's text.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Prompt {
    /// To be given back with the decision.
    pub id: PromptId,
    /// The RP ID, the one name that the relying party cannot choose freely. Empty if
    /// the other device named no RP ID: [`Question::Unsupported`].
    pub rp_id: String,
    /// The relying party's own name, in registrations. `None`: it has no name or an
    /// empty one. It proves nothing, and must not be shown in place of the RP
    /// ID.
    pub rp_name: Option<String>,
    /// The decision that the user is asked for.
    pub question: Question,
    /// How sure an approval must be to count. Where something is made or signed
    /// that is [`Profile::capability`](super::Profile::capability), whatever the other device asks for.
    pub demanded: UserVerification,
}

impl Prompt {
    /// The passkey that an approval replaces: an account has one on this device.
    /// The relying party may not know that, and keeps asking for the old one if it
    /// does not receive the answer.
    #[must_use]
    pub fn replaces(&self) -> Option<&CredentialId> {
        match &self.question {
            Question::Register(account) => account.credential.as_ref(),
            _ => None,
        }
    }

    /// The accounts that [`Decision::Approved`] chooses from.
    #[must_use]
    pub fn accounts(&self) -> &[Account] {
        match &self.question {
            Question::Register(account) | Question::CredentialExcluded(account) => {
                std::slice::from_ref(account)
            }
            Question::SignIn(accounts) => accounts,
            Question::NoCredentials | Question::Unsupported => &[],
        }
    }

    /// The label of the button that approves: what an approval does. "OK" where there
    /// is nothing to decide.
    #[must_use]
    pub const fn approve_label(&self) -> &'static str {
        match &self.question {
            Question::Register(Account { credential: None, .. }) => "Create",
            Question::Register(_) => "Replace",
            Question::SignIn(_) => "Sign in",
            Question::CredentialExcluded(_) | Question::NoCredentials => "Tell it",
            Question::Unsupported => "OK",
        }
    }

    /// The label of the button that declines. `None`: there is nothing to decline, and
    /// the prompt has one button.
    #[must_use]
    pub const fn decline_label(&self) -> Option<&'static str> {
        match &self.question {
            Question::Register(_)
            | Question::SignIn(_)
            | Question::CredentialExcluded(_)
            | Question::NoCredentials => Some("Cancel"),
            Question::Unsupported => None,
        }
    }
}

impl fmt::Display for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rp_id, question, .. } = self;
        match question {
            Question::Register(Account { credential: None, .. }) => write!(
                f,
                "Another device wants to create a passkey for {rp_id} on this device. Allow it?"
            ),
            Question::Register(_) => write!(
                f,
                "Another device wants to replace your passkey for {rp_id} on this device. Allow it?"
            ),
            Question::SignIn(_) => {
                write!(f, "Another device wants to sign in to {rp_id}. Use your passkey?")
            }
            Question::CredentialExcluded(_) => write!(
                f,
                "Another device wants to create a passkey for {rp_id}. Tell it that one exists?"
            ),
            Question::NoCredentials => write!(
                f,
                "Another device wants to sign in to {rp_id}. Tell it that no passkey matches?"
            ),
            Question::Unsupported => {
                f.write_str("Another device asks for something that this device cannot do.")
            }
        }
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt")
            .field("id", &self.id)
            .field("question", &self.question)
            .field("demanded", &self.demanded)
            .finish_non_exhaustive()
    }
}

/// The subject of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// May a passkey be made for this account? If the account names a passkey,
    /// the new one takes its place.
    Register(Account),
    /// May one of these accounts sign in, and which? There is at least one.
    SignIn(Vec<Account>),
    /// A passkey of this account is registered at the relying party already, so no
    /// passkey is made. After an approval the RP learns why.
    CredentialExcluded(Account),
    /// There is no passkey for the relying party, or none that it accepts. After an
    /// approval the RP learns why.
    NoCredentials,
    /// The other device asks whether the user is here, and names no RP ID. Most ask
    /// so when this device cannot do what they want, and report an error to their
    /// RP after the answer; others ask for something next. There is nothing to
    /// decide: an approval and a decline both say that the user has read it, and
    /// [`Prompt::decline_label`] is `None`.
    Unsupported,
}

/// An account, as a person knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// The account's names, safe to show, and its id.
    pub user: User,
    /// The passkey, if there is one already.
    pub credential: Option<CredentialId>,
}

impl Account {
    pub(super) fn of(passkey: &Passkey) -> Self {
        let user = names::presentable_user(&passkey.user);
        Self { user, credential: Some(passkey.id.clone()) }
    }

    /// An account that is to have a new passkey, and the one that it has.
    pub(super) fn new(user: &User, replaced: Option<&Passkey>) -> Self {
        let credential = replaced.map(|passkey| passkey.id.clone());
        Self { user: names::presentable_user(user), credential }
    }
}

/// How sure one is of the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UserVerification {
    /// A person was present and approved; not verified to be the device's user.
    Present,
    /// It was the device's user: biometrics, PIN or pattern, in this very
    /// prompt.
    #[default]
    Verified,
}

/// The user's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Decision {
    /// Yes.
    Approved {
        /// How sure that was.
        verification: UserVerification,
        /// Which of [`Prompt::accounts`], counted from 0; 0 where there is no
        /// choice.
        account: usize,
    },
    /// No.
    Declined,
    /// No answer.
    TimedOut,
    /// The user cannot be asked: no screen, no session, a locked store. The other
    /// device gets a different status than for a refusal by the user.
    NoUi,
}

/// Asks the user. The one way to an approval in the async
/// `Session`.
pub trait UserCheck: Send + Sync {
    /// Shows the prompt and waits for the decision.
    ///
    /// No deadline is needed here: the transaction has one. A user whose PIN was wrong is
    /// asked again within this call.
    ///
    /// # Cancel safety
    /// Dropping the future takes the prompt off the screen: the other device
    /// disconnected, or the prompt timed out.
    fn check(&self, prompt: Prompt) -> BoxFuture<'_, Decision>;

    /// The highest level that [`check`](Self::check) can verify. Default:
    /// [`UserVerification::Verified`]. getInfo tells clients whether this authenticator can
    /// verify its user. An approval below [`Prompt::demanded`] is refused.
    fn capability(&self) -> UserVerification {
        UserVerification::Verified
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctap::UserHandle;
    use crate::plain_text::assert_is_short;

    fn prompt(question: Question) -> Prompt {
        let demanded = UserVerification::Verified;
        let rp_name = Some("Trusted Bank".to_owned());
        Prompt { id: PromptId([0; 8]), rp_id: "example.com".into(), rp_name, question, demanded }
    }

    /// Every question after another. A new one needs a place here.
    fn next(question: &Question) -> Option<Question> {
        Some(match question {
            Question::Register(account) => Question::SignIn(vec![account.clone(); 2]),
            Question::SignIn(accounts) => Question::CredentialExcluded(accounts[0].clone()),
            Question::CredentialExcluded(_) => Question::NoCredentials,
            Question::NoCredentials => Question::Unsupported,
            Question::Unsupported => return None,
        })
    }

    /// A prompt with each question, and one for a passkey that replaces another.
    fn all() -> Vec<Prompt> {
        let mut account =
            Account::new(&User::new(UserHandle::new([1]).unwrap(), "ada", "Ada"), None);
        let new = Question::Register(account.clone());
        account.credential = Some(CredentialId::new([7; 16]).unwrap());
        let replacing = prompt(Question::Register(account));
        std::iter::successors(Some(new), next).map(prompt).chain([replacing]).collect()
    }

    #[test]
    fn every_prompt_says_that_another_device_asks_and_where_for() {
        for prompt in all() {
            let text = prompt.to_string();
            assert!(text.starts_with("Another device "), "{text}");
            let has_rp_id = prompt.question != Question::Unsupported;
            assert_eq!(text.contains("example.com"), has_rp_id, "{text}");
            assert!(!text.contains("Trusted Bank"), "the name is not the question");
            let debug = format!("{prompt:?}");
            assert!(!debug.contains("example") && !debug.contains("ada"), "{debug}");
        }
    }

    #[test]
    fn a_prompt_says_that_a_passkey_is_created_or_replaced_on_this_device() {
        for prompt in all() {
            let text = prompt.to_string();
            if let Question::Register(account) = &prompt.question {
                assert!(text.contains("on this device"), "{text}");
                assert_eq!(text.contains("replace your passkey"), account.credential.is_some());
                assert_eq!(text.contains("create a passkey"), account.credential.is_none());
            }
        }
    }

    #[test]
    fn every_prompt_is_short_and_asks_if_there_is_a_choice() {
        let mut labels = Vec::new();
        for prompt in all() {
            let text = prompt.to_string();
            assert_is_short(&text);
            assert_eq!(text.ends_with('?'), prompt.decline_label().is_some(), "{text}");
            labels.push((prompt.approve_label(), prompt.decline_label()));
        }
        let cancel = Some("Cancel");
        assert_eq!(
            labels,
            [
                ("Create", cancel),
                ("Sign in", cancel),
                ("Tell it", cancel),
                ("Tell it", cancel),
                ("OK", None),
                ("Replace", cancel),
            ]
        );
    }

    #[test]
    fn verified_is_more_than_present() {
        assert!(UserVerification::Verified > UserVerification::Present);
    }
}
