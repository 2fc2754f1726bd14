//! SOCKS version 5 (RFC 1928), with a user name and a password (RFC 1929) or without.
//!
//! ```text
//! we       05 01 00                         05 02 00 02 if there are credentials
//! proxy    05 method
//! we       01 length user length password   only for method 02
//! proxy    01 status
//! we       05 01 00 type address port
//! proxy    05 reply 00 type address port
//! ```
//!
//! Answers are at most 262 bytes long and are read to their last byte, so that the
//! service's first byte stays in the stream.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::credentials::ProxyCredentials;
use super::destination::Destination;
use crate::tunnel::stream::BoxedStream;
use fido_hybrid_proto::error::ProxyError;
use fido_hybrid_proto::secret::SecretBytes;

const VERSION: u8 = 5;

/// The version of the exchange of user name and password.
const PASSWORD_VERSION: u8 = 1;

const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NO_ACCEPTABLE_METHOD: u8 = 0xff;

const CONNECT: u8 = 1;

const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Has the proxy connect to `destination`.
pub(in crate::tunnel) async fn connect(
    mut stream: BoxedStream,
    credentials: Option<&ProxyCredentials>,
    destination: &Destination,
) -> Result<BoxedStream, ProxyError> {
    let methods: &[u8] = match credentials {
        None => &[VERSION, 1, NO_AUTHENTICATION],
        Some(_) => &[VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD],
    };
    send(&mut stream, methods).await?;
    let [version, method] = read(&mut stream).await?;
    if version != VERSION {
        return Err(NOT_SOCKS);
    }
    match (method, credentials) {
        (NO_AUTHENTICATION, _) => {}
        (USER_AND_PASSWORD, Some(credentials)) => {
            authenticate(&mut stream, credentials).await?;
        }
        // It saw no credentials, and wants another method.
        (NO_ACCEPTABLE_METHOD, _) => return Err(ProxyError::AuthenticationRequired),
        _ => return Err(ProxyError::Answer("it chooses a method that was not offered")),
    }
    send(&mut stream, &request(destination)?).await?;
    let [version, reply] = read(&mut stream).await?;
    if version != VERSION {
        return Err(NOT_SOCKS);
    }
    match reply {
        0 => {}
        2 => return Err(ProxyError::Forbidden),
        // A failure of any kind, no network, no host, refused, time to live.
        1 | 3..=6 => return Err(ProxyError::Unreachable),
        reply => return Err(ProxyError::SocksReply(reply)),
    }
    // The address from which the proxy connects is read and not used.
    let [_, kind] = read(&mut stream).await?;
    match kind {
        IPV4 => read::<{ 4 + 2 }>(&mut stream).await.map(|_| ())?,
        IPV6 => read::<{ 16 + 2 }>(&mut stream).await.map(|_| ())?,
        NAME => {
            let [length] = read(&mut stream).await?;
            for _ in 0..usize::from(length).saturating_add(2) {
                let [_] = read(&mut stream).await?;
            }
        }
        _ => return Err(ProxyError::Answer("its address is of an unknown type")),
    }
    tracing::debug!("the proxy connected to the tunnel service");
    Ok(stream)
}

const NOT_SOCKS: ProxyError = ProxyError::Answer("it is not SOCKS5");

async fn authenticate(
    stream: &mut BoxedStream,
    credentials: &ProxyCredentials,
) -> Result<(), ProxyError> {
    let (user, password) = (credentials.user(), credentials.password());
    let length = user.len().saturating_add(password.len()).saturating_add(3);
    let mut message = Vec::with_capacity(length);
    message.push(PASSWORD_VERSION);
    for part in [user, password] {
        message.push(one_byte(part)?);
        message.extend_from_slice(part);
    }
    let message = SecretBytes::new(message);
    send(stream, message.expose()).await?;
    let [version, status] = read(stream).await?;
    match (version, status) {
        (PASSWORD_VERSION, 0) => Ok(()),
        (PASSWORD_VERSION, _) => Err(ProxyError::CredentialsRefused),
        _ => Err(NOT_SOCKS),
    }
}

fn request(destination: &Destination) -> Result<Vec<u8>, ProxyError> {
    let mut request = vec![VERSION, CONNECT, 0];
    let port = match destination {
        Destination::Name(host, port) => {
            request.extend([NAME, one_byte(host.as_bytes())?]);
            request.extend_from_slice(host.as_bytes());
            *port
        }
        Destination::Address(SocketAddr::V4(address)) => {
            request.push(IPV4);
            request.extend(address.ip().octets());
            address.port()
        }
        Destination::Address(SocketAddr::V6(address)) => {
            request.push(IPV6);
            request.extend(address.ip().octets());
            address.port()
        }
    };
    request.extend(port.to_be_bytes());
    Ok(request)
}

/// The length as one byte, which those of names and credentials fit.
fn one_byte(part: &[u8]) -> Result<u8, ProxyError> {
    u8::try_from(part.len()).map_err(|_| ProxyError::Address("a part is longer than 255 bytes"))
}

async fn send(stream: &mut BoxedStream, bytes: &[u8]) -> Result<(), ProxyError> {
    let lost = |_: io::Error| ProxyError::Closed;
    stream.write_all(bytes).await.map_err(lost)?;
    stream.flush().await.map_err(lost)
}

async fn read<const N: usize>(stream: &mut BoxedStream) -> Result<[u8; N], ProxyError> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await.map_err(|_| ProxyError::Closed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

    use super::*;

    fn name() -> Destination {
        Destination::Name("cable.ua5v.com".to_owned(), 443)
    }

    fn credentials() -> ProxyCredentials {
        ProxyCredentials::new("alice", "secret".to_owned()).unwrap()
    }

    /// The bytes that were sent to a proxy with these answers, and how that ended.
    async fn against(
        answers: &[u8],
        credentials: Option<&ProxyCredentials>,
        destination: &Destination,
    ) -> (Vec<u8>, Result<Vec<u8>, ProxyError>) {
        let (ours, mut theirs): (DuplexStream, DuplexStream) = duplex(1024);
        theirs.write_all(answers).await.unwrap();
        theirs.shutdown().await.unwrap();
        let connected = match connect(Box::new(ours), credentials, destination).await {
            Ok(mut stream) => {
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await.unwrap();
                Ok(rest)
            }
            Err(error) => Err(error),
        };
        let mut sent = Vec::new();
        theirs.read_to_end(&mut sent).await.unwrap();
        (sent, connected)
    }

    #[tokio::test]
    async fn the_proxy_gets_the_name_and_the_service_the_first_byte_after_the_reply() {
        for address in [
            &[1, 10, 0, 0, 1, 0, 80][..],
            &[[4].as_slice(), &[0; 18]].concat(),
            &[3, 3, b'a', b'.', b'b', 0, 80],
        ] {
            let answers = [&[5, 0, 5, 0, 0], address, b"service"].concat();
            let (sent, rest) = against(&answers, None, &name()).await;
            assert_eq!(rest.unwrap(), b"service");
            let expected = [&[5, 1, 0, 5, 1, 0, 3, 14], &b"cable.ua5v.com"[..], &[1, 187]].concat();
            assert_eq!(sent, expected);
        }
    }

    #[tokio::test]
    async fn a_password_goes_to_proxies_that_ask_for_it_alone() {
        let end = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        let greeting = [5, 2, 0, 2];
        let password = b"\x01\x05alice\x06secret";
        let destination = Destination::Address("[::1]:8443".parse().unwrap());
        let request = [&[5, 1, 0, 4], &[0; 15][..], &[1, 0x20, 0xfb]].concat();
        for (answers, expected) in [
            (&[5, 0][..], [&greeting[..], &request].concat()),
            (&[5, 2, 1, 0], [&greeting[..], password, &request].concat()),
        ] {
            let answers = [answers, &end].concat();
            let (sent, connected) = against(&answers, Some(&credentials()), &destination).await;
            assert_eq!(connected.unwrap(), b"");
            assert_eq!(sent, expected);
        }
    }

    #[tokio::test]
    async fn each_refusal_has_its_error() {
        let given = credentials();
        for (answers, credentials, expected) in [
            (&[5, 0xff][..], None, "AuthenticationRequired"),
            (&[5, 0xff], Some(&given), "AuthenticationRequired"),
            (&[5, 2, 1, 1], Some(&given), "CredentialsRefused"),
            (&[5, 2], None, "Answer(\"it chooses a method that was not offered\")"),
            (&[5, 1], Some(&given), "Answer(\"it chooses a method that was not offered\")"),
            (&[4, 0], None, "Answer(\"it is not SOCKS5\")"),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", None, "Answer(\"it is not SOCKS5\")"),
            (&[5, 2, 5, 0], Some(&given), "Answer(\"it is not SOCKS5\")"),
            (&[5, 0, 4, 0], None, "Answer(\"it is not SOCKS5\")"),
            (&[5, 0, 5, 1], None, "Unreachable"),
            (&[5, 0, 5, 2], None, "Forbidden"),
            (&[5, 0, 5, 4], None, "Unreachable"),
            (&[5, 0, 5, 5], None, "Unreachable"),
            (&[5, 0, 5, 7], None, "SocksReply(7)"),
            (&[5, 0, 5, 255], None, "SocksReply(255)"),
            (&[5, 0, 5, 0, 0, 9], None, "Answer(\"its address is of an unknown type\")"),
            (&[], None, "Closed"),
            (&[5], None, "Closed"),
            (&[5, 0], None, "Closed"),
            (&[5, 0, 5, 0, 0, 3, 200, 1], None, "Closed"),
        ] {
            let (_, connected) = against(answers, credentials, &name()).await;
            assert_eq!(format!("{:?}", connected.unwrap_err()), expected, "{answers:?}");
        }
    }
}
