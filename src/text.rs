//! Texts that come from outside, fit to be shown.

/// The most bytes of a text from outside that stands in a label, a page or a log line.
pub const LONGEST: usize = 200;

/// The text without control characters and runs of white space, at most 200 bytes; what is cut off is marked.
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
        clean.push_str(word);
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
