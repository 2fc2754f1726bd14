//! SPDX licence expressions, as Cargo.toml states them: `MIT OR Apache-2.0`,
//! `(MIT OR Apache-2.0) AND Unicode-3.0`, `Apache-2.0 WITH LLVM-exception`, and the
//! old `MIT/Apache-2.0`.

/// Whether the expression can be met with licences that are allowed.
///
/// # Errors
///
/// The expression cannot be read.
pub fn is_met(expression: &str, allowed: &dyn Fn(&str) -> bool) -> Result<bool, String> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut parser = Parser { words: spaced.split_whitespace().collect(), next: 0, allowed };
    let met = parser.alternatives();
    match met {
        Some(met) if parser.next == parser.words.len() => Ok(met),
        _ => Err(format!("the licence expression `{expression}` cannot be read")),
    }
}

struct Parser<'a> {
    words: Vec<&'a str>,
    next: usize,
    allowed: &'a dyn Fn(&str) -> bool,
}

impl<'a> Parser<'a> {
    fn take(&mut self, word: &str) -> bool {
        let found = self.words.get(self.next) == Some(&word);
        self.next += usize::from(found);
        found
    }

    fn word(&mut self) -> Option<&'a str> {
        let word = *self.words.get(self.next)?;
        self.next += 1;
        Some(word)
    }

    fn alternatives(&mut self) -> Option<bool> {
        let mut met = self.conjunction()?;
        while self.take("OR") {
            met |= self.conjunction()?;
        }
        Some(met)
    }

    // AND binds more tightly than OR.
    fn conjunction(&mut self) -> Option<bool> {
        let mut met = self.licence()?;
        while self.take("AND") {
            met &= self.licence()?;
        }
        Some(met)
    }

    fn licence(&mut self) -> Option<bool> {
        if self.take("(") {
            let met = self.alternatives()?;
            return self.take(")").then_some(met);
        }
        let name = self.word().filter(|it| !matches!(*it, ")" | "AND" | "OR" | "WITH"))?;
        if self.take("WITH") {
            let exception = self.word()?;
            return Some((self.allowed)(&format!("{name} WITH {exception}")));
        }
        Some((self.allowed)(name))
    }
}

#[cfg(test)]
mod tests {
    use super::is_met;

    fn met(expression: &str) -> bool {
        is_met(expression, &|it| matches!(it, "MIT" | "ISC" | "Apache-2.0")).unwrap()
    }

    #[test]
    fn one_alternative_is_enough_and_each_part_is_needed() {
        for expression in [
            "MIT",
            "MIT OR GPL-3.0-only",
            "GPL-3.0-only/MIT",
            "ISC AND MIT",
            "GPL-3.0-only OR ISC AND MIT",
            "(GPL-3.0-only OR MIT) AND ISC",
            "Apache-2.0 WITH LLVM-exception OR MIT",
        ] {
            assert!(met(expression), "{expression}");
        }
        for expression in [
            "GPL-3.0-only",
            "MIT AND GPL-3.0-only",
            "(MIT OR ISC) AND GPL-3.0-only",
            // As `(GPL-3.0-only AND MIT) OR GPL-3.0-only`.
            "GPL-3.0-only AND MIT OR GPL-3.0-only",
            // A licence with an exception is another licence.
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(!met(expression), "{expression}");
        }
    }

    #[test]
    fn what_is_no_expression_is_an_error() {
        for expression in ["", "MIT OR", "(MIT", "MIT)", "MIT ISC", "AND MIT", "MIT WITH"] {
            assert!(is_met(expression, &|_| true).is_err(), "{expression}");
        }
    }
}
