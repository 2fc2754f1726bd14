//! The list of names and addresses that are reached without the proxy, as in `NO_PROXY`.
//!
//! hyper-util's matcher decides about names, suffixes, addresses and CIDR. It does not
//! know ports, `*.` before a name and a dot behind it, which this module takes off first.

use hyper_util::client::proxy::matcher::Matcher;

/// The longest list, in bytes.
const MAX_LIST: usize = 64 * 1024;

/// Names and addresses, each with a port or for all ports.
#[derive(Clone, Default)]
pub(super) struct Bypass(Vec<(String, Option<u16>)>);

impl Bypass {
    pub(super) fn new(list: &str) -> Result<Self, &'static str> {
        if list.len() > MAX_LIST {
            return Err("it is too long");
        }
        let entries = list.split(|c: char| c == ',' || c.is_whitespace());
        Ok(Self(entries.filter(|entry| !entry.is_empty()).map(entry).collect()))
    }

    /// `host` is a name, or an address without brackets.
    pub(super) fn contains(&self, host: &str, port: u16) -> bool {
        let for_port = |(_, only): &&(String, Option<u16>)| only.is_none_or(|only| only == port);
        let entries: Vec<_> =
            self.0.iter().filter(for_port).map(|(name, _)| name.as_str()).collect();
        if entries.is_empty() {
            return false;
        }
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let Ok(uri) = format!("https://{bracketed}/").parse() else { return false };
        // Any proxy will do: only whether there is one counts.
        let matcher =
            Matcher::builder().https("http://proxy.invalid").no(entries.join(",")).build();
        matcher.intercept(&uri).is_none()
    }
}

/// An entry's name or address, as the matcher wants it, and its port.
fn entry(text: &str) -> (String, Option<u16>) {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => (address, rest.strip_prefix(':')),
        // More than one colon: an IPv6 address.
        None => match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            _ => (text, None),
        },
    };
    let host = host.strip_suffix('.').filter(|rest| *rest != "*").unwrap_or(host);
    let host = match host.strip_prefix("*.").filter(|suffix| !suffix.is_empty()) {
        Some(suffix) => format!(".{suffix}"),
        None => host.to_owned(),
    };
    match port.map(str::parse) {
        None => (host, None),
        Some(Ok(port)) => (host, Some(port)),
        // What is no port makes an entry that is no name.
        Some(Err(_)) => (text.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bypassed(list: &str, host: &str, port: u16) -> bool {
        Bypass::new(list).unwrap().contains(host, port)
    }

    #[test]
    fn names_bypass_with_those_below_them() {
        for list in [
            "example.com",
            ".example.com",
            "*.example.com",
            "EXAMPLE.COM.",
            "other.example, example.com",
            "other.example example.com",
            "*",
        ] {
            assert!(bypassed(list, "example.com", 443), "{list}");
            assert!(bypassed(list, "cable.example.com", 443), "{list}");
        }
        for list in [
            "",
            ",, ,",
            "*.",
            "*..",
            "*.:443",
            "example.com",
            "com.",
            "ample.com",
            "a.cable.example.com",
        ] {
            assert!(!bypassed(list, "notexample.org", 443), "{list}");
        }
        assert!(!bypassed("example.com", "notexample.com", 443));
    }

    #[test]
    fn ports_restrict_an_entry() {
        for list in ["example.com:8443", "*.example.com:8443"] {
            assert!(bypassed(list, "cable.example.com", 8443), "{list}");
            assert!(!bypassed(list, "cable.example.com", 443), "{list}");
        }
        for malformed in ["example.com:", "example.com:x", "example.com:99999"] {
            assert!(!bypassed(malformed, "example.com", 443), "{malformed}");
        }
    }

    #[test]
    fn addresses_bypass_by_cidr() {
        for (list, inside, outside) in [
            ("10.0.0.0/8", "10.1.2.3", "11.1.2.3"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("::1", "::1", "::2"),
            ("[::1]", "::1", "::2"),
        ] {
            assert!(bypassed(list, inside, 443), "{list}");
            assert!(!bypassed(list, outside, 443), "{list}");
        }
        assert!(bypassed("[::1]:8443", "::1", 8443));
        assert!(!bypassed("[::1]:8443", "::1", 443));
        assert!(bypassed("127.0.0.1:8443", "127.0.0.1", 8443));
    }

    #[test]
    fn a_list_has_a_longest_length() {
        assert!(Bypass::new(&"a,".repeat(MAX_LIST / 2)).is_ok());
        assert!(Bypass::new(&"a,".repeat(MAX_LIST)).is_err());
    }
}
