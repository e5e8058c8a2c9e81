//! Which URLs are not asked for: those that sound as if asking did something. A page too few is looked at rather
//! than somebody signed out, or something deleted by a link that should have been a button.

use url::Url;

/// Words that stand in a part of a path or of a query by themselves.
const WORDS: &[&str] = &[
    "abmelden",
    "abmeldung",
    "afmelden",
    "approve",
    "borrar",
    "cancel",
    "clear",
    "deactivate",
    "delete",
    "destroy",
    "disable",
    "disconnect",
    "drop",
    "eliminar",
    "erase",
    "loeschen",
    "löschen",
    "poweroff",
    "purge",
    "reboot",
    "remove",
    "reset",
    "restart",
    "revoke",
    "shutdown",
    "supprimer",
    "toggle",
    "trash",
    "unfollow",
    "uninstall",
    "unpublish",
    "unsubscribe",
    "verwijderen",
    "wipe",
];
/// Words that count wherever they stand, since they are written in many ways.
const PARTS: &[&str] = &[
    "logout",
    "logoff",
    "signout",
    "signoff",
    "endsession",
    "deconnexion",
    "déconnexion",
    "cerrarsesion",
    "ausloggen",
    "uitloggen",
    "wyloguj",
    "loggaut",
];

/// Whether a URL is left alone.
pub(in crate::policy) fn alone(url: &Url) -> bool {
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

/// Whether a URL names a file that a page loads, such as `/reset.css`: whoever opens the page asks for it too.
pub(super) fn is_file(url: &Url) -> bool {
    const ENDINGS: &[&str] = &[
        "avif",
        "css",
        "gif",
        "ico",
        "jpeg",
        "jpg",
        "js",
        "json",
        "mjs",
        "png",
        "svg",
        "ttf",
        "wasm",
        "webmanifest",
        "webp",
        "woff",
        "woff2",
    ];
    let name = url.path().rsplit('/').next().unwrap_or_default();
    let ending = name
        .rsplit_once('.')
        .map(|(_, ending)| ending.to_ascii_lowercase());
    url.query().is_none() && ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

fn does_something(part: &str) -> bool {
    // `deleteItem` is two words.
    let mut spaced = String::new();
    let mut was_small = false;
    for c in part.chars() {
        if was_small && c.is_uppercase() {
            spaced.push(' ');
        }
        was_small = c.is_lowercase();
        spaced.extend(c.to_lowercase());
    }
    let part = spaced;
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
            "/api/deleteItem?id=3",
            "/lights/3/toggle",
            "/konto/l%C3%B6schen",
            "/compte/d%C3%A9connexion",
            "/oidc/end_session",
        ] {
            assert!(left(path), "{path}");
        }
    }

    #[test]
    fn a_pages_file_is_told_from_a_deed() {
        let file = |path: &str| {
            is_file(
                &Url::parse("https://home.example")
                    .unwrap()
                    .join(path)
                    .unwrap(),
            )
        };
        for path in [
            "/reset.css",
            "/assets/delete-Dk3f9a2b.js",
            "/icons/Trash.SVG",
        ] {
            assert!(left(path) && file(path), "{path}");
        }
        for path in ["/logout", "/delete.php", "/delete.png?id=3"] {
            assert!(left(path) && !file(path), "{path}");
        }
    }

    #[test]
    fn what_is_a_page_is_not() {
        for path in ["/", "/login", "/blog/3", "/removed-items", "/list?page=2"] {
            assert!(!left(path), "{path}");
        }
    }
}
