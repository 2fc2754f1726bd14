//! Names of public types that occur twice in the published crates.
//!
//! Documentation search, logs and editors show a type without its module, so that two
//! types of one name look like one. `names.toml` lists the exceptions with reasons.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The exceptions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exceptions {
    /// Each name, and where it may stand.
    pub names: BTreeMap<String, Exception>,
}

/// Where a name may stand more than once.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The modules: `crate::module`. Each has the name once, itself or below it.
    pub modules: Vec<String>,
    /// Why.
    pub reason: String,
}

impl Exceptions {
    /// Reads the list.
    ///
    /// # Errors
    ///
    /// It is not TOML of this form, or a reason is empty.
    pub fn parse(text: &str) -> Result<Self, String> {
        let exceptions: Self = basic_toml::from_str(text).map_err(|it| it.to_string())?;
        match exceptions.names.iter().find(|(_, it)| it.reason.is_empty()) {
            Some((name, _)) => Err(format!("{name}: an exception without a reason")),
            None => Ok(exceptions),
        }
    }

    /// What is wrong, one sentence each. `types` are pairs of a module and a name.
    #[must_use]
    pub fn check(&self, types: &[(String, String)]) -> Vec<String> {
        let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (module, name) in types {
            places.entry(name).or_default().push(module);
        }
        let mut findings = Vec::new();
        for (name, modules) in &places {
            let is_excepted = self.names.get(*name).is_some_and(|it| it.covers(modules));
            if modules.len() > 1 && !is_excepted {
                findings.push(format!("{name} stands in {}", modules.join(" and ")));
            }
        }
        for (name, exception) in &self.names {
            if !places.get(name.as_str()).is_some_and(|it| it.len() > 1 && exception.covers(it)) {
                findings.push(format!("the exception of {name} is not needed as it is written"));
            }
        }
        findings
    }
}

impl Exception {
    /// Whether each of the exception's modules has one of `modules` and no other is left.
    fn covers(&self, modules: &[&str]) -> bool {
        let is_below = |module: &str, it: &str| {
            module.strip_prefix(it).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        self.modules.len() == modules.len()
            && self
                .modules
                .iter()
                .all(|it| modules.iter().filter(|module| is_below(module, it)).count() == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"
        [names.Output]
        modules = ["core::client", "core::phone"]
        reason = "one vocabulary"
    "#;

    fn findings(types: &[(&str, &str)]) -> Vec<String> {
        let types: Vec<_> =
            types.iter().map(|(module, name)| ((*module).to_owned(), (*name).to_owned())).collect();
        Exceptions::parse(LIST).unwrap().check(&types)
    }

    const ALLOWED: [(&str, &str); 2] =
        [("core::client::state", "Output"), ("core::phone", "Output")];

    #[test]
    fn a_name_that_stands_twice_is_found() {
        assert_eq!(findings(&ALLOWED), Vec::<String>::new());
        let more = [&ALLOWED[..], &[("core::a", "Error"), ("relay", "Error")]].concat();
        assert_eq!(findings(&more), ["Error stands in core::a and relay"]);
    }

    #[test]
    fn an_exception_covers_the_modules_that_it_names_and_no_other() {
        let more = [&ALLOWED[..], &[("relay", "Output")]].concat();
        assert_eq!(
            findings(&more),
            [
                "Output stands in core::client::state and core::phone and relay",
                "the exception of Output is not needed as it is written"
            ]
        );
        for types in [&ALLOWED[..1], &[]] {
            assert_eq!(findings(types), ["the exception of Output is not needed as it is written"]);
        }
    }

    #[test]
    fn an_exception_without_a_reason_is_an_error() {
        assert!(Exceptions::parse(&LIST.replace("one vocabulary", "")).is_err());
    }
}
