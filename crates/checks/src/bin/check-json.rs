//! Exits with an error unless standard input is JSON: one value or more.

use std::io;

use serde::de::IgnoredAny;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let values = serde_json::Deserializer::from_reader(io::stdin()).into_iter::<IgnoredAny>();
    let count = values.collect::<Result<Vec<_>, _>>()?.len();
    if count == 0 {
        return Err("there is no JSON value".into());
    }
    println!("JSON values: {count}");
    Ok(())
}
