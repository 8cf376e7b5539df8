//! Texts that come from outside, fit to be shown.

use std::borrow::Cow;
use std::fmt;

use url::Url;

/// The most bytes of a text from outside that stands in a label, a page or a log line.
pub const LONGEST: usize = 200;

/// Whether a character steers what shows a text, or hides in it: controls (terminals obey them), line separators,
/// overrides of the direction of writing (they show `elgoog` for a `google`), and characters of no width.
#[must_use]
pub const fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether a URL holds a user's name or a password.
#[must_use]
pub fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// The URL without user name and password, which are nobody's business.
#[must_use]
pub fn without_credentials(url: &Url) -> Cow<'_, Url> {
    if !has_credentials(url) {
        return Cow::Borrowed(url);
    }
    let mut bare = url.clone();
    // Both fail only for URLs that cannot have them.
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    Cow::Owned(bare)
}

/// The text with every hidden character written as an escape, as `\u{1b}`: fit for a terminal.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_hidden(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Writes a character as JSON writes those that must not stand as they are (RFC 8259 section 7).
pub fn write_escaped(out: &mut (impl fmt::Write + ?Sized), character: char) -> fmt::Result {
    for unit in character.encode_utf16(&mut [0; 2]) {
        write!(out, "\\u{unit:04x}")?;
    }
    Ok(())
}

/// The text without control characters and runs of white space, at most 200 bytes; what is cut off is marked. Other
/// hidden characters are written as escapes.
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
    fn a_password_does_not_leave_with_the_url() {
        let url = Url::parse("https://user:secret@a.example/x?y").unwrap();
        assert_eq!(without_credentials(&url).as_str(), "https://a.example/x?y");
    }

    #[test]
    fn what_a_terminal_would_obey_or_hide_is_written_as_an_escape() {
        assert_eq!(visible("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(visible("moc.\u{202e}elpmaxe"), "moc.\\u{202e}elpmaxe");
        assert_eq!(visible("pay\u{200b}pal\r\n"), "pay\\u{200b}pal\\r\\n");
        assert_eq!(visible("\u{9b}2J"), "\\u{9b}2J");
        assert!(matches!(visible("zürich.example, 東京"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_bounded_text_hides_nothing_either() {
        assert_eq!(bounded("a\u{202e}b\tc"), "a\\u{202e}b c");
    }
}
