//! Which URLs are not asked for: those that sound as if asking did something. A page too few is looked at rather
//! than somebody signed out, or something deleted by a link that should have been a button.

use url::Url;

/// Words that stand in a part of a path or of a query by themselves: deleting, cancelling and the like, in the languages
/// of most households that read Latin letters. Accents are taken off before they are compared.
const WORDS: &[&str] = &[
    // English
    "approve",
    "cancel",
    "clear",
    "deactivate",
    "delete",
    "destroy",
    "disable",
    "disconnect",
    "drop",
    "erase",
    "exit",
    "poweroff",
    "purge",
    "quit",
    "reboot",
    "remove",
    "reset",
    "restart",
    "revoke",
    "shutdown",
    "toggle",
    "trash",
    "unfollow",
    "uninstall",
    "unpublish",
    "unsubscribe",
    "wipe",
    // German
    "abbestellen",
    "abmelden",
    "abmeldung",
    "beenden",
    "deaktivieren",
    "entfernen",
    "kuendigen",
    "kundigen",
    "loeschen",
    "loschen",
    "stornieren",
    "zurucksetzen",
    "zuruecksetzen",
    // French
    "annuler",
    "desabonner",
    "desactiver",
    "desinscription",
    "effacer",
    "quitter",
    "reinitialiser",
    "retirer",
    "supprimer",
    // Spanish
    "anular",
    "borrar",
    "cancelar",
    "desactivar",
    "desconectar",
    "eliminar",
    "quitar",
    "restablecer",
    "salir",
    // Italian
    "annulla",
    "cancella",
    "cancellare",
    "disattiva",
    "disconnetti",
    "elimina",
    "eliminare",
    "esci",
    "rimuovi",
    // Dutch
    "afmelden",
    "annuleren",
    "opzeggen",
    "uitschrijven",
    "verwijder",
    "verwijderen",
    "wissen",
    // Portuguese
    "apagar",
    "desativar",
    "desligar",
    "excluir",
    "remover",
    "sair",
    // Polish
    "anuluj",
    "kasuj",
    "skasuj",
    "usun",
    "usuwanie",
    "wyczysc",
    "wypisz",
    "wyjdz",
    // Danish, Swedish, Norwegian
    "afbryd",
    "afslut",
    "avbryt",
    "avsluta",
    "avslutt",
    "fjern",
    "nulstil",
    "radera",
    "slet",
    "slett",
    "slette",
    "tabort",
    // Finnish
    "lopeta",
    "peruuta",
    "poista",
    "poistu",
    "tyhjenna",
    // Czech
    "odebrat",
    "odstranit",
    "smazat",
    "vymazat",
    "zrusit",
];
/// Words that count wherever they stand, since they are written in many ways: signing out.
const PARTS: &[&str] = &[
    "logout",
    "logoff",
    "signout",
    "signoff",
    "endsession",
    "sessionend",
    "sessiondestroy",
    "sessionslogout",
    // German
    "abmelden",
    "ausloggen",
    // French
    "deconnexion",
    "deconnecter",
    "sedeconnecter",
    // Spanish
    "cerrarsesion",
    "desconectarse",
    // Italian
    "scollegati",
    "disconnessione",
    "disconnettiti",
    // Dutch
    "uitloggen",
    // Portuguese
    "terminarsessao",
    "encerrarsessao",
    "fazerlogout",
    // Polish
    "wyloguj",
    "wylogowanie",
    // Danish, Swedish, Norwegian
    "logaf",
    "logud",
    "loggaut",
    "loggut",
    // Finnish
    "kirjauduulos",
    "kirjaudupois",
    "uloskirjaus",
    // Czech
    "odhlasit",
    "odhlaseni",
];

/// Whether a URL is left alone.
pub(crate) fn alone(url: &Url) -> bool {
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
    let parts: Vec<String> = path.chain(query).map(|part| plain(&part)).collect();
    // `/session/end` and `/log/out` are one word in two parts, `/ta-bort` is two.
    let ends: Vec<String> = parts.windows(2).map(|two| two.concat()).collect();
    parts.iter().any(|part| does_something(part))
        || ends.iter().any(|two| PARTS.contains(&two.as_str()))
}

/// In small letters without accents, the words of `deleteItem` apart.
fn plain(part: &str) -> String {
    let mut spaced = String::new();
    let mut was_small = false;
    for c in part.chars() {
        if was_small && c.is_uppercase() {
            spaced.push(' ');
        }
        was_small = c.is_lowercase();
        for small in c.to_lowercase() {
            match without_accent(small) {
                Some(plain) => spaced.push_str(plain),
                None => spaced.push(small),
            }
        }
    }
    spaced
}

/// A letter of Latin-1 or Latin Extended-A without its accent; combining marks are dropped.
fn without_accent(c: char) -> Option<&'static str> {
    Some(match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'č' => "c",
        'ď' | 'đ' => "d",
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'ì'..='ï' | 'ī' => "i",
        'ł' => "l",
        'ñ' | 'ń' | 'ň' => "n",
        'ò'..='ö' | 'ø' | 'ő' => "o",
        'ř' => "r",
        'ś' | 'š' => "s",
        'ß' => "ss",
        'ť' => "t",
        'ù'..='ü' | 'ū' | 'ů' | 'ű' => "u",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        '\u{300}'..='\u{36f}' => "",
        _ => return None,
    })
}

fn is_signing_out(part: &str) -> bool {
    let letters: String = part.chars().filter(|c| c.is_alphanumeric()).collect();
    PARTS.iter().any(|word| letters.contains(word))
}

/// Whether a URL names a file that a page loads, such as `/reset.css`: whoever opens the page asks for it too.
pub(crate) fn is_file(url: &Url) -> bool {
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
    is_signing_out(part)
        || part
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| WORDS.contains(&word))
        // `ta-bort`
        || WORDS.contains(&part.replace(['-', '_', ' '], "").as_str())
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
            "/exit",
            "/session/end",
            "/sessions/destroy",
            "/log/out",
            "/konto/abmelden",
            "/abbestellen?id=3",
            "/eintrag/3/entfernen",
            "/compte/se-deconnecter",
            "/article/3/supprimer",
            "/cuenta/salir",
            "/cerrar-sesi%C3%B3n",
            "/utente/esci",
            "/elementi/3/elimina",
            "/gebruiker/uitloggen",
            "/taak/3/verwijder",
            "/conta/sair",
            "/terminar-sess%C3%A3o",
            "/tarefa/3/excluir",
            "/konto/wyloguj",
            "/zadanie/3/usu%C5%84",
            "/bruger/log-ud",
            "/konto/logga-ut",
            "/bruker/logg-ut",
            "/opgave/3/slet",
            "/uppgift/3/ta-bort",
            "/oppgave/3/slett",
            "/kirjaudu-ulos",
            "/tehtava/3/poista",
            "/odhl%C3%A1sit",
            "/ukol/3/smazat",
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
        for path in [
            "/",
            "/login",
            "/blog/3",
            "/removed-items",
            "/list?page=2",
            "/exits",
            "/session/3",
            "/blog/end",
            "/salons",
            "/slettet",
            "/catalogue/outdoor",
            "/catalog/out-of-stock",
        ] {
            assert!(!left(path), "{path}");
        }
    }
}
