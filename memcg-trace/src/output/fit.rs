//! Text made to fit a number of columns of a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

const CUT: char = '…';

/// Columns that text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text, or its begin and end with `…` between them: of a path, both ends tell it apart.
#[must_use]
pub fn cut_middle(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    // The last component says most: the end gets the greater half.
    let head_columns = (columns - 1) / 2;
    let head = take(text.chars(), head_columns);
    let tail: String = take(text.chars().rev(), columns - 1 - width(&head));
    head + &String::from(CUT) + &tail.chars().rev().collect::<String>()
}

/// The text, or its begin and `…`.
#[must_use]
pub fn cut_end(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    take(text.chars(), columns - 1) + &String::from(CUT)
}

/// The text in lines of so many columns, each but the first after `indent` spaces. Breaks
/// between words, and within one only where it does not fit into a line of its own.
#[must_use]
pub fn wrapped(text: &str, columns: usize, indent: usize) -> Vec<String> {
    // What is narrower than this cannot be read anyway.
    let columns = columns.max(indent + 8);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut is_empty = true;
    for word in text.split(' ') {
        let mut word = word.to_owned();
        if !is_empty && width(&line) + 1 + width(&word) > columns {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        while width(&line) + width(&word) > columns {
            let head = take(word.chars(), columns - width(&line));
            word.drain(..head.len());
            line += &head;
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
        }
        line += &word;
        is_empty = false;
    }
    lines.push(line);
    lines
}

/// Fills up with spaces: on the right for words, on the left for figures.
#[must_use]
pub fn pad(text: &str, columns: usize, is_figure: bool) -> String {
    let spaces = " ".repeat(columns.saturating_sub(width(text)));
    if is_figure {
        spaces + text
    } else {
        text.to_owned() + &spaces
    }
}

fn take(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut used = 0;
    chars
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= columns
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_text_fits() {
        let path = "/system.slice/文件服务.service/コンテナ-0123456789abcdef";
        for columns in 0..80 {
            assert!(width(&cut_middle(path, columns)) <= columns, "{columns}");
            assert!(width(&cut_end(path, columns)) <= columns, "{columns}");
        }
        assert_eq!(cut_middle("/a/b/c/d/e", 7), "/a/…d/e");
        assert_eq!(cut_end("kworker/u16:3", 8), "kworker…");
        assert_eq!(cut_middle("/a", 2), "/a");
    }

    #[test]
    fn wrapped_text_is_whole_and_fits() {
        let text = "pinned by 6,400 tmpfs pages of /dev/shm/文件-0123456789abcdef0123456789, \
                    held open by redis[812] fd 7";
        let bare = |text: &str| text.replace(' ', "");
        for columns in 10..90 {
            let lines = wrapped(text, columns, 2);
            assert!(
                lines.iter().all(|line| width(line) <= columns),
                "{lines:#?}"
            );
            assert_eq!(bare(&lines.concat()), bare(text), "{columns}");
        }
        assert_eq!(wrapped("a b c", 80, 2), ["a b c"]);
        assert_eq!(wrapped("one two three", 9, 1), ["one two", " three"]);
        assert_eq!(wrapped("", 9, 1), [""]);
    }

    #[test]
    fn padded_text_lines_up() {
        assert_eq!(pad("12", 4, true), "  12");
        assert_eq!(pad("文", 4, false), "文  ");
    }
}
