//! A script that drives a state machine, cut from the fuzzer's bytes.
//!
//! ```text
//! script = settings ‖ step ‖ step …     step = what[1] ‖ its arguments
//! ```
//!
//! Everything is read from the front, so that scripts can be written by hand
//! (`examples/write_seeds/`) and stay what they are when one grows. What is
//! missing at the end reads as zeros and as empty strings.

use arbitrary::Unstructured;

pub(crate) struct Script<'a>(Unstructured<'a>);

impl<'a> Script<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self(Unstructured::new(input))
    }

    /// What the next step is; `None` at the end.
    pub(crate) fn next_step(&mut self) -> Option<u8> {
        (!self.0.is_empty()).then(|| self.byte())
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        self.0.fill_buffer(&mut array).unwrap();
        array
    }

    /// A string behind its length in two bytes, the more significant one first.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.u16()).min(self.0.len());
        self.0.bytes(length).unwrap()
    }
}
