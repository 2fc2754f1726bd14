//! Secrets to look for, in every form in which this protocol has them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};

/// How many bytes of a secret in a row are enough to tell: one more than a
/// register holds, since what a test has in one may be saved to the stack later.
const PART: usize = 9;

/// The same for decimal digits, of which a few in a row mean nothing.
const DIGITS: usize = 14;

/// Secrets by name.
#[derive(Default)]
pub struct Secrets {
    parts: HashMap<[u8; PART], usize>,
    digits: HashMap<[u8; DIGITS], usize>,
    names: Vec<&'static str>,
    /// Whether a part begins with these two bytes: most do not.
    begins: Vec<bool>,
}

impl Secrets {
    /// Adds bytes: as they are, backwards (as the words of a number lie in
    /// memory), and in base64 of both alphabets.
    pub fn bytes(&mut self, name: &'static str, secret: &[u8]) {
        assert!(secret.len() >= PART, "{name} is too short to tell from anything else");
        let mut backwards = secret.to_vec();
        backwards.reverse();
        self.text(name, secret);
        self.text(name, &backwards);
        self.text(name, BASE64URL_NOPAD.encode(secret).as_bytes());
        self.text(name, BASE64_NOPAD.encode(secret).as_bytes());
    }

    /// Adds bytes as they are.
    pub fn text(&mut self, name: &'static str, secret: &[u8]) {
        let number = self.number(name);
        for part in secret.array_windows_of::<PART>().filter(tells_something) {
            self.begin(&part);
            self.parts.insert(part, number);
        }
    }

    /// Adds decimal digits.
    pub fn digits(&mut self, name: &'static str, digits: &str) {
        let number = self.number(name);
        for part in digits.as_bytes().array_windows_of::<DIGITS>() {
            self.begin(&part);
            self.digits.insert(part, number);
        }
    }

    /// The names, in the order in which they were added.
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// Where parts of each secret are; one that is not there is left out.
    pub fn find_in(&self, memory: &[u8]) -> BTreeMap<&'static str, Vec<usize>> {
        let mut found: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (at, pair) in memory.windows(2).enumerate() {
            if self.begins.get(beginning(pair)) != Some(&true) {
                continue;
            }
            let rest = &memory[at..];
            let part = rest.first_chunk().and_then(|part| self.parts.get(part));
            let digits = rest.first_chunk().and_then(|part| self.digits.get(part));
            for number in part.into_iter().chain(digits) {
                found.entry(self.names[*number]).or_default().push(at);
            }
        }
        found
    }

    fn number(&mut self, name: &'static str) -> usize {
        self.names.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.names.push(name);
            self.names.len() - 1
        })
    }

    fn begin(&mut self, part: &[u8]) {
        self.begins.resize(1 << 16, false);
        self.begins[beginning(part)] = true;
    }
}

fn beginning(part: &[u8]) -> usize {
    usize::from(u16::from_le_bytes([part[0], part[1]]))
}

/// Zeros in a row and the few bytes around them are everywhere; random bytes
/// hardly ever repeat so much.
fn tells_something(part: &[u8; PART]) -> bool {
    part.iter().collect::<BTreeSet<_>>().len() > 4
}

trait ArrayWindows {
    fn array_windows_of<const N: usize>(&self) -> impl Iterator<Item = [u8; N]>;
}

impl ArrayWindows for [u8] {
    fn array_windows_of<const N: usize>(&self) -> impl Iterator<Item = [u8; N]> {
        self.windows(N).filter_map(|part| part.try_into().ok())
    }
}
