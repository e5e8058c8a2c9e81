//! Which URLs are not asked for: those that sound as if asking did something. A page too few is looked at rather
//! than somebody signed out, or something deleted by a link that should have been a button.

use url::Url;

/// Words that stand in a part of a path or of a query by themselves.
const WORDS: &[&str] = &[
    "abmelden",
    "cancel",
    "clear",
    "deactivate",
    "delete",
    "destroy",
    "disable",
    "disconnect",
    "drop",
    "erase",
    "loeschen",
    "purge",
    "remove",
    "reset",
    "restart",
    "revoke",
    "shutdown",
    "trash",
    "uninstall",
    "unsubscribe",
    "wipe",
];
/// Words that count wherever they stand, since they are written in many ways.
const PARTS: &[&str] = &["logout", "logoff", "signout", "signoff", "deconnexion"];

/// Whether a URL is left alone.
pub(super) fn alone(url: &Url) -> bool {
    let query = url
        .query_pairs()
        .flat_map(|(key, value)| [key.into_owned(), value.into_owned()]);
    let path = url.path().split('/').map(|segment| {
        let url = Url::parse(&format!("x:/?{segment}"));
        let decoded = url
            .ok()
            .and_then(|url| url.query_pairs().next().map(|(key, _)| key.into_owned()));
        decoded.unwrap_or_else(|| segment.to_owned())
    });
    path.chain(query).any(|part| does_something(&part))
}

fn does_something(part: &str) -> bool {
    let part = part.to_lowercase();
    let letters: String = part.chars().filter(|c| c.is_alphanumeric()).collect();
    PARTS.iter().any(|word| letters.contains(word))
        || part
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| WORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(path: &str) -> bool {
        alone(
            &Url::parse("https://home.example")
                .unwrap()
                .join(path)
                .unwrap(),
        )
    }

    #[test]
    fn what_sounds_like_a_deed_is_left_alone() {
        for path in [
            "/logout",
            "/users/log-out",
            "/Account/SignOut",
            "/?action=logout",
            "/index.php?do=log_out&x=1",
            "/items/3/delete",
            "/items/3?delete",
            "/item/remove-photo",
            "/newsletter/unsubscribe/abc",
            "/%6Cogout",
        ] {
            assert!(left(path), "{path}");
        }
    }

    #[test]
    fn what_is_a_page_is_not() {
        for path in ["/", "/login", "/blog/3", "/removed-items", "/list?page=2"] {
            assert!(!left(path), "{path}");
        }
    }
}
