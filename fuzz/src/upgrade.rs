//! The answer of a tunnel service to the upgrade.
//!
//! The first byte of an input is the length of each read, the others are all
//! that the service says. `<accept>` in it stands for the
//! `Sec-WebSocket-Accept` that belongs to the request. What becomes of the
//! answer is held against a second reading of the rules, line by line.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use fido_hybrid::error::TunnelError;
use fido_hybrid::transport::{RoutingId, TunnelDomain, TunnelId, TunnelRequest, TunnelUrl};
use fido_hybrid::tunnel::{TunnelOptions, open_over};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::memory;

const ACCEPT: &[u8] = b"<accept>";

/// What an answer may make the client hold, in bytes: the longest answer, in a
/// buffer that doubles as it grows, and the buffers for reading and the request.
const MOST_HELD: usize = 256 * 1024;

/// Longer answers may be refused for their length.
const SHORT: usize = 48 * 1024;

/// The most header lines that are always read.
const FEW: usize = 100;

/// One answer, and what became of it.
pub fn upgrade(input: &[u8]) {
    let Some((piece, answer)) = input.split_first() else { return };
    let url = TunnelUrl::new_tunnel(TunnelDomain::GOOGLE, TunnelId([0xab; 16]));
    let request = TunnelRequest::from(url);
    let service = Service {
        request: Vec::new(),
        answer: answer.to_vec(),
        sent: 0,
        piece: usize::from(*piece).max(1),
    };
    // The service fills in its answer, for which it makes room too.
    let opened = memory::within(MOST_HELD + 8 * answer.len(), || {
        let opening = pin!(open_over(service, &request, TunnelOptions::default()));
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(opened) = opening.poll(&mut context) else { panic!("it waits") };
        opened.map(|open| (open.routing_id, open.connect_signal))
    });
    let Some(expected) = Expected::of(answer) else { return };
    let became = match opened {
        Ok((routing_id, connect_signal)) => Expected::Open { routing_id, connect_signal },
        Err(TunnelError::Status(status)) => Expected::Status(status),
        Err(TunnelError::Redirect) => Expected::Redirect,
        Err(TunnelError::Upgrade(_)) => Expected::Refused,
        Err(TunnelError::Closed(None)) => Expected::Incomplete,
        Err(other) => panic!("{other:?}"),
    };
    assert_eq!(became, expected);
}

/// A stream to a service that answers at once and then disconnects.
struct Service {
    request: Vec<u8>,
    answer: Vec<u8>,
    sent: usize,
    piece: usize,
}

impl AsyncRead for Service {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = self.piece.min(self.answer.len() - self.sent).min(buffer.remaining());
        buffer.put_slice(&self.answer[self.sent..self.sent + length]);
        self.sent += length;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Service {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.request.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let request = str::from_utf8(&self.request).unwrap();
        assert!(request.ends_with("\r\n\r\n") && request.matches("\r\n\r\n").count() == 1);
        let (_, key) = request.split_once("\r\nSec-WebSocket-Key: ").unwrap();
        let accept = derive_accept_key(key.lines().next().unwrap().as_bytes());
        let mut answer = Vec::new();
        let mut rest = &self.answer[..];
        while let Some(at) = rest.windows(ACCEPT.len()).position(|window| window == ACCEPT) {
            answer.extend_from_slice(&rest[..at]);
            answer.extend_from_slice(accept.as_bytes());
            rest = &rest[at + ACCEPT.len()..];
        }
        answer.extend_from_slice(rest);
        self.answer = answer;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What must become of an answer.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Open {
        routing_id: Option<RoutingId>,
        connect_signal: bool,
    },
    Status(u16),
    Redirect,
    Refused,
    /// The service disconnected before the end of its answer.
    Incomplete,
}

impl Expected {
    /// `None` where the limits on lengths may decide.
    fn of(mut answer: &[u8]) -> Option<Self> {
        if answer.len() > SHORT || answer.iter().filter(|byte| **byte == b'\n').count() > FEW {
            return None;
        }
        loop {
            let shared = answer.len().min(7);
            if answer[..shared] != b"HTTP/1."[..shared] {
                return Some(Self::Refused);
            }
            let Some((lines, behind)) = head(answer) else { return Some(Self::Incomplete) };
            let Some((minor, status)) = status_line(lines[0]) else { return Some(Self::Refused) };
            match status {
                101 if minor == b'1' => {
                    return Some(
                        fields(&lines[1..]).map_or(Self::Refused, |fields| switched(&fields)),
                    );
                }
                ..=99 | 101 => return Some(Self::Refused),
                100..=199 => answer = behind,
                // Without a dialer, whatever the location is.
                301 | 302 | 303 | 307 | 308 => return Some(Self::Redirect),
                status => return Some(Self::Status(status)),
            }
        }
    }
}

/// The lines before the first empty one, and what is behind that.
fn head(answer: &[u8]) -> Option<(Vec<&[u8]>, &[u8])> {
    let mut lines = Vec::new();
    let mut rest = answer;
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = &rest[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        rest = &rest[end + 1..];
        if line.is_empty() && !lines.is_empty() {
            return Some((lines, rest));
        }
        lines.push(line);
    }
}

/// Text of a header or reason: no control character but the tab.
fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f))
}

/// The minor version as a digit, and the status.
fn status_line(line: &[u8]) -> Option<(u8, u16)> {
    let [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ (b'0' | b'1'), b' ', rest @ ..] = line
    else {
        return None;
    };
    let (status, reason) = rest.split_at_checked(3)?;
    let well_formed = status.iter().all(u8::is_ascii_digit)
        && (reason.is_empty() || reason[0] == b' ' && is_text(reason));
    well_formed.then(|| (*minor, str::from_utf8(status).unwrap().parse().unwrap()))
}

/// Names in lower case and values, folded lines joined.
fn fields(lines: &[&[u8]]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
    for line in lines {
        if let [b' ' | b'\t', ..] = line {
            let (_, value) = fields.last_mut()?;
            value.push(b' ');
            value.extend_from_slice(line);
        } else {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = str::from_utf8(&line[..colon]).ok()?.trim_end_matches([' ', '\t']);
            let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            if name.is_empty() || !name.chars().all(is_token) {
                return None;
            }
            fields.push((name.to_ascii_lowercase(), line[colon + 1..].to_vec()));
        }
    }
    fields.iter().all(|(_, value)| is_text(value)).then_some(fields)
}

fn switched(fields: &[(String, Vec<u8>)]) -> Expected {
    let values = |name: &str| -> Vec<&[u8]> {
        let named = fields.iter().filter(|(other, _)| other == name);
        named.map(|(_, value)| value.trim_ascii()).collect()
    };
    let list = |name: &str| -> Vec<String> {
        let joined = values(name).join(&b',');
        let elements = joined.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let elements = elements.filter(|element| !element.is_empty());
        elements.map(|element| String::from_utf8_lossy(element).to_ascii_lowercase()).collect()
    };
    let upgrade = list("upgrade");
    let routing_ids = values("x-cable-routing-id");
    let routing_id = match routing_ids[..] {
        [] => Some(None),
        [id] => str::from_utf8(id).ok().and_then(RoutingId::from_hex).map(Some),
        _ => None,
    };
    let is_websocket =
        !upgrade.is_empty() && upgrade.iter().all(|protocol| protocol == "websocket");
    let good = is_websocket
        && list("connection").contains(&"upgrade".to_owned())
        && values("sec-websocket-accept") == [ACCEPT]
        && list("sec-websocket-extensions").is_empty()
        && values("sec-websocket-protocol") == [b"fido.cable"];
    match routing_id {
        Some(routing_id) if good => {
            let connect_signal = !values("x-cable-signal-connection").is_empty();
            Expected::Open { routing_id, connect_signal }
        }
        _ => Expected::Refused,
    }
}
