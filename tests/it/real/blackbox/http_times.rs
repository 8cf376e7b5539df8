//! The http prober: times, durations and numbers in expressions on JSON.

use super::case::Case;

pub(super) const CASES: &[Case] = &[
    Case::good(
        "a time that is later than another",
        "fail_if_body_json_not_matches_cel: \"timestamp(body.expires) > timestamp('2026-01-01T00:00:00Z')\"",
        "$plain/json-times",
    ),
    Case::good(
        "times of two zones that are the same, and one by its number",
        "fail_if_body_json_not_matches_cel: \"timestamp(body.expires) == timestamp('2026-03-01T11:30:45.5Z') && timestamp(int(body.issued)) == timestamp('2026-01-01T00:00:00Z') && int(timestamp('2026-01-01T00:00:00Z')) == 1767225600\"",
        "$plain/json-times",
    ),
    Case::good(
        "durations added, subtracted and compared",
        "fail_if_body_json_not_matches_cel: \"duration(body.wait) + duration('30m') == duration('2h') && duration(body.wait) - duration('1h') < duration('1h') && duration('1.001s') == duration('1001ms') && duration('3µs') == duration('3us') && duration('-.5s') < duration('0')\"",
        "$plain/json-times",
    ),
    Case::good(
        "times and durations counted with",
        "fail_if_body_json_not_matches_cel: \"timestamp(body.expires) - timestamp(int(body.issued)) > duration('1400h') && timestamp(int(body.issued)) + duration('24h') == timestamp('2026-01-02T00:00:00Z') && duration('1h') + timestamp(0) == timestamp(3600)\"",
        "$plain/json-times",
    ),
    Case::good(
        "what a duration has in it",
        "fail_if_body_json_not_matches_cel: \"duration(body.wait).getHours() == 1 && duration(body.wait).getMinutes() == 90 && duration(body.wait).getSeconds() == 5400 && duration('1.5s').getMilliseconds() == 1500 && int(duration('1.5s')) == 1500000000\"",
        "$plain/json-times",
    ),
    Case::good(
        "what a time has in it",
        "fail_if_body_json_not_matches_cel: \"timestamp(body.expires).getFullYear() == 2026 && timestamp(body.expires).getMonth() == 2 && timestamp(body.expires).getDate() == 1 && timestamp(body.expires).getDayOfMonth() == 0 && timestamp(body.expires).getDayOfWeek() == 0 && timestamp(body.expires).getDayOfYear() == 59 && timestamp(body.expires).getMinutes() == 30 && timestamp(body.expires).getSeconds() == 45 && timestamp(body.expires).getMilliseconds() == 500\"",
        "$plain/json-times",
    ),
    Case::good(
        "the hour of a time with a zone of its own",
        "fail_if_body_json_not_matches_cel: \"timestamp(body.expires).getHours() == 11\"",
        "$plain/json-times",
    ),
    Case::good(
        "the hour of a time in zones",
        "fail_if_body_json_not_matches_cel: \"timestamp(int(body.issued)).getHours('America/New_York') == 19 && timestamp(int(body.issued)).getHours('+05:30') == 5 && timestamp(int(body.issued)).getHours('') == 0\"",
        "$plain/json-times",
    ),
    Case::good(
        "times and durations as texts",
        "fail_if_body_json_not_matches_cel: \"string(timestamp(int(body.issued))) == '2026-01-01T00:00:00Z' && string(duration('90m')) == '5400s' && string(timestamp(body.expires)) == '2026-03-01T12:30:45.5+01:00' && string(timestamp('2026-01-01T00:00:00.120+00:00')) == '2026-01-01T00:00:00.12Z'\"",
        "$plain/json-times",
    ),
    Case::bad(
        "a time with a comma and an hour of one digit",
        "fail_if_body_json_matches_cel: \"timestamp('2026-01-01T9:00:00,5Z') != timestamp('2026-01-01T09:00:00.5Z')\"",
        "$plain/json-times",
    ),
    Case::bad(
        "a time that is not later",
        "fail_if_body_json_not_matches_cel: \"timestamp(body.expires) > timestamp('2027-01-01T00:00:00Z')\"",
        "$plain/json-times",
    ),
    Case::bad(
        "a time that cannot be read",
        "fail_if_body_json_not_matches_cel: \"timestamp(body.wait) > timestamp(0)\"",
        "$plain/json-times",
    ),
    Case::bad(
        "a time that cannot be read where nothing must hold",
        "fail_if_body_json_matches_cel: \"timestamp(body.wait) > timestamp(0)\"",
        "$plain/json-times",
    ),
    Case::bad(
        "a time with a space in it",
        "fail_if_body_json_matches_cel: \"timestamp(body.space) > timestamp('2027-01-01T00:00:00Z')\"",
        "$plain/json-times",
    ),
    Case::bad(
        "a leap second",
        "fail_if_body_json_matches_cel: \"timestamp('2016-12-31T23:59:60Z') > timestamp('2027-01-01T00:00:00Z')\"",
        "$plain/json-times",
    ),
    Case::bad(
        "a time that is a number of JSON",
        "fail_if_body_json_matches_cel: \"timestamp(body.issued) > timestamp('2027-01-01T00:00:00Z')\"",
        "$plain/json-times",
    ),
    Case::bad(
        "a duration that cannot be read",
        "fail_if_body_json_matches_cel: \"duration(body.expires) > duration('1h')\"",
        "$plain/json-times",
    ),
    Case::bad(
        "a duration with more behind it",
        "fail_if_body_json_matches_cel: \"duration('1h and more') > duration('2h')\"",
        "$plain/json-times",
    ),
    Case::bad(
        "a time beyond all times",
        "fail_if_body_json_matches_cel: \"timestamp('9999-12-31T00:00:00Z') + duration('240h') < timestamp(0)\"",
        "$plain/json-times",
    ),
    Case::bad(
        "a zone that there is not",
        "fail_if_body_json_matches_cel: \"timestamp(body.expires).getHours('Mars/Base') == 99\"",
        "$plain/json-times",
    ),
    Case::good(
        "numbers as texts",
        "fail_if_body_json_not_matches_cel: \"string(body.issued) == '1.7672256e+09' && string(999999.5) == '999999.5' && \
         string(1000000.0) == '1e+06' && string(0.0001) == '0.0001' && string(0.0000125) == '1.25e-05' && \
         string(-2.0) == '-2' && string(0.0) == '0' && string(1767225600) == '1767225600' && string(true) == 'true'\"",
        "$plain/json-times",
    ),
];
