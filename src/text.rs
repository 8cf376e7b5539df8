//! Texts that come from outside, fit to be shown.

use std::borrow::Cow;

/// The most bytes of a text from outside that stands in a label, a page or a log line.
pub const LONGEST: usize = 200;

/// The text with every character that shows nothing, or moves what stands around it, written as an escape: control
/// characters (a terminal obeys them), the controls of writing direction (they turn `evil.example/moc.knab` around) and
/// what has no width. Unicode Standard Annex 9 and Technical Report 36 say why.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_deceptive) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_deceptive(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Whether a character shows nothing of itself where it stands.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text in one line without runs of white space and without deceptive characters, at most 200 bytes; what is cut off
/// is marked.
#[must_use]
pub fn bounded(text: &str) -> String {
    const ELLIPSIS: &str = "…";
    let mut clean = String::with_capacity(text.len().min(LONGEST));
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !clean.is_empty() {
            clean.push(' ');
        }
        clean.push_str(&visible(word));
        if clean.len() > LONGEST {
            let mut cut = LONGEST - ELLIPSIS.len();
            while !clean.is_char_boundary(cut) {
                cut -= 1;
            }
            clean.truncate(cut);
            clean.push_str(ELLIPSIS);
            break;
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_deceive_a_reader_is_written_as_an_escape() {
        assert_eq!(visible("käse.example 👍"), "käse.example 👍");
        assert_eq!(visible("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(visible("\u{202e}moc\u{2069}"), "\\u{202e}moc\\u{2069}");
        assert_eq!(bounded("pay\u{200b}pal \r\n x"), "pay\\u{200b}pal x");
    }
}
