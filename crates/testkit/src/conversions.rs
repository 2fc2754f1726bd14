//! `conversions.txt`: what members of options may be, and what they mean.

use serde_json::Value;

/// One line of it.
pub struct Row {
    /// Its number.
    pub line: usize,
    pub kind: Kind,
    /// The path of the member, such as `user.id`.
    pub member: &'static str,
    /// The options with this member, as JSON.
    pub options: String,
    pub here: &'static str,
    pub chromium: &'static str,
    /// Why these two differ.
    pub why: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Create,
    Get,
}

/// All rows, in order.
pub fn rows() -> Vec<Row> {
    let lines = include_str!("conversions.txt").lines();
    let lines = lines.zip(1..).filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    let mut bases = [Value::Null, Value::Null];
    let mut rows = Vec::new();
    for (line, number) in lines {
        let fields: Vec<&str> = line.split(" | ").collect();
        match fields[..] {
            ["base create", json] => bases[0] = serde_json::from_str(json).unwrap(),
            ["base get", json] => bases[1] = serde_json::from_str(json).unwrap(),
            [kind, member, json, here, ref chromium @ ..] => {
                let (kind, base) = match kind {
                    "create" => (Kind::Create, &bases[0]),
                    "get" => (Kind::Get, &bases[1]),
                    other => panic!("line {number}: {other}"),
                };
                let (chromium, why) = match *chromium {
                    [] => (here.split(": ").next().filter(|it| is_error(it)).unwrap_or(here), None),
                    [chromium, why] => (chromium, Some(why)),
                    _ => panic!("line {number}: {} columns", fields.len()),
                };
                let options = with(base, member, json);
                rows.push(Row { line: number, kind, member, options, here, chromium, why });
            }
            _ => panic!("line {number}: {} columns", fields.len()),
        }
    }
    rows
}

/// Whether a meaning is the name of an exception.
pub fn is_error(meaning: &str) -> bool {
    meaning.ends_with("Error")
}

/// `base` with the member set to `json`, which may be what no `Value` is.
fn with(base: &Value, member: &str, json: &str) -> String {
    const MARK: &str = "the member";
    if member == "." {
        return json.to_owned();
    }
    let mut options = base.clone();
    let mut at = &mut options;
    for key in member.split('.') {
        at = match key.parse::<usize>() {
            Ok(index) => &mut at[index],
            Err(_) => &mut at[key],
        };
    }
    *at = MARK.into();
    options.to_string().replace(&format!("{MARK:?}"), json)
}

/// The part of the whole options' `meaning` that a row is about: the member, or
/// what it is a member of, if it has no meaning of its own.
pub fn part<'a>(meaning: &'a Value, member: &str) -> &'a Value {
    let pointer = format!("/{}", member.replace('.', "/"));
    match member {
        "." => meaning,
        _ => match (meaning.pointer(&pointer), pointer.rsplit_once('/')) {
            (Some(part), _) => part,
            (None, Some((parent @ "/extensions" | parent @ "/authenticatorSelection", _))) => {
                meaning.pointer(parent).unwrap()
            }
            (None, _) => &Value::Null,
        },
    }
}
