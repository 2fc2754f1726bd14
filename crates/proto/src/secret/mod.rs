//! Secret bytes: wiped when dropped, compared in constant time, never printed.
//!
//! Every secret of the protocol has a type of its own, so that one cannot be
//! passed where another is due: [`QrSecret`], [`EidKey`], [`Psk`],
//! [`TrafficKey`], [`LinkSecret`], [`PrfInput`], [`PrfOutput`], and a phone's own
//! [`RootSecret`], [`ContactSecret`], [`AdvertNonce`], [`TransactionSeed`] and
//! [`PrfSecret`]. [`SecretBytes`] carries secrets without a fixed length, such as
//! decrypted messages, and [`SecretText`] those that are text.
//!
//! The bytes are on the heap, in one allocation that no move copies and that is
//! wiped when the value is dropped.
//!
//! `Debug` prints the type's name and no byte. There is no `Display`. The
//! bytes come out through `expose`, a name that is easy to search for.

mod array;
mod bytes;
mod fixed;
mod stack;
mod text;

pub(crate) use array::SecretArray;
pub use bytes::SecretBytes;
pub use fixed::{
    AdvertNonce, ContactSecret, EidKey, LinkSecret, PrfInput, PrfOutput, PrfSecret, Psk, QrSecret,
    RootSecret, TrafficKey, TransactionSeed,
};
pub(crate) use stack::with_wiped_stack;
pub use text::SecretText;
pub use zeroize;
