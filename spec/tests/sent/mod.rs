//! What the sources can send.

use std::fs;
use std::path::Path;

/// Returns what the sources in a folder implement `ToSql` for: by itself, or by way of another type. One folder may be left out.
pub(crate) fn implementations(folder: &Path, without: Option<&str>) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if without.is_none_or(|without| !path.ends_with(without)) {
                found.append(&mut implementations(&path, without));
            }
        } else {
            found.append(&mut in_source(&fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

fn in_source(source: &str) -> Vec<String> {
    let mut is_list = false;
    let mut found = Vec::new();
    for line in source.lines() {
        match line {
            "by_way_of! {" | "sent_by_way_of! {" => is_list = true,
            "}" => is_list = false,
            _ if is_list => found.extend(line.trim().split_once(" as ").map(|(theirs, _)| theirs.to_owned())),
            _ => found.extend(implementation(line).map(str::to_owned)),
        }
    }
    found
}

fn implementation(line: &str) -> Option<&str> {
    line.strip_prefix("impl")?.split_once(" ToSql for ")?.1.strip_suffix(" {")
}
