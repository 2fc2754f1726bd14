//! What a constructor of bounded bytes returns for too many of them.

/// Bytes were not taken: they are more than the type holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is longer than {max} bytes")]
pub struct TooLong {
    /// What the bytes are, as in "the credential id".
    pub(crate) what: &'static str,
    /// The most that the type holds.
    pub(crate) max: usize,
}

impl TooLong {
    /// Returns `bytes` unless they are more than `max`.
    pub(crate) fn check(
        what: &'static str,
        max: usize,
        bytes: impl Into<Vec<u8>>,
    ) -> Result<Vec<u8>, Self> {
        let bytes = bytes.into();
        if bytes.len() <= max { Ok(bytes) } else { Err(Self { what, max }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_itself_is_not_too_long() {
        assert_eq!(TooLong::check("the id", 3, *b"abc"), Ok(b"abc".to_vec()));
        let error = TooLong::check("the id", 3, *b"abcd").unwrap_err();
        assert_eq!(error.to_string(), "the id is longer than 3 bytes");
    }
}
