//! Real proxies: squid and microsocks.

use std::net::SocketAddr;
use std::sync::Arc;

use fido_hybrid::error::{Advice, Error, ProxyError, Stage, TunnelError};
use fido_hybrid::transport::{TunnelDomain, TunnelUrl};
use fido_hybrid::tunnel::{Proxy, ProxyCredentials, TunnelDialer as _, WebSocketDialer};
use fido_hybrid_testkit::microsocks::Microsocks;
use fido_hybrid_testkit::services::{TUNNEL, certificate, domain};
use fido_hybrid_testkit::squid::{Authority, PASSWORD, Squid, Squids, USER};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::through::{Service, assert_proxy_error, carries_messages, closed_port, dial};

fn proxy(scheme: &str, address: SocketAddr) -> Proxy {
    format!("{scheme}://{address}").parse().unwrap()
}

fn credentials(password: &str) -> ProxyCredentials {
    ProxyCredentials::new(USER, password.to_owned()).unwrap()
}

#[tokio::test]
async fn squid_carries_a_tunnel() {
    let Some(squid) = Squid::start(&Squids::Open) else { return };
    let service = Service::start().await;
    carries_messages(&service.through(proxy("http", squid.address()))).await;
}

#[tokio::test]
async fn squid_takes_a_password_and_refuses_others() {
    let Some(squid) = Squid::start(&Squids::WithPassword) else { return };
    let service = Service::start().await;
    let proxy = proxy("http", squid.address());
    carries_messages(&service.through(proxy.clone().credentials(credentials(PASSWORD)))).await;

    let opened = dial(&service.through(proxy.clone())).await;
    let error = assert_proxy_error(opened, |it| matches!(it, ProxyError::AuthenticationRequired));
    assert_eq!(error.advice(), Advice::CheckTheProxyPassword);
    let opened = dial(&service.through(proxy.credentials(credentials("wrong")))).await;
    let error = assert_proxy_error(opened, |it| matches!(it, ProxyError::CredentialsRefused));
    assert_eq!(error.advice(), Advice::CheckTheProxyPassword);
}

#[tokio::test]
async fn squid_that_forbids_the_service_is_told_from_one_that_does_not_reach_it() {
    let Some(squid) = Squid::start(&Squids::Refusing) else { return };
    let service = Service::start().await;
    let opened = dial(&service.through(proxy("http", squid.address()))).await;
    let error = assert_proxy_error(opened, |it| matches!(it, ProxyError::Forbidden));
    assert_eq!(error.advice(), Advice::UseAnotherNetwork);

    let Some(squid) = Squid::start(&Squids::Open) else { return };
    let (_held, closed) = closed_port();
    let dialer = service.dialer().resolve(&domain(), closed);
    let dialer = dialer.proxy(proxy("http", squid.address())).build().unwrap();
    let error = assert_proxy_error(dial(&dialer).await, |it| matches!(it, ProxyError::Unreachable));
    assert_eq!(error.advice(), Advice::CheckTheNetwork);
}

#[tokio::test]
async fn squid_is_spoken_to_by_tls() {
    let made = rcgen::generate_simple_self_signed(["proxy.example".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.der(), made.signing_key.serialize_der());
    let Some(squid) = Squid::start(&Squids::Secure { certificate, key: &key }) else { return };
    let service = Service::start().await;
    let named: Proxy = format!("https://proxy.example:{}", squid.address().port()).parse().unwrap();
    let dialer = service.dialer().resolve("proxy.example", squid.address()).proxy(named.clone());
    let trusting = dialer.extra_roots([certificate.clone()]).build().unwrap();
    carries_messages(&trusting).await;

    let dialer = service.dialer().resolve("proxy.example", squid.address()).proxy(named);
    let opened = dial(&dialer.build().unwrap()).await;
    let error = assert_proxy_error(opened, |it| matches!(it, ProxyError::UntrustedIssuer(_)));
    assert_eq!(error.advice(), Advice::CheckTlsInspection);
    // Spoken to in clear, it answers nothing that is HTTP.
    let opened = dial(&service.through(proxy("http", squid.address()))).await;
    assert_proxy_error(opened, |it| matches!(it, ProxyError::Answer(_) | ProxyError::Closed));
}

/// A service under Apple's name that redirects to the port of another one under Google's:
/// squid, which inspects, goes on only if `Host` has the port that it connected to.
async fn redirecting(to: u16) -> (CertificateDer<'static>, SocketAddr) {
    let (root, config) = certificate(&[&TunnelDomain::APPLE.host()]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = TlsAcceptor::from(Arc::clone(&config)).accept(stream).await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            let request = String::from_utf8(request).unwrap();
            let path = request.split(' ').nth(1).unwrap();
            let location = format!("wss://{}:{to}{path}", domain());
            let answer = format!("HTTP/1.1 307 Moved\r\nLocation: {location}\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (root, address)
}

#[tokio::test]
async fn squid_that_inspects_tls_carries_a_tunnel_if_its_root_is_trusted() {
    let authority = Authority::new();
    let service = Service::start().await;
    let kind = Squids::Inspecting { authority: &authority, service: &service.root };
    let Some(squid) = Squid::start(&kind) else { return };
    let through = proxy("http", squid.address()).bypass("cable.auth.com").unwrap();
    let (root, first) = redirecting(service.address.port()).await;
    let roots = [root, authority.root()];
    let dialer = WebSocketDialer::builder().extra_roots(roots).proxy(through.clone());
    let dialer = dialer.resolve(&domain(), service.address);
    let dialer = dialer.resolve(&TunnelDomain::APPLE.host(), first).build().unwrap();
    let url = TunnelUrl::new_tunnel(TunnelDomain::APPLE, TUNNEL);
    let mut phone = dialer.dial(url.into()).await.unwrap();
    let url = TunnelUrl::connect(TunnelDomain::APPLE, phone.routing_id.unwrap(), TUNNEL);
    let mut client = dialer.dial(url.into()).await.unwrap();
    client.tunnel.send(vec![vec![7; 70_000]]).await.unwrap();
    assert_eq!(phone.tunnel.receive().await.unwrap(), Some(vec![7; 70_000]));

    // Trusting the service alone is not enough: another issuer signed what is shown.
    match dial(&service.through(through)).await {
        Err(error @ TunnelError::UntrustedIssuer(_)) => {
            let error = Error::new(Stage::Connecting, error);
            assert_eq!(error.advice(), Advice::CheckTlsInspection);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn microsocks_carries_a_tunnel() {
    let Some(socks) = Microsocks::start(None) else { return };
    let service = Service::start().await;
    for scheme in ["socks5", "socks5h"] {
        let through = service.through(proxy(scheme, socks.address()));
        drop(dial(&through).await.unwrap());
    }
    carries_messages(&service.through(proxy("socks5", socks.address()))).await;
}

#[tokio::test]
async fn microsocks_takes_a_password_and_refuses_others() {
    let Some(socks) = Microsocks::start(Some((USER, PASSWORD))) else { return };
    let service = Service::start().await;
    let proxy = proxy("socks5", socks.address());
    carries_messages(&service.through(proxy.clone().credentials(credentials(PASSWORD)))).await;

    let opened = dial(&service.through(proxy.clone())).await;
    assert_proxy_error(opened, |it| matches!(it, ProxyError::AuthenticationRequired));
    let opened = dial(&service.through(proxy.credentials(credentials("wrong")))).await;
    let error = assert_proxy_error(opened, |it| matches!(it, ProxyError::CredentialsRefused));
    assert!(!format!("{error} {error:?}").contains("wrong"));
}

#[tokio::test]
async fn microsocks_that_does_not_reach_the_service_is_told_as_that() {
    let Some(socks) = Microsocks::start(None) else { return };
    let service = Service::start().await;
    let (_held, closed) = closed_port();
    let dialer = service.dialer().resolve(&domain(), closed);
    let dialer = dialer.proxy(proxy("socks5", socks.address())).build().unwrap();
    assert_proxy_error(dial(&dialer).await, |it| matches!(it, ProxyError::Unreachable));
    // The proxy is asked for the name, which this device did not look up.
    let (root, _) = certificate(&[&domain()]);
    let builder = WebSocketDialer::builder().extra_roots([root]);
    let dialer = builder.proxy(proxy("http", socks.address())).build().unwrap();
    assert_proxy_error(dial(&dialer).await, |it| {
        matches!(it, ProxyError::Answer(_) | ProxyError::Closed)
    });
}
