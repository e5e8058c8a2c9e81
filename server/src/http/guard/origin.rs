//! Refuses an unsafe method that does not come from a page of our own.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tealkeep_app::model::ErrorPage;

use super::host::host_of;
use crate::http::caller::{is_api, is_over_tcp};
use crate::http::page;
use crate::http::problem::Problem;
use crate::http::server::Server;

/// Refuses an unsafe method that does not come from a page of our own.
///
/// Judged by `Origin`, which browsers send with every form and fetch that is not a plain GET; a
/// `Sec-Fetch-Site` of `same-origin` will do where there is none. With `https = true` the page must have come over HTTPS.
pub async fn check_origin(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    // No page can make a browser send a token of its own accord.
    let by_token = is_api(&request) && request.headers().contains_key(header::AUTHORIZATION);
    if is_over_tcp(&request)
        && !by_token
        && !request.method().is_safe()
        && !is_same_origin(
            request.headers(),
            host_of(&request).as_ref(),
            server.house.config.dashboard.https,
        )
    {
        // The route, not the path: that of a one-time link holds its token.
        let route = request
            .extensions()
            .get::<MatchedPath>()
            .map_or("", MatchedPath::as_str);
        tracing::warn!(route, "refused a form that came from another site");
        return if is_api(&request) {
            Problem::new(StatusCode::FORBIDDEN, "this request came from another site's page; only Tealkeep's own may ask for changes").into_response()
        } else {
            page::error(
                &server,
                request.uri().path(),
                StatusCode::FORBIDDEN,
                ErrorPage::CrossSite,
            )
        };
    }
    next.run(request).await
}

fn is_same_origin(headers: &HeaderMap, host: Option<&Authority>, https: bool) -> bool {
    match (headers.get(header::ORIGIN).map(HeaderValue::to_str), host) {
        (Some(Ok(origin)), Some(host)) => {
            let over_https = origin.strip_prefix("https://");
            // Without `https = true` a proxy in front may have taken the TLS off unasked.
            let authority =
                over_https.or_else(|| (!https).then(|| origin.strip_prefix("http://")).flatten());
            authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host.as_str()))
        }
        (None, Some(_)) => headers
            .get("sec-fetch-site")
            .is_some_and(|site| site == "same-origin"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)))
            .collect()
    }

    #[test]
    fn a_form_of_another_site_is_told_by_its_origin() {
        let host = Authority::from_static("pi.local:3330");
        let same = |pairs: &[(&'static str, &'static str)], https| {
            is_same_origin(&headers(pairs), Some(&host), https)
        };
        let plain = [("origin", "http://pi.local:3330")];
        let secure = [("origin", "https://pi.local:3330")];
        assert!(same(&plain, false) && same(&secure, false) && same(&secure, true));
        assert!(
            !same(&plain, true),
            "over plain HTTP, where HTTPS is promised"
        );
        let by_site = [("sec-fetch-site", "same-origin")];
        assert!(same(&by_site, false) && same(&by_site, true));
        for bad in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "http://evil.example")],
            &[("origin", "http://pi.local:3331")],
            &[
                ("origin", "http://evil.example"),
                ("sec-fetch-site", "same-origin"),
            ],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
        ] {
            assert!(!same(bad, false) && !same(bad, true), "{bad:?}");
        }
    }
}
