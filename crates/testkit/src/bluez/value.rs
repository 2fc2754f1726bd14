//! D-Bus values of any type, the wrong ones too.
//!
//! BlueZ's clients are handed whatever a test wants, and what they sent is kept
//! in a shape that a test can compare with `==`; the types of the `dbus` crate do
//! neither without knowing the type beforehand.

use dbus::Message;
use dbus::arg::{ArgType, Iter, IterAppend};
use dbus::strings::{Path, Signature};

/// One D-Bus value. A dictionary keeps the order in which it was written.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Byte(u8),
    I16(i16),
    U16(u16),
    I32(i32),
    U32(u32),
    I64(i64),
    U64(u64),
    Double(f64),
    Text(String),
    Path(String),
    Signature(String),
    /// An array of bytes.
    Bytes(Vec<u8>),
    /// An array of something else, with the signature of its items.
    Array(String, Vec<Value>),
    /// A dictionary, with the signatures of its keys and its values.
    Dict(String, String, Vec<(Value, Value)>),
    Struct(Vec<Value>),
    Variant(Box<Value>),
    /// A file descriptor, of which nothing is kept.
    Descriptor,
}

impl Value {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::Array("s".into(), texts.into_iter().map(Self::text).collect())
    }

    pub fn variant(self) -> Self {
        Self::Variant(Box::new(self))
    }

    /// `a{sv}`, what most of BlueZ is made of.
    pub fn properties<N: Into<String>>(properties: impl IntoIterator<Item = (N, Self)>) -> Self {
        Self::Dict(
            "s".into(),
            "v".into(),
            properties.into_iter().map(|(name, it)| (Self::text(name), it.variant())).collect(),
        )
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Path(text) => Some(text),
            _ => None,
        }
    }

    /// What an entry of a dictionary says, out of its variant.
    pub fn entry(&self, name: &str) -> Option<&Self> {
        self.entries().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
    }

    /// A dictionary's entries, out of their variants; none for anything else.
    pub fn entries(&self) -> impl Iterator<Item = (&Self, &Self)> {
        let entries: &[(Self, Self)] = match self {
            Self::Dict(_, _, entries) => entries,
            _ => &[],
        };
        entries.iter().map(|(key, value)| match value {
            Self::Variant(inner) => (key, &**inner),
            plain => (key, plain),
        })
    }

    /// An array's items, if they all are text.
    pub fn as_texts(&self) -> Option<Vec<String>> {
        match self {
            Self::Array(_, items) => {
                items.iter().map(|item| item.as_text().map(str::to_owned)).collect()
            }
            _ => None,
        }
    }

    pub fn signature(&self) -> String {
        match self {
            Self::Bool(_) => "b".into(),
            Self::Byte(_) => "y".into(),
            Self::I16(_) => "n".into(),
            Self::U16(_) => "q".into(),
            Self::I32(_) => "i".into(),
            Self::U32(_) => "u".into(),
            Self::I64(_) => "x".into(),
            Self::U64(_) => "t".into(),
            Self::Double(_) => "d".into(),
            Self::Text(_) => "s".into(),
            Self::Path(_) => "o".into(),
            Self::Signature(_) => "g".into(),
            Self::Bytes(_) => "ay".into(),
            Self::Array(item, _) => format!("a{item}"),
            Self::Dict(key, value, _) => format!("a{{{key}{value}}}"),
            Self::Struct(fields) => {
                format!("({})", fields.iter().map(Self::signature).collect::<String>())
            }
            Self::Variant(_) => "v".into(),
            Self::Descriptor => "h".into(),
        }
    }

    fn append(&self, to: &mut IterAppend<'_>) {
        match self {
            Self::Bool(it) => to.append(*it),
            Self::Byte(it) => to.append(*it),
            Self::I16(it) => to.append(*it),
            Self::U16(it) => to.append(*it),
            Self::I32(it) => to.append(*it),
            Self::U32(it) => to.append(*it),
            Self::I64(it) => to.append(*it),
            Self::U64(it) => to.append(*it),
            Self::Double(it) => to.append(*it),
            Self::Text(it) => to.append(it.as_str()),
            Self::Path(it) => to.append(Path::new(it.clone()).unwrap()),
            Self::Signature(it) => to.append(Signature::new(it.clone()).unwrap()),
            Self::Bytes(it) => to.append(it.as_slice()),
            Self::Array(item, items) => to.append_array(&signature(item), |to| {
                for item in items {
                    item.append(to);
                }
            }),
            Self::Dict(key, value, entries) => {
                to.append_dict(&signature(key), &signature(value), |to| {
                    for (key, value) in entries {
                        to.append_dict_entry(|to| {
                            key.append(to);
                            value.append(to);
                        });
                    }
                });
            }
            Self::Struct(fields) => to.append_struct(|to| {
                for field in fields {
                    field.append(to);
                }
            }),
            Self::Variant(inner) => {
                to.append_variant(&signature(&inner.signature()), |to| inner.append(to));
            }
            Self::Descriptor => panic!("this BlueZ hands out no file descriptors"),
        }
    }

    fn read(from: &mut Iter<'_>) -> Self {
        match from.arg_type() {
            ArgType::Boolean => Self::Bool(from.get().unwrap()),
            ArgType::Byte => Self::Byte(from.get().unwrap()),
            ArgType::Int16 => Self::I16(from.get().unwrap()),
            ArgType::UInt16 => Self::U16(from.get().unwrap()),
            ArgType::Int32 => Self::I32(from.get().unwrap()),
            ArgType::UInt32 => Self::U32(from.get().unwrap()),
            ArgType::Int64 => Self::I64(from.get().unwrap()),
            ArgType::UInt64 => Self::U64(from.get().unwrap()),
            ArgType::Double => Self::Double(from.get().unwrap()),
            ArgType::String => Self::text(from.get::<&str>().unwrap()),
            ArgType::ObjectPath => Self::Path(from.get::<Path<'_>>().unwrap().to_string()),
            ArgType::Signature => Self::Signature(from.get::<Signature<'_>>().unwrap().to_string()),
            ArgType::Variant => Self::read(&mut from.recurse(ArgType::Variant).unwrap()).variant(),
            ArgType::Struct => Self::Struct(read_all(from.recurse(ArgType::Struct).unwrap())),
            ArgType::Array => Self::read_array(from),
            ArgType::UnixFd => Self::Descriptor,
            ArgType::DictEntry | ArgType::Invalid => unreachable!("these are not values"),
        }
    }

    fn read_array(from: &mut Iter<'_>) -> Self {
        let signature = from.signature().to_string();
        let item = &signature[1..];
        if item == "y" {
            return Self::Bytes(from.get::<Vec<u8>>().unwrap());
        }
        let mut items = from.recurse(ArgType::Array).unwrap();
        let Some(entry) = item.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            return Self::Array(item.to_owned(), read_all(items));
        };
        let mut entries = Vec::new();
        while items.arg_type() != ArgType::Invalid {
            let entry = read_all(items.recurse(ArgType::DictEntry).unwrap());
            let [key, value] = <[Self; 2]>::try_from(entry).unwrap();
            entries.push((key, value));
            items.next();
        }
        // A key is of a basic type, whose signature is one letter.
        let (key, value) = entry.split_at(1);
        Self::Dict(key.to_owned(), value.to_owned(), entries)
    }
}

fn signature(text: &str) -> Signature<'static> {
    Signature::new(text.to_owned()).unwrap()
}

fn read_all(mut from: Iter<'_>) -> Vec<Value> {
    let mut values = Vec::new();
    while from.arg_type() != ArgType::Invalid {
        values.push(Value::read(&mut from));
        from.next();
    }
    values
}

/// What a message says.
pub fn arguments(message: &Message) -> Vec<Value> {
    read_all(message.iter_init())
}

/// The message, saying this.
pub fn with_arguments(mut message: Message, arguments: &[Value]) -> Message {
    let mut to = IterAppend::new(&mut message);
    for argument in arguments {
        argument.append(&mut to);
    }
    message
}
