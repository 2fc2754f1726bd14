//! What hostility costs, measured: the heap of one thread, on which everything
//! runs. The hostile side writes from buffers made before the measurement, so
//! that what is counted is ours.

use std::time::Duration;

use allocation_counter::measure;
use fido_hybrid_relay::{Limits, Server};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::runtime::Builder;

use crate::abusive_connections::{Visitor, connect, masked, pair, path};
use crate::clock::{hold, pass, settle};
use crate::roles_under_test::{ROLES, Role, Victim};
use crate::service::{BINARY, FIRST, Line, MIDDLE, PING, Service, declared, frame, switching};

const KIB: u64 = 1 << 10;

/// Everything but messages: runtime, sockets, P-256's tables, the CTAP layer.
const BASE: u64 = 256 * KIB;

/// The longest message that our roles take by default.
const MESSAGE: u64 = 1 << 20;

/// An HTTP answer: 64 KiB are read at the most, into a buffer that doubles.
const ANSWER: u64 = 192 * KIB;

/// What may wait to be written to a peer that takes nothing, besides one
/// message: the batch in which messages are written.
const BATCH: u64 = 130 * KIB;

/// A buffer that is full moves to one twice as long: for that moment there are
/// both.
const GROWING: u64 = 3;

/// How long a role tries to say goodbye.
const CLOSING: Duration = Duration::from_secs(1);

/// The most bytes that were allocated at a time, from start to end on this
/// thread, on a clock that is moved by hand.
fn measured(test: impl Future<Output = ()>) -> u64 {
    let measured = measure(|| {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let _clock = hold();
            test.await;
        });
    });
    measured.bytes_max
}

/// The most that a role held at a time that met this service.
fn peak(role: Role, hostility: impl AsyncFnOnce(Line<TcpStream>)) -> u64 {
    measured(async {
        let service = Service::listen().await;
        let victim = Victim::dialling(role, service.in_clear()).await;
        let hostility = async { hostility(service.accept().await).await };
        tokio::join!(victim.end(), hostility);
    })
}

async fn open(line: &mut Line<TcpStream>) {
    line.answer(&switching(crate::service::GOOD)).await;
}

#[test]
fn an_endless_answer_costs_no_more_than_its_limit() {
    let headers = "X-Endless: a\r\n".repeat(10_000).into_bytes();
    let header = vec![b'a'; 1 << 20];
    for role in ROLES {
        for rest in [&headers, &header] {
            let peak = peak(role, async |mut line| {
                line.request().await;
                line.write(b"HTTP/1.1 101 Switching Protocols\r\nX: ").await;
                line.write_for_ever(rest).await;
            });
            assert!(peak < BASE + ANSWER, "{role:?}: {peak}");
        }
    }
}

#[test]
fn a_frame_over_the_limit_costs_nothing_though_it_comes() {
    let sixteen = frame(BINARY, &vec![0; 16 << 20]);
    for role in ROLES {
        let peak = peak(role, async |mut line| {
            open(&mut line).await;
            line.write_for_ever(&sixteen).await;
        });
        assert!(peak < BASE, "{role:?}: {peak}");
    }
}

#[test]
fn a_message_in_endless_fragments_costs_what_one_costs_while_it_grows() {
    for piece in [2 << 10, 64 << 10] {
        let pieces = frame(MIDDLE, &vec![0; piece]).repeat((64 << 10) / piece);
        for role in ROLES {
            let peak = peak(role, async |mut line| {
                open(&mut line).await;
                line.write(&frame(FIRST, b"")).await;
                line.write_for_ever(&pieces).await;
            });
            assert!(peak < BASE + GROWING * MESSAGE, "{role:?} {piece}: {peak}");
        }
    }
}

#[test]
fn a_long_frame_that_is_announced_and_does_not_come_costs_one_message_at_most() {
    let announced = declared(BINARY, MESSAGE);
    for role in ROLES {
        let peak = peak(role, async |mut line| {
            open(&mut line).await;
            line.write(&announced).await;
            settle().await;
            pass(role.patience()).await;
            line.disconnected().await;
        });
        assert!(peak < BASE + MESSAGE, "{role:?}: {peak}");
    }
}

#[test]
fn pings_whose_answers_are_not_read_cost_what_the_write_buffer_may_hold() {
    let pings = frame(PING, &[0; 125]).repeat(512);
    for role in ROLES {
        let peak = peak(role, async |mut line| {
            open(&mut line).await;
            let goodbye = async {
                settle().await;
                // It is not taken either.
                pass(CLOSING).await;
            };
            tokio::join!(line.write_for_ever(&pings), goodbye);
        });
        assert!(peak < BASE + GROWING * (MESSAGE + BATCH), "{role:?}: {peak}");
    }
}

/// The most that our service held at a time for these visitors.
fn service_peak(limits: Limits, visit: impl AsyncFnOnce(std::net::SocketAddr)) -> u64 {
    measured(async {
        let server = Server::builder().limits(limits).bind("127.0.0.1:0").await.unwrap();
        let running = server.start().unwrap();
        visit(running.local_addr()).await;
    })
}

#[test]
fn an_endless_request_costs_the_service_no_more_than_its_limit() {
    let endless = "X-Endless: a\r\n".repeat(100_000).into_bytes();
    let peak = service_peak(Limits::default(), async |address| {
        let mut visitor = connect(address).await;
        visitor.write(b"GET / HTTP/1.1\r\n").await;
        let _refused = visitor.stream.write_all(&endless).await;
        assert_eq!(visitor.answer().await.0, 400);
    });
    assert!(peak < BASE, "{peak}");
}

/// Writes until nothing more is taken; how many bytes were.
async fn write_until_stuck(visitor: &Visitor, bytes: &[u8]) -> usize {
    let (mut taken, mut idle) = (0, 0);
    while taken < bytes.len() && idle < 200 {
        match visitor.stream.try_write(&bytes[taken..]) {
            Ok(more) => (taken, idle) = (taken + more, 0),
            Err(_) => {
                idle += 1;
                tokio::task::yield_now().await;
            }
        }
    }
    taken
}

#[test]
fn a_reader_who_takes_nothing_costs_the_service_what_one_side_may_queue() {
    let mut limits = Limits::default();
    limits.messages = u32::MAX;
    let message = limits.message_size;
    let messages = masked(BINARY, &vec![0; message]).repeat(128);
    for paired in [true, false] {
        let peak = service_peak(limits.clone(), async |address| {
            let (writer, _reader) = if paired {
                let (phone, client) = pair(address, 1).await;
                (phone, Some(client))
            } else {
                (Visitor::asking(address, &path(1)).await.0, None)
            };
            let taken = write_until_stuck(&writer, &messages).await;
            assert!(taken < messages.len(), "the service takes what it cannot pass on");
        });
        // In the queue less than two, for one is let in while it is not full;
        // one more coming in, and one going out behind the writer's batch.
        let bound = BASE + 4 * u64::try_from(message).unwrap() + BATCH;
        assert!(peak < bound, "{paired}: {peak}");
    }
}

#[test]
fn pings_whose_answers_are_not_read_cost_the_service_what_its_write_buffer_may_hold() {
    let limits = Limits::default();
    let pings = masked(PING, &[0; 125]).repeat(1 << 17);
    let message = u64::try_from(limits.message_size).unwrap();
    let peak = service_peak(limits, async |address| {
        let (phone, _client) = pair(address, 1).await;
        write_until_stuck(&phone, &pings).await;
    });
    assert!(peak < BASE + GROWING * (message + BATCH), "{peak}");
}

#[test]
fn visitors_who_stay_cost_the_service_little_each() {
    const VISITORS: u64 = 32;
    let peak = service_peak(Limits::default(), async |address| {
        let mut visitors = Vec::new();
        for number in 0..VISITORS {
            let path = path(u8::try_from(number).unwrap());
            visitors.push(Visitor::asking(address, &path).await.0);
            visitors.push(connect(address).await);
        }
        settle().await;
    });
    assert!(peak < BASE + VISITORS * 24 * KIB, "{peak}");
}
