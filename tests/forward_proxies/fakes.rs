//! What each answer of a proxy becomes.

use std::sync::Arc;

use fido_hybrid::client::Client;
use fido_hybrid::error::{Advice, ProxyError, TunnelError, TunnelStep};
use fido_hybrid::tunnel::{DEFAULT_DIAL_TIMEOUT, Proxy, ProxyCredentials, WebSocketDialer};
use fido_hybrid_sim::Air;
use fido_hybrid_testkit::paused_clock::{hold, pass, settle};
use fido_hybrid_testkit::services::{certificate, certificate_between, domain};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::fake::{ESTABLISHED, FakeProxy};
use crate::through::{Service, assert_proxy_error, carries_messages, closed_port, dial};

fn credentials() -> ProxyCredentials {
    ProxyCredentials::new("alice", "opensesame".to_owned()).unwrap()
}

/// The text of a whole answer.
fn answer(status: u16, headers: &str) -> String {
    format!("HTTP/1.1 {status} Whatever\r\n{headers}Content-Length: 0\r\n\r\n")
}

#[tokio::test]
async fn a_tunnel_goes_through_a_proxy_that_sees_a_name_and_nothing_else() {
    let service = Service::start().await;
    let proxy = FakeProxy::answering([ESTABLISHED; 2]).await;
    let dialer = service.through(proxy.url().parse().unwrap());
    let opened = dial(&dialer).await.unwrap();
    assert!(opened.routing_id.is_some());
    let seen = proxy.seen();
    let expected = format!("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n\r\n", service.address);
    assert_eq!(seen, [(0, expected)]);
}

#[tokio::test]
async fn the_proxy_resolves_the_services_name() {
    let proxy = FakeProxy::answering([answer(403, "")]).await;
    let (root, _) = certificate(&[&domain()]);
    let dialer = WebSocketDialer::builder().extra_roots([root]);
    let dialer = dialer.proxy(proxy.url().parse::<Proxy>().unwrap()).build().unwrap();
    // A name that no DNS server was asked for.
    assert_proxy_error(dial(&dialer).await, |error| matches!(error, ProxyError::Forbidden));
    let (_, request) = &proxy.seen()[0];
    assert!(request.starts_with("CONNECT cable.ua5v.com:443 HTTP/1.1\r\n"), "{request}");
}

#[tokio::test]
async fn basic_credentials_go_with_the_first_request() {
    let service = Service::start().await;
    let proxy = FakeProxy::answering([ESTABLISHED]).await;
    let url: Proxy = proxy.url().parse().unwrap();
    dial(&service.through(url.credentials(credentials()))).await.unwrap();
    let (_, request) = &proxy.seen()[0];
    let line = "\r\nProxy-Authorization: Basic YWxpY2U6b3BlbnNlc2FtZQ==\r\n";
    assert!(request.contains(line), "{request}");
}

#[tokio::test]
async fn each_status_has_its_error_and_advice() {
    let service = Service::start().await;
    for (status, expected, advice) in [
        (403, "Forbidden", Advice::UseAnotherNetwork),
        (502, "Unreachable", Advice::CheckTheNetwork),
        (503, "Unreachable", Advice::CheckTheNetwork),
        (504, "Unreachable", Advice::CheckTheNetwork),
        (500, "Status(500)", Advice::TryAgainLater),
        (429, "Status(429)", Advice::TryAgainLater),
        (302, "Status(302)", Advice::UseAnotherNetwork),
        (400, "Status(400)", Advice::CheckTheProxy),
        (405, "Status(405)", Advice::CheckTheProxy),
        (407, "AuthenticationRequired", Advice::CheckTheProxyPassword),
    ] {
        let proxy = FakeProxy::answering([answer(status, "")]).await;
        let dialer = service.through(proxy.url().parse().unwrap());
        let opened = dial(&dialer).await;
        let error = assert_proxy_error(opened, |error| format!("{error:?}") == expected);
        assert_eq!(error.advice(), advice, "{error}");
        assert!(error.to_string().contains("proxy"), "{error}");
    }
}

#[tokio::test]
async fn credentials_that_are_refused_are_told_and_not_shown() {
    let service = Service::start().await;
    let challenge = answer(407, "Proxy-Authenticate: Basic realm=\"opensesame\"\r\n");
    let proxy = FakeProxy::answering([challenge]).await;
    let url: Proxy = proxy.url().parse().unwrap();
    let dialer = service.through(url.credentials(credentials()));
    let opened = dial(&dialer).await;
    let error = assert_proxy_error(opened, |error| matches!(error, ProxyError::CredentialsRefused));
    assert_eq!(error.advice(), Advice::CheckTheProxyPassword);
    let shown = format!("{error} {error:?} {dialer:?}");
    assert!(!shown.contains("opensesame") && !shown.contains("alice"), "{shown}");
}

#[tokio::test]
async fn nonsense_is_an_invalid_answer() {
    let service = Service::start().await;
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(200_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: 1\r\n".repeat(200));
    let early = format!("{ESTABLISHED}SSH-2.0-proxy\r\n");
    for nonsense in [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec(),
        b"\x05\xff".to_vec(),
        b"\x16\x03\x01\x00\x05hello".to_vec(),
        b"HTTP/9.9 200 OK\r\n\r\n".to_vec(),
        b"HTTP/1.1 abc OK\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n".to_vec(),
        b"<html>Log in to this network</html>\r\n\r\n".to_vec(),
        vec![0; 200_000],
        long.into_bytes(),
        many.into_bytes(),
        early.into_bytes(),
    ] {
        let begin = String::from_utf8_lossy(&nonsense[..20.min(nonsense.len())]).into_owned();
        let proxy = FakeProxy::answering([nonsense]).await;
        let error = dial(&service.through(proxy.url().parse().unwrap())).await.unwrap_err();
        match error {
            TunnelError::Proxy(ProxyError::Answer(_) | ProxyError::Closed) => {}
            other => panic!("{begin:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_proxy_that_disconnects_is_told_as_that() {
    let service = Service::start().await;
    for nothing in ["", "HTTP/1.1 200 OK\r\n"] {
        let proxy = FakeProxy::answering([nothing]).await;
        let opened = dial(&service.through(proxy.url().parse().unwrap())).await;
        assert_proxy_error(opened, |error| matches!(error, ProxyError::Closed));
    }
}

#[tokio::test]
async fn interim_answers_and_old_http_are_read() {
    let service = Service::start().await;
    let interim = format!("HTTP/1.1 100 Continue\r\n\r\n{}", answer(403, ""));
    let proxy = FakeProxy::answering([interim]).await;
    let opened = dial(&service.through(proxy.url().parse().unwrap())).await;
    assert_proxy_error(opened, |error| matches!(error, ProxyError::Forbidden));
    let old = "HTTP/1.0 403 Forbidden\r\n\r\n<html>an unbounded page";
    let proxy = FakeProxy::answering([old]).await;
    let opened = dial(&service.through(proxy.url().parse().unwrap())).await;
    assert_proxy_error(opened, |error| matches!(error, ProxyError::Forbidden));
}

#[tokio::test]
async fn what_the_list_names_is_reached_without_the_proxy() {
    let service = Service::start().await;
    // Bound and not listening: a dial through it fails.
    let (_held, closed) = closed_port();
    let proxy: Proxy = format!("http://{closed}").parse().unwrap();
    let port = service.address.port();
    for list in ["ua5v.com", "*", "cable.ua5v.com:443", "127.0.0.0/8", &format!("127.0.0.1:{port}")]
    {
        let dialer = service.through(proxy.clone().bypass(list).unwrap());
        dial(&dialer).await.unwrap();
    }
    carries_messages(&service.through(proxy.clone().bypass("cable.ua5v.com").unwrap())).await;
    for list in ["auth.com", "cable.ua5v.com:80", "10.0.0.0/8", ""] {
        let opened = dial(&service.through(proxy.clone().bypass(list).unwrap())).await;
        assert_proxy_error(opened, |error| matches!(error, ProxyError::Tcp(_)));
    }
}

#[tokio::test]
async fn preflight_names_the_step_of_the_proxy() {
    let (root, _) = certificate(&[&domain()]);
    let (_held, closed) = closed_port();
    let proxy: Proxy = format!("http://{closed}").parse().unwrap();
    let dialer = WebSocketDialer::builder().extra_roots([root]).proxy(proxy).build().unwrap();
    let health = Client::new(Air::new(), dialer).preflight().await;
    assert_eq!(health.tunnel_services.len(), 2);
    for service in &health.tunnel_services {
        assert_eq!(service.failed_step(), Some(TunnelStep::ProxyTcp));
        let text = service.to_string();
        assert!(text.contains("the TCP connection to the proxy failed"), "{text}");
    }
    assert_eq!(health.advice(), [Advice::CheckTheProxy]);
}

#[tokio::test]
async fn each_fault_of_a_proxys_certificate_is_told_of_the_proxy() {
    let service = Service::start().await;
    let (trusted, right) = certificate(&["proxy.example"]);
    let (_, unknown) = certificate(&["proxy.example"]);
    let (other_root, other) = certificate(&["text-from-the-peer.example"]);
    let (old_root, old) = certificate_between(&["proxy.example"], 1990, 2020);
    for (config, expected) in [
        (right, "closed"),
        (unknown, "UntrustedIssuer"),
        (other, "CertificateName"),
        (old, "CertificateDate"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxy: Proxy = format!("https://proxy.example:{}", address.port()).parse().unwrap();
        let roots = [trusted.clone(), other_root.clone(), old_root.clone()];
        let dialer = service.dialer().extra_roots(roots).resolve("proxy.example", address);
        let dialer = dialer.proxy(proxy).build().unwrap();
        let serving = async {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = TlsAcceptor::from(config).accept(stream).await else { return };
            stream.write_all(answer(403, "").as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let _read = stream.read_to_end(&mut Vec::new()).await;
        };
        let ((), opened) = tokio::join!(serving, dial(&dialer));
        let error = match opened {
            Err(TunnelError::Proxy(error)) => error,
            other => panic!("{expected}: {other:?}"),
        };
        let shown = format!("{error:?}");
        match expected {
            "closed" => assert!(matches!(error, ProxyError::Forbidden), "{shown}"),
            expected => assert!(shown.starts_with(expected), "{expected}: {shown}"),
        }
        assert!(!shown.contains("text-from-the-peer"), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_step_of_a_proxy_ends_at_the_deadline_and_is_named() {
    let _held = hold();
    for (scheme, step) in [
        ("http", TunnelStep::Proxy),
        ("socks5", TunnelStep::Proxy),
        ("https", TunnelStep::ProxyTls),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy: Proxy =
            format!("{scheme}://{}", listener.local_addr().unwrap()).parse().unwrap();
        let (root, _) = certificate(&[&domain()]);
        let dialer = WebSocketDialer::builder().extra_roots([root]).proxy(proxy).build().unwrap();
        let dialling = tokio::spawn(async move { dial(&dialer).await });
        let (_silent, _) = listener.accept().await.unwrap();
        settle().await;
        pass(DEFAULT_DIAL_TIMEOUT - std::time::Duration::from_millis(1)).await;
        settle().await;
        assert!(!dialling.is_finished(), "{scheme}");
        pass(std::time::Duration::from_millis(2)).await;
        match dialling.await.unwrap() {
            Err(TunnelError::TimedOut(told)) => assert_eq!(told, step, "{scheme}"),
            other => panic!("{scheme}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_dial_that_is_given_up_leaves_no_connection_to_the_proxy() {
    let service = Service::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy: Proxy = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let dialer = Arc::new(service.through(proxy));
    let dialling = tokio::spawn(async move { dial(&dialer).await.map(|_| ()) });
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut first = [0; 7];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"CONNECT");
    dialling.abort();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(b"\r\n\r\n"));
}
