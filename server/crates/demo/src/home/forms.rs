//! The requests that change data: each carries an id and is applied once, however often it is sent. A form is answered
//! with a redirect, `Accept: application/json` with the row and the id.

use axum::Json;
use axum::extract::rejection::{FormRejection, JsonRejection};
use axum::extract::{Form, FromRequest, Path, Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

use super::answers::{Failure, html, new_request_id, no_store};
use super::app::{App, Home};
use super::changes::{Change, Kind};
use super::pages::{self, Page};
use super::store::StoreError;
use super::writes;

/// The fields of a dose; without an amount it is the usual one.
#[derive(Deserialize)]
pub(super) struct DoseForm {
    person: i64,
    medicine: i64,
    amount: Option<String>,
    #[serde(default)]
    note: String,
    request_id: Option<String>,
    back: Option<String>,
}

/// `POST /doses`.
pub(super) async fn take_dose(
    Shared(home): Shared<App>,
    headers: HeaderMap,
    Fields(form): Fields<DoseForm>,
) -> Response {
    let change = ChangeRequest::new(&headers, form.request_id, form.back, Page::Medicine);
    let amount = form
        .amount
        .map(|text| tidy(&text, 40))
        .filter(|text| !text.is_empty());
    let note = tidy(&form.note, 120);
    let (features, now) = (home.release.features, home.clock.now().as_second());
    let who_what = (form.person, form.medicine);
    change
        .apply(&home, Kind::Dose, now, move |t| {
            writes::take_dose(t, features, who_what, amount.as_deref(), &note, now)
        })
        .await
}

/// The person who did it; left out, it is the person whose turn it is.
#[derive(Deserialize)]
pub(super) struct ChoreForm {
    person: Option<i64>,
    request_id: Option<String>,
    back: Option<String>,
}

/// `POST /chores/{id}/done`.
pub(super) async fn finish_chore(
    Shared(home): Shared<App>,
    Path(chore): Path<i64>,
    headers: HeaderMap,
    Fields(form): Fields<ChoreForm>,
) -> Response {
    let change = ChangeRequest::new(&headers, form.request_id, form.back, Page::Chores);
    let now = home.clock.now().as_second();
    change
        .apply(&home, Kind::Chore, now, move |t| {
            writes::finish_chore(t, chore, form.person, now)
        })
        .await
}

/// The fields of a new item.
#[derive(Deserialize)]
pub(super) struct ItemForm {
    name: String,
    person: i64,
    request_id: Option<String>,
    back: Option<String>,
}

/// `POST /shopping`.
pub(super) async fn add_item(
    Shared(home): Shared<App>,
    headers: HeaderMap,
    Fields(form): Fields<ItemForm>,
) -> Response {
    let change = ChangeRequest::new(&headers, form.request_id, form.back, Page::Shopping);
    let name = tidy(&form.name, 80);
    if name.is_empty() {
        return change.refuse(
            &home,
            StatusCode::UNPROCESSABLE_ENTITY,
            "What should be bought? The name is empty.",
        );
    }
    let now = home.clock.now().as_second();
    change
        .apply(&home, Kind::Shopping, now, move |t| {
            writes::add_item(t, &name, form.person, now)
        })
        .await
}

/// `POST /shopping/{id}/bought`.
pub(super) async fn buy_item(
    Shared(home): Shared<App>,
    Path(item): Path<i64>,
    headers: HeaderMap,
    Fields(form): Fields<ChoreForm>,
) -> Response {
    let change = ChangeRequest::new(&headers, form.request_id, form.back, Page::Shopping);
    let now = home.clock.now().as_second();
    change
        .apply(&home, Kind::Bought, now, move |t| {
            writes::buy_item(t, item, now)
        })
        .await
}

/// One request for a change, and the form of its answer.
struct ChangeRequest {
    request_id: String,
    back: Page,
    as_json: bool,
}

impl ChangeRequest {
    fn new(
        headers: &HeaderMap,
        field: Option<String>,
        back: Option<String>,
        page: Page,
    ) -> ChangeRequest {
        let text = |name| {
            headers
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
        };
        let given = field.or_else(|| text("idempotency-key").map(str::to_owned));
        ChangeRequest {
            request_id: given.unwrap_or_else(new_request_id),
            back: back.as_deref().and_then(Page::at).unwrap_or(page),
            as_json: text("accept").is_some_and(|accept| accept.contains("application/json")),
        }
    }

    async fn apply(
        self,
        home: &Home,
        kind: Kind,
        now: i64,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<i64, StoreError> + Send + 'static,
    ) -> Response {
        if !is_request_id(&self.request_id) {
            let text = "A request id is 1 to 64 letters, digits, `-` and `_`.";
            return self.refuse(home, StatusCode::BAD_REQUEST, text);
        }
        let id = self.request_id.clone();
        match home.store.write_once(kind, id, now, work).await {
            Ok((id, new)) => {
                if new {
                    home.changes.publish(Change { kind, id });
                }
                match self.as_json {
                    true => no_store(Json(json!({ "id": id, "request_id": self.request_id }))),
                    false => Redirect::to(self.back.path()).into_response(),
                }
            }
            Err(error) if self.as_json => Failure(error).json(),
            Err(error) => Failure(error).html(home),
        }
    }

    fn refuse(&self, home: &Home, status: StatusCode, text: &str) -> Response {
        match self.as_json {
            true => no_store((status, Json(json!({ "error": text })))),
            false => html(
                home,
                status,
                pages::message(home, "That does not work", text),
            ),
        }
    }
}

/// A body that is a form or JSON, as its content type says.
pub(super) struct Fields<T>(T);

impl<T: for<'de> Deserialize<'de> + Send + 'static> FromRequest<App> for Fields<T> {
    type Rejection = Response;

    async fn from_request(request: Request, home: &App) -> Result<Self, Response> {
        let is_json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        let (status, text) = if is_json {
            match Json::<T>::from_request(request, home).await {
                Ok(Json(fields)) => return Ok(Fields(fields)),
                Err(refused) => (JsonRejection::status(&refused), refused.body_text()),
            }
        } else {
            match Form::<T>::from_request(request, home).await {
                Ok(Form(fields)) => return Ok(Fields(fields)),
                Err(refused) => (FormRejection::status(&refused), refused.body_text()),
            }
        };
        Err(html(
            home,
            status,
            pages::message(home, "That does not work", &text),
        ))
    }
}

fn is_request_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// One line without control characters, at most `longest` characters.
fn tidy(text: &str, longest: usize) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    line.trim().chars().take(longest).collect()
}
