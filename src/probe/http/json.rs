//! Rules in CEL (the Common Expression Language) on a body in JSON.
//!
//! The expression is the module's, the body is anybody's: before it is evaluated, the steps that it may take on this
//! body are counted, and what it may hold on the way; too much of either is a broken rule in place of a thread that is lost, or
//! of memory.

use std::sync::Arc;

use cel::common::ast::{EntryExpr, Expr, IdedEntryExpr, IdedExpr};
use cel::common::types::CelBool;
use cel::{Context, Env, ExecutionError, Program, Value};

mod cost;
mod time;
mod tree;

pub(super) use tree::Body;

/// Steps that an evaluation may take, as [`cost`] counts them; some tenths of a second.
const STEPS_LIMIT: u64 = 8_000_000;

/// Cells that it may hold beside the body, as [`cost`] counts them; some 100 MiB at most.
const HELD_LIMIT: u64 = 1 << 20;

/// Steps that it may take where others wait for it; some tenths of a millisecond.
const LIGHT_STEPS: u64 = 10_000;

/// Bytes of an expression, and parts within parts of it: the interpreter goes into each by recursion, and has no limit of its
/// own but the stack's end.
const TEXT_LIMIT: usize = 4096;
const DEPTH_LIMIT: usize = 200;

/// The only variable.
const BODY: &str = "body";

/// Names of types, which stand for themselves.
const TYPES: [&str; 11] = [
    "bool",
    "bytes",
    "double",
    "dyn",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
];

/// Functions of the standard library; operators have names that nobody can write.
const FUNCTIONS: [&str; 15] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "bytes",
    "type",
    "dyn",
    "timestamp",
    "duration",
];

/// An expression on a body. Clones share what was compiled.
#[derive(Clone)]
pub struct Expression {
    text: Arc<str>,
    program: Arc<Program>,
    env: Arc<Env>,
}

/// How much an evaluation may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// So little that others may wait for it; what takes more is not evaluated at all.
    Light,
    /// What takes more breaks the rule.
    Hard,
}

/// An evaluation takes more than a little.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heavy;

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

impl Expression {
    /// Compiles an expression, or says in one line what is wrong with it.
    pub fn compile(text: &str) -> Result<Self, String> {
        if text.len() > TEXT_LIMIT {
            return Err(format!("it is longer than {TEXT_LIMIT} bytes"));
        }
        let env = time::environment().map_err(|error| error.to_string())?;
        let program = env.compile(text).map_err(|errors| {
            let first = errors.errors.first().map(|error| error.msg.replace('\n', " "));
            first.unwrap_or_else(|| "not an expression".to_owned())
        })?;
        check(program.expression(), &mut Vec::new())?;
        if depth(program.expression()) > DEPTH_LIMIT {
            return Err(format!(
                "its parts stand in each other more than {DEPTH_LIMIT} deep"
            ));
        }
        Ok(Self {
            text: text.into(),
            program: Arc::new(program),
            env,
        })
    }

    /// As it stands in the module.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it holds for a body, or why that cannot be said.
    pub(super) fn holds(&self, body: &Body<'_>, limit: Limit) -> Result<Result<bool, String>, Heavy> {
        let cost = cost::cost(self.program.expression(), body);
        if limit == Limit::Light && cost.steps > LIGHT_STEPS {
            return Err(Heavy);
        }
        let too_much = if cost.steps > STEPS_LIMIT {
            "too many steps"
        } else if cost.held > HELD_LIMIT {
            "too much memory"
        } else {
            return Ok(self.evaluate(body));
        };
        Ok(Err(format!(
            "not evaluated: {too_much} for {} values",
            body.elements
        )))
    }

    fn evaluate(&self, body: &Body<'_>) -> Result<bool, String> {
        let mut context = Context::with_env(Arc::clone(&self.env));
        context.set_variable_resolver(body);
        // Not by `Program::execute`, which copies the result, however large.
        match Value::resolve_val(self.program.expression(), &context) {
            Ok(result) => {
                let holds = result.downcast_ref::<CelBool>().map(|holds| *holds.inner());
                let other = || format!("the expression gives a {} and no bool", result.get_type().name());
                holds.ok_or_else(other)
            }
            Err(error) => Err(why(&error)),
        }
    }
}

/// Why there is no result; the values stay out of it, for they are the endpoint's own.
fn why(error: &ExecutionError) -> String {
    if let ExecutionError::NoSuchKey(key) = error {
        format!("no such key: {key}")
    } else if let ExecutionError::NoSuchOverload(overload) = error {
        overload.to_string()
    } else if let ExecutionError::IndexOutOfBounds(_) = error {
        "index out of bounds".to_owned()
    } else if let ExecutionError::FunctionError { function, .. } = error {
        format!("{function} has no result for such a value")
    } else if let ExecutionError::Overflow(..) = error {
        "the result is out of range".to_owned()
    } else {
        "the values do not fit the expression".to_owned()
    }
}

/// Whether all that an expression names exists; what it does not know would be a failure of every probe.
fn check<'e>(expression: &'e IdedExpr, bound: &mut Vec<&'e str>) -> Result<(), String> {
    if let Expr::Ident(name) = &expression.expr {
        check_variable(name, bound)?;
    }
    if let Expr::Call(call) = &expression.expr {
        check_function(&call.func_name)?;
    }
    if let Expr::Comprehension(each) = &expression.expr {
        check(&each.iter_range, bound)?;
        check(&each.accu_init, bound)?;
        let outside = bound.len();
        bound.extend([each.iter_var.as_str(), each.accu_var.as_str()]);
        bound.extend(each.iter_var2.as_deref());
        let inside = [&each.loop_cond, &each.loop_step, &each.result];
        let checked = inside.into_iter().try_for_each(|part| check(part, bound));
        bound.truncate(outside);
        return checked;
    }
    parts(expression)
        .into_iter()
        .try_for_each(|part| check(part, bound))
}

fn check_variable(name: &str, bound: &[&str]) -> Result<(), String> {
    let known = name == BODY || name.starts_with('@') || bound.contains(&name) || TYPES.contains(&name);
    if known {
        return Ok(());
    }
    Err(format!("there is no variable \"{name}\", only \"{BODY}\""))
}

fn check_function(name: &str) -> Result<(), String> {
    let operator = !name.starts_with(|first: char| first.is_ascii_alphabetic());
    if operator || FUNCTIONS.contains(&name) || time::PARTS.contains(&name) {
        return Ok(());
    }
    Err(format!("there is no function \"{name}\""))
}

/// What an expression is made of, but for the parts of a comprehension.
fn parts(expression: &IdedExpr) -> Vec<&IdedExpr> {
    match &expression.expr {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Map(map) => map.entries.iter().flat_map(entry_parts).collect(),
        Expr::Struct(fields) => fields.entries.iter().flat_map(entry_parts).collect(),
        Expr::Unspecified | Expr::Comprehension(_) | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
    }
}

fn depth(expression: &IdedExpr) -> usize {
    let deepest = |parts: &[&IdedExpr]| parts.iter().map(|part| depth(part)).max().unwrap_or(0);
    1 + match &expression.expr {
        Expr::Comprehension(each) => deepest(&[
            &each.iter_range,
            &each.accu_init,
            &each.loop_cond,
            &each.loop_step,
            &each.result,
        ]),
        Expr::Unspecified
        | Expr::Call(_)
        | Expr::Ident(_)
        | Expr::List(_)
        | Expr::Literal(_)
        | Expr::Map(_)
        | Expr::Select(_)
        | Expr::Struct(_) => deepest(&parts(expression)),
    }
}

fn entry_parts(entry: &IdedEntryExpr) -> Vec<&IdedExpr> {
    match &entry.expr {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(expression: &str, body: &str) -> Result<bool, String> {
        Expression::compile(expression)
            .unwrap()
            .holds(&Body::parse(body).unwrap(), Limit::Hard)
            .unwrap()
    }

    #[test]
    fn numbers_are_doubles_and_compare_with_whole_ones() {
        for (expression, body) in [
            (
                "body.foo == 'bar' && body.baz.startsWith('q')",
                r#"{"foo":"bar","baz":"qux"}"#,
            ),
            (
                "body.count == 3 && body.count > 2.5 && body.count >= 3",
                r#"{"count":3}"#,
            ),
            ("body[1] == 'b' && size(body) == 2", r#"["a","b"]"#),
            ("has(body.a) && !has(body.b)", r#"{"a":null}"#),
            ("'x' in body && body.x.exists(n, n == 2)", r#"{"x":[1,2]}"#),
            (
                "body.items.all(item, item.ok) && type(body.n) == double",
                r#"{"items":[{"ok":true}],"n":1}"#,
            ),
            ("body.name.matches('^a.c$')", r#"{"name":"abc"}"#),
            ("body", "true"),
        ] {
            assert_eq!(holds(expression, body), Ok(true), "{expression} of {body}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_said_so() {
        assert_eq!(holds("body.a == 1", "{}"), Err("no such key: a".to_owned()));
        assert!(holds("body.a + 1", r#"{"a":1}"#).is_err());
        assert!(Body::parse("<html>").unwrap_err().starts_with("not JSON: "));
    }

    #[test]
    fn times_and_durations_are_compared_and_counted_with() {
        let body = r#"{"expires": "2026-03-01T12:30:45.5+01:00", "issued": 1767225600, "wait": "1h30m"}"#;
        for expression in [
            "timestamp(body.expires) > timestamp('2026-01-01T00:00:00Z')",
            "timestamp(body.expires) == timestamp('2026-03-01T11:30:45.5Z')",
            "timestamp(int(body.issued)) == timestamp('2026-01-01T00:00:00Z')",
            "int(timestamp('2026-01-01T00:00:00Z')) == 1767225600",
            "timestamp(body.expires) - timestamp(int(body.issued)) > duration('1400h')",
            "timestamp(int(body.issued)) + duration('24h') == timestamp('2026-01-02T00:00:00Z')",
            "duration(body.wait) + duration('30m') == duration('2h') && duration(body.wait) - duration('1h') < duration('1h')",
            "duration(body.wait).getMinutes() == 90 && int(duration(body.wait)) == 5400000000000",
            "timestamp(body.expires).getHours() == 11 && timestamp(body.expires).getHours('+01:00') == 12",
            "timestamp('9999-12-31T23:59:59Z') > timestamp(body.expires)",
            "timestamp(body.expires).getFullYear() == 2026 && timestamp(body.expires).getMonth() == 2",
            "timestamp(int(body.issued)).getHours('America/New_York') == 19",
            "timestamp(int(body.issued)).getHours('+05:30') == 5",
            "string(timestamp(int(body.issued))) == '2026-01-01T00:00:00Z' && string(duration('90m')) == '5400s'",
            "string(timestamp(body.expires)) == '2026-03-01T12:30:45.5+01:00' && string(2) == '2'",
            "duration('1.001s') == duration('1001ms')",
        ] {
            assert_eq!(holds(expression, body), Ok(true), "{expression}");
        }
        for (expression, why) in [
            (
                "timestamp(body.wait) > timestamp(0)",
                "timestamp has no result for such a value",
            ),
            (
                "timestamp('20260301T113045+01') > timestamp(0)",
                "timestamp has no result for such a value",
            ),
            (
                "duration(body.expires) > duration('0')",
                "duration has no result for such a value",
            ),
            (
                "timestamp('9999-12-31T00:00:00Z') + duration('240h') > timestamp(0)",
                "the result is out of range",
            ),
        ] {
            assert_eq!(holds(expression, body), Err(why.to_owned()), "{expression}");
        }
        assert!(
            holds("timestamp(body.issued) > timestamp(0)", body).is_err(),
            "a double is no time"
        );
        assert!(
            holds("duration(1) > duration('0')", body).is_err(),
            "a number is no duration"
        );
    }

    #[test]
    fn what_would_end_the_stack_is_refused_when_it_is_compiled() {
        let sum = |terms: usize| format!("{} == 1.0", vec!["body.a"; terms].join("+"));
        assert!(Expression::compile(&sum(100)).is_ok());
        assert!(Expression::compile(&sum(400)).unwrap_err().contains("200 deep"));
        assert!(
            Expression::compile(&sum(4000))
                .unwrap_err()
                .contains("4096 bytes")
        );
        let chain = format!("size(body{}) == 0", ".map(x, x)".repeat(300));
        assert!(Expression::compile(&chain).unwrap_err().contains("200 deep"));
    }

    #[test]
    fn what_an_expression_does_not_know_is_refused_when_it_is_compiled() {
        for (expression, reason) in [
            ("", "Syntax error"),
            ("body.a ==", "Syntax error"),
            ("status == 200", "there is no variable \"status\", only \"body\""),
            (
                "body.exists(x, y == 1)",
                "there is no variable \"y\", only \"body\"",
            ),
            ("body.a.lower() == 'x'", "there is no function \"lower\""),
            ("now() > timestamp(body.t)", "there is no function \"now\""),
            (
                "type(timestamp(body.t)) == google.protobuf.Timestamp",
                "there is no variable \"google\", only \"body\"",
            ),
        ] {
            let error = Expression::compile(expression).unwrap_err();
            assert!(error.starts_with(reason), "{expression}: {error}");
        }
    }

    #[test]
    fn a_body_that_would_keep_the_expression_busy_is_not_evaluated() {
        let list = format!("[{}]", vec!["1"; 10_000].join(","));
        let nested = "body.exists(a, body.exists(b, a + b == 3.5))";
        assert_eq!(
            holds(nested, &list),
            Err("not evaluated: too many steps for 10001 values".to_owned())
        );
        assert_eq!(holds("body.map(a, a * 2.0).size() == 10000", &list), Ok(true));
        let copies = "body.map(a, body).size() == 10000";
        assert!(
            holds(copies, &list).is_err(),
            "a copy of the body for each of its values"
        );
        let times = |count| format!("[{}]", vec!["\"2026-01-01T00:00:00Z\""; count].join(","));
        let earlier = "body.all(a, timestamp(a) < timestamp('2027-01-01T00:00:00Z'))";
        assert_eq!(holds(earlier, &times(10_000)), Ok(true));
        assert!(holds(earlier, &times(200_000)).is_err());
        let long = format!(r#"["{}",{}]"#, "x".repeat(1 << 20), vec!["1"; 10_000].join(","));
        assert_eq!(holds("body.exists(a, string(a).contains('y'))", &long), Ok(false));
        assert!(holds("body.exists(a, body[0].contains('y'))", &long).is_err());
        let among = "body.exists(a, 2.0 in body)";
        assert!(holds(among, &list).is_err(), "each turn looks at all of the body");
        assert!(holds("body.exists(a, size(body + body) == 0)", &list).is_err());
        let foreign = "body.exists(a, 'aaa'.matches(a))";
        assert!(holds(foreign, r#"["b", "c", "d", "e"]"#).is_err());
    }

    #[test]
    fn loops_over_what_other_loops_go_through_are_counted_once() {
        let group = format!(
            r#"{{"items": [{}]}}"#,
            vec![r#"{"n": 1, "name": "x"}"#; 100].join(",")
        );
        let groups = format!("[{}]", vec![&*group; 200].join(","));
        let nested = "body.all(group, group.items.all(item, item.n == 1 && item.name.startsWith('x')))";
        assert_eq!(holds(nested, &groups), Ok(true));
    }

    #[test]
    fn what_would_take_more_memory_than_there_is_for_it_is_not_evaluated() {
        let list = format!(r#"{{"list": [{}]}}"#, vec!["1"; 300_000].join(","));
        let text = format!(r#"{{"text": "{}"}}"#, "x".repeat(5 << 20));
        let sum = |of: &str, terms| format!("size({}) == 0", vec![of; terms].join(" + "));
        let why = |values| Err(format!("not evaluated: too much memory for {values} values"));
        assert_eq!(holds(&sum("body.list", 3), &list), why(300_002));
        assert_eq!(holds(&sum("body.text", 8), &text), why(2));
        assert_eq!(holds("size([body, body, body, body]) == 4", &list), why(300_002));
        assert_eq!(
            holds("size({'a': body, 'b': body, 'c': body, 'd': body}) == 4", &list),
            why(300_002)
        );
        assert_eq!(
            holds("body < 1 || body < 2 || body < 3 || body < 4 || true", &list),
            why(300_002)
        );
        assert_eq!(holds("size(body.list + body.list) == 600000", &list), Ok(true));
        let twice = "size(body.list.map(x, [x, x, x]).map(x, [x, x, x])) == 300000";
        assert!(holds(twice, &list).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_expression_panics(text in "\\PC{0,40}") {
            if let Ok(expression) = Expression::compile(&text) {
                let _ = expression.holds(&Body::parse("{\"a\":[1,\"b\",null]}").unwrap(), Limit::Hard);
            }
        }
    }
}
