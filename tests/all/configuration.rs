//! `trueup.yaml`: the manual's example is read, fits the JSON Schema, and the schema knows every key that the program knows.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use trueup::config::{Config, Environment};

use crate::schema;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn standard() -> Value {
    let text = fs::read_to_string(root().join("schema/config.schema.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Returns the examples of the manual.
fn examples() -> Vec<String> {
    let text = fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let blocks = text.split("```yaml\n").skip(1);
    blocks
        .filter_map(|block| Some(block.split_once("```")?.0.to_owned()))
        .collect()
}

#[test]
fn the_manuals_examples_are_read_and_fit_the_schema() {
    let examples = examples();
    assert!(examples.len() >= 3);
    let mut has_environments = false;
    for text in examples {
        let config: Config = serde_yaml::from_str(&text).unwrap();
        let value: Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(schema::validate(&standard(), &value), Vec::<String>::new(), "{text}");
        has_environments |= !config.environments.is_empty();
    }
    assert!(has_environments);
}

#[test]
fn the_schema_refuses_what_the_program_refuses() {
    for text in [
        "enviroments: {}",
        "environments: {production: {protect: true}}",
        "environments: {production: {on_drop: keep}}",
        "environments: {production: {backup: {folder: backups}}}",
        "environments: {production: {blockers: cancel}}",
    ] {
        assert!(serde_yaml::from_str::<Config>(text).is_err(), "{text}");
        let value: Value = serde_yaml::from_str(text).unwrap();
        assert!(!schema::validate(&standard(), &value).is_empty(), "{text}");
    }
}

#[test]
fn the_schema_knows_every_key() {
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
    let standard = standard();
    let whole = serde_json::to_value(Config::default()).unwrap();
    assert_eq!(names(&standard["properties"]), names(&whole));
    let environment = serde_json::to_value(Environment::default()).unwrap();
    assert_eq!(
        names(&standard["$defs"]["environment"]["properties"]),
        names(&environment)
    );
    assert_eq!(
        names(&standard["$defs"]["hooks"]["properties"]),
        names(&environment["hooks"])
    );
    assert_eq!(
        names(&standard["$defs"]["checks"]["properties"]),
        names(&environment["checks"])
    );
}
