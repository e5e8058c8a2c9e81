//! `importScripts`.

use std::rc::Rc;

use rquickjs::{Ctx, Object, Result as Js, Value};
use serde_json::json;

use super::define::define;
use crate::facts::Failure;
use crate::realm::convert::to_js;
use crate::realm::scripts::{Purpose, evaluate, obtain};
use crate::realm::state::State;

/// Adds `importScript` to the natives: null when it ran, else why it could not be had.
pub(super) fn add_import_script<'js>(
    host: &Object<'js>,
    ctx: &Ctx<'js>,
    state: &Rc<State>,
) -> Js<()> {
    let shared = Rc::clone(state);
    define(
        host,
        ctx,
        "importScript",
        move |ctx: Ctx<'js>, url: String| -> Js<Value<'js>> {
            let known = shared.scripts.borrow().get(&url).cloned();
            let source = match known {
                Some(source) => source,
                None if !shared.are_imports_open() => {
                    return to_js(
                        &ctx,
                        &json!({
                            "why": "a script that was not imported before the worker was installed",
                        }),
                    );
                }
                None => match obtain(&shared, &url, Purpose::Import) {
                    Ok(source) => source,
                    Err(refused) => {
                        // A script that the network did not deliver this time is one that users may get: what
                        // this worker does without it proves nothing. A refusal by status or type is for everybody.
                        if refused.is_network {
                            shared.fail(Failure::Unobtainable {
                                url: refused.url,
                                why: refused.why.clone(),
                            });
                        }
                        return to_js(&ctx, &json!({ "why": refused.why }));
                    }
                },
            };
            evaluate(&ctx, &url, &source)?;
            Ok(Value::new_null(ctx))
        },
    )
}
