//! Counts from Prometheus, Loki and JSON APIs: whole, bounded, and honest about what went wrong.

#![expect(clippy::unwrap_used, reason = "what helps a test fails as the test does")]

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};
use jiff::{SignedDuration, Timestamp};
use linkwatch::probe::tls;
use linkwatch::traffic::source::{
    Answer as Counts, Api, Bound, Client, JsonShape, Question, Settings, Source, SourceError,
};
use url::form_urlencoded;

use crate::lab::{Answer, Coding, Reply, SeenRequest, WebLab};

const START: i64 = 1_767_225_600;

fn settings(lab: &WebLab, api: Api) -> Settings {
    Settings {
        name: "prom".into(),
        url: lab.url("/base/").parse().unwrap(),
        api,
        client: Client {
            timeout: Duration::from_secs(20),
            headers: HeaderMap::new(),
            tls: tls::Settings::default(),
            proxy: None,
            follow_redirects: true,
        },
    }
}

async fn ask(lab: &WebLab, api: Api, question: &Question) -> Result<Counts, SourceError> {
    Source::new(settings(lab, api)).unwrap().fetch(question).await
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// So many minutes, the first of which ends a minute after the year begins.
fn minutes(query: &str, bins: i64) -> Question {
    Question {
        query: query.to_owned(),
        from: at(START + 60),
        to: at(START + 60 * bins),
        step: SignedDuration::from_mins(1),
        counters: false,
    }
}

fn parameters(request: &SeenRequest) -> HashMap<String, String> {
    let text = if request.method == "POST" {
        &request.body[..]
    } else {
        request.query.as_bytes()
    };
    form_urlencoded::parse(text).into_owned().collect()
}

/// An answer as Prometheus gives it, with the warnings and series given as JSON.
fn matrix(warnings: &str, series: &str) -> Answer {
    let body =
        format!(r#"{{"status":"success",{warnings}"data":{{"resultType":"matrix","result":[{series}]}}}}"#);
    Reply::new(200, body)
        .header("content-type", "application/json")
        .into()
}

fn values(points: impl Iterator<Item = (i64, f64)>) -> String {
    points.fold(String::new(), |mut text, (at, value)| {
        let comma = if text.is_empty() { "" } else { "," };
        write!(text, "{comma}[{at},\"{value}\"]").unwrap();
        text
    })
}

/// The number of the minute for every minute asked for, of two hosts; refuses as the server would.
fn counting(request: &SeenRequest) -> Answer {
    let asked = parameters(request);
    let unit = if request.path.contains("/loki/") {
        1_000_000_000
    } else {
        1
    };
    let number = |name: &str| asked[name].parse::<i64>().unwrap();
    let (start, end, step) = (number("start") / unit, number("end") / unit, number("step"));
    if (end - start) / step >= 11_000 {
        return Answer::status(400);
    }
    let points = values((start..=end).step_by(60).map(|at| {
        #[expect(clippy::cast_precision_loss, reason = "minutes are few")]
        (at, (at - START) as f64 / 60.0)
    }));
    let series =
        ["a.test", "b.test"].map(|host| format!(r#"{{"metric":{{"host":"{host}"}},"values":[{points}]}}"#));
    matrix("", &series.join(","))
}

fn assert_every_minute_once(answer: &Counts, bins: i64) {
    assert_eq!(answer.samples.len(), 2);
    for samples in &answer.samples {
        let found: Vec<_> = samples
            .points
            .iter()
            .map(|point| (point.at, point.value))
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "minutes are few")]
        let expected: Vec<_> = (1..=bins)
            .map(|minute| (at(START + 60 * minute), minute as f64))
            .collect();
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_long_history_comes_in_parts_that_neither_lose_nor_double_a_minute() {
    let lab = WebLab::plain().start().await;
    lab.answer(Answer::decide(counting));
    let answer = ask(&lab, Api::Prometheus, &minutes("clicks", 25_000))
        .await
        .unwrap();
    assert_every_minute_once(&answer, 25_000);
    assert_eq!((lab.requests(), answer.warnings.len()), (3, 0));
    let request = lab.last_request();
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/base/api/v1/query_range")
    );
    assert_eq!(parameters(&request)["query"], "clicks");
}

#[tokio::test]
async fn loki_is_asked_in_nanoseconds_and_in_parts_of_a_week() {
    let lab = WebLab::plain().start().await;
    lab.answer(Answer::decide(counting));
    let query = "sum by (host) (count_over_time({app=\"links\"}[1m]))";
    let answer = ask(&lab, Api::Loki, &minutes(query, 25_000)).await.unwrap();
    assert_every_minute_once(&answer, 25_000);
    assert_eq!(lab.requests(), 3);
    let request = lab.last_request();
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("GET", "/base/loki/api/v1/query_range")
    );
    assert_eq!(parameters(&request)["query"], query);
}

#[tokio::test]
async fn the_times_of_counter_samples_are_matched_by_labels_without_the_metric_name() {
    let lab = WebLab::plain().start().await;
    lab.answer(Answer::decide(|request| {
        let (first, second) = (START + 60, START + 120);
        if parameters(request)["query"] == "timestamp(\nclicks_total # all\n)" {
            let late = format!(r#"[{first},"{first}"],[{second},"{first}.25"]"#);
            return matrix("", &format!(r#"{{"metric":{{"host":"a"}},"values":[{late}]}}"#));
        }
        let points = values([(first, 7.0), (second, 7.0)].into_iter());
        let series = ["a", "b"].map(|host| {
            format!(r#"{{"metric":{{"__name__":"clicks_total","host":"{host}"}},"values":[{points}]}}"#)
        });
        matrix("", &series.join(","))
    }));
    let question = Question {
        counters: true,
        ..minutes("clicks_total # all", 2)
    };
    let answer = ask(&lab, Api::Prometheus, &question).await.unwrap();
    let sampled: Vec<Vec<_>> = answer
        .samples
        .iter()
        .map(|samples| samples.points.iter().map(|point| point.sampled).collect())
        .collect();
    let late = Timestamp::from_millisecond((START + 60) * 1_000 + 250).unwrap();
    assert_eq!(
        sampled,
        [vec![Some(at(START + 60)), Some(late)], vec![None, None]]
    );
    assert_eq!(answer.samples[0].labels["__name__"], "clicks_total");
}

#[tokio::test]
async fn warnings_are_handed_on_and_what_is_no_count_is_left_out() {
    let lab = WebLab::plain().start().await;
    let (first, second) = (START + 60, START + 120);
    let points = format!(
        r#"[{first},"NaN"],[{second},"+Inf"],[{second},"3"],[{second},"4"],[{}.5,"9"],[{START},"9"],[1e300,"1"]"#,
        first + 3
    );
    let many: Vec<_> = (0..50)
        .map(|number| format!("\"w{number}\\n{}\"", "x".repeat(5_000)))
        .collect();
    lab.answer(matrix(
        &format!(r#""warnings":["partial"],"infos":[{}],"#, many.join(",")),
        &format!(r#"{{"metric":{{}},"values":[{points}]}},{{"metric":{{"h":"x"}},"histograms":[]}}"#),
    ));
    let answer = ask(&lab, Api::Prometheus, &minutes("clicks", 2)).await.unwrap();
    assert_eq!(answer.samples.len(), 1, "{answer:?}");
    let points = &answer.samples[0].points;
    assert_eq!(points.len(), 1);
    assert_eq!((points[0].at, points[0].value), (at(second), 3.0));
    assert!(answer.warnings.len() <= 20);
    assert_eq!(answer.warnings[0], "partial");
    assert!(
        answer
            .warnings
            .iter()
            .all(|text| text.chars().count() < 400 && !text.contains('\n'))
    );
    assert!(
        answer.warnings.last().unwrap().starts_with("1 points"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn what_an_api_refuses_is_said_in_its_words_without_the_secret() {
    let lab = WebLab::plain().start().await;
    let mut settings = settings(&lab, Api::Prometheus);
    let mut token = HeaderValue::from_static("Bearer hunter2hunter2");
    token.set_sensitive(true);
    settings.client.headers.insert("authorization", token);
    settings
        .client
        .headers
        .insert("x-scope-orgid", HeaderValue::from_static("tenant"));
    let source = Source::new(settings).unwrap();
    let cases: [(Answer, &str); 5] = [
        (
            Reply::new(
                400,
                r#"{"status":"error","errorType":"bad_data","error":"parse error near hunter2hunter2"}"#,
            )
            .into(),
            "traffic source prom refuses the query (bad_data): parse error near <secret>; check the query",
        ),
        (
            Reply::new(
                200,
                r#"{"status":"error","errorType":"timeout","error":"too slow"}"#,
            )
            .into(),
            "traffic source prom refuses the query (timeout): too slow; check the query",
        ),
        (
            Reply::new(401, "no org id\nmore")
                .header("content-type", "text/plain")
                .into(),
            "traffic source prom answers 401 Unauthorized: no org id; check its url, its credentials and the query",
        ),
        (
            Reply::new(502, "<html>hunter2hunter2</html>")
                .header("content-type", "text/html")
                .into(),
            "traffic source prom answers 502 Bad Gateway; check its url, its credentials and the query",
        ),
        (
            Answer::redirect(302, "http://elsewhere.test/"),
            "traffic source prom answers 302 Found; check its url, its credentials and the query",
        ),
    ];
    for (answer, text) in cases {
        lab.answer(answer);
        assert_eq!(
            source.fetch(&minutes("clicks", 1)).await.unwrap_err().to_string(),
            text
        );
    }
    let request = lab.last_request();
    assert_eq!(request.header("authorization"), Some("Bearer hunter2hunter2"));
    assert_eq!(request.header("x-scope-orgid"), Some("tenant"));
    assert!(request.header("user-agent").unwrap().starts_with("linkwatch/"));
    assert!(!format!("{source:?}").contains("hunter2"));
}

#[tokio::test]
async fn hostile_answers_are_errors_and_never_repeated_whole() {
    let lab = WebLab::plain().start().await;
    let deep = "[".repeat(200_000);
    let streams = r#"{"status":"success","data":{"resultType":"streams","result":[{"stream":{},"values":[["1","x"]]}]}}"#;
    let answers: [Answer; 8] = [
        Answer::text("<html>not json"),
        Answer::text(&deep),
        Answer::text(&format!(r#"{{"status":"success","data":{deep}"#)),
        Answer::text(streams),
        Answer::text(
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,2]]}]}}"#,
        ),
        Answer::text(&format!(r#"{{"status":"{}"}}"#, "x".repeat(100_000))),
        Answer::CloseInBody,
        Answer::NotHttp,
    ];
    for answer in answers {
        for api in [Api::Prometheus, Api::Loki, Api::Json(rows(Method::GET, None))] {
            lab.answer(answer.clone());
            let error = ask(&lab, api, &minutes("x", 1)).await.unwrap_err().to_string();
            assert!(
                error.starts_with("traffic source prom ") && error.len() < 1_000,
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_asked_for_in_halves_and_then_refused() {
    let lab = WebLab::plain().start().await;
    let bomb: Answer = Reply::bomb(65, Coding::Gzip).await.into();
    let large = bomb.clone();
    lab.answer(Answer::decide(move |request| {
        let asked = parameters(request);
        let bins = asked["end"].parse::<i64>().unwrap() - asked["start"].parse::<i64>().unwrap();
        if bins > 30 * 60 {
            large.clone()
        } else {
            counting(request)
        }
    }));
    let answer = ask(&lab, Api::Prometheus, &minutes("clicks", 100)).await.unwrap();
    assert_every_minute_once(&answer, 100);

    lab.answer(bomb);
    let error = ask(&lab, Api::Prometheus, &minutes("clicks", 1))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            SourceError::TooLarge {
                what: Bound::Bytes,
                ..
            }
        ),
        "{error}"
    );

    let series: Vec<_> = (0..10_001)
        .map(|host| {
            format!(
                r#"{{"metric":{{"host":"{host}"}},"values":[[{},"1"]]}}"#,
                START + 60
            )
        })
        .collect();
    lab.answer(matrix("", &series.join(",")));
    let error = ask(&lab, Api::Prometheus, &minutes("clicks", 1))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            SourceError::TooLarge {
                what: Bound::Series,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_source_that_hangs_is_left_after_the_timeout() {
    let lab = WebLab::plain().start().await;
    for answer in [Answer::Stall, Answer::StallInBody] {
        lab.answer(answer);
        let mut settings = settings(&lab, Api::Prometheus);
        settings.client.timeout = Duration::from_millis(200);
        let error = Source::new(settings)
            .unwrap()
            .fetch(&minutes("clicks", 1))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("timed out"), "{error}");
    }
}

fn rows(method: Method, body: Option<&str>) -> JsonShape {
    JsonShape {
        method,
        body: body.map(str::to_owned),
        rows: "/data".to_owned(),
        time: "/t".to_owned(),
        count: "/clicks".to_owned(),
        labels: BTreeMap::from([("host".to_owned(), "/host".to_owned())]),
    }
}

fn shape(body: &str, [rows, time, count, host]: [&str; 4]) -> Api {
    Api::Json(JsonShape {
        method: Method::POST,
        body: Some(body.to_owned()),
        rows: rows.to_owned(),
        time: time.to_owned(),
        count: count.to_owned(),
        labels: BTreeMap::from([("host".to_owned(), host.to_owned())]),
    })
}

/// Host, end of the bin in seconds after the start, count.
fn flat(answer: &Counts) -> Vec<(&str, i64, f64)> {
    let of = |samples| -> &linkwatch::traffic::source::Samples { samples };
    answer
        .samples
        .iter()
        .map(of)
        .flat_map(|samples| {
            let host = samples.labels.get("host").map_or("", String::as_str);
            samples
                .points
                .iter()
                .map(move |point| (host, point.at.as_second() - START, point.value))
        })
        .collect()
}

#[tokio::test]
async fn clickhouse_is_asked_in_a_query_string_and_its_rows_begin_their_bins() {
    let lab = WebLab::plain().start().await;
    lab.answer(Answer::text(
        r#"{"meta":[],"data":[
            {"t":"2026-01-01 00:00:00","host":"a","clicks":"3"},
            {"t":"2026-01-01 00:01:00","host":"a","clicks":"4"},
            {"t":"2026-01-01 00:01:00","host":"b","clicks":5},
            {"t":"2026-01-01 00:01:00","host":"b","clicks":2},
            {"t":"2026-01-01 00:00:30","host":"b","clicks":2},
            {"t":"2026-01-01 00:00:00","host":"b","clicks":null},
            {"t":"2025-12-31 23:59:00","host":"a","clicks":"9"}],"rows":7}"#,
    ));
    let query = "?query=SELECT 1 WHERE t >= {from_unix} AND t < {to_unix} -- {step_seconds} FORMAT JSON";
    let answer = ask(&lab, Api::Json(rows(Method::GET, None)), &minutes(query, 2))
        .await
        .unwrap();
    assert_eq!(flat(&answer), [("a", 60, 3.0), ("a", 120, 4.0), ("b", 120, 7.0)]);
    assert_eq!(answer.warnings.len(), 1);
    let request = lab.last_request();
    assert_eq!(request.path, "/base/");
    assert_eq!(
        parameters(&request)["query"],
        "SELECT 1 WHERE t >= 1767225600 AND t < 1767225720 -- 60 FORMAT JSON"
    );
}

#[tokio::test]
async fn plausible_and_posthog_are_asked_with_a_body() {
    let lab = WebLab::plain().start().await;
    lab.answer(Answer::text(
        r#"{"results":[{"metrics":[3],"dimensions":["2026-01-01 00:00:00","a"]}]}"#,
    ));
    let body = r#"{"site_id":"x","date_range":["{from}","{to}"],"filters":{"a":{}}}"#;
    let api = shape(body, ["/results", "/dimensions/0", "/metrics/0", "/dimensions/1"]);
    let answer = ask(&lab, api, &minutes("/api/v2/query", 2)).await.unwrap();
    assert_eq!(flat(&answer), [("a", 60, 3.0)]);
    let request = lab.last_request();
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/api/v2/query")
    );
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(
        request.body,
        br#"{"site_id":"x","date_range":["2026-01-01T00:00:00Z","2026-01-01T00:02:00Z"],"filters":{"a":{}}}"#
            [..]
    );

    lab.answer(Answer::text(
        r#"{"results":[["2026-01-01T00:01:00+00:00","a",2],["2026-01-01T01:00:00+01:00","b",1.5]]}"#,
    ));
    let api = shape("SELECT {step}", ["/results", "/0", "/2", "/1"]);
    let answer = ask(&lab, api, &minutes("query/", 2)).await.unwrap();
    assert_eq!(flat(&answer), [("a", 120, 2.0), ("b", 60, 1.5)]);
    let request = lab.last_request();
    assert_eq!(
        (request.path.as_str(), &request.body[..]),
        ("/base/query/", &b"SELECT PT1M"[..])
    );
    assert!(request.header("content-type").unwrap().starts_with("text/plain"));
}

#[tokio::test]
async fn a_star_goes_through_every_element_and_times_may_be_numbers() {
    let lab = WebLab::plain().start().await;
    lab.answer(Answer::text(
        r#"{"groups":[{"rows":[[1767225600,1,"a"]]},{"rows":[[1767225660000,"2",7]]},{"none":1}]}"#,
    ));
    let api = shape("{}", ["/groups/*/rows", "/0", "/1", "/2"]);
    let answer = ask(&lab, api, &minutes("", 2)).await.unwrap();
    assert_eq!(flat(&answer), [("7", 120, 2.0), ("a", 60, 1.0)]);
}

#[tokio::test]
async fn rows_that_are_none_are_refused_with_their_place() {
    let lab = WebLab::plain().start().await;
    let cases = [
        (r#"{"data":{}}"#, "no array of rows at \"/data\""),
        (r#"{"rows":[]}"#, "no array of rows at \"/data\""),
        (
            r#"{"data":[{"t":0,"clicks":1},{"t":"soon","clicks":1}]}"#,
            "row 2, \"/t\": no time",
        ),
        (r#"{"data":[{"t":0}]}"#, "row 1, \"/clicks\": no count"),
        (
            r#"{"data":[{"t":0,"clicks":-1}]}"#,
            "row 1, \"/clicks\": no count",
        ),
        (
            r#"{"data":[{"t":0,"clicks":"NaN"}]}"#,
            "row 1, \"/clicks\": no count",
        ),
    ];
    for (body, text) in cases {
        lab.answer(Answer::text(body));
        let api = Api::Json(rows(Method::GET, None));
        let error = ask(&lab, api, &minutes("x", 1)).await.unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_before_anything_is_sent() {
    let lab = WebLab::plain().start().await;
    let json = || Api::Json(rows(Method::GET, None));
    let backwards = Question {
        to: at(START),
        ..minutes("x", 1)
    };
    let endless = minutes("x", 1_100_001);
    let no_step = Question {
        step: SignedDuration::ZERO,
        ..minutes("x", 1)
    };
    for question in [
        minutes("//elsewhere.test/x", 1),
        minutes("http://elsewhere.test/x", 1),
        backwards,
        endless,
        no_step,
    ] {
        let error = ask(&lab, json(), &question).await.unwrap_err();
        assert!(matches!(error, SourceError::Question { .. }), "{error}");
    }
    let mut trusting = settings(&lab, json());
    trusting.client.tls.insecure_skip_verify = true;
    let error = Source::new(trusting).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("give the server's authority in ca_file"),
        "{error}"
    );
    assert_eq!(lab.requests(), 0);
}

#[tokio::test]
async fn a_source_can_be_asked_from_any_thread() {
    let lab = WebLab::plain().start().await;
    lab.answer(Answer::decide(counting));
    let source = Source::new(settings(&lab, Api::Prometheus)).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { source.fetch(&minutes("clicks", 3)).await });
    let answer = tasks.join_next().await.unwrap().unwrap().unwrap();
    assert_every_minute_once(&answer, 3);
}
