//! The API's description (OpenAPI 3.1), made from the route table, so that it can't say anything else.

use axum::http::Method;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::problem::Problem;
use super::route::{Access, Route};

/// The document for these routes.
#[must_use]
pub fn document(routes: &[Route]) -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<Problem>();
    let mut paths: Map<String, Value> = Map::new();
    for route in routes.iter().filter(|route| !route.summary.is_empty()) {
        let gives = route.gives.map(|schema| schema(&mut generator));
        let takes = route.takes.map(|schema| schema(&mut generator));
        let good = match gives {
            Some(schema) => {
                json!({"description": "Done", "content": {"application/json": {"schema": schema}}})
            }
            None => json!({"description": "Done"}),
        };
        let mut operation = json!({
            "summary": route.summary,
            "parameters": parameters(route.path),
            "responses": {
                "200": good,
                "default": {"description": "It was refused, or failed",
                            "content": {"application/problem+json": {"schema": problem}}},
            },
        });
        if let Some(schema) = takes {
            operation["requestBody"] =
                json!({"required": true, "content": {"application/json": {"schema": schema}}});
        }
        if route.access == Access::Socket {
            operation["description"] = json!("Over the unix socket only.");
        }
        if route.access == Access::SignedIn {
            operation["security"] = json!([{"token": [route.scope]}, {"session": []}]);
        }
        let method = if route.method == Method::POST {
            "post"
        } else {
            "get"
        };
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[method] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Tealkeep", "version": env!("CARGO_PKG_VERSION"),
                 "description": "Snapshots, deploys and restores of household web apps."},
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer",
                          "description": "From `tealkeep token add`; the scope that an operation names must be open to it: read, deploy or admin, each with those before it."},
                "session": {"type": "apiKey", "in": "cookie", "name": crate::names::cookies::SESSION_COOKIE,
                            "description": "Over HTTPS its name is `__Host-tealkeep`."},
            },
        },
    })
}

fn parameters(path: &str) -> Vec<Value> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_api_route_is_described_and_every_reference_is_defined() {
        let routes = crate::http::routes::table();
        let document = document(&routes);
        let text = document.to_string();
        for route in routes
            .iter()
            .filter(|route| route.path.starts_with("/api/"))
        {
            assert!(
                document["paths"].get(route.path).is_some(),
                "{} is not described",
                route.path
            );
        }
        for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(
                document["components"]["schemas"].get(name).is_some(),
                "{name} is not defined"
            );
        }
    }
}
