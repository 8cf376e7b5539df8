//! Whatever stands in a configuration, it loads or every fault has its place; nothing panics, nothing shows a secret.
#![no_main]

use std::path::{Path, PathBuf};

use libfuzzer_sys::fuzz_target;
use linkwatch::config::{Files, parse, show};

/// The content of the file that seeds name where they name a secret's.
const SECRET: &str = "k8s-9f3a-never-shown";

fuzz_target!(|bytes: &[u8]| {
    let name = Path::new("linkwatch.yml");
    let files = [
        ("targets.yml", "[{targets: [a.test, b.test], labels: {team: web}}]"),
        ("targets.json", r#"[{"targets": ["a.test"], "labels": {}}]"#),
        ("blackbox.yml", "modules: {http_2xx: {prober: http}}"),
        ("token", SECRET),
    ];
    let files = files.map(|(path, content)| (PathBuf::from(path), content.as_bytes().to_vec()));
    match parse(name, bytes, Files::memory(files)) {
        Ok(config) => {
            let shown = show(&config);
            assert!(!shown.contains(SECRET), "a secret is shown");
        }
        Err(errors) => {
            assert!(!errors.problems.is_empty(), "refused without a reason");
            // A carriage return alone ends a line too (YAML 1.2, section 5.4).
            let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).count();
            for problem in errors.problems.iter().filter(|problem| problem.file == name) {
                let line = usize::try_from(problem.place.line).unwrap_or(usize::MAX);
                // A fault may stand at the end of the file, after its last line.
                assert!(line <= lines + 1, "line {line} of {lines}");
            }
            assert!(!errors.to_string().contains(SECRET), "a secret is shown");
        }
    }
});
