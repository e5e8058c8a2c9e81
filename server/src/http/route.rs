//! One route: its path, who may use it, and what the API's description says of it.

use std::sync::Arc;

use axum::http::Method;
use axum::routing::MethodRouter;
use schemars::{Schema, SchemaGenerator};

use super::auth::Scope;
use super::server::Server;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody who reaches the port.
    Open,
    /// Whoever is signed in, comes over the unix socket, or (the API only) has a token.
    SignedIn,
    /// Only who comes over the unix socket; over TCP it is not there.
    Socket,
}

/// One route.
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path, with `{name}` for a parameter.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    /// What a token must open, where one will do.
    pub scope: Scope,
    /// What it is for, for the API's description; empty for pages.
    pub summary: &'static str,
    /// The JSON that it takes, if any.
    pub takes: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// The JSON that it answers, if any.
    pub gives: Option<fn(&mut SchemaGenerator) -> Schema>,
    pub(super) handler: MethodRouter<Arc<Server>>,
}

impl Route {
    pub(super) fn new(
        method: Method,
        path: &'static str,
        access: Access,
        handler: MethodRouter<Arc<Server>>,
    ) -> Route {
        // What changes something touches people's data, until a route says otherwise.
        let scope = if method == Method::GET {
            Scope::Read
        } else {
            Scope::Admin
        };
        Route {
            method,
            path,
            access,
            scope,
            summary: "",
            takes: None,
            gives: None,
            handler,
        }
    }

    pub(super) fn open(path: &'static str, handler: MethodRouter<Arc<Server>>) -> Route {
        Route::new(Method::GET, path, Access::Open, handler)
    }

    pub(super) fn page(path: &'static str, handler: MethodRouter<Arc<Server>>) -> Route {
        Route::new(Method::GET, path, Access::SignedIn, handler)
    }

    pub(super) fn form(path: &'static str, handler: MethodRouter<Arc<Server>>) -> Route {
        Route::new(Method::POST, path, Access::SignedIn, handler)
    }

    pub(super) fn with(mut self, access: Access) -> Route {
        self.access = access;
        self
    }

    pub(super) fn needs(mut self, scope: Scope) -> Route {
        self.scope = scope;
        self
    }

    pub(super) fn about(mut self, summary: &'static str) -> Route {
        self.summary = summary;
        self
    }

    pub(super) fn takes<T: schemars::JsonSchema>(mut self) -> Route {
        self.takes = Some(SchemaGenerator::subschema_for::<T>);
        self
    }

    pub(super) fn gives<T: schemars::JsonSchema>(mut self) -> Route {
        self.gives = Some(SchemaGenerator::subschema_for::<T>);
        self
    }
}
