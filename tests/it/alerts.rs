//! The alert catalogue against everything that is written from it or about it.

use std::path::{Path, PathBuf};

use linkwatch::alert::{Parameters, rules_yaml};

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_rule_file_is_what_the_catalogue_says() {
    let path = repository("alerts/rules/linkwatch.yml");
    let written = rules_yaml(&Parameters::default()).unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == written,
        "{} is not what the catalogue says: run `UPDATE_GOLDEN=1 cargo test --test it alerts::`",
        path.display()
    );
}
