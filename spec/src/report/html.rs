//! A page with a matrix of targets by cases.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::escaped;
use super::json::{Cell, Column};

/// Returns a page with a column for each target and a row for each case, to look at in a browser. It needs nothing else.
///
/// The rows have the order of the first target that has them.
pub fn matrix(columns: &[Column]) -> String {
    let mut out = String::from(HEAD);
    out += "<table>\n<thead><tr><th>case</th>";
    for column in columns {
        let passed = column.cells.iter().filter(|cell| cell.verdict == "pass").count();
        let tried = column.cells.iter().filter(|cell| cell.verdict != "skip").count();
        let _ = write!(out, "<th>{}<br><small>{passed} of {tried}</small></th>", escaped(&column.name));
    }
    out += "</tr></thead>\n<tbody>\n";
    let cells: Vec<BTreeMap<&str, &Cell>> = columns
        .iter()
        .map(|column| column.cells.iter().map(|cell| (cell.id.as_str(), cell)).collect())
        .collect();
    for row in rows(columns) {
        let (id, level, requirement) = (escaped(&row.id), escaped(&row.level), escaped(&row.requirement));
        let _ = write!(out, "<tr><th title=\"{requirement}\">{id} <small>{level}</small></th>");
        cells.iter().for_each(|column| out += &field(column.get(row.id.as_str()).copied()));
        out += "</tr>\n";
    }
    out += "</tbody>\n</table>\n</html>\n";
    out
}

pub(super) fn rows(columns: &[Column]) -> Vec<&Cell> {
    let mut rows: Vec<&Cell> = Vec::new();
    let mut seen = BTreeMap::new();
    for cell in columns.iter().flat_map(|column| &column.cells) {
        if seen.insert(cell.id.as_str(), ()).is_none() {
            rows.push(cell);
        }
    }
    rows
}

fn field(cell: Option<&Cell>) -> String {
    let Some(cell) = cell else { return "<td></td>".to_owned() };
    let (verdict, remark) = (escaped(&cell.verdict), escaped(&cell.remark));
    let class = if cell.level == "INFO" && cell.verdict == "fail" { "info" } else { &verdict };
    format!("<td class=\"{class}\" title=\"{remark}\">{verdict}</td>")
}

const HEAD: &str = "\
<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>pgspec</title>
<style>
body { font: 14px sans-serif; margin: 2em }
table { border-collapse: collapse }
th, td { border: 1px solid #ccc; padding: 2px 8px; text-align: left }
thead th { position: sticky; top: 0; background: #fff }
small { color: #777; font-weight: normal }
.pass { background: #d4f4d4 } .fail { background: #f7c6c6 } .crash, .hang { background: #d97b7b }
.skip { color: #999 } .info { background: #dbe9fb }
</style>
";
