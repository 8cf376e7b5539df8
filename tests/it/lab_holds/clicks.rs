use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::Timestamp;
use serde_json::Value;
use url::form_urlencoded;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::lab::{ClickLab, Connect};

/// A Friday, eight o'clock.
const START: i64 = 1_778_227_200;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).expect("a time")
}

/// Two hosts, and the clock in seconds after the start.
async fn lab() -> (ClickLab, Arc<AtomicI64>) {
    let clock = Arc::new(AtomicI64::new(0));
    let read = Arc::clone(&clock);
    let spec = ClickLab::spec().host("a.test", 30.0).host("b.test", 3.0);
    let lab = spec.start(move || at(read.load(Ordering::SeqCst))).await;
    (lab, clock)
}

/// Points of each host: seconds after the start and values.
type Points = Vec<Vec<(i64, i64)>>;

async fn ask(lab: &ClickLab, query: &str, from: i64, to: i64) -> Points {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("query", query)
        .append_pair("start", &(START + from).to_string())
        .append_pair("end", &(START + to).to_string())
        .append_pair("step", "60")
        .finish();
    let get = exchange(lab, &format!("GET /api/v1/query_range?{form}"), "").await;
    let post = exchange(lab, "POST /api/v1/query_range", &form).await;
    assert_eq!(get, post);
    let answer: Value = serde_json::from_str(&post).expect("an answer in JSON");
    assert_eq!(answer["status"], "success", "{answer}");
    let series = answer["data"]["result"].as_array().expect("series").iter();
    series.map(|series| points(&series["values"])).collect()
}

/// The body of the answer.
async fn exchange(lab: &ClickLab, request: &str, body: &str) -> String {
    let url = lab.url();
    let address = url.strip_prefix("http://").expect("a URL");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let length = body.len();
    let request = format!("{request} HTTP/1.0\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
    body.to_owned()
}

fn points(values: &Value) -> Vec<(i64, i64)> {
    let values = values.as_array().expect("points").iter();
    let point = |point: &Value| {
        let at = point[0].as_f64().expect("a time");
        let value = point[1].as_str().expect("a value").parse().expect("a number");
        #[expect(clippy::cast_possible_truncation, reason = "times of this age")]
        (at as i64 - START, value)
    };
    values.map(point).collect()
}

fn increases(points: &[(i64, i64)]) -> Vec<i64> {
    points.windows(2).map(|pair| pair[1].1 - pair[0].1).collect()
}

fn sum(points: &[(i64, i64)]) -> i64 {
    increases(points).iter().sum()
}

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

#[tokio::test]
async fn clicks_come_by_day_and_night_at_their_rates_and_the_same_in_every_run() {
    let (lab, _clock) = lab().await;
    let first = ask(&lab, "link_clicks_total", -2 * DAY, 0).await;
    assert_eq!(first.len(), 2);
    assert_eq!(first[0].len(), 2 * 1_440 + 1);
    let [often, seldom] = [sum(&first[0]), sum(&first[1])];
    assert!((84_000..89_000).contains(&often), "{often}");
    assert!((8_200..9_100).contains(&seldom), "{seldom}");
    let minutes = increases(&first[0]);
    // Hours after eight: from three to four at night, and in the afternoon.
    let in_hour = |hour: usize| minutes[hour * 60..][..60].iter().sum::<i64>();
    assert!(in_hour(19) < 850 && in_hour(31) > 2_650, "{minutes:?}");
    let (again, _clock) = self::lab().await;
    assert_eq!(ask(&again, "link_clicks_total", -2 * DAY, 0).await, first);
}

#[tokio::test]
async fn the_time_of_a_sample_is_at_most_a_scrape_ago_and_never_later_than_now() {
    let (lab, clock) = lab().await;
    clock.store(67, Ordering::SeqCst);
    let times = ask(&lab, "timestamp(\nlink_clicks_total\n)", 0, 600).await;
    let seconds: Vec<_> = times[0].iter().map(|(at, time)| (*at, time - START)).collect();
    // After five minutes a sample is too old to be in force.
    let in_force = [
        (0, 0),
        (60, 60),
        (120, 60),
        (180, 60),
        (240, 60),
        (300, 60),
        (360, 60),
    ];
    assert_eq!(seconds, in_force);
    lab.late(30);
    let times = ask(&lab, "timestamp(link_clicks_total)", 0, 60).await;
    assert_eq!(times[0], [(0, START), (60, START + 30)]);
}

#[tokio::test]
async fn a_host_goes_quiet_comes_back_vanishes_and_begins_anew() {
    let (lab, clock) = lab().await;
    clock.store(HOUR, Ordering::SeqCst);
    lab.quiet("a.test", at(600)..);
    lab.resume("a.test", at(1_200));
    lab.vanish("b.test", at(1_800)..at(2_400));
    lab.reset("b.test", at(3_000));
    let answer = ask(&lab, "link_clicks_total", 0, HOUR).await;
    let of_a = increases(&answer[0]);
    for (minute, clicks) in of_a.iter().enumerate() {
        assert_eq!(*clicks == 0, (10..20).contains(&minute), "{minute}: {of_a:?}");
    }
    let of_b = &answer[1];
    assert!(of_b.iter().all(|(at, _)| !(1_800..2_400).contains(at)));
    assert_eq!(of_b.iter().filter(|(_, value)| *value < 1_000).count(), 11);
    assert_eq!(lab.clicks("a.test", at(600), at(1_200)), 0);
    lab.heal().await;
    assert_eq!(ask(&lab, "link_clicks_total", 0, HOUR).await[1].len(), 61);
    assert!(lab.clicks("a.test", at(600), at(1_200)) > 100);
}

#[tokio::test]
async fn everything_can_be_missing_refused_or_another_metric() {
    let (lab, _clock) = lab().await;
    assert_eq!(ask(&lab, "mails_sent_total", -HOUR, 0).await, Points::new());
    lab.gap(..);
    assert_eq!(ask(&lab, "link_clicks_total", -HOUR, 0).await, Points::new());
    lab.connect(Connect::Refuse).await;
    let address = lab.url().replace("http://", "");
    assert!(TcpStream::connect(address).await.is_err());
    lab.heal().await;
    assert_eq!(ask(&lab, "link_clicks_total", -HOUR, 0).await.len(), 2);
    let refused = exchange(&lab, "GET /api/v1/query_range?query=rate(x[1m])", "").await;
    assert!(refused.contains("bad_data"), "{refused}");
}
