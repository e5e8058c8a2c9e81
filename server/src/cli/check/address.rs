//! The address of a site as a person types it: with or without a scheme, with or without a path.

use url::Url;

use crate::policy::Site;
use crate::policy::site::Ask;

/// How many redirects from one name of a site to another to follow before the check.
const MAX_REDIRECTS: usize = 5;

/// A site's address, split into the site and the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Scheme, host and port; the path is `/`.
    pub origin: Url,
    /// The path and query that were typed, if they are more than `/`.
    pub page: Option<String>,
    /// Whether there was no scheme, so that HTTPS was assumed.
    pub scheme_was_assumed: bool,
}

impl Address {
    /// The site's real address: `http://example.org` often only redirects to `https://www.example.org`. Another host is
    /// another site and is not followed.
    pub async fn resolve(&self) -> Site {
        let mut site = Site::new(self.origin.clone(), None);
        for _ in 0..MAX_REDIRECTS {
            match redirect_target(&site, self.page.as_deref().unwrap_or("/")).await {
                Some(next) => site = site.moved_to(next),
                None => break,
            }
        }
        site
    }

    /// Parses what was typed.
    ///
    /// # Errors
    /// What is wrong with it and what would be right, as a sentence.
    pub fn read(typed: &str) -> Result<Address, String> {
        let typed = typed.trim();
        // `localhost:3000` is a host and a port, and a query may contain another address.
        let scheme = typed.split_once("://").map(|(scheme, _)| scheme);
        let scheme_was_assumed = scheme.is_none_or(|scheme| scheme.contains(['/', '?', '#', '.']));
        let whole = if scheme_was_assumed {
            format!("https://{typed}")
        } else {
            typed.to_owned()
        };
        let url = Url::parse(&whole).map_err(|e| {
            format!("{typed} is not the address of a site, such as https://example.org: {e}")
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!(
                "{typed} cannot be checked, only http:// and https:// addresses can"
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "a name and a password in the address are not sent; give the cookie of a signed-in user with \
                 --cookie-file FILE"
                    .to_owned(),
            );
        }
        let page = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let page = (page != "/").then(|| page.to_owned());
        let mut origin = url;
        origin.set_path("/");
        origin.set_query(None);
        origin.set_fragment(None);
        Ok(Address {
            origin,
            page,
            scheme_was_assumed,
        })
    }
}

/// The other name of the same site to which a page redirects browsers. The check itself reports any other answer.
async fn redirect_target(site: &Site, page: &str) -> Option<Url> {
    let origin = &site.origin;
    let ask = Ask {
        url: origin.join(page).ok()?,
        method: http::Method::GET,
        headers: vec![("accept".to_owned(), "text/html".to_owned())],
        body: Vec::new(),
    };
    let mut target = site.ask(&ask).await.ok()?.target()?;
    let keeps_secrets = target.scheme() == "https" || target.scheme() == origin.scheme();
    if !keeps_secrets || name(&target) != name(origin) || target.origin() == origin.origin() {
        return None;
    }
    target.set_path("/");
    target.set_query(None);
    Some(target)
}

/// A site's name without `www.`.
fn name(url: &Url) -> Option<&str> {
    let host = url.host_str()?;
    Some(host.strip_prefix("www.").unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_parted_into_site_and_page() {
        let table = [
            ("https://example.org", "https://example.org/", None, false),
            ("HTTP://Example.org/", "http://example.org/", None, false),
            ("example.org", "https://example.org/", None, true),
            ("localhost:3000", "https://localhost:3000/", None, true),
            (
                "http://localhost:3000/a/b?c=d#e",
                "http://localhost:3000/",
                Some("/a/b?c=d"),
                false,
            ),
            ("http://[::1]:80/?c", "http://[::1]/", Some("/?c"), false),
            (
                "example.org/?to=http://a",
                "https://example.org/",
                Some("/?to=http://a"),
                true,
            ),
        ];
        for (typed, origin, page, assumed) in table {
            let address = Address::read(typed).unwrap();
            assert_eq!(address.origin.as_str(), origin, "{typed}");
            assert_eq!(address.page.as_deref(), page, "{typed}");
            assert_eq!(address.scheme_was_assumed, assumed, "{typed}");
        }
    }

    #[test]
    fn what_is_no_sites_address_is_refused() {
        for typed in [
            "",
            "ftp://example.org",
            "file:///etc/passwd",
            "https://",
            "exa mple.org",
            "https://anna:secret@example.org/",
            "example.org:many",
        ] {
            let said = Address::read(typed).unwrap_err();
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
