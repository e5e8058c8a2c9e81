//! Which modules a script imports by a literal name. Read from the text: what is missed is loaded by the browser
//! and not looked at, which hides a finding and never makes one.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

static STATIC: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?:^|[;\n}\s])(?:import|export)\s*(?:[\w$*\s{},]+?\s*from\s*)?(?:"([^"\n]+)"|'([^'\n]+)')"#,
    )
    .expect("it is written here")
});
static DYNAMIC: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\bimport\s*\(\s*(?:"([^"\n]+)"|'([^'\n]+)'|`([^`$\n]+)`)\s*[,)]"#)
        .expect("it is written here")
});

/// How many imports of a script are followed.
const MAX_IMPORTS: usize = 1_000;

/// The targets of its imports that name a URL and not a bare word, static ones only of a module.
pub(super) fn imports(text: &str, module: bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut known = HashSet::new();
    let patterns = [module.then_some(&*STATIC), Some(&*DYNAMIC)];
    for pattern in patterns.into_iter().flatten() {
        for captures in pattern.captures_iter(text) {
            let Some(target) = (1..captures.len()).find_map(|group| captures.get(group)) else {
                continue;
            };
            let target = target.as_str();
            // A bare word goes through an import map, which is not read.
            let is_url = ["./", "../", "/", "http://", "https://"]
                .iter()
                .any(|start| target.starts_with(start));
            if is_url && known.len() < MAX_IMPORTS && known.insert(target) {
                found.push(target.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_and_dynamic_imports_of_a_module_are_found() {
        let text = "import a,{b as c}from\"./a.js\";import'../b.js';export * from './c.js';\
                    const d = () => import('./d.js'); f(import(`./f.js`), import(`./${x}.js`)); import e from 'bare'; important('./no.js')";
        assert_eq!(
            imports(text, true),
            ["./a.js", "../b.js", "./c.js", "./d.js", "./f.js"]
        );
        assert_eq!(imports(text, false), ["./d.js", "./f.js"]);
    }
}
