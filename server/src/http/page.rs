//! Drawing a page or an error, and the notice at its top after a form.

use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tealkeep_app::assets::AssetUrls;
use tealkeep_app::model as view;
use tealkeep_app::render;
use tower_sessions::Session;

use super::problem::Problem;
use super::server::Server;
use crate::deploy::Refusal;

/// The session value that is shown once at the top of the next page.
const NOTICE: &str = "notice";

/// A notice on its way to the next page.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Flash {
    good: bool,
    text: String,
}

/// A page that could not be drawn, or a form that was not carried out.
pub struct Failure(pub(super) view::ErrorPage);

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        tracing::error!("{error:#}");
        Failure(view::ErrorPage::Broken {
            sentence: format!("{error:#}"),
        })
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure(match problem.status() {
            StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => view::ErrorPage::NotFound,
            StatusCode::CONFLICT => view::ErrorPage::Refused {
                sentence: problem.detail,
            },
            _ => view::ErrorPage::Broken {
                sentence: problem.detail,
            },
        })
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Problem::from(refusal).into()
    }
}

impl From<tower_sessions::session::Error> for Failure {
    fn from(error: tower_sessions::session::Error) -> Failure {
        anyhow::Error::from(error).into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match &self.0 {
            view::ErrorPage::NotFound => StatusCode::NOT_FOUND,
            view::ErrorPage::CrossSite => StatusCode::FORBIDDEN,
            view::ErrorPage::Refused { .. } => StatusCode::CONFLICT,
            view::ErrorPage::TooManyTries { .. } => StatusCode::TOO_MANY_REQUESTS,
            view::ErrorPage::Broken { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        };
        // Without the frame of a signed-in page: whoever sees it goes back or to the first page.
        let frame = view::Frame {
            now: Timestamp::now(),
            zone: jiff::tz::TimeZone::system(),
            path: String::new(),
            signed_in: false,
            assets: AssetUrls::default(),
            apps: Vec::new(),
            notice: None,
            https: false,
        };
        html(status, render(&frame, view::Page::Error(self.0)))
    }
}

/// A page, or why there is none.
pub(super) type Drawn = Result<Response, Failure>;

/// A page's text as an answer.
pub(super) fn html(status: StatusCode, text: String) -> Response {
    // Always asked for again: the dashboard keeps its own policy.
    (
        status,
        [(header::CACHE_CONTROL, "no-cache, private")],
        Html(text),
    )
        .into_response()
}

/// An error page for a request to `path` that no handler saw.
pub fn error(server: &Server, path: &str, status: StatusCode, page: view::ErrorPage) -> Response {
    let frame = bare_frame(server, path.to_owned());
    html(status, render(&frame, view::Page::Error(page)))
}

/// The frame of a page for whoever is not signed in.
pub(super) fn bare_frame(server: &Server, path: String) -> view::Frame {
    view::Frame {
        now: server.house.clock.now(),
        zone: server.house.clock.zone(),
        path,
        signed_in: false,
        assets: AssetUrls::default(),
        apps: Vec::new(),
        notice: None,
        https: server.house.config.dashboard.https,
    }
}

/// Draws a page for whoever is signed in, with the notice that waits for it.
pub(super) async fn draw(
    server: &Server,
    session: &Session,
    path: &str,
    page: view::Page,
) -> Drawn {
    let mut frame = bare_frame(server, path.to_owned());
    frame.signed_in = true;
    frame.apps = server
        .house
        .apps
        .iter()
        .map(|app| app.name().to_string())
        .collect();
    let notice = session.get::<Flash>(NOTICE).await?;
    if notice.is_some() {
        session.remove::<Flash>(NOTICE).await?;
    }
    frame.notice = notice.map(|flash| view::Notice {
        kind: if flash.good {
            view::NoticeKind::Good
        } else {
            view::NoticeKind::Bad
        },
        text: flash.text,
    });
    Ok(html(StatusCode::OK, render(&frame, page)))
}

/// Redirects to a page that shows a notice.
pub(super) async fn back_with(session: &Session, to: &str, good: bool, text: String) -> Drawn {
    session.insert(NOTICE, Flash { good, text }).await?;
    Ok(Redirect::to(to).into_response())
}

/// A path on this dashboard, whatever was asked for: a sign-in never leads to another site.
pub(super) fn local_path(next: Option<&str>) -> String {
    let fits = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    next.filter(fits).unwrap_or("/").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_never_leads_to_another_site() {
        for bad in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "",
            "evil",
            "/a\r\nSet-Cookie: x",
        ] {
            assert_eq!(local_path(Some(bad)), "/", "{bad:?}");
        }
        assert_eq!(
            local_path(Some("/apps/home/backups?x=1")),
            "/apps/home/backups?x=1"
        );
        assert_eq!(local_path(None), "/");
    }
}
