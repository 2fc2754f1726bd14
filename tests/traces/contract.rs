//! The events are those that `src/traces.md` lists: in the code, and in a ceremony.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;
use std::sync::{Arc, Mutex};

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, Decision, MemoryStore, Prompt, UserCheck,
};
use fido_hybrid::client::Client;
use fido_hybrid::tunnel::WebSocketDialer;
use fido_hybrid_relay::Server;
use fido_hybrid_sim::Air;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_core::span::Current;

use super::{machines, rig};

const LIST: &str = include_str!("../../src/traces.md");

/// Target, level and fields.
type Row = (String, String, Vec<String>);

/// What a ceremony that succeeds emits, whatever the machine is like.
const CEREMONY: &[(&str, &str, &[&str])] = &[
    ("fido_hybrid::authenticator", "debug", &[]),
    ("fido_hybrid::authenticator", "debug", &["ok"]),
    ("fido_hybrid::authenticator", "debug", &["stage"]),
    ("fido_hybrid::client", "debug", &[]),
    ("fido_hybrid::client", "debug", &["ok"]),
    ("fido_hybrid::client", "debug", &["stage"]),
    ("fido_hybrid::data_channel", "trace", &["messages"]),
    ("fido_hybrid::tunnel", "debug", &[]),
    ("fido_hybrid::tunnel", "debug", &["host"]),
    ("fido_hybrid::tunnel", "trace", &["count"]),
    ("fido_hybrid::tunnel", "trace", &["length"]),
    ("fido_hybrid_relay::connection", "debug", &["event"]),
    ("fido_hybrid_relay::connection", "debug", &["new"]),
    ("fido_hybrid_relay::connection", "trace", &["length"]),
];

/// The rows of the list, with their messages.
fn listed() -> BTreeSet<(Row, String)> {
    let (_, table) = LIST.split_once("| Target | Level | Fields | Message |\n").unwrap();
    let rows = table.lines().skip(1).map_while(|row| row.strip_prefix("| "));
    rows.map(|row| {
        let [target, level, fields, message] =
            row.strip_suffix(" |").unwrap().splitn(4, '|').map(str::trim).collect::<Vec<_>>()[..]
        else {
            panic!("{row}")
        };
        let fields = fields.split(", ").filter(|field| !field.is_empty());
        let fields = fields.map(|field| field.trim_matches('`').to_owned()).collect();
        ((target.trim_matches('`').to_owned(), level.to_owned(), fields), message.to_owned())
    })
    .collect()
}

/// A crate and the module at its root: the part of a target that is stable.
fn shortened(target: &str) -> String {
    target.split("::").take(2).collect::<Vec<_>>().join("::")
}

// ---- in the code ------------------------------------------------------------------

/// The parts of a macro's arguments, up to and with the message.
fn arguments(code: &str) -> Vec<String> {
    let (mut parts, mut part, mut depth, mut quoted) = (Vec::new(), String::new(), 0, false);
    for character in code.chars() {
        match character {
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' if !quoted && depth == 0 => break,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(std::mem::take(&mut part).trim().to_owned());
                continue;
            }
            _ => {}
        }
        part.push(character);
    }
    parts.push(part.trim().to_owned());
    parts.retain(|part| !part.is_empty());
    parts
}

/// The events in one file's code.
fn events_in(code: &str, target: &str) -> Vec<(Row, String)> {
    let mut events = Vec::new();
    for level in ["error", "warn", "info", "debug", "trace"] {
        let call = format!("{level}!(");
        for (at, _) in code.match_indices(&call) {
            // Not the end of another macro's name.
            if code[..at].ends_with(|it: char| it.is_alphanumeric() || it == '_') {
                continue;
            }
            let mut parts = arguments(&code[at + call.len()..]);
            let message = parts.pop().unwrap();
            let message = message.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
            let name = |part: &String| {
                let name = part.split('=').next().unwrap().trim();
                name.trim_start_matches(['%', '?']).to_owned()
            };
            let row = (target.to_owned(), level.to_owned(), parts.iter().map(name).collect());
            events.push((row, message.expect("a message comes last").to_owned()));
        }
    }
    events
}

fn visit(folder: &Path, module: &dyn Fn(&Path) -> String, events: &mut BTreeSet<(Row, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, module, events);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let code = std::fs::read_to_string(&path).unwrap();
            events.extend(events_in(&code, &module(&path)));
        }
    }
}

#[test]
fn every_event_in_the_code_is_listed_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut events = BTreeSet::new();
    for (source, name) in [
        ("src", "fido_hybrid"),
        ("crates/bluetooth/src", "fido_hybrid_bluetooth"),
        ("crates/proto/src", "fido_hybrid_proto"),
        ("crates/relay/src", "fido_hybrid_relay"),
        ("crates/websocket/src", "fido_hybrid_websocket"),
    ] {
        let source = root.join(source);
        let module = |path: &Path| {
            let inside = path.strip_prefix(&source).unwrap().with_extension("");
            let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
            format!("{name}::{first}")
        };
        visit(&source, &module, &mut events);
    }
    assert!(events.len() > 30, "{events:#?}");
    assert_eq!(events, listed());
}

#[test]
fn every_field_is_explained() {
    let (_, fields) = LIST.split_once("| Field | Type | Meaning |\n").unwrap();
    let explained: BTreeSet<String> = fields
        .lines()
        .skip(1)
        .map_while(|row| row.strip_prefix("| "))
        .flat_map(|row| row.split(" | ").next().unwrap().split(", "))
        .map(|field| field.trim_matches('`').to_owned())
        .collect();
    let used = listed().into_iter().flat_map(|((_, _, fields), _)| fields).collect();
    assert_eq!(explained, used);
}

// ---- in a ceremony ----------------------------------------------------------------

/// Writes down each event's row, and whether it was in a span.
#[derive(Clone, Default)]
struct Catalogue {
    events: Arc<Mutex<BTreeSet<(Row, bool)>>>,
    spans: Arc<Mutex<Vec<&'static Metadata<'static>>>>,
    entered: Arc<Mutex<Vec<Id>>>,
}

struct Names(Vec<String>);

impl Visit for Names {
    fn record_debug(&mut self, field: &Field, _: &dyn Debug) {
        if field.name() != "message" {
            self.0.push(field.name().to_owned());
        }
    }
}

impl Subscriber for Catalogue {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut spans = self.spans.lock().unwrap();
        spans.push(span.metadata());
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        if !metadata.target().starts_with("fido_hybrid") {
            return;
        }
        let mut names = Names(Vec::new());
        event.record(&mut names);
        let row =
            (shortened(metadata.target()), metadata.level().as_str().to_ascii_lowercase(), names.0);
        let is_in_span = !self.entered.lock().unwrap().is_empty();
        self.events.lock().unwrap().insert((row, is_in_span));
    }

    fn enter(&self, span: &Id) {
        self.entered.lock().unwrap().push(span.clone());
    }

    fn exit(&self, _: &Id) {
        self.entered.lock().unwrap().pop();
    }

    fn current_span(&self) -> Current {
        let entered = self.entered.lock().unwrap();
        let Some(id) = entered.last() else { return Current::none() };
        let metadata = self.spans.lock().unwrap()[id.into_u64() as usize - 1];
        Current::new(id.clone(), metadata)
    }
}

struct Yes;

impl UserCheck for Yes {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async { rig::approved(0) })
    }
}

#[tokio::test]
async fn a_ceremony_emits_what_is_listed_in_the_span_in_which_it_began() {
    let catalogue = Catalogue::default();
    let _guard = tracing::subscriber::set_default(catalogue.clone());
    let service = Server::builder().bind("127.0.0.1:0").await.unwrap();
    let address = service.local_addr().unwrap();
    let _service = service.start().unwrap();
    let tunnel = WebSocketDialer::builder().resolve_without_tls(&rig::domain().host(), address);
    let tunnel = tunnel.build().unwrap();
    let air = Air::new();
    let client = Client::new(air.clone(), tunnel.clone());
    let phone = Authenticator::new(AuthenticatorParts {
        store: MemoryStore::new(),
        user: Yes,
        advertiser: air,
        dialer: tunnel,
        domain: rig::domain(),
    });
    let span = tracing::span!(target: "a program", Level::INFO, "registration");
    let (mut ceremony, mut session) = span.in_scope(|| {
        let ceremony = client.begin(machines::registration(), None).unwrap();
        let code = ceremony.qr_code().unwrap().expose().parse().unwrap();
        (ceremony, phone.answer(code).unwrap())
    });
    ceremony.outcome().await.unwrap();
    ceremony.close().await;
    session.outcome().await.unwrap();

    let events = catalogue.events.lock().unwrap().clone();
    let rows: BTreeSet<Row> = events.iter().map(|(row, _)| row.clone()).collect();
    let listed: BTreeSet<Row> = listed().into_iter().map(|(row, _)| row).collect();
    assert!(rows.is_subset(&listed), "not listed: {:#?}", rows.difference(&listed));
    let expected: BTreeSet<Row> = CEREMONY
        .iter()
        .map(|(target, level, fields)| {
            let fields = fields.iter().map(|field| (*field).to_owned()).collect();
            ((*target).to_owned(), (*level).to_owned(), fields)
        })
        .collect();
    assert!(rows.is_superset(&expected), "missing: {:#?}", expected.difference(&rows));
    for (row, is_in_span) in events {
        // The tunnel service is another program.
        assert_eq!(is_in_span, !row.0.starts_with("fido_hybrid_relay"), "{row:?}");
    }
}
