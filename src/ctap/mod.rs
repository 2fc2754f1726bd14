//! CTAP2 messages: requests, responses and status codes.

pub mod status;

pub use status::Status;
