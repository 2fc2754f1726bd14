//! Challenges that the program answers.

use std::sync::{Arc, Mutex};

use fido_hybrid::BoxFuture;
use fido_hybrid::error::{Advice, ProxyError, Source};
use fido_hybrid::secret::SecretText;
use fido_hybrid::tunnel::{
    MAX_PROXY_ROUNDS, Proxy, ProxyAuthenticator, ProxyChallenges, ProxyDialogue,
};

use crate::fake::{ESTABLISHED, FakeProxy};
use crate::through::{Service, assert_proxy_error, dial};

/// Answers the token `n` with `n + 1`, and remembers the tokens. Gives up at `stop`, and
/// fails at `fail`.
#[derive(Clone, Default)]
struct Counting {
    begun: Arc<Mutex<Vec<String>>>,
    tokens: Arc<Mutex<Vec<String>>>,
}

impl ProxyAuthenticator for Counting {
    fn begin(&self, proxy: &str) -> Box<dyn ProxyDialogue> {
        self.begun.lock().unwrap().push(proxy.to_owned());
        Box::new(Count { tokens: Arc::clone(&self.tokens), number: 0 })
    }
}

struct Count {
    tokens: Arc<Mutex<Vec<String>>>,
    number: u8,
}

impl ProxyDialogue for Count {
    fn answer<'a>(
        &'a mut self,
        challenges: &'a ProxyChallenges,
    ) -> BoxFuture<'a, Result<Option<SecretText>, Source>> {
        Box::pin(async {
            let Some(token) = challenges.token("NTLM") else { return Ok(None) };
            self.tokens.lock().unwrap().push(token.to_owned());
            self.number += 1;
            match token {
                "stop" => Ok(None),
                "fail" => Err(Arc::new(std::io::Error::other("no ticket")) as Source),
                "break" => Ok(Some(SecretText::new("NTLM a\r\nX: b".to_owned()))),
                _ => Ok(Some(SecretText::new(format!("NTLM secret{}", self.number)))),
            }
        })
    }
}

fn challenge(token: &str) -> String {
    let page = "<html>A page.</html>";
    format!(
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"a\"\r\n\
         Proxy-Authenticate: NTLM {token}\r\nContent-Length: {}\r\n\r\n{page}",
        page.len()
    )
}

/// How a dial through a proxy with these answers ends, and what the dialogue saw.
async fn against(answers: &[String]) -> (FakeProxy, Counting, Result<(), ProxyError>) {
    let service = Service::start().await;
    let proxy = FakeProxy::answering(answers.iter().cloned()).await;
    let counting = Counting::default();
    let url: Proxy = proxy.url().parse().unwrap();
    let dialled = dial(&service.through(url.authenticator(counting.clone()))).await;
    let ended = match dialled {
        Ok(_) => Ok(()),
        Err(fido_hybrid::error::TunnelError::Proxy(error)) => Err(error),
        Err(other) => panic!("{other:?}"),
    };
    (proxy, counting, ended)
}

fn authorizations(proxy: &FakeProxy) -> Vec<(usize, Option<String>)> {
    let value = |request: &str| {
        let line = request.split("Proxy-Authorization: ").nth(1)?;
        line.lines().next().map(ToOwned::to_owned)
    };
    proxy.seen().iter().map(|(connection, request)| (*connection, value(request))).collect()
}

#[tokio::test]
async fn rounds_go_over_the_same_connection() {
    let answers = [challenge(""), challenge("one"), challenge("two"), ESTABLISHED.to_owned()];
    let (proxy, counting, ended) = against(&answers).await;
    ended.unwrap();
    let expected = [None, Some("NTLM secret1"), Some("NTLM secret2"), Some("NTLM secret3")];
    let expected = expected.map(|value| (0, value.map(ToOwned::to_owned)));
    assert_eq!(authorizations(&proxy), expected);
    assert_eq!(*counting.begun.lock().unwrap(), ["127.0.0.1"]);
    assert_eq!(*counting.tokens.lock().unwrap(), ["", "one", "two"]);
}

#[tokio::test]
async fn chunked_pages_are_read_to_their_end() {
    let chunked = "HTTP/1.1 407 Required\r\nProxy-Authenticate: NTLM\r\n\
                   Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let (proxy, _, ended) = against(&[chunked.to_owned(), ESTABLISHED.to_owned()]).await;
    ended.unwrap();
    assert_eq!(authorizations(&proxy)[1], (0, Some("NTLM secret1".to_owned())));
}

#[tokio::test]
async fn a_first_challenge_that_ends_its_connection_is_answered_on_another() {
    let closing = "HTTP/1.1 407 Required\r\nProxy-Authenticate: NTLM\r\nConnection: close\r\n\
                   Content-Length: 0\r\n\r\n";
    let (proxy, counting, ended) = against(&[closing.to_owned(), ESTABLISHED.to_owned()]).await;
    ended.unwrap();
    let expected = [(0, None), (1, Some("NTLM secret1".to_owned()))];
    assert_eq!(authorizations(&proxy), expected);
    assert_eq!(counting.begun.lock().unwrap().len(), 1);

    // What authenticates a connection means nothing on the next one.
    let (proxy, _, ended) = against(&[challenge(""), closing.to_owned(), ESTABLISHED.into()]).await;
    assert!(matches!(ended, Err(ProxyError::CredentialsRefused)), "{ended:?}");
    assert_eq!(authorizations(&proxy).len(), 2);

    // A proxy that ends every connection has refused the answer.
    let mut answers = vec![closing.to_owned(); MAX_PROXY_ROUNDS];
    answers.push(ESTABLISHED.to_owned());
    let (proxy, counting, ended) = against(&answers).await;
    assert!(matches!(ended, Err(ProxyError::CredentialsRefused)), "{ended:?}");
    let expected = [(0, None), (1, Some("NTLM secret1".to_owned()))];
    assert_eq!(authorizations(&proxy), expected);
    assert_eq!(counting.begun.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn there_are_at_most_five_rounds() {
    assert_eq!(MAX_PROXY_ROUNDS, 5);
    let mut answers = vec![challenge("more"); 6];
    let (proxy, counting, ended) = against(&answers).await;
    assert!(matches!(ended, Err(ProxyError::CredentialsRefused)), "{ended:?}");
    assert_eq!(counting.tokens.lock().unwrap().len(), 5);
    assert_eq!(authorizations(&proxy).len(), 6);
    answers[5] = ESTABLISHED.to_owned();
    let (_, _, ended) = against(&answers).await;
    ended.unwrap();
}

#[tokio::test]
async fn a_page_without_end_is_not_read_to_its_end() {
    let endless = format!(
        "HTTP/1.1 407 Required\r\nProxy-Authenticate: NTLM\r\nContent-Length: 9999999\r\n\r\n{}",
        "a".repeat(200_000)
    );
    let (proxy, _, ended) = against(&[endless + "close", ESTABLISHED.to_owned()]).await;
    ended.unwrap();
    assert_eq!(authorizations(&proxy)[1].0, 1);
}

#[tokio::test]
async fn a_dialogue_that_has_no_answer_or_fails_ends_the_dial() {
    let service = Service::start().await;
    let other = "HTTP/1.1 407 Required\r\nProxy-Authenticate: Basic realm=\"a\"\r\n\
                 Content-Length: 0\r\n\r\n";
    for (first, expected, advice) in [
        (other.to_owned(), "AuthenticationRequired", Advice::CheckTheProxyPassword),
        (challenge("stop"), "AuthenticationRequired", Advice::CheckTheProxyPassword),
        (challenge("fail"), "Authenticator(", Advice::ReportTheProgram),
        (challenge("break"), "Authenticator(", Advice::ReportTheProgram),
    ] {
        let proxy = FakeProxy::answering([first]).await;
        let url: Proxy = proxy.url().parse().unwrap();
        let opened = dial(&service.through(url.authenticator(Counting::default()))).await;
        let error = assert_proxy_error(opened, |error| format!("{error:?}").starts_with(expected));
        assert_eq!(error.advice(), advice);
    }
}
