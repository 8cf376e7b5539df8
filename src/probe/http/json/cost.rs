//! What an evaluation takes at most on the body that came, counted before it begins: the interpreter counts nothing, and
//! cannot be stopped.
//!
//! Sizes are in cells (see [`tree::size`]). The interpreter copies values whole: those that are put together, those that a
//! loop goes through, and those that an operator refuses, into its error.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, operators as op};
use cel::common::types::{CelList, CelMap, CelString};
use cel::common::value::{CowVal, Val};

use super::tree::{self, Body};
use super::{BODY, parts, time};

/// What a match of a regular expression costs beside other steps: its pattern is compiled for each.
const MATCH_STEPS: u64 = 1_000;

/// What a pattern may cost that is the body's own.
const FOREIGN_PATTERN_STEPS: u64 = 2_000_000;

/// What it costs to read a time or a duration, or to write one.
const TIME_STEPS: u64 = 20;

/// Loops within loops that are counted by what their lists share; those further in, as if each item were all of its list.
const COUNTED_WELL: usize = 5;

/// What an evaluation takes, and how large its result may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Parts of the expression that are gone through, and cells that are looked at.
    pub(super) steps: u64,
    /// Cells that are held at once, beside the body.
    pub(super) held: u64,
    /// Cells of the result.
    size: u64,
}

/// What an expression takes on a body.
pub(super) fn cost(expression: &IdedExpr, body: &Body<'_>) -> Cost {
    let mut scope = Scope {
        body,
        bound: Vec::new(),
        loops: 0,
    };
    scope.cost(expression)
}

impl Cost {
    /// One step, with a result of that size.
    const fn of(size: u64) -> Self {
        Self {
            steps: 1,
            held: 0,
            size,
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            steps: self.steps.saturating_add(other.steps),
            held: self.held.saturating_add(other.held),
            size: self.size.saturating_add(other.size),
        }
    }

    fn times(self, count: u64) -> Self {
        Self {
            steps: self.steps.saturating_mul(count),
            held: self.held.saturating_mul(count),
            size: self.size.saturating_mul(count),
        }
    }

    const fn looking_at(mut self, cells: u64) -> Self {
        self.steps = self.steps.saturating_add(cells);
        self
    }

    const fn holding(mut self, cells: u64) -> Self {
        self.held = self.held.saturating_add(cells);
        self.looking_at(cells)
    }

    const fn giving(mut self, size: u64) -> Self {
        self.size = size;
        self
    }
}

/// What stands where an expression is evaluated.
struct Scope<'e> {
    body: &'e Body<'e>,
    /// The variables of the loops around it, with the sizes of what they hold.
    bound: Vec<(&'e str, u64)>,
    loops: usize,
}

impl<'e> Scope<'e> {
    fn cost(&mut self, expression: &'e IdedExpr) -> Cost {
        if self.is_body(expression) {
            return Cost::of(self.body.size);
        }
        if let Some(part) = self.part_of_body(expression) {
            // Each part of the path is a step.
            return Cost::of(tree::size(part)).looking_at(8);
        }
        match &expression.expr {
            Expr::Literal(literal) => Cost::of(literal_size(literal)),
            Expr::Ident(name) => Cost::of(self.bound(name).unwrap_or(1)),
            Expr::Select(select) => {
                let operand = self.cost(&select.operand).looking_at(1);
                operand.giving(if select.test { 1 } else { operand.size })
            }
            Expr::Call(call) => self.call(call, expression),
            Expr::Comprehension(each) => self.each(each),
            Expr::List(_) | Expr::Map(_) | Expr::Struct(_) => {
                let all = self.all(expression);
                all.holding(all.size.saturating_add(1))
                    .giving(all.size.saturating_add(1))
            }
            Expr::Unspecified => Cost::of(1),
        }
    }

    /// All parts of an expression, each evaluated.
    fn all(&mut self, expression: &'e IdedExpr) -> Cost {
        let parts = parts(expression);
        parts
            .into_iter()
            .fold(Cost::default(), |all, part| all.and(self.cost(part)))
    }

    fn call(&mut self, call: &'e CallExpr, expression: &'e IdedExpr) -> Cost {
        let all = self.all(expression).looking_at(1);
        match call.func_name.as_str() {
            op::CONDITIONAL | op::INDEX | op::OPT_INDEX | op::OPT_SELECT => all,
            op::LOGICAL_AND | op::LOGICAL_OR | op::LOGICAL_NOT | op::NOT_STRICTLY_FALSE => all.giving(1),
            op::EQUALS | op::NOT_EQUALS => {
                let least = call.args.iter().filter_map(literal).map(literal_size).min();
                all.looking_at(least.unwrap_or(all.size)).giving(1)
            }
            op::IN => all.looking_at(all.size).giving(1),
            "matches" => {
                let pattern = call.args.last().and_then(literal);
                let compiled = if pattern.is_some() {
                    MATCH_STEPS
                } else {
                    FOREIGN_PATTERN_STEPS
                };
                all.looking_at(all.size).looking_at(compiled).giving(1)
            }
            op::ADD | "string" | "bytes" | "dyn" => all.holding(all.size),
            name if time::is_reader(name) => all.holding(all.size).looking_at(TIME_STEPS),
            // Of the rest, operators of two sides hold what they refuse, but for what is as small as their result.
            name if name.starts_with('_') => all.holding(all.size.saturating_sub(2)).looking_at(2).giving(1),
            _ => all.looking_at(all.size).giving(1),
        }
    }

    /// A loop. Its steps are counted for the least item as often as there are items, and once for an item that is all of the
    /// list: as all items together are no larger than that, and nothing takes less than in proportion, no list takes more. What one turn
    /// holds is gone at the next, but for what is put together and for an error that is kept.
    fn each(&mut self, each: &'e ComprehensionExpr) -> Cost {
        let range = self.cost(&each.iter_range);
        let (count, largest) = self.items(&each.iter_range).unwrap_or((range.size, range.size));
        let begin = self.cost(&each.accu_init);
        let whole = self.turn(each, range.size);
        let (turns, largest) = if self.loops < COUNTED_WELL {
            let turns = self.turn(each, 1).times(count).and(whole);
            (turns, self.turn(each, largest))
        } else {
            (whole.times(count), whole)
        };
        let result = if gives_a_list(each) {
            turns.size.saturating_add(1)
        } else {
            largest.size.max(begin.size)
        };
        self.bound.push((&each.accu_var, result));
        let end = self.cost(&each.result);
        self.bound.pop();
        let turns = Cost {
            held: largest.held.saturating_mul(2).saturating_add(result),
            ..turns
        };
        range.and(begin).and(turns).and(end).giving(end.size)
    }

    /// One turn of a loop, with an item of that size: the item is copied.
    fn turn(&mut self, each: &'e ComprehensionExpr, item: u64) -> Cost {
        let outside = self.bound.len();
        // What was put together so far is not copied again.
        self.bound.push((&each.accu_var, 0));
        self.bound.push((&each.iter_var, item));
        self.bound
            .extend(each.iter_var2.as_deref().map(|name| (name, item)));
        self.loops += 1;
        let condition = self.cost(&each.loop_cond).giving(0);
        let step = self.cost(&each.loop_step);
        self.loops -= 1;
        self.bound.truncate(outside);
        condition.and(step).holding(item).giving(step.size)
    }

    fn bound(&self, name: &str) -> Option<u64> {
        let bound = self.bound.iter().rev().find(|(bound, _)| *bound == name);
        bound.map(|(_, size)| *size)
    }

    /// How many values a loop goes through, and how large the largest is, where the body says it.
    fn items(&self, range: &IdedExpr) -> Option<(u64, u64)> {
        let part = self.part_of_body(range)?;
        let list = part.downcast_ref::<CelList<'_>>();
        let largest = |list: &CelList<'_>| list.inner().iter().map(|item| tree::size(item.as_ref())).max();
        let list = list.map(|list| (list.inner().len() as u64, largest(list).unwrap_or(1)));
        let map = || {
            part.downcast_ref::<CelMap<'_>>()
                .map(|map| (map.inner().len() as u64, tree::size(part)))
        };
        Some(list.or_else(map).unwrap_or((0, 1)))
    }

    fn is_body(&self, expression: &IdedExpr) -> bool {
        matches!(&expression.expr, Expr::Ident(name) if name == BODY && self.bound(name).is_none())
    }

    /// The part of the body that an expression names by a path, if there is one.
    fn part_of_body(&self, expression: &IdedExpr) -> Option<&'e dyn Val> {
        match &expression.expr {
            Expr::Ident(_) => self.is_body(expression).then_some(self.body.value.as_ref()),
            Expr::Select(select) if !select.test => {
                let field = CelString::from(select.field.as_str());
                at(self.part_of_body(&select.operand)?, &field)
            }
            Expr::Call(call) if call.func_name == op::INDEX => {
                let [of, index] = call.args.as_slice() else {
                    return None;
                };
                at(self.part_of_body(of)?, index_of(literal(index)?)?)
            }
            Expr::Unspecified
            | Expr::Call(_)
            | Expr::Comprehension(_)
            | Expr::List(_)
            | Expr::Literal(_)
            | Expr::Map(_)
            | Expr::Select(_)
            | Expr::Struct(_) => None,
        }
    }
}

fn at<'b>(value: &'b dyn Val, index: &dyn Val) -> Option<&'b dyn Val> {
    match value.as_indexer()?.get(index).ok()? {
        CowVal::Borrowed(part) => Some(part),
        CowVal::Owned(_) => None,
    }
}

/// Whether a loop appends to a list at each turn.
fn gives_a_list(each: &ComprehensionExpr) -> bool {
    matches!(each.accu_init.expr, Expr::List(_) | Expr::Map(_))
}

fn literal(expression: &IdedExpr) -> Option<&LiteralValue> {
    if let Expr::Literal(literal) = &expression.expr {
        Some(literal)
    } else {
        None
    }
}

fn index_of(literal: &LiteralValue) -> Option<&dyn Val> {
    match literal {
        LiteralValue::Int(index) => Some(index),
        LiteralValue::UInt(index) => Some(index),
        LiteralValue::Double(index) => Some(index),
        LiteralValue::String(key) => Some(key),
        LiteralValue::Boolean(_) | LiteralValue::Bytes(_) | LiteralValue::Null => None,
    }
}

fn literal_size(literal: &LiteralValue) -> u64 {
    if let LiteralValue::String(text) = literal {
        tree::text_size(text.inner())
    } else {
        1
    }
}
