//! Tables in Markdown.

/// Returns the cells of every row of every table in the text, heads and rules left out.
pub(crate) fn rows(markdown: &str) -> Vec<Vec<&str>> {
    let lines: Vec<&str> = markdown.lines().collect();
    let is_head = |at: usize| lines.get(at + 1).is_some_and(|next| is_rule(next));
    let body = lines.iter().enumerate().filter(|(at, line)| !is_head(*at) && !is_rule(line));
    body.filter_map(|(_, line)| cells(line)).collect()
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

fn is_rule(line: &str) -> bool {
    cells(line).is_some_and(|cells| cells.iter().all(|cell| cell.len() > 2 && cell.chars().all(|c| c == '-')))
}

/// Takes the backticks off.
pub(crate) fn code(cell: &str) -> &str {
    cell.strip_prefix('`')
        .and_then(|cell| cell.strip_suffix('`'))
        .unwrap_or_else(|| panic!("{cell} is no code"))
}

/// Splits `file::test`.
pub(crate) fn proof(cell: &str) -> (&str, &str) {
    code(cell).split_once("::").unwrap_or_else(|| panic!("{cell} names no test"))
}
