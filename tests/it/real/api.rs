//! The API, as a tester sees it that makes requests from its description alone.

use std::path::Path;

use super::peers::{Generation, Program, find_or_leave_out, run};
use crate::web::Running;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_of_the_api_is_what_its_description_says() {
    let test = "the description of the API";
    let Some(schemathesis) = find_or_leave_out(test, Program::Schemathesis, Generation::Current) else {
        return;
    };
    let server = Running::small().await;
    let url = format!("http://{}", server.address);
    let description = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.yaml");
    let description = description.display().to_string();
    let said = tokio::task::spawn_blocking(move || {
        run(
            &schemathesis,
            &[
                "run",
                &description,
                "--url",
                &url,
                "--max-examples=50",
                "--no-color",
            ],
        )
    });
    let said = said.await.unwrap_or_else(|error| panic!("{error}"));
    assert!(said.contains("Tested: 5"), "{said}");
    assert!(said.contains("No issues found"), "{said}");
}
