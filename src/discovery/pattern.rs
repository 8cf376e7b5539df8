//! Brace patterns in host names: `web-{00..19}.example.com`, `{www,api}.example.com`, and any mix of the two.

/// How deep braces may stand in braces.
const DEEPEST: usize = 8;

/// Why a pattern cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A brace without its other half.
    #[error("the brace at character {0} has no other half")]
    Unbalanced(usize),
    /// Braces around something that is neither a range nor a list.
    #[error("{{{0}}} is neither a range as in {{00..19}} nor a list as in {{www,api}}")]
    NeitherRangeNorList(String),
    /// Braces in braces in braces.
    #[error("braces stand more than {DEEPEST} deep in each other")]
    TooDeep,
    /// More than the caller takes.
    #[error("the pattern stands for more than {0} hosts")]
    TooMany(usize),
}

/// Everything that the pattern stands for, in its order, unless that is more than `most`.
pub fn expand(pattern: &str, most: usize) -> Result<Vec<String>, PatternError> {
    let mut parser = Parser {
        characters: pattern.chars().collect(),
        next: 0,
    };
    let parts = parser.parts(0)?;
    if parser.next < parser.characters.len() {
        return Err(PatternError::Unbalanced(parser.next + 1));
    }
    if count(&parts) > most as u128 {
        return Err(PatternError::TooMany(most));
    }
    Ok(product(&parts))
}

#[derive(Debug)]
enum Part {
    Literal(String),
    Range {
        first: u64,
        last: u64,
        /// Digits at the least: leading zeros are kept.
        width: usize,
    },
    Choice(Vec<Vec<Self>>),
}

struct Parser {
    characters: Vec<char>,
    next: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.next).copied()
    }

    /// Up to the end, or, inside braces, to the comma or brace that ends an alternative.
    fn parts(&mut self, depth: usize) -> Result<Vec<Part>, PatternError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        while let Some(character) = self.peek() {
            match character {
                '{' => {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                    parts.push(self.braces(depth + 1)?);
                    continue;
                }
                '}' => break,
                ',' if depth > 0 => break,
                _ => literal.push(character),
            }
            self.next += 1;
        }
        parts.push(Part::Literal(literal));
        parts.retain(|part| !matches!(part, Part::Literal(text) if text.is_empty()));
        Ok(parts)
    }

    fn braces(&mut self, depth: usize) -> Result<Part, PatternError> {
        if depth > DEEPEST {
            return Err(PatternError::TooDeep);
        }
        let open = self.next;
        let mut choices = Vec::new();
        loop {
            self.next += 1;
            choices.push(self.parts(depth)?);
            match self.peek() {
                Some(',') => {}
                Some('}') => break,
                _ => return Err(PatternError::Unbalanced(open + 1)),
            }
        }
        self.next += 1;
        if choices.len() > 1 {
            return Ok(Part::Choice(choices));
        }
        let inside: String = self.characters[open + 1..self.next - 1].iter().collect();
        range(&inside).ok_or(PatternError::NeitherRangeNorList(inside))
    }
}

fn range(inside: &str) -> Option<Part> {
    let (first, last) = inside.split_once("..")?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    };
    let padded = |text: &str| text.len() > 1 && text.starts_with('0');
    let width = if padded(first) || padded(last) {
        first.len().max(last.len())
    } else {
        0
    };
    Some(Part::Range {
        first: number(first)?,
        last: number(last)?,
        width,
    })
}

/// How many texts the parts stand for; never overflows.
fn count(parts: &[Part]) -> u128 {
    parts.iter().fold(1, |product: u128, part| {
        product.saturating_mul(match part {
            Part::Literal(_) => 1,
            Part::Range { first, last, .. } => u128::from(first.abs_diff(*last)) + 1,
            Part::Choice(choices) => choices
                .iter()
                .fold(0, |sum: u128, choice| sum.saturating_add(count(choice))),
        })
    })
}

fn product(parts: &[Part]) -> Vec<String> {
    parts.iter().fold(vec![String::new()], |heads, part| {
        let tails = tails(part);
        heads
            .iter()
            .flat_map(|head| tails.iter().map(move |tail| format!("{head}{tail}")))
            .collect()
    })
}

fn tails(part: &Part) -> Vec<String> {
    let padded = |number: u64, width: usize| format!("{number:0width$}");
    match part {
        Part::Literal(text) => vec![text.clone()],
        Part::Range { first, last, width } if first <= last => {
            (*first..=*last).map(|number| padded(number, *width)).collect()
        }
        Part::Range { first, last, width } => (*last..=*first)
            .rev()
            .map(|number| padded(number, *width))
            .collect(),
        Part::Choice(choices) => choices.iter().flat_map(|choice| product(choice)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_keep_their_zeros_and_lists_their_order() {
        for (pattern, hosts) in [
            ("example.com", &["example.com"][..]),
            ("b-{0008..0010}.com", &["b-0008.com", "b-0009.com", "b-0010.com"]),
            ("{8..10}", &["8", "9", "10"]),
            ("{2..0}", &["2", "1", "0"]),
            ("{www,api}.a.com", &["www.a.com", "api.a.com"]),
            ("{,www.}a.com", &["a.com", "www.a.com"]),
            ("{a,b{1..2}}{x,y}", &["ax", "ay", "b1x", "b1y", "b2x", "b2y"]),
            ("a,b", &["a,b"]),
        ] {
            assert_eq!(expand(pattern, 100).unwrap(), hosts, "{pattern}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_its_place() {
        assert_eq!(expand("a{b,c", 9), Err(PatternError::Unbalanced(2)));
        assert_eq!(expand("ab}c", 9), Err(PatternError::Unbalanced(3)));
        for alone in ["{a}", "{}", "{1..}", "{1..x}", "{a..c}", "{host}"] {
            assert!(
                matches!(expand(alone, 9), Err(PatternError::NeitherRangeNorList(_))),
                "{alone}"
            );
        }
        assert_eq!(expand(&"{a,".repeat(50), 9), Err(PatternError::TooDeep));
    }

    #[test]
    fn a_pattern_is_counted_before_it_is_expanded() {
        assert_eq!(
            expand("{0..99999999999}", 100_000),
            Err(PatternError::TooMany(100_000))
        );
        assert_eq!(
            expand(&"{0..999}".repeat(40), 100_000),
            Err(PatternError::TooMany(100_000))
        );
        assert_eq!(
            expand("{0..18446744073709551615}", 10),
            Err(PatternError::TooMany(10))
        );
        assert_eq!(expand("{0..9}", 10).unwrap().len(), 10);
    }
}
