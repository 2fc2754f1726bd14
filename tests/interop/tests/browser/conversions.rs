//! What Chromium reads in options in JSON, beside our client: both columns of
//! `crates/testkit/src/conversions.txt`.

use serde_json::{Value, json};

use crate::ceremony_runner::Scene;
use crate::table::{self, Kind, Row};

/// A function of all rows.
const READ: &str = include_str!("conversions.js");

pub(crate) async fn chromium_reads_options_as_our_client_or_the_table_says_why_not(
    scene: Scene<'_>,
) {
    let rows = table::rows();
    assert!(rows.len() >= 320, "{} rows", rows.len());
    let given = rows.iter().map(|row| {
        let kind = match row.kind {
            Kind::Create => "create",
            Kind::Get => "get",
        };
        json!([kind, row.options])
    });
    let given: Value = given.collect();
    let read = scene.world.chromium.evaluate(&format!("({READ})({given})")).await;
    let read = read.as_array().unwrap();
    assert_eq!(read.len(), rows.len());
    let wrong: Vec<_> = rows.iter().zip(read).filter_map(difference).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    let differing = rows.iter().filter(|row| row.why.is_some()).count();
    let number = rows.len();
    scene.world.note(format!("Chromium reads {number} options, {differing} of them differently"));
}

fn difference((row, read): (&Row, &Value)) -> Option<String> {
    let Row { line, member, here, chromium, .. } = row;
    let is_right = match read.get("error") {
        Some(error) => error == chromium,
        None => {
            let part = table::part(&read["meaning"], member);
            serde_json::from_str::<Value>(chromium).is_ok_and(|expected| *part == expected)
        }
    };
    let instead = || format!("line {line}: {member} is {read}, not {chromium}; here {here}");
    (!is_right).then(instead)
}
