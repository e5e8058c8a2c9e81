//! The layers inside each crate: files import each other in one direction. A circle of up to three files is a thing with
//! its parts; a longer one is a tangle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The longest circle of files that is accepted.
const MAX_CIRCLE: usize = 3;

/// The path of a module below its crate; the crate itself is empty.
type Module = Vec<String>;

/// What a file imports, as written, and what it re-exports under which name.
#[derive(Default)]
struct Imports {
    used: Vec<Module>,
    /// `None` for what comes from another crate.
    reexported: BTreeMap<String, Option<Module>>,
}

#[test]
fn no_circle_of_files_is_longer_than_three() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = vec![root.join("server/src"), root.join("app/src")];
    for entry in fs::read_dir(root.join("server/crates")).unwrap() {
        sources.push(entry.unwrap().path().join("src"));
    }
    let mut found = Vec::new();
    for source in &sources {
        let graph = graph(source);
        assert!(graph.len() > 2, "{} has no files", source.display());
        for circle in circles(&graph).into_iter().filter(|c| c.len() > MAX_CIRCLE) {
            let names: Vec<String> = circle.iter().map(|module| module.join("::")).collect();
            found.push(format!("{}: {}", source.display(), names.join(", ")));
        }
    }
    assert!(found.is_empty(), "circles of files:\n{}", found.join("\n"));
}

#[test]
fn a_circle_is_found_through_braces_reexports_and_paths_in_the_code() {
    let source = tempfile::tempdir().unwrap();
    let files = [
        (
            "lib.rs",
            "mod a;\nmod b;\nmod c;\nmod d;\nmod e;\nmod f;\nmod g;\n",
        ),
        ("a.rs", "use crate::{b::Two, e::E};\n"),
        ("b.rs", "mod inner;\npub use inner::Two;\n"),
        (
            "b/inner.rs",
            "pub struct Two;\nfn f() { super::super::c::go() }\n",
        ),
        (
            "c.rs",
            "// use crate::e::E;\npub fn go() { let _ = crate::d::D; }\n",
        ),
        (
            "d.rs",
            "use super::a::One;\n#[cfg(test)]\nmod tests {\n    use crate::e::E;\n}\n",
        ),
        ("e.rs", "use crate::a::One;\n"),
    ];
    for (name, text) in files {
        let path = source.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let graph = graph(source.path());
    let all = circles(&graph);
    let names = |circle: &BTreeSet<Module>| -> Vec<String> {
        circle.iter().map(|module| module.join("::")).collect()
    };
    // `e` and `a` import each other as well, so all five are one circle; `b` only re-exports.
    assert_eq!(all.len(), 1);
    assert_eq!(names(&all[0]), ["a", "b::inner", "c", "d", "e"]);
}

/// Which file imports which.
fn graph(source: &Path) -> BTreeMap<Module, BTreeSet<Module>> {
    let mut files = BTreeMap::new();
    collect(source, source, &mut files);
    let modules: BTreeSet<Module> = files.keys().cloned().collect();
    let imports: BTreeMap<Module, Imports> = files
        .iter()
        .map(|(module, path)| {
            let text = without_tests(&fs::read_to_string(path).unwrap());
            (module.clone(), read(&text, module, &modules))
        })
        .collect();
    imports
        .iter()
        .map(|(module, own)| {
            let used = own.used.iter();
            let mut to: BTreeSet<Module> = used
                .filter_map(|path| owner(path.clone(), &modules, &imports))
                .collect();
            to.remove(module);
            (module.clone(), to)
        })
        .collect()
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<Module, PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let below = path.strip_prefix(root).unwrap().with_extension("");
            let module: Module = below
                .iter()
                .map(|part| part.to_string_lossy().into_owned())
                .collect();
            let is_test = module.iter().any(|part| part == "tests");
            match module.as_slice() {
                [one] if one == "lib" => drop(files.insert(Vec::new(), path)),
                [one] if one == "main" => {}
                _ if is_test => {}
                _ => drop(files.insert(module, path)),
            }
        }
    }
}

/// The text without comments, without its module of tests, and without the paths of visibilities, which import nothing.
fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let next = lines.peek().copied().unwrap_or_default();
        if line == "#[cfg(test)]" && next.contains("mod ") && next.ends_with('{') {
            break;
        }
        let code = line.split("//").next().unwrap_or_default();
        match code.split_once("pub(in ") {
            Some((before, after)) => {
                kept.push_str(before);
                kept.push_str("pub ");
                kept.push_str(after.split_once(')').map_or(after, |(_, code)| code));
            }
            None => kept.push_str(code),
        }
        kept.push('\n');
    }
    kept
}

/// The imports of one file.
fn read(text: &str, module: &Module, modules: &BTreeSet<Module>) -> Imports {
    let mut imports = Imports::default();
    let mut rest = String::new();
    for statement in text.split_inclusive(';') {
        // What stands between the last brace or line that ends something and the `use`.
        let begin = statement.rfind("use ").filter(|at| {
            let before = &statement[..*at];
            let word = before.rsplit('\n').next().unwrap_or_default().trim();
            word.is_empty() || (word.starts_with("pub") && !word.contains('{'))
        });
        let Some(at) = begin else {
            rest.push_str(statement);
            continue;
        };
        let line_at = statement[..at].rfind('\n').map_or(0, |at| at + 1);
        rest.push_str(&statement[..line_at]);
        let is_reexport = statement[line_at..at].trim().starts_with("pub");
        let tree = statement[at + 4..].trim_end_matches(';');
        let mut leaves = Vec::new();
        expand(&[], tree, &mut leaves);
        for (path, name) in leaves {
            let path = absolute(&path, module, modules);
            match is_reexport {
                true => drop(imports.reexported.insert(name, path)),
                false => imports.used.extend(path),
            }
        }
    }
    for path in paths(&rest) {
        imports.used.extend(absolute(&path, module, modules));
    }
    imports
}

/// The paths of a tree of imports, each with the name that it gives to its last part.
fn expand(before: &[String], tree: &str, leaves: &mut Vec<(Module, String)>) {
    let (mut depth, mut begin) = (0, 0);
    let tree = format!("{tree},");
    for (at, letter) in tree.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let item = tree[begin..at].trim();
                begin = at + 1;
                let (plain, group) = match item.split_once('{') {
                    Some((plain, group)) => (plain, group.strip_suffix('}')),
                    None => (item, None),
                };
                let (plain, alias) = plain.split_once(" as ").unwrap_or((plain, ""));
                let mut path = before.to_vec();
                let parts = plain.split("::").map(str::trim);
                path.extend(parts.filter(|part| !part.is_empty()).map(str::to_owned));
                match (group, path.last()) {
                    (Some(group), _) => expand(&path, group, leaves),
                    (None, Some(last)) if !item.is_empty() => {
                        let name = if alias.is_empty() { last } else { alias.trim() };
                        leaves.push((path.clone(), name.to_owned()));
                    }
                    (None, _) => {}
                }
            }
            _ => {}
        }
    }
}

/// The paths with `::` in code.
fn paths(code: &str) -> Vec<Module> {
    let is_of_path = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    code.split(|letter| !is_of_path(letter))
        .filter(|word| word.contains("::") && !word.starts_with(':'))
        .map(|word| {
            let parts = word.split("::").filter(|part| !part.is_empty());
            parts.map(str::to_owned).collect()
        })
        .collect()
}

/// A path from the crate on; `None` for one that leads out of it.
fn absolute(path: &[String], module: &Module, modules: &BTreeSet<Module>) -> Option<Module> {
    let (first, rest) = path.split_first()?;
    let mut base = match first.as_str() {
        "crate" => Vec::new(),
        "self" => module.clone(),
        "super" => module[..module.len().saturating_sub(1)].to_vec(),
        child => {
            let mut of_child = module.clone();
            of_child.push(child.to_owned());
            return modules.contains(&of_child).then(|| {
                of_child.extend(rest.iter().cloned());
                of_child
            });
        }
    };
    for part in rest {
        match part.as_str() {
            "super" => drop(base.pop()),
            "self" => {}
            part => base.push(part.to_owned()),
        }
    }
    Some(base)
}

/// The file that has what a path names, through re-exports.
fn owner(
    mut path: Module,
    modules: &BTreeSet<Module>,
    imports: &BTreeMap<Module, Imports>,
) -> Option<Module> {
    for _ in 0..8 {
        let length = (0..=path.len())
            .rev()
            .find(|length| modules.contains(&path[..*length]))?;
        let (module, rest) = path.split_at(length);
        let Some((name, rest)) = rest.split_first() else {
            return Some(path);
        };
        match imports[module].reexported.get(name) {
            Some(None) => return None,
            Some(Some(target)) => path = target.iter().chain(rest).cloned().collect(),
            None => return Some(module.to_vec()),
        }
    }
    None
}

/// The circles: files that reach each other.
fn circles(graph: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<BTreeSet<Module>> {
    let reached: BTreeMap<&Module, BTreeSet<&Module>> = graph
        .keys()
        .map(|from| {
            let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
            while let Some(module) = open.pop() {
                for next in graph.get(module).into_iter().flatten() {
                    if seen.insert(next) {
                        open.push(next);
                    }
                }
            }
            (from, seen)
        })
        .collect();
    let mut found: BTreeSet<BTreeSet<Module>> = BTreeSet::new();
    for (module, seen) in &reached {
        let both = seen.iter().filter(|other| {
            reached
                .get(*other)
                .is_some_and(|back| back.contains(module))
        });
        let circle: BTreeSet<Module> = both.map(|other| (*other).clone()).collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}
