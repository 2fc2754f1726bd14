//! Services that go wrong before there is a tunnel: at TCP, at TLS, in their
//! HTTP answer. Always in both roles.
//!
//! Which answers are invalid, and which redirects are followed, `tests/tunnel.rs`
//! shows for the dialer alone; here the role's own error, stage and deadline.

use std::time::Duration;

use fido_hybrid::error::TunnelStep;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::clock::{hold, pass, settle};
use crate::roles_under_test::{DIALLING, ROLES, Role, Victim, Why, told};
use crate::service::{GOOD, Line, SecureLine, Service, dialer_in_clear, switching};

/// How a role ends whose service does this with its first connection.
async fn end_with(
    role: Role,
    hostility: impl AsyncFnOnce(Line<TcpStream>),
) -> (fido_hybrid::error::Stage, Why) {
    let service = Service::listen().await;
    let victim = Victim::dialling(role, service.in_clear()).await;
    let hostility = async { hostility(service.accept().await).await };
    let (end, ()) = tokio::join!(victim.end(), hostility);
    told(&end)
}

async fn end_with_answer(role: Role, answer: &str) -> (fido_hybrid::error::Stage, Why) {
    end_with(role, async |mut line| {
        line.answer(answer).await;
        line.disconnected().await;
    })
    .await
}

/// The dialer's own time for TCP, before the role's deadline.
#[cfg(target_os = "linux")]
const CALLING: Duration = Duration::from_secs(8);

/// Fills the queue of a socket that never accepts. Linux then leaves further
/// attempts unanswered, as a firewall does.
#[cfg(target_os = "linux")]
async fn deaf() -> (TcpListener, [TcpStream; 2]) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let first = TcpStream::connect(address).await.unwrap();
    let second = TcpStream::connect(address).await.unwrap();
    (listener, [first, second])
}

#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_answer_the_call_is_unreachable() {
    let _clock = hold();
    for role in ROLES {
        let (listener, _queue) = deaf().await;
        let dialer = dialer_in_clear(listener.local_addr().unwrap());
        let victim = Victim::dialling(role, dialer).await;
        settle().await;
        pass(CALLING).await;
        assert_eq!(told(&victim.end().await), (role.dialling(), Why::Tcp));
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_never_accepted_from_is_a_timeout_of_the_upgrade() {
    let _clock = hold();
    for role in ROLES {
        let service = Service::listen().await;
        let victim = Victim::dialling(role, service.in_clear()).await;
        // The kernel takes the connection for it.
        let _line = service.accept().await;
        pass(DIALLING).await;
        assert_eq!(
            told(&victim.end().await),
            (role.dialling(), Why::TimedOut(TunnelStep::Upgrade))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_falls_silent_within_tls_is_a_timeout_of_tls() {
    let _clock = hold();
    for role in ROLES {
        let (dialer, listener, _) = Service::listen().await.with_tls();
        let victim = Victim::dialling(role, dialer).await;
        let (mut stream, _) = listener.accept().await.unwrap();
        // A client hello: a handshake record of TLS.
        assert_eq!(stream.read_u8().await.unwrap(), 22);
        pass(DIALLING).await;
        assert_eq!(told(&victim.end().await), (role.dialling(), Why::TimedOut(TunnelStep::Tls)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_closes_within_tls_is_a_tls_error() {
    let _clock = hold();
    for role in ROLES {
        let (dialer, listener, _) = Service::listen().await.with_tls();
        let victim = Victim::dialling(role, dialer).await;
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), 22);
        drop(stream);
        assert_eq!(told(&victim.end().await), (role.dialling(), Why::Tls));
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_takes_the_request_and_says_nothing_is_a_timeout_of_the_upgrade() {
    let _clock = hold();
    for role in ROLES {
        let (dialer, listener, tls) = Service::listen().await.with_tls();
        let victim = Victim::dialling(role, dialer).await;
        let (stream, _) = listener.accept().await.unwrap();
        let mut line: SecureLine = Line { stream: tls.accept(stream).await.unwrap() };
        line.request().await;
        pass(DIALLING).await;
        assert_eq!(
            told(&victim.end().await),
            (role.dialling(), Why::TimedOut(TunnelStep::Upgrade))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_small_pieces_is_read() {
    let _clock = hold();
    for (role, length) in ROLES.into_iter().flat_map(|role| [(role, 1), (role, 16)]) {
        let end = end_with(role, async |mut line| {
            let answer = line.answer_to_request(&switching(GOOD)).await;
            for piece in answer.as_bytes().chunks(length) {
                line.write(piece).await;
                settle().await;
            }
        });
        let expected = match role {
            Role::Client => Why::PeerDisconnected,
            Role::Phone => Why::Closed(None),
        };
        assert_eq!(end.await, (role.open(), expected));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_ends_is_a_timeout_of_the_upgrade() {
    let _clock = hold();
    for role in ROLES {
        let end = end_with(role, async |mut line| {
            let answer = line.answer_to_request(&switching(GOOD)).await;
            for byte in answer.as_bytes().chunks(1).take(60) {
                line.write(byte).await;
                settle().await;
            }
            pass(DIALLING).await;
        });
        assert_eq!(end.await, (role.dialling(), Why::TimedOut(TunnelStep::Upgrade)));
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_answers_end_either_role_where_it_dials() {
    let _clock = hold();
    let protocol = "Sec-WebSocket-Protocol: fido.cable\r\n";
    let answers = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".to_owned(), Why::Status(200)),
        (format!("HTTP/1.1 100 Continue\r\n\r\n{}", "HTTP/1.1 404 No\r\n\r\n"), Why::Status(404)),
        ("HTTP/1.1 429 Slow Down\r\nRetry-After: 1\r\n\r\n".to_owned(), Why::Status(429)),
        ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n".to_owned(), Why::Redirect),
        ("HTTP/1.1 302 Found\r\nLocation: wss://127.0.0.1/\r\n\r\n".to_owned(), Why::Redirect),
        ("HTTP/1.1 302 Found\r\n\r\n".to_owned(), Why::Redirect),
        ("HTTP/1.1 101\r\n\r\n".to_owned(), Why::Upgrade),
        ("HTTP/1.1 999999 No\r\n\r\n".to_owned(), Why::Upgrade),
        ("HTTP/2.0 101 No\r\n\r\n".to_owned(), Why::Upgrade),
        ("\0\0\0\0\r\n\r\n".to_owned(), Why::Upgrade),
        (switching(GOOD).replace("<accept>", "<accept>="), Why::Upgrade),
        (switching("Sec-WebSocket-Protocol: fido.cable2\r\n"), Why::Upgrade),
        (switching("Sec-WebSocket-Protocol: fido.cable, chat\r\n"), Why::Upgrade),
        (switching(&format!("{GOOD}X-Long: {}\r\n", "a".repeat(70_000))), Why::Upgrade),
        (switching(&format!("{GOOD}{}", "X-Many: a\r\n".repeat(200))), Why::Upgrade),
        (switching(&format!("{protocol}X-caBLE-Routing-ID: 01020\r\n")), Why::Upgrade),
        (switching(&format!("{protocol}X-caBLE-Routing-ID: 01020304\r\n")), Why::Upgrade),
        (
            switching(&format!("{GOOD}Sec-WebSocket-Extensions: permessage-deflate\r\n")),
            Why::Upgrade,
        ),
    ];
    for (answer, why) in answers {
        for role in ROLES {
            let answered = end_with_answer(role, &answer).await;
            assert_eq!(answered, (role.dialling(), why), "{role:?}: {answer:.200}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_phone_needs_a_routing_id() {
    let _clock = hold();
    let answer = switching("Sec-WebSocket-Protocol: fido.cable\r\n");
    let end = end_with_answer(Role::Phone, &answer).await;
    assert_eq!(end, (Role::Phone.dialling(), Why::Upgrade));
}

#[tokio::test(start_paused = true)]
async fn a_redirect_in_a_circle_is_left_after_the_second() {
    let _clock = hold();
    for role in ROLES {
        let service = Service::listen().await;
        let victim = Victim::dialling(role, service.in_clear()).await;
        let circle = async {
            for _ in 0..3 {
                let answer = "HTTP/1.1 307 Again\r\nLocation: /again\r\n\r\n";
                service.accept().await.answer(answer).await;
            }
        };
        let (end, ()) = tokio::join!(victim.end(), circle);
        assert_eq!(told(&end), (role.dialling(), Why::Redirect));
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_reset_at_any_point_of_the_answer_is_closed() {
    let _clock = hold();
    let length = switching(GOOD).len();
    for role in ROLES {
        for cut in [0, 1, 9, 30, 100, length - 1] {
            let end = end_with(role, async |mut line| {
                let answer = line.answer_to_request(&switching(GOOD)).await;
                line.write(&answer.as_bytes()[..cut]).await;
                settle().await;
                line.stream.set_zero_linger().unwrap();
            });
            assert_eq!(end.await, (role.dialling(), Why::Closed(None)), "{role:?}: {cut}");
        }
    }
}
