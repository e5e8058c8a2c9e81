//! The route table: every route with who may use it. What is not `Open` here does not answer without
//! signing in, and the tests walk this table to prove it.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use axum::{Json, Router};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;

use super::auth::{Scope, Token};
use super::guard::Needs;
use super::limits::{BODY_LIMIT_BYTES, OPEN_BODY_LIMIT_BYTES};
use super::route::{Access, Route};
use super::server::Server;
use super::{
    adopt, api, checks, conditions, cookies, events, guard, incoming, loss, notices, openapi,
    pages, plan, tokens,
};

/// Every route that there is.
#[must_use]
pub fn table() -> Vec<Route> {
    let mut all = vec![
        Route::open("/healthz", get(api::healthz)),
        Route::open("/sign-in", get(pages::sign_in::sign_in)),
        Route::form("/sign-in", post(pages::sign_in::do_sign_in)).with(Access::Open),
        Route::open("/welcome/{token}", get(pages::sign_in::welcome)),
        Route::form("/welcome/{token}", post(pages::sign_in::do_welcome)).with(Access::Open),
        Route::page("/", get(pages::overview)),
        Route::page("/apps/{app}/backups", get(pages::backups::backups)),
        Route::page(
            "/apps/{app}/snapshots/{id}/restore",
            get(pages::backups::restore),
        ),
        Route::page("/apps/{app}/undo", get(pages::backups::undo)),
        Route::page("/apps/{app}/deploys", get(pages::deploys::deploys)),
        Route::page("/apps/{app}/deploys/{release}", get(pages::deploys::deploy)),
        Route::page("/apps/{app}/rollback", get(pages::deploys::rollback)),
        Route::page("/apps/{app}/runs/{id}", get(pages::deploys::run)),
        Route::page("/apps/{app}/checks", get(checks::forms::page)),
        Route::page("/apps/{app}/checks/{id}", get(checks::forms::one_page)),
        Route::page("/journal", get(pages::journal)),
        Route::page("/account", get(pages::account::account)),
        Route::form("/sign-out", post(pages::sign_in::do_sign_out)),
        Route::form("/conditions/acknowledge", post(conditions::do_acknowledge)),
        Route::form("/apps/{app}/backup", post(pages::backups::do_backup)),
        Route::form("/apps/{app}/drill", post(pages::backups::do_drill)),
        Route::form(
            "/apps/{app}/snapshots/{id}/restore",
            post(pages::backups::do_restore),
        ),
        Route::form(
            "/apps/{app}/snapshots/{id}/pin",
            post(pages::backups::do_pin),
        ),
        Route::form(
            "/apps/{app}/snapshots/{id}/unpin",
            post(pages::backups::do_unpin),
        ),
        Route::form("/apps/{app}/undo", post(pages::backups::do_undo)),
        Route::form("/apps/{app}/deploys", post(pages::deploys::do_deploy)),
        Route::form("/apps/{app}/rollback", post(pages::deploys::do_rollback)),
        Route::form("/apps/{app}/checks", post(checks::forms::do_check)),
        Route::form("/apps/{app}/acceptances", post(checks::forms::do_accept)),
        Route::form(
            "/apps/{app}/acceptances/{id}/revoke",
            post(checks::forms::do_revoke),
        ),
        Route::form(
            "/account/password",
            post(pages::account::do_change_password),
        ),
        Route::form(
            "/account/sessions/{id}/revoke",
            post(pages::account::do_revoke),
        ),
        Route::form(
            "/account/tokens/{name}/revoke",
            post(pages::account::do_revoke_token),
        ),
        Route::page("/metrics", get(api::metrics::metrics)).about("Facts for Prometheus"),
    ];
    all.extend(
        tealkeep_app::assets::all()
            .iter()
            .map(|asset| Route::open(&asset.path, get(move || pages::asset(asset)))),
    );
    all.extend(api_table());
    all
}

fn api_table() -> Vec<Route> {
    vec![
        Route::page("/api/v1/status", get(api::status::status)).about("How every app stands").gives::<api::Status>(),
        Route::page("/api/v1/apps/{app}/snapshots", get(api::snapshots::snapshots))
            .about("The snapshots of an app, newest first, with why each stays")
            .gives::<api::Snapshots>(),
        Route::form("/api/v1/apps/{app}/snapshots", post(api::snapshots::take_snapshot))
            .needs(Scope::Deploy)
            .about("Takes a snapshot now; answers when it has been read back")
            .gives::<api::SnapshotFacts>(),
        Route::page("/api/v1/apps/{app}/snapshots/plan", get(plan::preview))
            .about("What a rotation would do now: what stays and why, what goes and why, and when the next one goes")
            .gives::<plan::PlanFacts>(),
        Route::form("/api/v1/apps/{app}/rotations", post(plan::rotate))
            .about("Rotates now, as after a snapshot: removes what the plan says would go")
            .gives::<plan::RotationFacts>(),
        Route::form("/api/v1/apps/{app}/snapshots/{id}/verify", post(api::snapshots::verify_snapshot))
            .needs(Scope::Deploy)
            .about("Reads a snapshot from its first byte to its last")
            .gives::<api::Verified>(),
        Route::form("/api/v1/apps/{app}/drill", post(api::snapshots::drill_now))
            .needs(Scope::Deploy)
            .about("Unpacks the newest snapshot elsewhere and proves it; answers when that is done. One that failed says so in its answer")
            .gives::<crate::backup::drill::Report>(),
        Route::page("/api/v1/apps/{app}/drills", get(api::snapshots::drills))
            .about("The newest restore drills of an app, newest first")
            .gives::<Vec<crate::journal::drills::Drill>>(),
        Route::form("/api/v1/apps/{app}/adopt", post(adopt::adopt))
            .about("Takes over the backups that a script made in a folder of the machine; answers when all are verified and copied")
            .takes::<adopt::AdoptRequest>()
            .gives::<crate::backup::adopt::Adoption>(),
        Route::form("/api/v1/apps/{app}/restores", post(api::runs::begin_restore))
            .about("Puts a snapshot's content into the live database; answers when the run has begun")
            .takes::<api::RestoreRequest>()
            .gives::<api::Begun>(),
        Route::page("/api/v1/apps/{app}/restores/preview", get(loss::preview))
            .about("What a restore of `snapshot` would replace, by table; without one, an undo")
            .gives::<loss::Loss>(),
        Route::form("/api/v1/apps/{app}/undos", post(api::runs::begin_undo))
            .about("Puts the content from before the last restore back; answers when the run has begun")
            .gives::<api::Begun>(),
        Route::page("/api/v1/apps/{app}/releases", get(api::runs::releases))
            .about("The releases of an app on this machine, newest first")
            .gives::<Vec<crate::deploy::release::Release>>(),
        Route::form("/api/v1/apps/{app}/deploys", post(api::runs::begin_deploy))
            .needs(Scope::Deploy)
            .about("Makes a release live; answers when the run has begun. A directory is taken over the unix socket only")
            .takes::<api::DeployRequest>()
            .gives::<api::Begun>(),
        Route::form("/api/v1/apps/{app}/rollbacks", post(api::runs::begin_rollback))
            .needs(Scope::Deploy)
            .about("Makes the release from before live again; answers when the run has begun")
            .gives::<api::Begun>(),
        Route::page("/api/v1/apps/{app}/checks", get(checks::list))
            .about("The newest checks of an app by its policies, newest first, without their findings")
            .gives::<Vec<checks::facts::CheckFacts>>(),
        Route::form("/api/v1/apps/{app}/checks", post(checks::check_now))
            .needs(Scope::Deploy)
            .about("Checks what people see now: the public address, or without one the live colour; answers when that is done")
            .gives::<crate::journal::checks::Check>(),
        Route::page("/api/v1/apps/{app}/checks/{id}", get(checks::one))
            .about("One check with all that it found, by what is accepted now")
            .gives::<crate::journal::checks::Check>(),
        Route::page("/api/v1/apps/{app}/acceptances", get(checks::acceptances))
            .about("The findings that a person accepted, newest first; `all=true` lists those that were taken back as well")
            .gives::<Vec<crate::journal::checks::Acceptance>>(),
        Route::form("/api/v1/apps/{app}/acceptances", post(checks::accept))
            .about("Accepts a finding that a check has told: it is told on, and counts for nothing")
            .takes::<checks::AcceptRequest>()
            .gives::<crate::journal::checks::Acceptance>(),
        Route::form("/api/v1/apps/{app}/acceptances/{id}/revoke", post(checks::revoke))
            .about("Takes an acceptance back: the finding counts again")
            .gives::<crate::journal::checks::Acceptance>(),
        Route::page("/api/v1/apps/{app}/runs", get(api::runs::runs))
            .about("The newest runs of an app, newest first")
            .gives::<Vec<crate::journal::runs::Run>>(),
        Route::page("/api/v1/runs/{id}", get(api::runs::run))
            .about("One run with its steps")
            .gives::<crate::journal::runs::Run>(),
        Route::page("/api/v1/runs/{id}/output", get(incoming::output))
            .about("What the preparation of a run has printed, as far as it is kept: the newest run's")
            .gives::<crate::deploy::Printed>(),
        Route::page("/api/v1/apps/{app}/incoming/{name}", get(incoming::incoming))
            .about("Where a release of this name is to be sent; `exact=true` takes no other name")
            .gives::<incoming::Incoming>(),
        Route::page("/api/v1/incoming", get(incoming::folders))
            .about("The folders that releases are sent to")
            .gives::<Vec<incoming::Folder>>(),
        Route::page("/api/v1/journal", get(api::journal))
            .about("What happened, newest first")
            .gives::<Vec<crate::journal::Event>>(),
        Route::page("/api/v1/conditions", get(conditions::list))
            .about("What is wrong now and what is worth a hint, as the first page and `tealkeep status` list it: what needs a person first, the gravest of it first")
            .gives::<Vec<conditions::ConditionFacts>>(),
        Route::form("/api/v1/conditions/acknowledge", post(conditions::acknowledge))
            .about("Acknowledges a warning, or marks a failed run as seen: it is still listed, but no longer counts, until it ends or gets worse")
            .takes::<conditions::AcknowledgeRequest>()
            .gives::<conditions::ConditionFacts>(),
        Route::page("/api/v1/notices", get(notices::list))
            .about("What is wrong now, what was and is well again, and how much waits to be told")
            .gives::<notices::Notices>(),
        Route::form("/api/v1/notify/test", post(notices::test))
            .about("Sends a message that says nothing but that messages arrive, and says by channel what came of it")
            .gives::<Vec<notices::Tried>>(),
        Route::page("/api/v1/events", get(events::stream))
            .about("What happens, as server-sent events; Last-Event-ID resumes"),
        Route::form("/api/v1/password-link", post(api::new_password_link))
            .with(Access::Socket)
            .about("Makes a one-time link for setting the password")
            .gives::<api::PasswordLink>(),
        Route::page("/api/v1/tokens", get(tokens::list))
            .with(Access::Socket)
            .about("The tokens, without their text")
            .gives::<Vec<Token>>(),
        Route::form("/api/v1/tokens", post(tokens::make))
            .with(Access::Socket)
            .about("Makes a token; its text is told once")
            .takes::<tokens::TokenRequest>()
            .gives::<tokens::NewToken>(),
        Route::form("/api/v1/tokens/{name}/revoke", post(tokens::revoke))
            .with(Access::Socket)
            .about("Makes a token worthless; answers those that are left")
            .gives::<Vec<Token>>(),
        Route::page("/api/v1/openapi.json", get(describe)).about("This description"),
    ]
}

/// The table as a service.
pub fn service(server: Arc<Server>) -> Router {
    let mut router = Router::new();
    for route in table() {
        let handler = match route.access {
            Access::Open => route
                .handler
                .layer(DefaultBodyLimit::max(OPEN_BODY_LIMIT_BYTES)),
            Access::SignedIn => {
                let needs = Needs {
                    server: server.clone(),
                    scope: route.scope,
                };
                route
                    .handler
                    .layer(from_fn_with_state(needs, guard::require_signed_in))
            }
            Access::Socket => route.handler.layer(from_fn(guard::require_socket)),
        };
        router = router.route(route.path, handler);
    }
    let sessions = server
        .auth
        .sessions
        .layer(server.house.config.dashboard.https);
    router
        .fallback(pages::not_found)
        .method_not_allowed_fallback(pages::not_found)
        // The last layer here sees a request first.
        .layer(from_fn_with_state(server.clone(), guard::check_origin))
        .layer(sessions)
        .layer(from_fn_with_state(server.clone(), cookies::settle))
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT_BYTES))
        .layer(from_fn(guard::drain_oversized_body))
        .layer(from_fn_with_state(server.clone(), guard::shape_refusals))
        .layer(from_fn_with_state(server.clone(), guard::check_host))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(
            server.clone(),
            guard::add_security_headers,
        ))
        .layer(CompressionLayer::new())
        .with_state(server)
}

/// `GET /api/v1/openapi.json`
async fn describe() -> Json<serde_json::Value> {
    Json(openapi::document(&table()))
}
