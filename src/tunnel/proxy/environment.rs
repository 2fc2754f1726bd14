//! The proxy that the environment names.

use std::ffi::OsString;

use zeroize::Zeroizing;

use super::Proxy;
use super::bypass::Bypass;
use fido_hybrid_proto::error::ProxyError;

/// The proxy's address: the first of these that is not empty. Tunnel services are
/// reached by TLS, so `HTTP_PROXY` does not count.
const PROXY: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// What is reached without it.
const BYPASS: [&str; 2] = ["no_proxy", "NO_PROXY"];

impl Proxy {
    /// The proxy that the environment names, as curl reads it: the first of `https_proxy`,
    /// `HTTPS_PROXY`, `all_proxy` and `ALL_PROXY` that is not empty, and for
    /// [`Self::bypass`] the first of `no_proxy` and `NO_PROXY`. `None`: the environment
    /// names no proxy.
    ///
    /// The environment is read here, which `sign_in` and `register` call, and nowhere else: a
    /// [`WebSocketDialer`](super::super::WebSocketDialer) connects directly unless it was
    /// given a proxy. A program may have settings of its own, and one that runs with more
    /// rights than its user, such as a greeter, should not be led elsewhere by a variable.
    /// So it is for the program to decide.
    ///
    /// ```no_run
    /// use fido_hybrid::tunnel::{Proxy, WebSocketDialer};
    ///
    /// # fn main() -> Result<(), fido_hybrid::Error> {
    /// # #[cfg(feature = "tls-aws-lc-rs")]
    /// let dialer = WebSocketDialer::builder().proxy(Proxy::from_environment()?).build()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ProxyError::Environment`] if a variable is not an address, or not Unicode: no
    /// connection bypasses a proxy because its address has a spelling mistake.
    pub fn from_environment() -> Result<Option<Self>, ProxyError> {
        from_variables(std::env::var_os::<&str>)
    }
}

fn from_variables(
    read: impl Fn(&'static str) -> Option<OsString>,
) -> Result<Option<Proxy>, ProxyError> {
    let Some((variable, address)) = first(&read, &PROXY)? else { return Ok(None) };
    let told = |variable| move |reason| ProxyError::Environment { variable, reason };
    let mut proxy = Proxy::parse(&address).map_err(told(variable))?;
    if let Some((variable, list)) = first(&read, &BYPASS)? {
        proxy.bypass = Bypass::new(&list).map_err(told(variable))?;
    }
    Ok(Some(proxy))
}

/// The first variable that is not empty. It may contain a password, so it is wiped.
fn first(
    read: impl Fn(&'static str) -> Option<OsString>,
    names: &[&'static str],
) -> Result<Option<(&'static str, Zeroizing<String>)>, ProxyError> {
    for variable in names {
        match read(variable).map(OsString::into_string) {
            None => {}
            Some(Ok(value)) if value.is_empty() => {}
            Some(Ok(value)) => return Ok(Some((variable, Zeroizing::new(value)))),
            Some(Err(_)) => {
                return Err(ProxyError::Environment { variable, reason: "it is not Unicode" });
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Proxy>, ProxyError> {
        from_variables(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    fn host(variables: &[(&str, &str)]) -> Option<String> {
        read(variables).unwrap().map(|proxy| proxy.host_and_port().0.to_owned())
    }

    #[test]
    fn the_first_variable_that_is_not_empty_counts() {
        let mut variables = [
            ("https_proxy", "one.example"),
            ("HTTPS_PROXY", "two.example"),
            ("all_proxy", "three.example"),
            ("ALL_PROXY", "four.example"),
        ];
        for number in 0..variables.len() {
            let expected = variables[number].1;
            assert_eq!(host(&variables).as_deref(), Some(expected));
            variables[number].1 = "";
        }
        assert_eq!(host(&variables), None);
        assert_eq!(host(&[]), None);
        assert_eq!(host(&[("HTTP_PROXY", "one.example"), ("http_proxy", "two.example")]), None);
    }

    #[test]
    fn no_proxy_lists_what_bypasses() {
        let proxy = [("ALL_PROXY", "socks5h://proxy.example:9050"), ("NO_PROXY", "cable.auth.com")];
        let read = read(&proxy).unwrap().unwrap();
        assert_eq!(read.host_and_port(), ("proxy.example", 9050));
        assert!(read.is_bypassed("cable.auth.com", 443));
        assert!(!read.is_bypassed("cable.ua5v.com", 443));
    }

    #[test]
    fn a_malformed_variable_is_named_and_not_shown() {
        for name in PROXY {
            let error = read(&[(name, "gopher://alice:secret@proxy.example")]).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(name), "{shown}");
            assert!(!shown.contains("secret") && !shown.contains("alice"), "{shown}");
        }
        let long = "a,".repeat(1 << 16);
        let error = read(&[("https_proxy", "proxy.example"), ("no_proxy", &long)]).unwrap_err();
        assert!(matches!(error, ProxyError::Environment { variable: "no_proxy", .. }), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_unicode_is_an_error() {
        use std::os::unix::ffi::OsStringExt as _;
        let error = from_variables(|_| Some(OsString::from_vec(vec![0xff]))).unwrap_err();
        assert!(matches!(error, ProxyError::Environment { variable: "https_proxy", .. }));
    }
}
