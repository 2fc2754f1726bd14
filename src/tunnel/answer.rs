//! The tunnel service's answer to an upgrade, judged without I/O.
//!
//! Until the final status the answer is HTTP, by RFC 9110 and RFC 9112: header
//! names in any case, lists over several lines, interim responses, folded lines.
//! A `101` is judged by [RFC 6455 §4.1] and then by [CTAP 2.2 §11.5.1],
//! which wants the subprotocol `fido.cable` and may bring a routing id.
//!
//! The WebSocket crate has a check of its own, which is not used: it compares
//! whole values, and so refuses `Connection: keep-alive, Upgrade`, as reverse
//! proxies send it.

use std::mem;

use httparse::{EMPTY_HEADER, Header, ParserConfig, Response};

use fido_hybrid_proto::error::TunnelError;
use fido_hybrid_proto::transport::{
    ROUTING_ID_HEADER, RoutingId, SIGNAL_CONNECTION_HEADER, SUBPROTOCOL,
};

/// The longest answer read, in bytes: status lines and headers, with those of
/// interim responses. Services send some 300.
pub(super) const MAX_ANSWER: usize = 64 * 1024;

/// The most header lines read. Services send some ten, and each proxy on the way
/// adds a few.
const MAX_FIELDS: usize = 128;

/// The start of every answer.
const HTTP: &[u8] = b"HTTP/1.";

/// The result of a final answer, if it opens a tunnel or leads to another service.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The connection is a WebSocket.
    Open {
        /// To a phone that opened a new tunnel: where the client will connect.
        routing_id: Option<RoutingId>,
        /// The first message will be the connect signal.
        connect_signal: bool,
    },
    /// The tunnel is elsewhere.
    Redirect {
        /// The `Location` header, if there is exactly one that is text.
        location: Option<String>,
    },
}

/// Reads one answer.
pub(super) struct AnswerReader {
    /// The value that `Sec-WebSocket-Accept` must have.
    accept: String,
    bytes: Vec<u8>,
    /// Up to here there is no end of a head in `bytes`.
    searched: usize,
    /// Bytes of interim responses, which are not kept.
    interim: usize,
}

impl AnswerReader {
    pub(super) const fn new(accept: String) -> Self {
        Self { accept, bytes: Vec::new(), searched: 0, interim: 0 }
    }

    /// Takes the next bytes from the service; the verdict once its final answer
    /// is complete.
    ///
    /// # Errors
    /// [`TunnelError::Status`] if the final status is neither 101 nor a redirect;
    /// [`TunnelError::Upgrade`] if the answer breaks a rule.
    pub(super) fn take(&mut self, read: &[u8]) -> Result<Option<Verdict>, TunnelError> {
        self.bytes.extend_from_slice(read);
        loop {
            if self.bytes.iter().zip(HTTP).any(|(byte, expected)| byte != expected) {
                return Err(NOT_HTTP);
            }
            let end = self.end_of_head();
            if self.interim.saturating_add(end.unwrap_or(self.bytes.len())) > MAX_ANSWER {
                return Err(TunnelError::Upgrade("it is too long"));
            }
            let Some(end) = end else { return Ok(None) };
            let behind = self.bytes.split_off(end);
            let head = mem::replace(&mut self.bytes, behind);
            if let Some(verdict) = judge(&head, &self.accept)? {
                return Ok(Some(verdict));
            }
            self.interim = self.interim.saturating_add(end);
            self.searched = 0;
        }
    }

    /// The bytes behind the answer: the WebSocket's first bytes.
    pub(super) fn into_rest(self) -> Vec<u8> {
        self.bytes
    }

    /// The length of the first head, with the empty line that ends it. A line
    /// ends with LF, with or without CR before it [RFC 9112 §2.2].
    fn end_of_head(&mut self) -> Option<usize> {
        for (at, _) in
            self.bytes.iter().enumerate().skip(self.searched).filter(|(_, b)| **b == b'\n')
        {
            let next = at.saturating_add(1);
            let behind = self.bytes.get(next..).unwrap_or_default();
            for empty_line in [&b"\n"[..], b"\r\n"] {
                if behind.starts_with(empty_line) {
                    return Some(next.saturating_add(empty_line.len()));
                }
            }
        }
        // An LF and a CR at the end may belong to it.
        self.searched = self.bytes.len().saturating_sub(2);
        None
    }
}

const NOT_HTTP: TunnelError = TunnelError::Upgrade("it is not HTTP/1.1");

/// Judges the head of one response; `None` if it is an interim one.
fn judge(head: &[u8], accept: &str) -> Result<Option<Verdict>, TunnelError> {
    let mut lines = [EMPTY_HEADER; MAX_FIELDS];
    let mut response = Response::new(&mut lines);
    let parsed = ParserConfig::default()
        // Deprecated, and to be read all the same [RFC 9112 §5.2].
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .parse_response(&mut response, head);
    if let Err(httparse::Error::Version | httparse::Error::Status) = parsed {
        return Err(NOT_HTTP);
    }
    let fields = match parsed {
        Ok(httparse::Status::Complete(_)) => Ok(Fields(response.headers)),
        Err(httparse::Error::TooManyHeaders) => {
            Err(TunnelError::Upgrade("it has too many headers"))
        }
        Ok(httparse::Status::Partial) | Err(_) => {
            Err(TunnelError::Upgrade("a header is malformed"))
        }
    };
    match response.code {
        Some(101) if response.version == Some(1) => switched(fields?, accept).map(Some),
        None | Some(0..=99 | 101) => Err(NOT_HTTP),
        // Any number of them may come before the final one [RFC 9110 §15.2].
        Some(100..=199) => Ok(None),
        Some(301 | 302 | 303 | 307 | 308) => {
            let location = fields.ok().and_then(|fields| fields.one("Location").ok().flatten());
            let location = location.and_then(|value| str::from_utf8(value).ok());
            Ok(Some(Verdict::Redirect { location: location.map(ToOwned::to_owned) }))
        }
        // Malformed headers change nothing: the status says more.
        Some(status) => Err(TunnelError::Status(status)),
    }
}

/// Judges the headers of a `101`.
fn switched(fields: Fields<'_>, accept: &str) -> Result<Verdict, TunnelError> {
    let refuse = |what| Err(TunnelError::Upgrade(what));

    if fields.list("Upgrade").next().is_none() {
        return refuse("the Upgrade header is missing");
    }
    if !fields.list("Upgrade").all(|protocol| protocol.eq_ignore_ascii_case(b"websocket")) {
        return refuse("the Upgrade header is not websocket");
    }
    if !fields.list("Connection").any(|option| option.eq_ignore_ascii_case(b"upgrade")) {
        return refuse("the Connection header does not contain Upgrade");
    }
    match fields.one("Sec-WebSocket-Accept") {
        Ok(Some(value)) if value == accept.as_bytes() => {}
        Ok(Some(_)) => return refuse("Sec-WebSocket-Accept does not fit the key"),
        Ok(None) => return refuse("Sec-WebSocket-Accept is missing"),
        Err(Repeated) => return refuse("Sec-WebSocket-Accept is repeated"),
    }
    // None was offered, so none may be used.
    if fields.list("Sec-WebSocket-Extensions").next().is_some() {
        return refuse("it uses an extension that was not offered");
    }
    match fields.one("Sec-WebSocket-Protocol") {
        Ok(Some(value)) if value == SUBPROTOCOL.as_bytes() => {}
        Ok(Some(_)) => return refuse("the subprotocol is not fido.cable"),
        Ok(None) => return refuse("the subprotocol is missing"),
        Err(Repeated) => return refuse("the subprotocol is repeated"),
    }
    let routing_id = match fields.one(ROUTING_ID_HEADER) {
        Ok(None) => None,
        Ok(Some(value)) => match str::from_utf8(value).ok().and_then(RoutingId::from_hex) {
            Some(routing_id) => Some(routing_id),
            None => return refuse("the routing id is malformed"),
        },
        Err(Repeated) => return refuse("the routing id is repeated"),
    };
    let connect_signal = fields.all(SIGNAL_CONNECTION_HEADER).next().is_some();
    Ok(Verdict::Open { routing_id, connect_signal })
}

/// The header lines of one response.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a [Header<'a>]);

/// A header came more than once that may come once.
struct Repeated;

impl<'a> Fields<'a> {
    /// The values of all lines with this name.
    fn all(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let lines = self.0.iter().filter(move |line| line.name.eq_ignore_ascii_case(name));
        lines.map(|line| without_space(line.value))
    }

    fn one(self, name: &str) -> Result<Option<&'a [u8]>, Repeated> {
        let mut values = self.all(name);
        let value = values.next();
        if values.next().is_none() { Ok(value) } else { Err(Repeated) }
    }

    /// The elements of a list, over all lines with this name and without the
    /// empty ones [RFC 9110 §5.6.1].
    fn list(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let elements = self.all(name).flat_map(|value| value.split(|byte| *byte == b','));
        elements.map(without_space).filter(|element| !element.is_empty())
    }
}

/// Without optional white space around it, to which the ends of folded lines
/// belong.
fn without_space(value: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = value.iter().take_while(|byte| is_space(byte)).count();
    let value = value.get(start..).unwrap_or_default();
    let end = value.iter().rev().take_while(|byte| is_space(byte)).count();
    value.get(..value.len().saturating_sub(end)).unwrap_or_default()
}
