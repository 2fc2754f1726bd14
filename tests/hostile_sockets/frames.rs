//! Services that open the tunnel well and then speak badly, to both roles.
//!
//! The client has just sent its handshake message, the phone waits for one:
//! neither knows yet whether there is another side behind the service.

use std::time::Duration;

use fido_hybrid::error::Stage;
use tokio::net::TcpStream;

use crate::clock::{hold, pass, settle};
use crate::roles_under_test::{ROLES, Role, Victim, Why, told};
use crate::service::{
    BINARY, CLOSE, FIRST, LAST, Line, MIDDLE, PING, PONG, Service, TEXT, builder_in_clear,
    declared, frame,
};

/// The dialer's default.
const LIMIT: usize = 1 << 20;

async fn end_with(role: Role, hostility: impl AsyncFnOnce(Line<TcpStream>)) -> (Stage, Why) {
    let service = Service::listen().await;
    let victim = Victim::dialling(role, service.in_clear()).await;
    let hostility = async { hostility(service.upgrade().await).await };
    let (end, ()) = tokio::join!(victim.end(), hostility);
    told(&end)
}

/// How a role ends that gets these bytes and then no more.
async fn end_with_bytes(role: Role, bytes: &[u8]) -> (Stage, Why) {
    end_with(role, async |mut line| {
        line.write(bytes).await;
        line.disconnected().await;
    })
    .await
}

/// Both take this for the other side's going, each in its way: the phone has
/// not met a client yet that could disconnect.
const fn gone(role: Role, code: Option<u16>) -> Why {
    match role {
        Role::Client => Why::PeerDisconnected,
        Role::Phone => Why::Closed(code),
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_opens_the_tunnel_and_falls_silent_is_given_up_at_the_deadline() {
    let _clock = hold();
    for role in ROLES {
        let end = end_with(role, async |mut line| {
            settle().await;
            pass(role.patience()).await;
            line.disconnected().await;
        });
        assert_eq!(end.await, (role.open(), Why::Deadline));
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_answers_one_ping_and_no_other_is_given_up_before_the_deadline() {
    let _clock = hold();
    let interval = Duration::from_secs(2);
    for role in ROLES {
        let service = Service::listen().await;
        let dialer = builder_in_clear(service.address()).keep_alive(Some(interval));
        let victim = Victim::dialling(role, dialer.build().unwrap()).await;
        let silent = async {
            let mut line = service.upgrade().await;
            settle().await;
            if role == Role::Client {
                assert_eq!(line.frame().await.0, BINARY, "the handshake");
            }
            pass(interval).await;
            let (first, number) = line.frame().await;
            assert_eq!(first, PING);
            line.write(&frame(PONG, &number)).await;
            settle().await;
            for _ in 0..2 {
                pass(interval).await;
                assert_eq!(line.frame().await.0, PING);
            }
            pass(interval).await;
            line
        };
        let (end, _line) = tokio::join!(victim.end(), silent);
        assert_eq!(told(&end), (role.open(), Why::Unresponsive));
    }
}

#[tokio::test(start_paused = true)]
async fn every_ping_is_answered_and_none_ends_the_wait() {
    let _clock = hold();
    for role in ROLES {
        let end = end_with(role, async |mut line| {
            if role == Role::Client {
                assert_eq!(line.frame().await.0, BINARY);
            }
            for number in 0..100 {
                line.write(&frame(PONG, b"unasked")).await;
                line.write(&frame(PING, &[number; 125])).await;
                assert_eq!(line.frame().await, (PONG, vec![number; 125]));
            }
            line.write(&frame(PING, &[])).await;
            assert_eq!(line.frame().await, (PONG, Vec::new()));
            pass(role.patience()).await;
            line.disconnected().await;
        });
        assert_eq!(end.await, (role.open(), Why::Deadline));
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_anything_that_is_no_message_ends_the_tunnel_at_once() {
    let _clock = hold();
    let pings = frame(PING, b"flood").repeat(1000);
    let pongs = frame(PONG, b"flood").repeat(1000);
    let fragments = frame(MIDDLE, b"").repeat(1000);
    for role in ROLES {
        for (start, flood) in [(vec![], &pings), (vec![], &pongs), (frame(FIRST, b""), &fragments)]
        {
            let end = end_with(role, async |mut line| {
                line.write(&start).await;
                line.write_for_ever(flood).await;
            });
            assert_eq!(end.await, (role.open(), Why::Flooded), "{role:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn frames_that_break_the_websocket_rules_break_the_tunnel() {
    let _clock = hold();
    let masked = [BINARY, 0x81, 1, 2, 3, 4, 5].to_vec();
    let unsorted = [frame(FIRST, b"a"), frame(BINARY, b"b")].concat();
    let rules = [
        masked,
        unsorted,
        frame(BINARY | 0x40, b"compressed"),
        frame(BINARY | 0x20, b"reserved"),
        frame(BINARY | 0x10, b"reserved"),
        frame(PING | 0x40, b""),
        frame(0x83, b"unknown data"),
        frame(0x87, b"unknown data"),
        frame(0x8b, b"unknown control"),
        frame(0x8f, b"unknown control"),
        frame(MIDDLE, b"no first"),
        frame(LAST, b"no first"),
        frame(PING & 0x7f, b"a ping in fragments"),
        frame(CLOSE & 0x7f, b""),
        frame(PING, &[0; 126]),
        frame(CLOSE, &[3]),
    ];
    for role in ROLES {
        for bytes in &rules {
            let end = end_with_bytes(role, bytes).await;
            assert_eq!(end, (role.open(), Why::Broken), "{role:?}: {bytes:02x?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn text_is_refused_with_1003_however_it_comes() {
    let _clock = hold();
    let in_fragments = [frame(TEXT & 0x7f, b"he"), frame(LAST, b"llo")].concat();
    for role in ROLES {
        for bytes in [
            frame(TEXT, b"hello"),
            frame(TEXT, b""),
            frame(TEXT, &[0xff, 0xfe]),
            in_fragments.clone(),
        ] {
            let end = end_with(role, async |mut line| {
                if role == Role::Client {
                    line.frame().await;
                }
                line.write(&bytes).await;
                assert_eq!(line.frame().await, (CLOSE, 1003_u16.to_be_bytes().to_vec()));
            });
            assert_eq!(end.await, (role.open(), Why::NotBinary), "{role:?}: {bytes:02x?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_over_the_limit_is_refused_with_1009_by_its_head_alone() {
    let _clock = hold();
    for role in ROLES {
        for length in [LIMIT as u64 + 1, 16 << 20, 1 << 32, u64::MAX >> 1, u64::MAX] {
            let end = end_with(role, async |mut line| {
                if role == Role::Client {
                    line.frame().await;
                }
                line.write(&declared(BINARY, length)).await;
                assert_eq!(line.frame().await, (CLOSE, 1009_u16.to_be_bytes().to_vec()));
            });
            assert_eq!(end.await, (role.open(), Why::TooLong(LIMIT)), "{role:?}: {length}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sixteen_mebibytes_that_really_come_are_not_waited_for() {
    let _clock = hold();
    let sixteen = frame(BINARY, &vec![0; 16 << 20]);
    let piece = frame(MIDDLE, &vec![0; 64 << 10]);
    for role in ROLES {
        for (start, rest) in [(vec![], &sixteen), (frame(FIRST, b""), &piece)] {
            let end = end_with(role, async |mut line| {
                line.write(&start).await;
                line.write_for_ever(rest).await;
            });
            assert_eq!(end.await, (role.open(), Why::TooLong(LIMIT)), "{role:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn closing_codes_are_told_as_they_came() {
    let _clock = hold();
    for role in ROLES {
        assert_eq!(end_with_bytes(role, &frame(CLOSE, b"")).await, (role.open(), gone(role, None)));
        for (code, why) in [
            (1000, gone(role, None)),
            (1001, gone(role, Some(1001))),
            (1002, Why::Closed(Some(1002))),
            (1003, Why::Closed(Some(1003))),
            (1007, Why::Closed(Some(1007))),
            (1008, Why::Closed(Some(1008))),
            (1009, Why::Closed(Some(1009))),
            (1010, Why::Closed(Some(1010))),
            (1011, Why::Closed(Some(1011))),
            (1012, Why::Closed(Some(1012))),
            (1013, Why::Closed(Some(1013))),
            (3000, Why::Closed(Some(3000))),
            (4999, Why::Closed(Some(4999))),
            // No side may send these: reported as the offence that they are.
            (0, Why::Closed(Some(1002))),
            (999, Why::Closed(Some(1002))),
            (1004, Why::Closed(Some(1002))),
            (1005, Why::Closed(Some(1002))),
            (1006, Why::Closed(Some(1002))),
            (1015, Why::Closed(Some(1002))),
            (65535, Why::Closed(Some(1002))),
        ] {
            let goodbye = [&u16::to_be_bytes(code)[..], b"because"].concat();
            let end = end_with_bytes(role, &frame(CLOSE, &goodbye)).await;
            assert_eq!(end, (role.open(), why), "{role:?}: {code}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_at_any_byte_of_a_frame_is_closed() {
    let _clock = hold();
    let bytes = frame(BINARY, &[0; 200]);
    for role in ROLES {
        for cut in [0, 1, 2, 3, 4, 100, bytes.len() - 1] {
            for reset in [false, true] {
                let end = end_with(role, async |mut line| {
                    line.write(&bytes[..cut]).await;
                    settle().await;
                    if reset {
                        line.stream.set_zero_linger().unwrap();
                    }
                });
                assert_eq!(end.await, (role.open(), gone(role, None)), "{role:?}: {cut} {reset}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_never_ends_does_not_put_the_deadline_off() {
    let _clock = hold();
    for role in ROLES {
        let end = end_with(role, async |mut line| {
            line.write(&declared(BINARY, 1000)).await;
            let seconds = role.patience().as_secs();
            for _ in 0..seconds {
                line.stream.try_write(&[0]).unwrap();
                settle().await;
                pass(Duration::from_secs(1)).await;
            }
            line.disconnected().await;
        });
        assert_eq!(end.await, (role.open(), Why::Deadline));
    }
}
