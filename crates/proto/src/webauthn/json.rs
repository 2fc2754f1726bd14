//! Reads a relying party's JSON by the path of each member, so that an error
//! names the member.
//!
//! The path `user.id` is read from the dictionary `user`: the key is the last
//! part of the path. [`idl`] says how each type is converted.
//!
//! **Deviation.** A member whose value is `null` is the same as an absent one.
//! Browsers convert `null` like any other value: to "null", 0, false or an
//! empty dictionary. Many servers write members that they have no value for.

use std::borrow::Cow;
use std::ops::{Deref, Range};

use serde_json::{Map, Value};
use zeroize::{Zeroize as _, Zeroizing};

use super::{base64, idl};
use crate::error::OptionsError;

/// A Web IDL dictionary. `None` has no member.
#[derive(Clone, Copy, Default)]
pub(super) struct Dictionary<'a>(Option<&'a Map<String, Value>>);

impl<'a> Dictionary<'a> {
    /// The dictionary that `value` converts to, if it does.
    pub(super) fn new(value: &'a Value) -> Option<Self> {
        match value {
            Value::Object(members) => Some(Self(Some(members))),
            Value::Array(_) => Some(Self(None)),
            _ => None,
        }
    }

    /// The member at the last part of `path`.
    fn get(self, path: &str) -> Option<&'a Value> {
        let key = path.rsplit('.').next().unwrap_or(path);
        self.0?.get(key).filter(|value| !value.is_null())
    }

    /// The member of this name.
    pub(super) fn member(self, name: &str) -> Option<&'a Value> {
        self.0?.get(name)
    }

    /// The names of its members that are not `null`. `path` is its own.
    ///
    /// # Errors
    /// [`OptionsError::TooMany`] if it has more than `limit` members.
    pub(super) fn names(
        self,
        path: &'static str,
        limit: usize,
    ) -> Result<impl Iterator<Item = &'a str>, OptionsError> {
        if self.0.is_some_and(|members| members.len() > limit) {
            return Err(OptionsError::TooMany(path));
        }
        let members = self.0.into_iter().flatten().filter(|(_, value)| !value.is_null());
        Ok(members.map(|(name, _)| name.as_str()))
    }

    /// A `DOMString`.
    pub(super) fn text(self, path: &str) -> Option<Cow<'a, str>> {
        self.get(path).map(idl::dom_string)
    }

    /// A `boolean`.
    pub(super) fn boolean(self, path: &str) -> Option<bool> {
        self.get(path).map(idl::boolean)
    }

    /// A `long`.
    pub(super) fn long(self, path: &str) -> Option<i32> {
        self.get(path).map(idl::long)
    }

    /// An `unsigned long`.
    pub(super) fn unsigned_long(self, path: &str) -> Option<u32> {
        self.get(path).map(idl::unsigned_long)
    }

    /// A `Base64URLString`, decoded.
    pub(super) fn bytes(self, path: &'static str) -> Result<Option<Vec<u8>>, OptionsError> {
        let decode = |text: Cow<'_, str>| {
            let decoded = base64::decode(&text);
            // It may be a PRF input. A borrowed text is wiped with its value.
            if let Cow::Owned(mut text) = text {
                text.zeroize();
            }
            decoded.ok_or(OptionsError::Base64(path))
        };
        self.text(path).map(decode).transpose()
    }

    /// A dictionary.
    pub(super) fn dictionary(self, path: &'static str) -> Result<Option<Self>, OptionsError> {
        self.get(path).map(|value| Self::new(value).ok_or(wrong(path, "an object"))).transpose()
    }

    /// A `sequence` of at most `limit` elements.
    pub(super) fn sequence(
        self,
        path: &'static str,
        limit: usize,
    ) -> Result<Option<&'a [Value]>, OptionsError> {
        match self.get(path) {
            None => Ok(None),
            Some(Value::Array(elements)) if elements.len() > limit => {
                Err(OptionsError::TooMany(path))
            }
            Some(Value::Array(elements)) => Ok(Some(elements)),
            Some(_) => Err(wrong(path, "an array")),
        }
    }

    /// A `sequence` of dictionaries; none if it is absent.
    pub(super) fn dictionaries(
        self,
        path: &'static str,
        limit: usize,
    ) -> Result<Option<Vec<Self>>, OptionsError> {
        let element = |value| Self::new(value).ok_or(wrong(path, "an array of objects"));
        let elements = self.sequence(path, limit)?;
        elements.map(|elements| elements.iter().map(element).collect()).transpose()
    }

    /// A `sequence<DOMString>`; empty if it is absent.
    pub(super) fn texts(
        self,
        path: &'static str,
        limit: usize,
    ) -> Result<Vec<String>, OptionsError> {
        let elements = self.sequence(path, limit)?.unwrap_or_default();
        Ok(elements.iter().map(idl::dom_string).map(Cow::into_owned).collect())
    }

    /// A `record<DOMString, T>` of at most `limit` dictionaries `T`.
    pub(super) fn record(
        self,
        path: &'static str,
        limit: usize,
    ) -> Result<Option<Entries<'a>>, OptionsError> {
        let entries: Vec<(Cow<'a, str>, &Value)> = match self.get(path) {
            None => return Ok(None),
            Some(Value::Object(members)) if members.len() <= limit => {
                members.iter().map(|(key, value)| (Cow::from(key), value)).collect()
            }
            Some(Value::Array(elements)) if elements.len() <= limit => {
                let elements = elements.iter().enumerate();
                elements.map(|(index, value)| (index.to_string().into(), value)).collect()
            }
            Some(Value::Object(_) | Value::Array(_)) => return Err(OptionsError::TooMany(path)),
            Some(_) => return Err(wrong(path, "an object")),
        };
        let expected = wrong(path, "an object of objects");
        let entry = |(key, value)| Ok((key, Self::new(value).ok_or(expected)?));
        entries.into_iter().map(entry).collect::<Result<_, _>>().map(Some)
    }
}

/// The entries of a record of dictionaries.
pub(super) type Entries<'a> = Vec<(Cow<'a, str>, Dictionary<'a>)>;

fn wrong(member: &'static str, expected: &'static str) -> OptionsError {
    OptionsError::Type { member, expected }
}

/// The value of a `required` member.
pub(super) fn required<T>(value: Option<T>, path: &'static str) -> Result<T, OptionsError> {
    value.ok_or(OptionsError::Missing(path))
}

/// Parses JSON. An unpaired surrogate (`"\ud83d"`, half of an emoji in a name
/// that was cut) becomes U+FFFD, as it does where a browser writes CTAP.
pub(super) fn parse(json: &str) -> Result<Value, OptionsError> {
    // serde_json bounds the nesting. Its message may quote the relying party's
    // data, so it is dropped.
    match without_some_escapes(json) {
        Cow::Borrowed(json) => serde_json::from_str(json),
        Cow::Owned(json) => serde_json::from_str(&Zeroizing::new(json)),
    }
    .map_err(|_| OptionsError::Json)
}

/// JSON whose texts are wiped when it is dropped: PRF inputs are among them.
pub(super) struct Parsed(Value);

impl Parsed {
    pub(super) const fn new(value: Value) -> Self {
        Self(value)
    }
}

impl Deref for Parsed {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl Drop for Parsed {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// The parser has bounded how deep this goes.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(elements) => elements.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Replaces unpaired surrogates, and undoes escapes of what base64 consists of
/// (PHP writes `\/`, .NET `\u002B`): the parser would copy a text with escapes
/// into a buffer that it does not wipe. Other escapes stay, such as of
/// whitespace (`\n`): a text of base64 with these is copied so.
fn without_some_escapes(json: &str) -> Cow<'_, str> {
    let mut result = Zeroizing::new(String::new());
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = json.get(at..).and_then(|rest| rest.find('\\')) {
        at += found;
        let Some(unit) = escaped_unit(json, at) else {
            if json.get(at..at + 2) == Some("\\/") {
                replace(json, copied..at, '/', &mut result);
                at += 2;
                copied = at;
                continue;
            }
            // The escaped character may be a backslash, too.
            at += 1;
            at += json.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            continue;
        };
        let pairs = |low: u16| (0xdc00..0xe000).contains(&low);
        match unit {
            0xd800..0xdc00 if escaped_unit(json, at + ESCAPE).is_some_and(pairs) => {
                at += 2 * ESCAPE;
            }
            0xd800..0xe000 => {
                replace(json, copied..at, char::REPLACEMENT_CHARACTER, &mut result);
                at += ESCAPE;
                copied = at;
            }
            _ => match char::from_u32(unit.into()) {
                Some(
                    symbol @ ('a'..='z' | 'A'..='Z' | '0'..='9' | '+' | '/' | '=' | '-' | '_'),
                ) => {
                    replace(json, copied..at, symbol, &mut result);
                    at += ESCAPE;
                    copied = at;
                }
                _ => at += ESCAPE,
            },
        }
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    result.push_str(json.get(copied..).unwrap_or_default());
    Cow::Owned(std::mem::take(&mut *result))
}

/// Appends a part of `json` and what takes the place of the escape behind it,
/// which is never longer than that.
fn replace(json: &str, part: Range<usize>, by: char, result: &mut String) {
    if result.is_empty() {
        result.reserve_exact(json.len());
    }
    result.push_str(json.get(part).unwrap_or_default());
    result.push(by);
}

/// Length of `\uXXXX`.
const ESCAPE: usize = 6;

/// The UTF-16 code unit of the escape `\uXXXX` that starts at `at`.
fn escaped_unit(json: &str, at: usize) -> Option<u16> {
    let digits = json.get(at..at + ESCAPE)?.strip_prefix("\\u")?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex { u16::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_a_dictionary_without_members() {
        let array = Value::Array(vec![1.into()]);
        let dictionary = Dictionary::new(&array);
        assert_eq!(dictionary.unwrap().names("x", 0).unwrap().count(), 0);
        assert_eq!(dictionary.unwrap().text("0"), None);
        for value in [Value::Null, true.into(), 1.into(), "x".into()] {
            assert!(Dictionary::new(&value).is_none(), "{value}");
        }
    }

    #[test]
    fn a_member_that_is_null_has_no_name() {
        let object = serde_json::from_str(r#"{"a":null,"b":0,"c":[null],"d":false}"#).unwrap();
        let dictionary = Dictionary::new(&object).unwrap();
        assert_eq!(dictionary.names("x", 4).unwrap().collect::<Vec<_>>(), ["b", "c", "d"]);
        // The bound is one of the text's size, so it counts all members.
        assert_eq!(dictionary.names("x", 3).err(), Some(OptionsError::TooMany("x")));
    }

    #[test]
    fn unpaired_surrogates_are_replaced() {
        for (json, text) in [
            (r#""Ada \ud83d""#, "Ada \u{fffd}"),
            (r#""\ude00 Ada""#, "\u{fffd} Ada"),
            (r#""\ud83d\ude00""#, "😀"),
            (r#""\uD83D\uDE00""#, "😀"),
            (r#""\ud83d\ud83d\ude00\ude00""#, "\u{fffd}😀\u{fffd}"),
            (r#""\ud83d\n\\ude00""#, "\u{fffd}\n\\ude00"),
            (r#""\\ud83d""#, "\\ud83d"),
            (r#""é\\\ud83d\u00e9é""#, "é\\\u{fffd}éé"),
            (r#""\ud83d\\""#, "\u{fffd}\\"),
            (r#""a\/b\u002B\u003d\\/\"""#, "a/b+=\\/\""),
            (r#""\u0022\u005c\u000a""#, "\"\\\n"),
        ] {
            assert_eq!(parse(json), Ok(text.into()), "{json}");
        }
    }

    #[test]
    fn broken_escapes_are_no_json() {
        for json in [
            r#""\"#,
            r#""\u"#,
            r#""\ud83"#,
            r#""\ud83d"#,
            r#""\u+83d""#,
            r#""\é""#,
            r#""\ud83é""#,
            r#""\ud83d\"#,
            r#"\ud83d"#,
            r#""\😀"#,
        ] {
            assert_eq!(parse(json), Err(OptionsError::Json), "{json}");
        }
    }
}
