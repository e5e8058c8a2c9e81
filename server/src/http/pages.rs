//! The dashboard's routes: each page is drawn from what `console` reads, each form does one thing and
//! answers with a redirect to a page that shows it.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tealkeep_app::assets::{Asset, AssetUrls};
use tealkeep_app::model as view;
use tealkeep_app::render;
use tower_sessions::Session;

use super::auth::{LEAST_PASSWORD_LENGTH, PasswordError, Sessions, SignInError};
use super::cookies::{DeviceToken, SetDevice};
use super::guard::{SIGNED_IN, Transport, is_signed_in};
use super::problem::Problem;
use super::{Server, api, console};
use crate::admission::Place;
use crate::backup::Reason;
use crate::deploy::Refusal;
use crate::deploy::release::Source;
use crate::journal::runs::RunId;
use crate::journal::{NewEvent, Severity};
use crate::names::ReleaseId;

type Shared = State<Arc<Server>>;

/// The session value that is shown once at the top of the next page.
const NOTICE: &str = "notice";
/// The longest browser's name that is kept with a session.
const BROWSER_LENGTH: usize = 200;

/// Who signed in, and with what.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct SignedIn {
    at: Timestamp,
    browser: String,
    /// The browser, as one that signed in before: it is forgotten when its session is revoked.
    #[serde(default)]
    device: Option<String>,
}

/// A notice on its way to the next page.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Flash {
    good: bool,
    text: String,
}

/// A page that could not be drawn, or a form that was not carried out.
pub struct Failure(view::ErrorPage);

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

fn html(status: StatusCode, text: String) -> Response {
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

/// Whatever is not in the table.
pub async fn not_found(State(server): Shared, request: Request) -> Response {
    if request.uri().path().starts_with("/api/") {
        return Problem::new(
            StatusCode::NOT_FOUND,
            "there is nothing here; /api/v1/openapi.json lists what there is",
        )
        .into_response();
    }
    error(
        &server,
        request.uri().path(),
        StatusCode::NOT_FOUND,
        view::ErrorPage::NotFound,
    )
}

/// A file of the dashboard.
pub async fn asset(asset: &'static Asset) -> Response {
    let keep = if asset.immutable {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    (
        [
            (header::CONTENT_TYPE, asset.content_type),
            (header::CACHE_CONTROL, keep),
        ],
        asset.bytes,
    )
        .into_response()
}

fn bare_frame(server: &Server, path: String) -> view::Frame {
    view::Frame {
        now: server.clock.now(),
        zone: server.clock.zone(),
        path,
        signed_in: false,
        assets: AssetUrls::default(),
        apps: Vec::new(),
        notice: None,
        https: server.dashboard.https,
    }
}

pub(super) async fn draw(
    server: &Server,
    session: &Session,
    path: &str,
    page: view::Page,
) -> Drawn {
    let mut frame = bare_frame(server, path.to_owned());
    frame.signed_in = true;
    frame.apps = server
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

pub(super) async fn back_with(session: &Session, to: &str, good: bool, text: String) -> Drawn {
    session.insert(NOTICE, Flash { good, text }).await?;
    Ok(Redirect::to(to).into_response())
}

/// `GET /`
pub async fn overview(State(server): Shared, session: Session) -> Drawn {
    let page = console::overview(&server).await?;
    draw(&server, &session, "/", view::Page::Overview(page)).await
}

/// `GET /apps/{app}/backups`
pub async fn backups(State(server): Shared, session: Session, Path(app): Path<String>) -> Drawn {
    let page = console::backups(&server, api::find(&server, &app)?).await?;
    draw(
        &server,
        &session,
        &format!("/apps/{app}/backups"),
        view::Page::Backups(Box::new(page)),
    )
    .await
}

/// `GET /apps/{app}/snapshots/{id}/restore`
pub async fn restore(
    State(server): Shared,
    session: Session,
    Path((app, id)): Path<(String, String)>,
) -> Drawn {
    let page = console::confirm_restore(api::find(&server, &app)?, api::snapshot_id(&id)?).await?;
    let page = page.ok_or(Failure(view::ErrorPage::NotFound))?;
    draw(
        &server,
        &session,
        &format!("/apps/{app}/snapshots/{id}/restore"),
        view::Page::Restore(page),
    )
    .await
}

/// `GET /apps/{app}/undo`
pub async fn undo(State(server): Shared, session: Session, Path(app): Path<String>) -> Drawn {
    let found = api::find(&server, &app)?;
    match console::confirm_undo(found).await? {
        Some(page) => {
            draw(
                &server,
                &session,
                &format!("/apps/{app}/undo"),
                view::Page::Undo(page),
            )
            .await
        }
        None => {
            let why = found
                .undo_target()
                .await?
                .err()
                .unwrap_or_else(|| "there is nothing to undo".to_owned());
            Err(Failure(view::ErrorPage::Refused { sentence: why }))
        }
    }
}

/// `GET /apps/{app}/deploys`
pub async fn deploys(State(server): Shared, session: Session, Path(app): Path<String>) -> Drawn {
    let page = console::deploys(&server, api::find(&server, &app)?).await?;
    draw(
        &server,
        &session,
        &format!("/apps/{app}/deploys"),
        view::Page::Deploys(page),
    )
    .await
}

/// `GET /apps/{app}/deploys/{release}`
pub async fn deploy(
    State(server): Shared,
    session: Session,
    Path((app, release)): Path<(String, String)>,
) -> Drawn {
    let found = api::find(&server, &app)?;
    let release: ReleaseId = release
        .parse()
        .map_err(|_| Failure(view::ErrorPage::NotFound))?;
    let page = console::confirm_deploy(&server, found, &release)
        .await?
        .ok_or(Failure(view::ErrorPage::NotFound))?;
    draw(
        &server,
        &session,
        &format!("/apps/{app}/deploys/{release}"),
        view::Page::Deploy(page),
    )
    .await
}

/// `GET /apps/{app}/rollback`
pub async fn rollback(State(server): Shared, session: Session, Path(app): Path<String>) -> Drawn {
    let page = console::confirm_rollback(&server, api::find(&server, &app)?).await?;
    draw(
        &server,
        &session,
        &format!("/apps/{app}/rollback"),
        view::Page::Rollback(page),
    )
    .await
}

/// `GET /apps/{app}/runs/{id}`
pub async fn run(
    State(server): Shared,
    session: Session,
    Path((app, id)): Path<(String, RunId)>,
) -> Drawn {
    let found = api::find(&server, &app)?;
    let run = server
        .journal
        .run(id)
        .await?
        .filter(|run| run.app == *found.name());
    let run = run.ok_or(Failure(view::ErrorPage::NotFound))?;
    let page = view::RunPage {
        run: console::run_view(&run),
    };
    draw(
        &server,
        &session,
        &format!("/apps/{app}/runs/{id}"),
        view::Page::Run(page),
    )
    .await
}

/// Which part of the journal.
#[derive(Debug, Deserialize)]
pub struct JournalQuery {
    app: Option<String>,
    before: Option<i64>,
}

/// `GET /journal`
pub async fn journal(
    State(server): Shared,
    session: Session,
    Query(query): Query<JournalQuery>,
) -> Drawn {
    let app = match query.app.as_deref().filter(|app| !app.is_empty()) {
        Some(app) => Some(api::find(&server, app)?),
        None => None,
    };
    let page = console::journal(&server, app.map(|app| &**app), query.before).await?;
    draw(&server, &session, "/journal", view::Page::Journal(page)).await
}

/// `GET /account`
pub async fn account(State(server): Shared, session: Session) -> Drawn {
    draw_account(&server, &session, None).await
}

async fn draw_account(server: &Server, session: &Session, problem: Option<String>) -> Drawn {
    let own = session.id().map(Sessions::handle);
    let mut sessions = Vec::new();
    for row in server.auth.sessions.list().await? {
        let value = row.record.data.get(SIGNED_IN).cloned();
        let Some(signed_in) =
            value.and_then(|value| serde_json::from_value::<SignedIn>(value).ok())
        else {
            continue;
        };
        sessions.push(view::Session {
            current: own.as_ref() == Some(&row.handle),
            id: row.handle,
            browser: signed_in.browser,
            since: signed_in.at,
        });
    }
    sessions.sort_by(|a, b| b.current.cmp(&a.current).then(b.since.cmp(&a.since)));
    let tokens = server.auth.tokens.list().await?;
    let tokens = tokens.into_iter().map(|token| view::Token {
        opens: token.scope.in_words(),
        name: token.name,
        made: token.made,
        last_used: token.last_used,
    });
    let page = view::Account {
        sessions,
        tokens: tokens.collect(),
        problem,
        min_length: LEAST_PASSWORD_LENGTH,
    };
    draw(server, session, "/account", view::Page::Account(page)).await
}

/// Where a sign-in leads to.
#[derive(Debug, Deserialize)]
pub struct Next {
    next: Option<String>,
}

/// `GET /sign-in`
pub async fn sign_in(State(server): Shared, session: Session, Query(query): Query<Next>) -> Drawn {
    if is_signed_in(&session).await {
        return Ok(Redirect::to(&local_path(query.next.as_deref())).into_response());
    }
    Ok(draw_sign_in(
        &server,
        StatusCode::OK,
        query.next,
        None,
        None,
    ))
}

fn draw_sign_in(
    server: &Server,
    status: StatusCode,
    next: Option<String>,
    problem: Option<String>,
    wait: Option<std::time::Duration>,
) -> Response {
    let page = view::SignIn {
        problem,
        wait,
        return_to: next.map(|next| local_path(Some(&next))),
        has_password: *server.auth.password_is_set().borrow(),
    };
    html(
        status,
        render(
            &bare_frame(server, "/sign-in".to_owned()),
            view::Page::SignIn(page),
        ),
    )
}

/// The sign-in form.
#[derive(Deserialize)]
pub struct SignInForm {
    password: String,
    #[serde(alias = "return_to")]
    next: Option<String>,
}

/// What a sign-in goes by, besides the password.
#[derive(Debug, Clone)]
pub struct Visit {
    transport: Transport,
    device: Option<DeviceToken>,
    place: Option<Arc<Place>>,
    browser: String,
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Visit {
    type Rejection = StatusCode;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &S,
    ) -> Result<Visit, StatusCode> {
        let extensions = &parts.extensions;
        let agent = parts.headers.get(header::USER_AGENT);
        Ok(Visit {
            // Every listener adds it.
            transport: *extensions.get().ok_or(StatusCode::INTERNAL_SERVER_ERROR)?,
            device: extensions.get().cloned(),
            place: extensions.get().cloned(),
            browser: agent
                .and_then(|value| value.to_str().ok())
                .map_or_else(|| "an unnamed browser".to_owned(), browser_name),
        })
    }
}

impl Visit {
    /// The handle of its browser, if it signed in before.
    async fn device(&self, server: &Server) -> anyhow::Result<Option<String>> {
        match &self.device {
            Some(DeviceToken(token)) => server.auth.devices.known(token).await,
            None => Ok(None),
        }
    }

    /// Signs this browser in, and remembers it for the next time.
    async fn sign_in(&self, server: &Server, session: &Session) -> Result<Remember, Failure> {
        let (device, remember) = match self.device(server).await? {
            Some(handle) => (handle, Remember(None)),
            None => {
                let new = server.auth.devices.remember().await?;
                (new.handle, Remember(Some(SetDevice(new.token))))
            }
        };
        // A new id: whoever planted the old one in the browser must not be signed in with it.
        session.cycle_id().await?;
        let signed_in = SignedIn {
            at: Timestamp::now(),
            browser: self.browser.clone(),
            device: Some(device),
        };
        session.insert(SIGNED_IN, signed_in).await?;
        Ok(remember)
    }
}

/// The device cookie that goes with the answer to a sign-in, unless the browser has one.
struct Remember(Option<SetDevice>);

impl Remember {
    fn with(self, response: impl IntoResponse) -> Response {
        let mut response = response.into_response();
        if let Some(device) = self.0 {
            response.extensions_mut().insert(device);
        }
        response
    }
}

/// `POST /sign-in`
pub async fn do_sign_in(
    State(server): Shared,
    visit: Visit,
    session: Session,
    Form(form): Form<SignInForm>,
) -> Drawn {
    let (from, device) = (visit.transport.ip(), visit.device(&server).await?);
    // The line for the check is bounded by itself: who waits there keeps the connection.
    if let Some(place) = &visit.place {
        place.recognise();
    }
    let checked = server.auth.check(from, device, form.password).await;
    if let (Some(place), Err(_)) = (&visit.place, &checked) {
        place.forget();
    }
    match checked {
        Ok(()) => {
            let remember = visit.sign_in(&server, &session).await?;
            server
                .journal
                .note(NewEvent::new(
                    Severity::Info,
                    format!("Somebody signed in from {from}."),
                ))
                .await;
            Ok(remember.with(Redirect::to(&local_path(form.next.as_deref()))))
        }
        Err(SignInError::Throttled { wait }) => {
            let mut response = draw_sign_in(
                &server,
                StatusCode::TOO_MANY_REQUESTS,
                form.next,
                None,
                Some(wait),
            );
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
            Ok(response)
        }
        Err(wrong @ (SignInError::Wrong | SignInError::NoPassword)) => {
            if matches!(wrong, SignInError::Wrong)
                && let Some(event) = server.auth.failures.count(from)
            {
                server.journal.note(event).await;
            }
            let mut sentence = format!("{wrong}.");
            sentence[..1].make_ascii_uppercase();
            Ok(draw_sign_in(
                &server,
                StatusCode::UNAUTHORIZED,
                form.next,
                Some(sentence),
                None,
            ))
        }
        Err(SignInError::Fault(error)) => Err(error.into()),
    }
}

/// What a person calls the browser that sent this User-Agent; a strange one is shown as it is.
fn browser_name(agent: &str) -> String {
    // The order matters: each of these also claims to be the ones after it.
    let browser = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    let system = [
        ("Android", "Android"),
        ("iPhone", "an iPhone"),
        ("iPad", "an iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "a Mac"),
        ("Linux", "Linux"),
    ];
    let find = |known: &[(&str, &'static str)]| {
        known
            .iter()
            .find(|(mark, _)| agent.contains(mark))
            .map(|(_, name)| *name)
    };
    match (find(&browser), find(&system)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        _ => agent.chars().take(BROWSER_LENGTH).collect(),
    }
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

/// `POST /sign-out`
pub async fn do_sign_out(session: Session) -> Drawn {
    session.flush().await?;
    Ok(Redirect::to("/sign-in").into_response())
}

/// `GET /welcome/{token}`
pub async fn welcome(State(server): Shared, Path(token): Path<String>) -> Drawn {
    let good = server.auth.link_is_good(&token).await?;
    Ok(draw_welcome(&server, good.then_some(token), None))
}

fn draw_welcome(server: &Server, token: Option<String>, problem: Option<String>) -> Response {
    let status = match (&token, &problem) {
        (None, _) => StatusCode::GONE,
        (Some(_), Some(_)) => StatusCode::UNPROCESSABLE_ENTITY,
        (Some(_), None) => StatusCode::OK,
    };
    // The token must not travel further in a Referer; the policy of all pages keeps it on this origin.
    let frame = bare_frame(server, "/welcome".to_owned());
    html(
        status,
        render(
            &frame,
            view::Page::Welcome(view::Welcome {
                token,
                problem,
                min_length: LEAST_PASSWORD_LENGTH,
            }),
        ),
    )
}

/// The form behind a one-time link.
#[derive(Deserialize)]
pub struct WelcomeForm {
    password: String,
    password_again: String,
}

/// `POST /welcome/{token}`
pub async fn do_welcome(
    State(server): Shared,
    visit: Visit,
    session: Session,
    Path(token): Path<String>,
    Form(form): Form<WelcomeForm>,
) -> Drawn {
    if form.password != form.password_again {
        let problem = Some("The two passwords differ; type the same one twice.".to_owned());
        let good = server.auth.link_is_good(&token).await?;
        return Ok(draw_welcome(&server, good.then_some(token), problem));
    }
    match server.auth.use_link(&token, form.password).await {
        Ok(()) => {
            let remember = visit.sign_in(&server, &session).await?;
            server
                .journal
                .note(NewEvent::new(
                    Severity::Info,
                    "A password was set through the one-time link.",
                ))
                .await;
            let back = back_with(
                &session,
                "/",
                true,
                "The password is set, and you are signed in.".to_owned(),
            );
            Ok(remember.with(back.await?))
        }
        Err(PasswordError::Link) => Ok(draw_welcome(&server, None, None)),
        Err(PasswordError::Unfit(why)) => Ok(draw_welcome(&server, Some(token), Some(why))),
        Err(PasswordError::Fault(error)) => Err(error.into()),
    }
}

/// The form that changes the password.
#[derive(Deserialize)]
pub struct PasswordForm {
    current: String,
    password: String,
    password_again: String,
}

/// `POST /account/password`
pub async fn do_change_password(
    State(server): Shared,
    visit: Visit,
    session: Session,
    Form(form): Form<PasswordForm>,
) -> Drawn {
    if form.password != form.password_again {
        return draw_account(
            &server,
            &session,
            Some("The two new passwords differ; type the same one twice.".to_owned()),
        )
        .await;
    }
    let (from, device) = (visit.transport.ip(), visit.device(&server).await?);
    match server
        .auth
        .change_password(from, device, form.current, form.password)
        .await
    {
        Ok(()) => {
            let remember = visit.sign_in(&server, &session).await?;
            server
                .journal
                .note(NewEvent::new(
                    Severity::Info,
                    "The password was changed; all other sessions ended.",
                ))
                .await;
            let back = back_with(
                &session,
                "/account",
                true,
                "The password is changed. Every other browser was signed out.".to_owned(),
            );
            Ok(remember.with(back.await?))
        }
        Err(PasswordError::Unfit(why)) => draw_account(&server, &session, Some(why)).await,
        Err(PasswordError::Link) => Err(Failure(view::ErrorPage::NotFound)),
        Err(PasswordError::Fault(error)) => Err(error.into()),
    }
}

/// `POST /account/sessions/{id}/revoke`
pub async fn do_revoke(
    State(server): Shared,
    session: Session,
    Path(handle): Path<String>,
) -> Drawn {
    let own = session.id().map(Sessions::handle) == Some(handle.clone());
    if own {
        return do_sign_out(session).await;
    }
    if let Some(device) = device_of(&server, &handle).await? {
        server.auth.devices.forget(device).await?;
    }
    if server.auth.sessions.revoke(handle).await? {
        back_with(
            &session,
            "/account",
            true,
            "That browser is signed out.".to_owned(),
        )
        .await
    } else {
        back_with(
            &session,
            "/account",
            false,
            "That session had ended already.".to_owned(),
        )
        .await
    }
}

/// The browser that a session belongs to.
async fn device_of(server: &Server, handle: &str) -> anyhow::Result<Option<String>> {
    let sessions = server.auth.sessions.list().await?;
    let record = sessions.into_iter().find(|row| row.handle == handle);
    let signed_in = record.and_then(|row| row.record.data.get(SIGNED_IN).cloned());
    Ok(signed_in
        .and_then(|value| serde_json::from_value::<SignedIn>(value).ok())
        .and_then(|signed_in| signed_in.device))
}

/// `POST /account/tokens/{name}/revoke`
pub async fn do_revoke_token(
    State(server): Shared,
    session: Session,
    Path(name): Path<String>,
) -> Drawn {
    let revoked = server.auth.revoke_token(&name).await?;
    let said = if revoked {
        let text = format!("The token called {name} was revoked by the dashboard.");
        server
            .journal
            .note(NewEvent::new(Severity::Info, text))
            .await;
        format!("The token {name} opens nothing any more.")
    } else {
        "That token was revoked already.".to_owned()
    };
    back_with(&session, "/account", revoked, said).await
}

/// `POST /apps/{app}/backup`
pub async fn do_backup(State(server): Shared, session: Session, Path(app): Path<String>) -> Drawn {
    let found = api::find(&server, &app)?;
    let to = format!("/apps/{app}/backups");
    match found.backup(Reason::Manual).await {
        Ok(manifest) => {
            let size = crate::backup::human(manifest.bytes);
            back_with(
                &session,
                &to,
                true,
                format!("A snapshot was taken and read back: {size}."),
            )
            .await
        }
        Err(error) => {
            back_with(
                &session,
                &to,
                false,
                format!("No snapshot was taken: {error:#}. Nothing was deleted."),
            )
            .await
        }
    }
}

/// `POST /apps/{app}/drill`
pub async fn do_drill(State(server): Shared, session: Session, Path(app): Path<String>) -> Drawn {
    let to = format!("/apps/{app}/backups");
    let (good, said) = match api::find(&server, &app)?.drill().await {
        Ok(report) => match &report.failed {
            Some(why) => (false, format!("A restore would fail: {why}.")),
            None => {
                let more = match report.warnings.len() {
                    0 => String::new(),
                    _ => " Look at what was noticed below.".to_owned(),
                };
                let proven = report.proven();
                (true, format!("A restore would work: {proven}.{more}"))
            }
        },
        Err(Refusal::Fault(error)) => return Err(error.into()),
        Err(refusal) => (false, format!("No drill was begun: {refusal}.")),
    };
    back_with(&session, &to, good, said).await
}

/// `POST /apps/{app}/snapshots/{id}/restore`
pub async fn do_restore(State(server): Shared, Path((app, id)): Path<(String, String)>) -> Drawn {
    let run = api::find(&server, &app)?
        .restore(api::snapshot_id(&id)?, "the dashboard")
        .await?;
    Ok(to_run(&app, run))
}

/// `POST /apps/{app}/undo`
pub async fn do_undo(State(server): Shared, Path(app): Path<String>) -> Drawn {
    let run = api::find(&server, &app)?.undo("the dashboard").await?;
    Ok(to_run(&app, run))
}

/// The form that deploys a release.
#[derive(Debug, Deserialize)]
pub struct DeployForm {
    release: ReleaseId,
}

/// `POST /apps/{app}/deploys`
pub async fn do_deploy(
    State(server): Shared,
    Path(app): Path<String>,
    Form(form): Form<DeployForm>,
) -> Drawn {
    let run = api::find(&server, &app)?
        .deploy(Source::Named(form.release), "the dashboard")
        .await?;
    Ok(to_run(&app, run))
}

/// `POST /apps/{app}/rollback`
pub async fn do_rollback(State(server): Shared, Path(app): Path<String>) -> Drawn {
    let run = api::find(&server, &app)?.rollback("the dashboard").await?;
    Ok(to_run(&app, run))
}

fn to_run(app: &str, run: RunId) -> Response {
    Redirect::to(&format!("/apps/{app}/runs/{run}")).into_response()
}

/// `POST /apps/{app}/snapshots/{id}/pin`
pub async fn do_pin(
    State(server): Shared,
    session: Session,
    Path((app, id)): Path<(String, String)>,
) -> Drawn {
    set_pinned(&server, &session, &app, &id, true).await
}

/// `POST /apps/{app}/snapshots/{id}/unpin`
pub async fn do_unpin(
    State(server): Shared,
    session: Session,
    Path((app, id)): Path<(String, String)>,
) -> Drawn {
    set_pinned(&server, &session, &app, &id, false).await
}

async fn set_pinned(
    server: &Server,
    session: &Session,
    app: &str,
    id: &str,
    pinned: bool,
) -> Drawn {
    let found = api::find(server, app)?;
    let id = api::snapshot_id(id)?;
    let to = format!("/apps/{app}/backups");
    match found.data.set_pinned(id, pinned).await {
        Ok(_) => {
            let text = if pinned {
                format!("{id} was pinned: it stays for ever.")
            } else {
                format!("The pin of {id} was taken out.")
            };
            server
                .journal
                .note(NewEvent::new(Severity::Info, text.clone()).of(found.name()))
                .await;
            back_with(session, &to, true, text).await
        }
        Err(error) => back_with(session, &to, false, format!("{error:#}.")).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_called_what_people_call_it() {
        for (agent, name) in [
            (
                "Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari on an iPhone",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Linux",
            ),
            ("curl/8.5.0", "curl/8.5.0"),
        ] {
            assert_eq!(browser_name(agent), name);
        }
    }

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
