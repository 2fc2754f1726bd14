//! Reading a site's JSON by the path of each member, so that an error names
//! the member.
//!
//! A path such as `user.id` is read from the object `user`: the key is the
//! path's last part. `null` is the same as not there: many servers write
//! members that they have no value for.

use serde_json::{Map, Value};

use super::base64;
use super::options_error::OptionsError;

pub(super) type Object = Map<String, Value>;

fn value<'a>(object: &'a Object, path: &'static str) -> Option<&'a Value> {
    let key = path.rsplit('.').next().unwrap_or(path);
    object.get(key).filter(|value| !value.is_null())
}

fn typed<'a, T>(
    object: &'a Object,
    path: &'static str,
    expected: &'static str,
    read: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<Option<T>, OptionsError> {
    let error = OptionsError::Type { member: path, expected };
    value(object, path).map(|value| read(value).ok_or(error)).transpose()
}

pub(super) fn text<'a>(
    object: &'a Object,
    path: &'static str,
) -> Result<Option<&'a str>, OptionsError> {
    typed(object, path, "a string", Value::as_str)
}

pub(super) fn object<'a>(
    object: &'a Object,
    path: &'static str,
) -> Result<Option<&'a Object>, OptionsError> {
    typed(object, path, "an object", Value::as_object)
}

pub(super) fn integer(object: &Object, path: &'static str) -> Result<Option<i64>, OptionsError> {
    typed(object, path, "an integer", Value::as_i64)
}

pub(super) fn unsigned(object: &Object, path: &'static str) -> Result<Option<u64>, OptionsError> {
    typed(object, path, "an integer that is not negative", Value::as_u64)
}

pub(super) fn boolean(object: &Object, path: &'static str) -> Result<Option<bool>, OptionsError> {
    typed(object, path, "true or false", Value::as_bool)
}

/// An array of at most `limit` elements.
pub(super) fn array<'a>(
    object: &'a Object,
    path: &'static str,
    limit: usize,
) -> Result<Option<&'a [Value]>, OptionsError> {
    let elements = typed(object, path, "an array", Value::as_array)?;
    match elements {
        Some(elements) if elements.len() > limit => Err(OptionsError::TooMany(path)),
        elements => Ok(elements.map(Vec::as_slice)),
    }
}

/// An element of the array `path`, which must be an object.
pub(super) fn element<'a>(
    value: &'a Value,
    path: &'static str,
) -> Result<&'a Object, OptionsError> {
    value.as_object().ok_or(OptionsError::Type { member: path, expected: "an array of objects" })
}

/// An array of strings, those that are `known`.
pub(super) fn names(
    object: &Object,
    path: &'static str,
    limit: usize,
    known: impl Fn(&str) -> bool,
) -> Result<Vec<String>, OptionsError> {
    let expected = OptionsError::Type { member: path, expected: "an array of strings" };
    let mut names = Vec::new();
    for value in array(object, path, limit)?.unwrap_or_default() {
        let name = value.as_str().ok_or(expected)?;
        if known(name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

pub(super) fn bytes(object: &Object, path: &'static str) -> Result<Option<Vec<u8>>, OptionsError> {
    let decode = |text| base64::decode(text).map_err(|_| OptionsError::Base64(path));
    text(object, path)?.map(decode).transpose()
}

pub(super) fn required<T>(value: Option<T>, path: &'static str) -> Result<T, OptionsError> {
    value.ok_or(OptionsError::Missing(path))
}
