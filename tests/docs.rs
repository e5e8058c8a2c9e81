//! The documentation holds together: links and anchors lead somewhere, every page can be reached from the README, and the
//! API's page names routes that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

#[test]
fn every_relative_link_and_anchor_leads_somewhere() {
    let mut broken = Vec::new();
    let mut checked = 0;
    for page in pages() {
        for link in links(&read(&page)) {
            checked += 1;
            if let Err(reason) = follow(&page, &link) {
                broken.push(format!("{}: {link}: {reason}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(checked > 50, "only {checked} links were found");
}

#[test]
fn every_page_can_be_reached_from_the_readme() {
    let mut reached = BTreeSet::from([PathBuf::from("README.md")]);
    let mut open = vec![PathBuf::from("README.md")];
    while let Some(page) = open.pop() {
        for link in links(&read(&page)) {
            let target = target(&page, &link);
            if target.extension().is_some_and(|ending| ending == "md")
                && reached.insert(target.clone())
            {
                open.push(target);
            }
        }
    }
    let missing: Vec<_> = pages()
        .into_iter()
        .filter(|p| !reached.contains(p))
        .collect();
    assert!(missing.is_empty(), "no link leads to {missing:?}");
}

#[test]
fn the_readme_fits_on_a_few_screens() {
    let lines = read(Path::new("README.md")).lines().count();
    assert!(lines <= 200, "{lines} lines");
}

#[test]
fn the_page_of_the_api_names_routes_that_exist() {
    let table = tealkeep::http::routes::table();
    let mut named = 0;
    for line in read(Path::new("docs/api.md")).lines() {
        let Some((method, path)) = line
            .strip_prefix("| `")
            .and_then(|rest| rest.split_once('`'))
            .and_then(|(request, _)| request.split_once(' '))
        else {
            continue;
        };
        let exists = table
            .iter()
            .any(|route| route.method.as_str() == method && route.path == path);
        assert!(exists, "there is no {method} {path}");
        named += 1;
    }
    assert!(named > 5, "only {named} routes were found");
}

#[test]
fn a_broken_link_is_found() {
    let page = Path::new("docs/pi.md");
    for (link, reason) in [
        ("no-such-page.md", "no such file"),
        ("recovery.md#no-such-heading", "no such heading"),
        ("#no-such-heading", "no such heading"),
        ("../../outside.md", "outside the repository"),
    ] {
        assert_eq!(follow(page, link), Err(reason), "{link}");
    }
    let text = "see [one](a.md), `[no](b.md)` and <img src=\"c.png\">\n```\n[no](d.md)\n```\n[web](https://example.org)";
    assert_eq!(links(text), ["a.md", "c.png"]);
    assert_eq!(
        anchor("What `prepare` makes, in short"),
        "what-prepare-makes-in-short"
    );
}

/// Every page, from the root of the repository.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![PathBuf::from("README.md"), PathBuf::from("ARCHITECTURE.md")];
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The relative links of a page, outside of code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        // Every second part is inline code.
        let outside: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for (start, end) in [("](", ')'), ("src=\"", '"')] {
            let after = outside.split(start).skip(1);
            found.extend(
                after
                    .filter_map(|rest| rest.split_once(end))
                    .map(|(link, _)| link.to_owned()),
            );
        }
    }
    found.retain(|link| !link.contains("://"));
    found
}

/// The lines of a page that are in no fenced block of code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// Why a link of a page leads nowhere.
fn follow(page: &Path, link: &str) -> Result<(), &'static str> {
    let target = target(page, link);
    if target.starts_with("..") {
        return Err("outside the repository");
    }
    if !root().join(&target).exists() {
        return Err("no such file");
    }
    let Some((_, wanted)) = link.split_once('#') else {
        return Ok(());
    };
    let text = read(&target);
    let headings = prose(&text).filter(|line| line.starts_with('#'));
    let mut anchors = headings.map(|line| anchor(line.trim_start_matches('#').trim()));
    if anchors.any(|known| known == wanted) {
        Ok(())
    } else {
        Err("no such heading")
    }
}

/// The file that a link of a page names, from the root of the repository.
fn target(page: &Path, link: &str) -> PathBuf {
    let file = link.split('#').next().unwrap_or_default();
    if file.is_empty() {
        return page.to_owned();
    }
    let mut path = PathBuf::new();
    for part in page.parent().unwrap().join(file).components() {
        if part == Component::ParentDir && path.file_name().is_some() {
            path.pop();
        } else {
            path.push(part);
        }
    }
    path
}

/// A heading as GitHub makes an anchor of it.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn read(page: &Path) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|e| panic!("{}: {e}", page.display()))
}
