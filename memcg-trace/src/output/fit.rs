//! Text cut or wrapped to a number of columns of a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

const CUT: char = '…';

/// Number of columns that a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text, or its start and end with `…` between them: paths are told apart by both ends.
#[must_use]
pub fn cut_middle(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    // The last component of a path says most: the end gets the larger half.
    let head_columns = (columns - 1) / 2;
    let head = take(text.chars(), head_columns);
    let tail: String = take(text.chars().rev(), columns - 1 - width(&head));
    head + &String::from(CUT) + &tail.chars().rev().collect::<String>()
}

/// Cuts a cell of a table; a path is cut as one.
#[must_use]
pub fn cut_cell(text: &str, columns: usize) -> String {
    match text.starts_with('/') {
        true => cut_path(text, columns),
        false => cut_middle(text, columns),
    }
}

/// The path, or its last component with as much of the others as fits: the last one is the unit or
/// the container, and the others are often the same for all. What stands in parentheses behind the
/// path stays whole, if there is room for both.
#[must_use]
pub fn cut_path(path: &str, columns: usize) -> String {
    const CUT_PARENTS: &str = "…/";
    const LEAST_PATH: usize = 24;
    if width(path) <= columns {
        return path.to_owned();
    }
    if let Some(at) = path.rfind(" (").filter(|_| path.ends_with(')')) {
        let (path, label) = path.split_at(at);
        return match columns.checked_sub(width(label)) {
            Some(room) if room >= LEAST_PATH => cut_path(path, room) + label,
            _ => cut_path(path, columns),
        };
    }
    let (parents, leaf) = path.split_at(path.rfind('/').map_or(0, |at| at + 1));
    // The first digits identify a number of 64 digits; the names of its parents say more than the
    // other digits.
    let short = match width(leaf) + width(CUT_PARENTS) > columns {
        true => short_id(leaf).unwrap_or_else(|| leaf.to_owned()),
        false => leaf.to_owned(),
    };
    let room = columns.saturating_sub(width(&short));
    match columns.checked_sub(width(CUT_PARENTS)) {
        _ if room >= width(CUT_PARENTS) => cut_parents(parents, room) + &short,
        Some(room) if room > 2 && !parents.is_empty() => {
            CUT_PARENTS.to_owned() + &cut_name(leaf, room)
        }
        _ => cut_name(leaf, columns),
    }
}

/// The parents of a path, with their slash at the end. Long numbers are shortened or left out, with
/// the names before them, and never cut elsewhere.
fn cut_parents(parents: &str, columns: usize) -> String {
    let names: Vec<String> = (parents.split_inclusive('/'))
        .map(|name| short_id(name).unwrap_or_else(|| name.to_owned()))
        .collect();
    let short = names.concat();
    if short == parents {
        return cut_middle(parents, columns);
    }
    let cut = (1..=names.len()).map(|from| format!("{CUT}/{}", names[from..].concat()));
    let mut all = std::iter::once(short).chain(cut);
    all.find(|text| width(text) <= columns).unwrap_or_default()
}

/// The name, or as much of it as identifies it: the first digits of a long number.
#[must_use]
pub fn cut_name(name: &str, columns: usize) -> String {
    if width(name) <= columns {
        return name.to_owned();
    }
    let Some((before, id, after)) = around_id(name) else {
        return cut_middle(name, columns);
    };
    // The kind of container and the suffix are the same for all containers.
    for after in [after, ""] {
        let taken = width(before) + width(after) + 1;
        if let Some(digits) = columns
            .checked_sub(taken)
            .filter(|left| *left >= SHORT_DIGITS)
        {
            return format!("{before}{}{CUT}{after}", &id[..digits.min(id.len())]);
        }
    }
    cut_end(id, columns)
}

/// Digits of a container's number in its short name.
const SHORT_DIGITS: usize = 12;

/// Shortens the long number in a name.
fn short_id(name: &str) -> Option<String> {
    let (before, id, after) = around_id(name)?;
    Some(format!("{before}{}{CUT}{after}", &id[..SHORT_DIGITS]))
}

/// The parts of a name before, in and after its long number: 32 hexadecimal digits or more.
fn around_id(name: &str) -> Option<(&str, &str, &str)> {
    const LEAST: usize = 32;
    let is_digit = |c: char| c.is_ascii_hexdigit();
    let mut from = 0;
    while let Some(begin) = name[from..].find(is_digit) {
        let begin = from + begin;
        let end = name[begin..].find(|c| !is_digit(c));
        let end = end.map_or(name.len(), |end| begin + end);
        if end - begin >= LEAST {
            return Some((&name[..begin], &name[begin..end], &name[end..]));
        }
        from = end;
    }
    None
}

/// Fits a line that ends in two spaces and a path: the path is cut first, then the text before it.
#[must_use]
pub fn cut_line(line: &str, columns: usize) -> String {
    const GAP: &str = "  ";
    const LEAST_PATH: usize = 18;
    const LEAST_HEAD: usize = 24;
    let end = line.rfind("  /").map(|at| line.split_at(at + GAP.len()));
    let Some((head, path)) = end.filter(|_| width(line) > columns) else {
        return cut_end(line, columns);
    };
    let head = head.trim_end();
    let left = columns.saturating_sub(width(head) + GAP.len());
    let room = left.max(LEAST_PATH.min(width(path)));
    match columns.checked_sub(room + GAP.len()) {
        Some(rest) if rest >= LEAST_HEAD.min(width(head)) => {
            cut_end(head, rest) + GAP + &cut_path(path, room)
        }
        _ => cut_end(line, columns),
    }
}

/// Appends a line, cut to the screen if there is one.
pub(super) fn push_line(text: &mut String, line: &str, columns: Option<usize>) {
    match columns {
        Some(columns) => text.push_str(&cut_end(line, columns)),
        None => text.push_str(line),
    }
    text.push('\n');
}

/// The text, or its start and `…`.
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

/// Wraps the text to so many columns, and indents each line but the first by `indent` spaces. It
/// breaks a word only if the word does not fit into a line of its own.
#[must_use]
pub fn wrapped(text: &str, columns: usize, indent: usize) -> Vec<String> {
    // A narrower text cannot be read anyway.
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

/// Pads with spaces: words on the right, figures on the left.
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
        let id = "0123456789abcdef".repeat(4);
        let pod = format!("/kubepods.slice/kubepods-burstable.slice/cri-containerd-{id}.scope");
        for columns in 0..80 {
            for path in [path, &pod] {
                assert!(width(&cut_path(path, columns)) <= columns, "{columns}");
                assert!(width(&cut_line(&format!("a  {path}"), columns)) <= columns);
            }
            assert!(
                width(&cut_name(&pod[41..], columns)) <= columns,
                "{columns}"
            );
            assert!(width(&cut_middle(path, columns)) <= columns, "{columns}");
            assert!(width(&cut_end(path, columns)) <= columns, "{columns}");
        }
        assert_eq!(cut_middle("/a/b/c/d/e", 7), "/a/…d/e");
        assert_eq!(cut_end("kworker/u16:3", 8), "kworker…");
        assert_eq!(cut_middle("/a", 2), "/a");
    }

    #[test]
    fn a_cut_path_keeps_what_tells_it_apart() {
        let unit = "/user.slice/user-1000.slice/user@1000.service/app.slice/mail.service";
        for columns in 14..width(unit) {
            assert!(
                cut_cell(unit, columns).ends_with("/mail.service"),
                "{columns}"
            );
        }
        let id = "4f0c7a2be91d".to_owned() + &"0".repeat(52);
        let pod = format!("/kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope");
        for columns in 30..width(&pod) {
            assert!(
                cut_path(&pod, columns).contains("4f0c7a2be91d"),
                "{columns}"
            );
        }
        assert!(
            cut_path(&pod, 18).contains("4f0c7a2"),
            "{}",
            cut_path(&pod, 18)
        );
        assert_eq!(cut_name(&id, 13), "4f0c7a2be91d…");
        let named = format!("{pod} (containerd web in pod default/web-0)");
        let whole = width(&named);
        assert_eq!(cut_path(&named, whole), named);
        for columns in 63..whole {
            let cut = cut_path(&named, columns);
            assert!(
                cut.ends_with(" (containerd web in pod default/web-0)"),
                "{cut}"
            );
            assert!(width(&cut) <= columns, "{cut}");
        }
        assert_eq!(cut_path(&named, 61), cut_path(&pod, 61));
        let line = format!("20.0 s mkdir[7] waits for cgroup_mutex  {unit}");
        assert!(cut_line(&line, 60).starts_with("20.0 s mkdir[7] waits for cgroup_mutex  "));
        for columns in 44..width(&line) {
            assert!(
                cut_line(&line, columns).ends_with("/mail.service"),
                "{columns}"
            );
        }
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
