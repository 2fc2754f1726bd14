//! The package held against other people's code. All of it is in `tests/`.
